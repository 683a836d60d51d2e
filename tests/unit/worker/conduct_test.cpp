#include "worker/conduct.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace blindai::worker {
namespace {

using namespace std::chrono_literals;
using Verdict = Conduct::Verdict;

struct TheConduct : testing::Test {
  Conduct conduct;
  Steady::time_point start = Steady::now();
  Ending fault = ending_of(128 + SIGSEGV);

  Verdict crash(const std::string& group, const std::vector<Conduct::Caller>& callers, Steady::duration after = 0s) {
    return conduct.note(group, fault, callers, start + after);
  }
};

TEST_F(TheConduct, LetsOneCallerCrashAsOftenAsTheyLike) {
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(crash("a", {1}, i * 100ms), Verdict::free);
  }
}

TEST_F(TheConduct, OfTwoCallersOfAGroupStopsThatGroupAlone) {
  EXPECT_EQ(crash("a", {1}), Verdict::free);
  EXPECT_EQ(crash("a", {2}, 60s), Verdict::group_stopped);
  EXPECT_EQ(conduct.verdict("a"), Verdict::group_stopped);
  EXPECT_EQ(conduct.verdict("b"), Verdict::free);
}

TEST_F(TheConduct, ForgetsAfterAMinute) {
  EXPECT_EQ(crash("a", {1}), Verdict::free);
  EXPECT_EQ(crash("a", {2}, 60s + 1ns), Verdict::free);
  EXPECT_EQ(crash("b", {3}, 121s), Verdict::free);
}

TEST_F(TheConduct, SuspectsTheOneWhoWasThereEachTime) {
  EXPECT_EQ(crash("a", {1, 2}), Verdict::free);
  EXPECT_EQ(crash("a", {2, 3}, 1s), Verdict::free);
  EXPECT_EQ(crash("a", {2}, 2s), Verdict::free);
  EXPECT_EQ(crash("a", {1, 3}, 3s), Verdict::group_stopped);
}

TEST_F(TheConduct, OfTwoGroupsStopsTheModelAndTellsTheirWorkers) {
  int told = 0;
  const auto alive = std::make_shared<int>();
  conduct.on_model_stopped(alive, [&told] { ++told; });
  conduct.on_model_stopped(std::make_shared<int>(), [&told] { told += 100; });  // gone already
  EXPECT_EQ(crash("a", {1}), Verdict::free);
  EXPECT_EQ(told, 0);
  EXPECT_EQ(crash("b", {2}, 30s), Verdict::model_stopped);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(conduct.verdict("c"), Verdict::model_stopped);
}

TEST_F(TheConduct, HoldsWhatNobodyCausedAgainstNobody) {
  for (const int status : {128 + SIGKILL, 128 + SIGTERM}) {
    EXPECT_EQ(conduct.note("a", ending_of(status), {1}, start), Verdict::free);
    EXPECT_EQ(conduct.note("b", ending_of(status), {2}, start), Verdict::free);
  }
  EXPECT_EQ(conduct.note("a", {Ending::Kind::stopped}, {1}, start), Verdict::free);
  EXPECT_EQ(conduct.note("b", {Ending::Kind::unknown}, {2}, start), Verdict::free);
  EXPECT_EQ(crash("a", {}), Verdict::free);   // nothing was in work
  EXPECT_EQ(crash("b", {0}), Verdict::free);  // nobody knows whose
  EXPECT_EQ(crash("c", {3}), Verdict::free);
}

TEST_F(TheConduct, ChargesEveryKindOfCrash) {
  for (const Ending& ending :
       {ending_of(128 + SIGSYS), ending_of(128 + SIGABRT), ending_of(1), ending_of(0), Ending{Ending::Kind::hung},
        Ending{Ending::Kind::broken_answer}, Ending{Ending::Kind::unasked}}) {
    Conduct other;
    other.note("a", ending, {1}, start);
    EXPECT_EQ(other.note("a", ending, {2}, start), Verdict::group_stopped) << sentence(ending).str();
  }
}

TEST_F(TheConduct, IsForgivenByTheOwner) {
  crash("a", {1});
  crash("b", {2});
  conduct.pardon();
  EXPECT_EQ(conduct.verdict("a"), Verdict::free);
  EXPECT_EQ(crash("a", {1}), Verdict::free);
}

TEST_F(TheConduct, KeepsItsMemorySmall) {
  crash("a", {1});
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(crash("a", {2, 1}, 1s), Verdict::free);
  }
  EXPECT_EQ(crash("a", {2}, 2s), Verdict::free);  // the crash of caller 1 alone was the oldest
}

TEST(TheWordsOfAnEnd, TellItsKind) {
  EXPECT_EQ(sentence(ending_of(128 + SIGKILL)).str(), "the process was ended from outside (signal 9)");
  EXPECT_EQ(sentence(ending_of(128 + SIGSEGV)).str(), "a fault ended the process (signal 11)");
  EXPECT_EQ(sentence(ending_of(3)).str(), "the process ended by itself (status 3)");
  EXPECT_NE(sentence(ending_of(128 + SIGSYS)).str().find("asked the system"), std::string::npos);
}

}  // namespace
}  // namespace blindai::worker
