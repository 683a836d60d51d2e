// The scheduler under a clock that is an argument and workers that are a list of ends: nothing here takes time.
#include "schedule/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <numeric>
#include <set>

#include "schedule/simulation.h"

namespace blindai::schedule {
namespace {

TEST(TheBudget, IsNeverExceededAndNothingWaitsWhileItLasts) {
  Scheduler scheduler({.cpus = 4});
  const auto line = scheduler.open("a", layout(2, 8));
  std::vector<Ticket> tickets(5, ticket());
  for (Ticket& each : tickets) {
    scheduler.add(line, each, start);
  }
  const auto first = scheduler.next(start);
  const auto second = scheduler.next(start);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(scheduler.free_cpus(), 0U);
  EXPECT_FALSE(scheduler.next(start));
  scheduler.over(*first, start + 1ms);
  EXPECT_TRUE(scheduler.next(start + 1ms));
  EXPECT_FALSE(scheduler.next(start + 1ms));
  EXPECT_EQ(scheduler.waiting(), 2U);
}

TEST(TheBudget, HoldsForAModelThatWantsMoreThanThereIs) {
  Scheduler scheduler({.cpus = 2});
  const auto line = scheduler.open("a", layout(16, 1));
  Ticket one = ticket();
  scheduler.add(line, one, start);
  const auto run = scheduler.next(start);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->cpus, 2U);
}

TEST(TheBudget, IsKeptForWhoeverHasTheTurn) {
  Scheduler scheduler({.cpus = 2});
  const auto narrow = scheduler.open("a", layout(1, 2));
  const auto wide = scheduler.open("b", layout(2, 1));
  Ticket small1 = ticket();
  Ticket small2 = ticket();
  Ticket big = ticket();
  scheduler.add(narrow, small1, start);
  const auto running = scheduler.next(start);
  scheduler.over(*running, start + 10ms);  // a has had some
  Ticket small3 = ticket();
  scheduler.add(narrow, small3, start + 10ms);
  const auto again = scheduler.next(start + 10ms);
  scheduler.add(wide, big, start + 10ms);
  scheduler.add(narrow, small2, start + 10ms);
  EXPECT_FALSE(scheduler.next(start + 11ms)) << "the wide run's turn, and one CPU is missing";
  scheduler.over(*again, start + 12ms);
  const auto run = scheduler.next(start + 12ms);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->tickets, std::vector<Ticket*>{&big});
}

TEST(AModel, RunsNoMoreAtOnceThanItsLayoutHas) {
  Scheduler scheduler({.cpus = 8});
  const auto line = scheduler.open("a", layout(1, 2));
  std::vector<Ticket> tickets(5, ticket());
  for (Ticket& each : tickets) {
    scheduler.add(line, each, start);
  }
  EXPECT_TRUE(scheduler.next(start));
  EXPECT_TRUE(scheduler.next(start));
  EXPECT_FALSE(scheduler.next(start));
}

TEST(ModelsOfOneGroup, TakeTurns) {
  Scheduler scheduler({.cpus = 1});
  const std::array lines{scheduler.open("a", layout(1, 1)), scheduler.open("a", layout(1, 1)),
                         scheduler.open("a", layout(1, 1))};
  std::vector<Ticket> tickets(9, ticket());
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    scheduler.add(lines.at(i / 3), tickets[i], start);
  }
  std::vector<Line*> order;
  for (auto run = scheduler.next(start); run; run = scheduler.next(start)) {
    order.push_back(run->shares.front().line.get());
    scheduler.over(*run, start);
  }
  ASSERT_EQ(order.size(), 9U);
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(order[i], lines.at(i % 3).get());
  }
}

TEST(ABatch, IsWhatIsThereInTheOrderOfArrival) {
  Scheduler scheduler({.cpus = 1});
  const auto line = scheduler.open("a", layout(1, 1, {2, 4}));
  std::vector<Ticket> tickets(7, ticket());
  for (Ticket& each : tickets) {
    scheduler.add(line, each, start);
  }
  std::vector<std::size_t> counts;
  std::vector<Ticket*> order;
  for (auto run = scheduler.next(start); run; run = scheduler.next(start)) {
    counts.push_back(run->tickets.size());
    order.insert(order.end(), run->tickets.begin(), run->tickets.end());
    scheduler.over(*run, start);
  }
  EXPECT_EQ(counts, (std::vector<std::size_t>{4, 2, 1}));
  for (std::size_t i = 0; i < order.size(); ++i) {
    EXPECT_EQ(order[i], &tickets[i]);
  }
}

