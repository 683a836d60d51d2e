#include "server/memory.h"

#include <gtest/gtest.h>

namespace blindai::server {
namespace {

TEST(TheMemory, OfTheMachineIsTheFirstLine) {
  EXPECT_EQ(memory_of_machine("MemTotal:       1000 kB\nMemFree: 7 kB\n"), 1'024'000U);
  for (const char* text : {"", "MemFree: 7 kB\n", "MemTotal:", "MemTotal: x", "MemTotal: 18446744073709551615 kB"}) {
    EXPECT_EQ(memory_of_machine(text), std::nullopt) << text;
  }
}

TEST(TheMemory, OfAGroupIsALimitOrNone) {
  EXPECT_EQ(memory_of_group("1048576\n"), 1'048'576U);
  for (const char* text : {"", "max\n", "-1", "99999999999999999999"}) {
    EXPECT_EQ(memory_of_group(text), std::nullopt) << text;
  }
}

TEST(TheMemory, ForModelsIsWhatWasConfiguredOrMostOfWhatThereIs) {
  EXPECT_EQ(memory_for_models(123), 123U);
  EXPECT_GT(memory_for_models(0), 0U);
  EXPECT_LT(memory_for_models(0), UINT64_MAX / 10 * 9);
}

}  // namespace
}  // namespace blindai::server
