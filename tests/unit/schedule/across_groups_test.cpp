// Batches across trust groups: who may ride with whom, how many, and who pays.
#include <gtest/gtest.h>

#include <set>

#include "schedule/simulation.h"

namespace blindai::schedule {
namespace {

class LinesOfOneModel : public testing::Test {
 protected:
  Ticket* add(const std::shared_ptr<Line>& line, Ticket made = ticket()) {
    tickets.push_back(std::move(made));
    scheduler.add(line, tickets.back(), start);
    return &tickets.back();
  }
  // Runs that are short enough for any batch beside other groups.
  std::shared_ptr<Line> open_short(const std::string& group, Batches batches = Batches::across_groups) {
    Layout measured = layout(1, 1, {2, 3, 4, 8});
    measured.took_ns = {{1, 100'000}, {8, 200'000}};
    return scheduler.open(group, measured, batches);
  }
  std::shared_ptr<Line> open(Batches batches = Batches::across_groups) {
    Layout measured = layout(1, 1, {2, 3, 4, 8});
    measured.took_ns = {{1, 20'000'000}, {2, 30'000'000}, {8, 90'000'000}};  // longer than a quantum
    return scheduler.open("a", measured, batches);
  }
  schedule::Run run() { return scheduler.next(start).value_or(schedule::Run{}); }

  Scheduler scheduler{{.cpus = 1}};
  std::deque<Ticket> tickets;
};

TEST_F(LinesOfOneModel, RideTogetherWhereRowsAreApart) {
  const auto a = open();
  const auto b = scheduler.join("b", *a);
  const auto c = scheduler.join("c", *a);
  const std::vector<Ticket*> wanted{add(a), add(b), add(c)};
  const schedule::Run made = run();
  EXPECT_EQ(made.tickets, wanted);
  EXPECT_EQ(made.rows, 3U);
  ASSERT_EQ(made.shares.size(), 3U);
  EXPECT_EQ(made.shares[1].line, b);
  EXPECT_EQ(made.shares[1].rows, 1U);
  EXPECT_EQ(scheduler.waiting(), 0U);
}

TEST_F(LinesOfOneModel, StayApartWhereRowsMayMix) {
  const auto a = open_short("a", Batches::within_a_group);
  const auto b = scheduler.join("b", *a);
  add(a);
  add(b);
  const schedule::Run first = run();
  EXPECT_EQ(first.tickets.size(), 1U);
  EXPECT_FALSE(scheduler.next(start)) << "one run at once for all groups";
  scheduler.over(first, start);
  EXPECT_EQ(run().tickets.size(), 1U);
}

TEST_F(LinesOfOneModel, AreNotMixedWithAnotherModel) {
  const auto a = open_short("a");
  const auto b = open_short("b");
  add(a);
  add(b);
  EXPECT_EQ(run().tickets.size(), 1U);
}

TEST_F(LinesOfOneModel, RideTogetherOnlyInEqualForm) {
  const auto a = open();
  const auto b = scheduler.join("b", *a);
  Ticket alone = ticket();
  alone.alone = true;
  Ticket late = ticket();
  late.deadline = start;
  Ticket* const first = add(a, ticket(1, {128}));
  add(b, ticket(1, {64}));
  add(b, alone);
  Ticket* const dropped = add(b, late);
  Ticket* const same = add(b, ticket(1, {128}));
  EXPECT_EQ(run().tickets, (std::vector{first, same}));
  EXPECT_EQ(scheduler.take_met(), std::vector{dropped});
}

TEST_F(LinesOfOneModel, BringNoMoreRowsEachThanBesideAnotherGroup) {
  const auto a = open();
  const auto b = scheduler.join("b", *a);
  for (int i = 0; i < 6; ++i) {
    add(a);
  }
  add(b);
  const schedule::Run made = run();
  EXPECT_EQ(made.rows, 2U) << "one of each: two of one group would take longer than a quarter more than one";
  EXPECT_EQ(made.shares.size(), 2U);
}

TEST_F(LinesOfOneModel, AreShortTogetherWhereAnotherModelIsWanted) {
  const auto a = open();
  const auto b = scheduler.join("b", *a);
  const auto other = scheduler.open("c", layout(1, 1));
  add(a);
  add(b);
  add(other);
  EXPECT_EQ(run().rows, 1U);
}

TEST_F(LinesOfOneModel, AreEachChargedForTheirRows) {
  const auto a = open();
  const auto b = scheduler.join("b", *a);
  const auto other = scheduler.open("c", layout(1, 1));
  add(other);
  scheduler.over(run(), start + 10ms);
  const auto later = start + 10s;  // nobody is active any more
  for (const auto& line : {a, b}) {
    scheduler.add(line, tickets.emplace_back(ticket()), later);
  }
  const auto made = scheduler.next(later);
  ASSERT_TRUE(made);
  ASSERT_EQ(made->shares.size(), 2U);
  EXPECT_EQ(made->shares[0].charged, 15ms);
  EXPECT_EQ(made->shares[1].charged, 15ms);
  scheduler.over(*made, later + 40ms);
  // b had 20 ms of it and comes after the group that had 10.
  for (const auto& line : {b, other}) {
    scheduler.add(line, tickets.emplace_back(ticket()), later + 40ms);
  }
  EXPECT_EQ(scheduler.next(later + 40ms)->shares.front().line, other);
}

// Beside one flooding group of the same model, another waits for a run in progress and for its own.
TEST(AFloodingGroupOfOneModel, DoesNotRaiseAnothersP99AboveTwiceItsShare) {
  for (const unsigned cpus : {1U, 2U}) {
    const Layout both = layout(1, cpus, {2, 3, 4, 8, 16});
    std::vector<Load> alone{{"calm", 1, 2ms, 8ms, 100ms, both, "m"}};
    std::vector<Load> beside{{"calm", 1, 2ms, 8ms, 100ms, both, "m"}, {"flood", 64, 2ms, 8ms, 0us, both, "m"}};
    simulate(alone, cpus, 20s);
    simulate(beside, cpus, 20s);
    EXPECT_LE(beside[0].p99(), 4 * alone[0].p99()) << cpus;  // its share of two groups is half of the machine
  }
}

TEST(GroupsOfOneModel, GetMoreDoneTogether) {
  std::vector<Load> apart;
  std::vector<Load> together;
  for (const char* group : {"a", "b", "c", "d"}) {
    apart.push_back({group, 1, 20ms, 1ms, 0us, layout(1, 1, {2, 3, 4})});
    together.push_back({group, 1, 20ms, 1ms, 0us, layout(1, 1, {2, 3, 4}), "m"});
  }
  simulate(apart, 1, 20s);
  simulate(together, 1, 20s);
  for (std::size_t i = 0; i < apart.size(); ++i) {
    EXPECT_GT(together[i].latencies.size(), 3 * apart[i].latencies.size());
  }
}

}  // namespace
}  // namespace blindai::schedule
