// The dispatcher before workers that a test plays by hand.
#include "server/dispatch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>

namespace blindai::server {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

class FakeLease final : public worker::Lease {
 public:
  explicit FakeLease(std::string its_name) : name(std::move(its_name)) {}
  Result<MutableBytes> add_input(std::size_t, const Shape&, std::uint64_t) override { return MutableBytes(); }
  worker::Task<Result<std::vector<worker::OutputView>>> run(Steady::time_point) override {
    co_return std::vector<worker::OutputView>();
  }
  void abandon() override { abandoned = true; }
  const std::string name;
  std::atomic<bool> abandoned = false;
};

class FakeWorker final : public worker::Worker {
 public:
  struct Submitted {
    std::vector<worker::Ride> rides;
    std::move_only_function<void()> over;
    std::vector<std::string> names() const {
      std::vector<std::string> out;
      for (const worker::Ride& ride : rides) {
        out.push_back(static_cast<FakeLease&>(*ride.lease).name);
      }
      return out;
    }
    void end(bool alone = false) {
      for (worker::Ride& ride : rides) {
        worker::Ran ran;
        if (alone) {
          ran.outputs = fail(Code::internal, {"the model could not be run"});
        }
        ran.alone = alone;
        ride.done(std::move(ran));
      }
      over();
    }
  };

  worker::Task<Result<void>> ready() override { co_return Result<void>(); }
  Result<std::unique_ptr<worker::Lease>> try_lease() override { return fail(Code::unavailable, {"no"}); }
  void submit(std::vector<worker::Ride> batch, std::move_only_function<void()> over) override {
    if (down) {
      for (worker::Ride& ride : batch) {
        ride.done({fail(Code::unavailable, {"down"})});
      }
      over();
      return;
    }
    submitted_.push_back({std::move(batch), std::move(over)});
  }
  std::size_t free_slots() const override { return 0; }
  void on_change(std::function<void()>) override {}
  worker::Status status() const override { return {}; }
  worker::State state() const override { return worker::State::ready; }
  void stop() override {}

  Submitted take() {
    Submitted first = std::move(submitted_.at(0));
    submitted_.erase(submitted_.begin());
    return first;
  }
  std::size_t submitted() const { return submitted_.size(); }
  bool down = false;

 private:
  std::vector<Submitted> submitted_;
};

struct TheDispatcher : testing::Test {
  asio::io_context io;
  std::shared_ptr<Dispatcher> dispatcher = Dispatcher::make(1);
  std::shared_ptr<FakeWorker> worker = std::make_shared<FakeWorker>();
  Place place{worker,
              dispatcher->open("a", {.threads = 1, .runs = 1, .sizes = {2, 3, 4}}, schedule::Batches::within_a_group),
              std::make_shared<Statistics>()};
  std::map<std::string, Code> codes;  // of failures
  std::vector<std::string> served;

  void ask(FakeLease& lease, Steady::duration time = 20s, std::function<bool()> gone = {}) {
    ask_at(place, lease, time, std::move(gone));
  }
  void ask_at(const Place& where, FakeLease& lease, Steady::duration time = 20s, std::function<bool()> gone = {}) {
    Dispatcher::Ready ready;
    ready.lease = &lease;
    ready.deadline = Steady::now() + time;
    ready.executor = io.get_executor();
    ready.gone = std::move(gone);
    asio::co_spawn(io, wait_for(where, lease.name, std::make_shared<Dispatcher::Ready>(std::move(ready))),
                   asio::detached);
    settle();
  }
  asio::awaitable<void> wait_for(Place where, std::string name, std::shared_ptr<Dispatcher::Ready> ready) {
    const auto done = co_await dispatcher->run(where, std::move(*ready));
    if (done.views) {
      served.push_back(name);
    } else {
      codes[name] = done.views.error().code;
    }
  }
  void settle() {
    io.restart();
    io.poll();
  }
  // Handlers run until that is so, at most some seconds.
  template <typename Condition>
  bool comes(const Condition& condition) {
    const auto end = Steady::now() + 10s;
    while (!condition() && Steady::now() < end) {
      io.restart();
      io.run_for(5ms);
    }
    return condition();
  }
};

TEST_F(TheDispatcher, StartsAtOnceAndBatchesWhatCameMeanwhile) {
  std::vector<std::unique_ptr<FakeLease>> leases;
  for (const char* name : {"1", "2", "3", "4"}) {
    leases.push_back(std::make_unique<FakeLease>(name));
    ask(*leases.back());
  }
  ASSERT_EQ(worker->submitted(), 1U);
  auto first = worker->take();
  EXPECT_EQ(first.names(), std::vector<std::string>{"1"});
  first.end();
  ASSERT_EQ(worker->submitted(), 1U);
  auto second = worker->take();
  EXPECT_EQ(second.names(), (std::vector<std::string>{"2", "3", "4"}));
  second.end();
  settle();
  EXPECT_EQ(served, (std::vector<std::string>{"1", "2", "3", "4"}));
  const auto sums = place.statistics->snapshot();
  EXPECT_EQ(sums.execution_count, 2U);
  ASSERT_EQ(sums.batches.size(), 2U);
  EXPECT_EQ(sums.batches[1].rows, 3U);
}

TEST_F(TheDispatcher, TellsEachGroupOfItsOwnRowsInABatchOfSeveral) {
  place.line = dispatcher->open("a", {.threads = 1, .runs = 1, .sizes = {2, 3, 4}}, schedule::Batches::across_groups);
  const Place other{worker, dispatcher->join("b", *place.line), std::make_shared<Statistics>()};
  FakeLease blocker("0");
  FakeLease mine("mine");
  FakeLease theirs("theirs");
  FakeLease also("also theirs");
  ask(blocker);
  ask(mine);
  ask_at(other, theirs);
  ask_at(other, also);
  worker->take().end();
  ASSERT_EQ(worker->submitted(), 1U);
  auto batch = worker->take();
  EXPECT_EQ(batch.rides.size(), 3U);
  batch.end();
  settle();
  EXPECT_EQ(served.size(), 4U);
  const auto of_a = place.statistics->snapshot();
  EXPECT_EQ(of_a.execution_count, 2U);
  ASSERT_EQ(of_a.batches.size(), 1U);
  EXPECT_EQ(of_a.batches[0].rows, 1U);
  const auto of_b = other.statistics->snapshot();
  ASSERT_EQ(of_b.batches.size(), 1U);
  EXPECT_EQ(of_b.batches[0].rows, 2U);
}

TEST_F(TheDispatcher, RunsTheRequestsOfAFailedBatchOneByOne) {
  FakeLease blocker("0");
  FakeLease good("good");
  FakeLease bad("bad");
  ask(blocker);
  ask(good);
  ask(bad);
  worker->take().end();
  auto batch = worker->take();
  EXPECT_EQ(batch.rides.size(), 2U);
  batch.end(true);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(worker->submitted(), 1U);
    auto alone = worker->take();
    ASSERT_EQ(alone.rides.size(), 1U);
    if (alone.names().front() == "bad") {
      alone.rides.front().done({fail(Code::invalid_argument, {"refused"})});
      alone.over();
    } else {
      alone.end();
    }
  }
  settle();
  EXPECT_EQ(served, (std::vector<std::string>{"0", "good"}));
  EXPECT_EQ(codes, (std::map<std::string, Code>{{"bad", Code::invalid_argument}}));
}

