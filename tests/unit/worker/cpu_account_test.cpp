// A worker computes what is asked of it. One that computes besides is ended.
#include "worker/cpu_account.h"

#include <sys/wait.h>
#include <unistd.h>

#include "worker/a_worker.h"

namespace blindai::worker {
namespace {

// A process whose clock and CPU time the test turns by hand: looks 5 s apart, 5 s of debt at most.
struct TheAccount : testing::Test {
  Steady::time_point now{1000h};
  Steady::duration used = 7s;
  CpuAccount account{2, 5s};

  void pass(Steady::duration time, Steady::duration cpu) {
    now += time;
    used += cpu;
  }
  bool looked(Steady::duration while_reading = {}) {
    const auto before = now;
    now += while_reading;
    return account.computed_unasked({before, used, now});
  }
};

TEST_F(TheAccount, FindsNothingInAProcessThatSleeps) {
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_FALSE(looked());
    pass(5s, 0s);
  }
}

TEST_F(TheAccount, DoesNotAskWhatCameBeforeTheFirstLook) {
  used = 100h;
  EXPECT_FALSE(looked());
}

TEST_F(TheAccount, FindsOneThreadThatComputesAtTheSecondLook) {
  EXPECT_FALSE(looked());
  pass(5s, 5s);
  EXPECT_FALSE(looked());  // 4.5 s of debt
  pass(5s, 5s);
  EXPECT_TRUE(looked());
}

TEST_F(TheAccount, FindsTwoThreadsThatComputeAtTheFirst) {
  EXPECT_FALSE(looked());
  pass(5s, 10s);
  EXPECT_TRUE(looked());
}

TEST_F(TheAccount, FindsOneThatComputesByFitsAndStarts) {
  EXPECT_FALSE(looked());
  int looks = 0;
  for (bool found = false; !found && looks < 100; ++looks) {
    pass(5s, looks % 2 == 0 ? 2s : 0s);
    found = looked();
  }
  EXPECT_LT(looks, 100);
}

TEST_F(TheAccount, ToleratesATenthOfOneCpuForEver) {
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_FALSE(looked());
    pass(5s, 500ms);
  }
  pass(5s, 500ms + 5s);  // at the limit
  EXPECT_FALSE(looked());
  pass(5s, 500ms + 1ns);
  EXPECT_TRUE(looked());
}

TEST_F(TheAccount, GivesEveryRunAllThreadsForAsLongAsItIsInWork) {
  for (int i = 0; i < 10'000; ++i) {  // two at once, and then one of them alone
    account.begin(now);
    pass(1s, 2s);
    account.begin(now);
    pass(3s, 12s);
    ASSERT_FALSE(looked());
    account.end(now);
    pass(1s, 2s);
    account.end(now);
    ASSERT_FALSE(looked());
  }
}

TEST_F(TheAccount, GivesARunAMomentAfterItsEnd) {
  EXPECT_FALSE(looked());
  for (int i = 0; i < 1'000; ++i) {
    account.begin(now);
    account.end(now);
    pass(10ms, 20ms);
  }
  EXPECT_FALSE(looked());
}

TEST_F(TheAccount, FindsWhatIsComputedOnceTheRunsAreOver) {
  EXPECT_FALSE(looked());
  account.begin(now);
  pass(5s, 10s);
  account.end(now);
  EXPECT_FALSE(looked());
  pass(5s, 10s);
  EXPECT_TRUE(looked());
}

TEST_F(TheAccount, FindsMoreThreadsThanTheRunWasGiven) {
  EXPECT_FALSE(looked());
  account.begin(now);
  pass(5s, 15s);
  EXPECT_FALSE(looked());
  pass(5s, 15s);
  EXPECT_TRUE(looked());
}

// The server stands still before or after it read the CPU time, while a run computes on both threads.
TEST_F(TheAccount, TakesNothingFromAWorkerWhoseServerStandsStillInTheMiddleOfALook) {
  account.begin(now);
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_FALSE(looked(4s));  // read at the beginning
    used += 8s;
    pass(1s, 2s);
  }
  for (int i = 0; i < 1'000; ++i) {
    const auto before = now;
    pass(4s, 8s);  // read at the end
    ASSERT_FALSE(account.computed_unasked({before, used, now}));
    pass(1s, 2s);
  }
}

TEST(TheCpuTime, IsThatOfAllThreadsOfAProcess) {
  const auto before = cpu_time_of(::getpid());
  ASSERT_TRUE(before);
  std::thread([] {
    timespec start{};
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    do {
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    } while ((now.tv_sec - start.tv_sec) * 1'000'000'000L + now.tv_nsec - start.tv_nsec < 50'000'000);
  }).join();
  EXPECT_GE(*cpu_time_of(::getpid()) - *before, 50ms);
}

TEST(TheCpuTime, IsNothingOfAProcessThatIsGone) {
  const int child = ::fork();
  if (child == 0) {
    ::_exit(0);
  }
  ASSERT_GT(child, 0);
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(cpu_time_of(child));
}

struct AnHonestWorker : AWorker {};
INSTANTIATE_TEST_SUITE_P(Each, AnHonestWorker, testing::Values("onnxruntime", "reference"),
                         [](const auto& one) { return one.param; });

TEST_P(AnHonestWorker, ComputesWhatIsAskedOfItAndLives) {
  settings.look_time = 200ms;
  settings.run_time = 60s;
  ASSERT_TRUE(start("loop"));
  const int pid = worker->status().pid;
  EXPECT_FALSE(loop(INT64_MAX, 2s));  // computes all the while, and for nobody until it is interrupted
  for (int i = 0; i < 200; ++i) {
    expect_loop(3, 8);
  }
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ(worker->status().pid, pid);
  EXPECT_EQ(worker->status().restarts, 0u);
}

struct ARestlessWorker : AWorker {};
INSTANTIATE_TEST_SUITE_P(Each, ARestlessWorker, testing::Values("onnxruntime"),
                         [](const auto& one) { return one.param; });

TEST_P(ARestlessWorker, IsEndedAndItsOwnerToldWhy) {
  executable = UniqueFd(::open(BLINDAI_WORKER_RESTLESS, O_RDONLY | O_CLOEXEC));
  settings.executable_fd = executable.get();
  settings.look_time = 200ms;
  ASSERT_TRUE(start("double"));
  const auto end = Steady::now() + 60s;
  while (worker->status().last_end.empty() && Steady::now() < end) {
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(worker->status().last_end, "the process computed what no request asked of it, and was ended");
}

}  // namespace
}  // namespace blindai::worker
