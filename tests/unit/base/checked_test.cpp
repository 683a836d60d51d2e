#include "base/checked.h"

#include <gtest/gtest.h>

namespace blindai {
namespace {

TEST(Checked, AddsUpToTheLimitAndNotBeyond) {
  EXPECT_EQ(checked_add<std::uint64_t>(UINT64_MAX - 1, 1), UINT64_MAX);
  EXPECT_FALSE(checked_add<std::uint64_t>(UINT64_MAX, 1));
}

TEST(Checked, MultipliesUpToTheLimitAndNotBeyond) {
  EXPECT_EQ(checked_mul<std::int64_t>(INT64_MAX, 1), INT64_MAX);
  EXPECT_FALSE(checked_mul<std::int64_t>(std::int64_t{1} << 32, std::int64_t{1} << 31));
}

TEST(Checked, CastsOnlyWhatFits) {
  EXPECT_EQ(checked_cast<std::uint8_t>(255), std::uint8_t{255});
  EXPECT_FALSE(checked_cast<std::uint8_t>(256));
  EXPECT_FALSE(checked_cast<std::uint64_t>(-1));
}

}  // namespace
}  // namespace blindai