TEST_F(TheDispatcher, AnswersAtTheDeadlineWhileTheWorkerIsBusy) {
  FakeLease blocker("0");
  FakeLease waits("1");
  ask(blocker);
  ask(waits, 30ms);
  EXPECT_TRUE(comes([&] { return codes.contains("1"); }));
  EXPECT_EQ(codes["1"], Code::deadline_exceeded);
  worker->take().end();
  EXPECT_EQ(worker->submitted(), 0U);
  settle();
}

TEST_F(TheDispatcher, DropsARequestWhoseCallerIsGone) {
  FakeLease blocker("0");
  FakeLease left("1");
  FakeLease stays("2");
  ask(blocker);
  bool gone = false;
  ask(left, 20s, [&gone] { return gone; });
  ask(stays, 20s, [] { return false; });
  gone = true;
  EXPECT_TRUE(comes([&] { return codes.contains("1"); }));
  EXPECT_EQ(codes["1"], Code::cancelled);
  EXPECT_FALSE(left.abandoned.load()) << "it was in no run";
  worker->take().end();
  ASSERT_TRUE(comes([&] { return worker->submitted() == 1; }));
  auto next = worker->take();
  EXPECT_EQ(next.names(), std::vector<std::string>{"2"});
  next.end();
  settle();
}

TEST_F(TheDispatcher, StartsAHeldBatchThoughNobodyComesBack) {
  FakeLease answered("0");
  FakeLease waits("1");
  ask(answered);
  ask(waits);
  auto run = worker->take();
  std::this_thread::sleep_for(20ms);  // a run that is long enough for a hold
  run.end();
  ASSERT_TRUE(comes([&] { return worker->submitted() == 1; }));
  auto next = worker->take();
  EXPECT_EQ(next.names(), std::vector<std::string>{"1"});
  next.end();
  settle();
}

TEST_F(TheDispatcher, AbandonsARunThatNobodyWaitsFor) {
  FakeLease left("1");
  bool gone = false;
  ask(left, 20s, [&gone] { return gone; });
  gone = true;
  EXPECT_TRUE(comes([&] { return left.abandoned.load(); }));
  auto run = worker->take();
  run.rides.front().done({fail(Code::deadline_exceeded, {"abandoned"})});
  settle();
  EXPECT_EQ(codes["1"], Code::cancelled);
  run.over();
}

// The permit belongs to the run, not to its caller: it comes back when the worker is free again.
TEST_F(TheDispatcher, StartsNoOtherRunBeforeTheWorkerIsFree) {
  FakeLease late("1");
  FakeLease waits("2");
  ask(late);
  ask(waits);
  auto run = worker->take();
  run.rides.front().done({fail(Code::deadline_exceeded, {"late"})});
  settle();
  EXPECT_EQ(codes["1"], Code::deadline_exceeded);
  EXPECT_EQ(worker->submitted(), 0U);
  run.over();
  ASSERT_EQ(worker->submitted(), 1U);
  worker->take().end();
  settle();
}

TEST_F(TheDispatcher, AnswersAllWhereTheWorkerIsDown) {
  FakeLease blocker("0");
  ask(blocker);
  std::vector<std::unique_ptr<FakeLease>> leases;
  for (int i = 0; i < 100; ++i) {
    leases.push_back(std::make_unique<FakeLease>("r" + std::to_string(i)));
    ask(*leases.back());
  }
  worker->down = true;
  worker->take().end();
  settle();
  EXPECT_EQ(codes.size(), 100U);
  EXPECT_EQ(codes["r99"], Code::unavailable);
}

}  // namespace
}  // namespace blindai::server
