// Headers of a batch that do not go together are refused before a byte is laid beside another.
#include "worker/gathered.h"

#include <gtest/gtest.h>

namespace blindai::worker {
namespace {

const std::vector<TensorSpec> specs{{"x", DataType::fp32, {-1, -1, -1}}};
const Bytes region(64, 7);

Gathered::Member member(const Shape& shape, std::uint64_t size = 24, std::uint64_t offset = 0) {
  TensorHeader tensor{.index = 0,
                      .datatype = static_cast<std::uint32_t>(DataType::fp32),
                      .rank = static_cast<std::uint32_t>(shape.size()),
                      .offset = offset,
                      .size = size};
  std::ranges::copy(shape, tensor.dims.begin());
  return {.region = region, .inputs = {tensor}};
}

bool go_together(Gathered::Member other) {
  std::vector members{member({1, 2, 3}), std::move(other)};
  Gathered gathered;
  return gathered.gather(members, specs, {0}).has_value();
}

TEST(ABatchOfHeaders, IsLaidSideBySide) {
  std::vector members{member({1, 2, 3}), member({2, 2, 3}, 48)};
  Gathered gathered;
  const auto views = gathered.gather(members, specs, {0});
  ASSERT_TRUE(views);
  EXPECT_EQ(views->front().shape, (Shape{3, 2, 3}));
  EXPECT_EQ(views->front().data.size(), 72U);
}

TEST(ABatchOfHeaders, IsRefusedWhereOneHasAnotherForm) {
  EXPECT_TRUE(go_together(member({1, 2, 3})));
  EXPECT_FALSE(go_together(member({1, 3, 2}))) << "as many bytes in another shape";
  EXPECT_FALSE(go_together(member({1, 6})));
  EXPECT_FALSE(go_together(member({1, 2, 3}, 20)));
  EXPECT_FALSE(go_together(member({0, 2, 3})));
  EXPECT_FALSE(go_together(member({-1, 2, 3})));
  EXPECT_FALSE(go_together(member({})));
}

TEST(ABatchOfHeaders, IsRefusedWhereOneLiesOutsideItsRegion) {
  EXPECT_TRUE(go_together(member({1, 2, 3}, 24, 40)));
  EXPECT_FALSE(go_together(member({1, 2, 3}, 24, 48)));
  EXPECT_FALSE(go_together(member({1, 2, 3}, 24, UINT64_MAX - 7)));
}

}  // namespace
}  // namespace blindai::worker
