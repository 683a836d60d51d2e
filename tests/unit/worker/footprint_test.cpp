#include "worker/footprint.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace blindai::worker {
namespace {

TEST(AFootprint, IsReadFromWhatTheKernelSays) {
  const auto footprint = parse_footprint("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\nRssAnon:\t      12 kB\n");
  ASSERT_TRUE(footprint);
  EXPECT_EQ(footprint->own_bytes, 12U * 1024);
  EXPECT_EQ(footprint->peak_bytes, 2048U * 1024);
}

TEST(AFootprint, IsNotThereWhereANumberIsMissing) {
  for (const char* text : {"", "VmHWM: 1 kB\n", "RssAnon: 1 kB\n", "VmHWM:\nRssAnon: 1 kB\n", "VmHWM: x\nRssAnon: 1\n",
                           "VmHWM: 18446744073709551615 kB\nRssAnon: 1 kB\n", "xVmHWM: 1 kB\nRssAnon: 1 kB\n"}) {
    EXPECT_FALSE(parse_footprint(text)) << text;
  }
}

TEST(AFootprint, OfThisProcessIsThere) {
  const auto footprint = footprint_of(::getpid());
  ASSERT_TRUE(footprint);
  EXPECT_GT(footprint->own_bytes, 0U);
  EXPECT_GE(footprint->peak_bytes, footprint->own_bytes);
  EXPECT_FALSE(footprint_of(-1));
}

TEST(AnExpectation, DoesNotOverflow) {
  EXPECT_GT(expected_own_bytes(0, Weights::packed), 0U);
  EXPECT_EQ(expected_own_bytes(1000, Weights::packed), expected_own_bytes(0, Weights::packed) + 1000);
  EXPECT_EQ(expected_own_bytes(1000, Weights::in_place), expected_own_bytes(0, Weights::packed));
  EXPECT_EQ(expected_own_bytes(UINT64_MAX, Weights::packed), UINT64_MAX);
}

}  // namespace
}  // namespace blindai::worker