TEST(ABatch, HoldsOneFormAndOnlySizesThatWereChecked) {
  Scheduler scheduler({.cpus = 1});
  const auto line = scheduler.open("a", layout(1, 1, {2, 3, 8}));
  std::vector<Ticket> tickets{ticket(1, {5}), ticket(1, {6}), ticket(2, {5}), ticket(4, {5}), ticket(1, {6})};
  for (Ticket& each : tickets) {
    scheduler.add(line, each, start);
  }
  const auto first = scheduler.next(start);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->tickets, (std::vector{&tickets[0], &tickets[2]})) << "4 rows were never checked";
  EXPECT_EQ(first->rows, 3U);
  scheduler.over(*first, start);
  const auto second = scheduler.next(start);
  EXPECT_EQ(second->tickets, (std::vector{&tickets[1], &tickets[4]}));
  scheduler.over(*second, start);
  const auto third = scheduler.next(start);
  EXPECT_EQ(third->tickets, std::vector{&tickets[3]});
}

TEST(ABatch, IsNotMadeOfOneThatMustRunAlone) {
  Scheduler scheduler({.cpus = 1});
  const auto line = scheduler.open("a", layout(1, 1, {2}));
  Ticket alone = ticket();
  alone.alone = true;
  Ticket other = ticket();
  scheduler.add(line, other, start);
  scheduler.add(line, alone, start, true);
  const auto run = scheduler.next(start);
  EXPECT_EQ(run->tickets, std::vector{&alone});
}

TEST(ABatch, LeavesWorkForTheOtherRunsThatCouldStart) {
  Scheduler scheduler({.cpus = 2});
  const auto line = scheduler.open("a", layout(1, 2, {2, 4, 8}));
  std::vector<Ticket> tickets(8, ticket());
  for (Ticket& each : tickets) {
    scheduler.add(line, each, start);
  }
  EXPECT_EQ(scheduler.next(start)->rows, 4U);
  EXPECT_EQ(scheduler.next(start)->rows, 4U);
}

TEST(ABatch, HoldsOneGroup) {
  Scheduler scheduler({.cpus = 1});
  const auto a = scheduler.open("a", layout(1, 1, {2, 4, 8}));
  const auto b = scheduler.open("b", layout(1, 1, {2, 4, 8}));
  std::vector<Ticket> tickets(8, ticket());
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    scheduler.add(i % 2 == 0 ? a : b, tickets[i], start);
  }
  for (auto run = scheduler.next(start); run; run = scheduler.next(start)) {
    for (const Ticket* each : run->tickets) {
      EXPECT_EQ(run->shares.front().line, (each - tickets.data()) % 2 == 0 ? a : b);
    }
    scheduler.over(*run, start + 1ms);
  }
  EXPECT_EQ(scheduler.waiting(), 0U);
}

TEST(ARequest, IsDroppedAtItsDeadlineOrWhenNobodyWaits) {
  Scheduler scheduler({.cpus = 1});
  const auto line = scheduler.open("a", layout(1, 1, {2, 3, 4}));
  std::vector<Ticket> tickets(4, ticket());
  tickets[0].deadline = start + 5ms;
  tickets[2].gone = true;
  for (Ticket& each : tickets) {
    scheduler.add(line, each, start);
  }
  const auto run = scheduler.next(start + 5ms);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->tickets, (std::vector{&tickets[1], &tickets[3]}));
  EXPECT_EQ(scheduler.take_dropped(start + 5ms), (std::vector{&tickets[0], &tickets[2]}));
  EXPECT_TRUE(scheduler.take_dropped(start + 5ms).empty());
  EXPECT_EQ(scheduler.waiting(), 0U);
}

TEST(ARequest, IsDroppedWhileEverythingIsBusy) {
  Scheduler scheduler({.cpus = 1});
  const auto line = scheduler.open("a", layout(1, 1));
  Ticket running = ticket();
  Ticket waiting = ticket();
  waiting.deadline = start + 5ms;
  scheduler.add(line, running, start);
  const auto run = scheduler.next(start);
  scheduler.add(line, waiting, start);
  EXPECT_TRUE(scheduler.take_dropped(start + 4ms).empty());
  EXPECT_EQ(scheduler.take_dropped(start + 5ms), std::vector{&waiting});
}

