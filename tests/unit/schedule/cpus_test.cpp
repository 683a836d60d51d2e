#include "schedule/cpus.h"

#include <gtest/gtest.h>

namespace blindai::schedule {
namespace {

TEST(TheQuotaOfAControlGroup, IsWholeCpusRoundedUp) {
  EXPECT_EQ(cpus_of_quota("200000 100000\n"), 2U);
  EXPECT_EQ(cpus_of_quota("150000 100000\n"), 2U);
  EXPECT_EQ(cpus_of_quota("10000 100000\n"), 1U);
  EXPECT_EQ(cpus_of_quota("max 100000\n"), std::nullopt);
}

TEST(TheQuotaOfAControlGroup, IsNoLimitWhereItMakesNoSense) {
  for (const char* text : {"", "max", "100000", "100000 ", "100000 0", "0 100000", "-1 100000", "1e5 100000",
                           "99999999999999999999999 100000"}) {
    EXPECT_EQ(cpus_of_quota(text), std::nullopt) << text;
  }
  EXPECT_EQ(cpus_of_quota("18446744073709551615 1"), 1U << 20U);
}

TEST(TheControlGroup, IsLookedForInItselfAndThoseAbove) {
  EXPECT_EQ(folders_of_group("0::/\n"), std::vector<std::string>{"/sys/fs/cgroup"});
  EXPECT_EQ(folders_of_group("12:cpu:/x\n0::/a/b\n"),
            (std::vector<std::string>{"/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup"}));
  EXPECT_TRUE(folders_of_group("0::/../../etc\n").empty());
  EXPECT_TRUE(folders_of_group("").empty());
}

TEST(TheCpus, AreAtLeastOne) { EXPECT_GE(cpus(), 1U); }

}  // namespace
}  // namespace blindai::schedule