TEST(ARequest, CanBeTakenOutWhileItWaitsAndOnlyThen) {
  Scheduler scheduler({.cpus = 1});
  const auto line = scheduler.open("a", layout(1, 1));
  Ticket first = ticket();
  Ticket second = ticket();
  scheduler.add(line, first, start);
  scheduler.add(line, second, start);
  const auto run = scheduler.next(start);
  EXPECT_FALSE(scheduler.remove(line, first));
  EXPECT_TRUE(scheduler.remove(line, second));
  scheduler.over(*run, start);
  EXPECT_FALSE(scheduler.next(start));
}

// A flood of one group costs another at most one run that is in progress: twice what it has alone on its share.
TEST(AFloodingGroup, DoesNotRaiseAnothersP99AboveTwiceItsShare) {
  for (const unsigned callers : {16U, 64U, 256U}) {
    for (const unsigned cpus : {1U, 2U, 8U}) {
      const Layout batches = layout(1, cpus, {2, 4, 8, 16});
      std::vector<Load> loads{{"flood", callers, 2ms, 8ms, 0us, batches}, {"quiet", 1, 2ms, 8ms, 3ms, batches}};
      simulate(loads, cpus, 20s);
      EXPECT_LE(loads[1].p99(), 2 * 10ms) << callers << " callers on " << cpus << " CPUs";
      EXPECT_GT(loads[0].latencies.size(), 900U);
    }
  }
}

TEST(GroupsThatFloodAlike, GetAlikeHoweverManyCallersTheyHave) {
  std::vector<Load> loads{{"many", 100, 0ms, 10ms, 0us, layout(1, 2)}, {"few", 4, 0ms, 10ms, 0us, layout(1, 2)}};
  simulate(loads, 2, 20s);
  const auto many = static_cast<double>(loads[0].latencies.size());
  const auto few = static_cast<double>(loads[1].latencies.size());
  EXPECT_NEAR(many / few, 1.0, 0.05);
}

TEST(GroupsThatFloodAlike, GetAlikeTimeHoweverLongTheirRunsAre) {
  std::vector<Load> loads{{"long", 16, 0ms, 40ms, 0us, layout(1, 2)}, {"short", 16, 0ms, 1ms, 0us, layout(1, 2)}};
  simulate(loads, 2, 40s);
  const double long_time = 40.0 * static_cast<double>(loads[0].latencies.size());
  const auto short_time = static_cast<double>(loads[1].latencies.size());
  EXPECT_NEAR(long_time / short_time, 1.0, 0.1);
}

TEST(AGroupThatWasIdle, HasNoCreditFromIt) {
  Scheduler scheduler({.cpus = 1});
  const auto busy = scheduler.open("busy", layout(1, 1));
  const auto idle = scheduler.open("idle", layout(1, 1));
  auto now = start;
  std::deque<Ticket> tickets;
  const auto serve = [&] {
    const auto run = scheduler.next(now);
    now += 10ms;
    scheduler.over(*run, now);
    return run->shares.front().line;
  };
  for (int i = 0; i < 100; ++i) {
    scheduler.add(busy, tickets.emplace_back(ticket()), now);
    serve();
  }
  for (int i = 0; i < 20; ++i) {
    scheduler.add(idle, tickets.emplace_back(ticket()), now);
    scheduler.add(busy, tickets.emplace_back(ticket()), now);
  }
  int served_busy = 0;
  for (int i = 0; i < 20; ++i) {
    served_busy += serve() == busy ? 1 : 0;
  }
  EXPECT_NEAR(served_busy, 10, 1);
}

// A batch that costs no more than a request alone costs nobody anything.
TEST(ABatch, IsMadeBesideOtherGroupsWhereItWasMeasuredToBeQuick) {
  for (const auto& [eight_rows, wanted] : {std::pair(11ms, 8U), std::pair(60ms, 1U)}) {
    Scheduler scheduler({.cpus = 1});
    Layout measured = layout(1, 1, {2, 4, 8});
    measured.took_ns = {{1, 10'000'000}, {8, static_cast<std::uint64_t>(std::chrono::nanoseconds(eight_rows).count())}};
    const auto line = scheduler.open("a", measured);
    const auto other = scheduler.open("b", layout(1, 1));
    std::vector<Ticket> tickets(9, ticket());
    scheduler.add(other, tickets[8], start);
    for (std::size_t i = 0; i < 8; ++i) {
      scheduler.add(line, tickets[i], start);
    }
    EXPECT_EQ(scheduler.next(start)->rows, wanted);
  }
}

TEST(AGroupAlone, HasBatchesAsLargeAsItsModelTakes) {
  std::vector<Load> loads{{"only", 64, 2ms, 8ms, 0us, layout(1, 2, {2, 4, 8, 16})}};
  simulate(loads, 2, 20s);
  // Sixteen rows take 130 ms: two runs make 246 rows a second, and 200 one by one.
  EXPECT_GT(loads[0].latencies.size(), 4500U);
}

// Two runs of four rows for eight callers; one run is over, and its callers come back one after the other.
class AHold : public testing::Test {
 protected:
  void SetUp() override {
    for (Ticket& each : tickets) {
      scheduler.add(line, each, start);
    }
    one = *scheduler.next(start);
    other = *scheduler.next(start);
    scheduler.over(one, end);
  }
  void come_back(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      scheduler.add(line, back[came++], end + 1ms);
    }
  }

  const Steady::time_point end = start + 256ms;
  Scheduler scheduler{{.cpus = 2}};
  std::shared_ptr<Line> line = scheduler.open("a", layout(1, 2, {1, 2, 3, 4}));
  std::vector<Ticket> tickets = std::vector<Ticket>(8, ticket());
  std::vector<Ticket> back = std::vector<Ticket>(4, ticket());
  std::size_t came = 0;
  schedule::Run one;
  schedule::Run other;
};

TEST_F(AHold, EndsWhenAllAreThere) {
  EXPECT_FALSE(scheduler.held_until(end));  // nobody waits
  come_back(3);
  EXPECT_FALSE(scheduler.next(end + 1ms));
  EXPECT_EQ(scheduler.held_until(end + 1ms), end + 4ms);
  come_back(1);
  EXPECT_FALSE(scheduler.held_until(end + 1ms));
  const auto run = scheduler.next(end + 1ms);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->rows, 4U);
}

TEST_F(AHold, EndsAfterA64thOfTheRun) {
  come_back(3);
  EXPECT_FALSE(scheduler.next(end + 4ms - 1ns));
  const auto run = scheduler.next(end + 4ms);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->rows, 3U);
}

TEST_F(AHold, IsForNobodyWhileAnotherGroupIsActive) {
  const auto neighbour = scheduler.open("b", layout(1, 1));
  Ticket its = ticket();
  scheduler.add(neighbour, its, end + 1ms);
  come_back(1);
  EXPECT_FALSE(scheduler.held_until(end + 1ms));
  EXPECT_TRUE(scheduler.next(end + 1ms));
}

TEST_F(AHold, IsForNobodyWhoWantsToBeAlone) {
  back[0].alone = true;
  come_back(1);
  EXPECT_TRUE(scheduler.next(end + 1ms));
}

TEST(AShortRun, IsFollowedByNoHold) {
  Scheduler scheduler({.cpus = 1});
  const auto line = scheduler.open("a", layout(1, 1, {1, 2}));
  std::vector<Ticket> tickets(3, ticket());
  scheduler.add(line, tickets[0], start);
  scheduler.add(line, tickets[1], start);
  const auto run = scheduler.next(start);
  ASSERT_TRUE(run);
  scheduler.over(*run, start + 6ms);
  scheduler.add(line, tickets[2], start + 6ms);
  EXPECT_TRUE(scheduler.next(start + 6ms));
}

TEST(ACallerAlone, NeverWaits) {
  Scheduler scheduler({.cpus = 2});
  const auto line = scheduler.open("a", layout(1, 2, {1, 2, 4}));
  auto now = start;
  for (int i = 0; i < 10; ++i) {
    Ticket one = ticket();
    scheduler.add(line, one, now);
    const auto run = scheduler.next(now);
    ASSERT_TRUE(run);
    now += 300ms;
    scheduler.over(*run, now);
    now += 1ms;
  }
}

}  // namespace
}  // namespace blindai::schedule
