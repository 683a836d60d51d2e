// Where the weights of a model are: who says so, and what a measurement makes of it.
#include "worker/placement.h"

#include <gtest/gtest.h>

namespace blindai::worker {
namespace {

constexpr std::uint64_t large = std::uint64_t{1} << 30U;
const Wish choose;  // the server is to

TEST(AWish, IsOneOfThreeWords) {
  EXPECT_EQ(parse_wish("packed", Because::owner)->weights, Weights::packed);
  EXPECT_EQ(parse_wish("in-place", Because::server)->weights, Weights::in_place);
  EXPECT_EQ(parse_wish("in-place", Because::server)->because, Because::server);
  ASSERT_TRUE(parse_wish("auto", Because::owner));
  EXPECT_FALSE(parse_wish("auto", Because::owner)->weights);
  for (const char* text : {"", "Packed", "in_place", "packed ", "auto,packed"}) {
    EXPECT_FALSE(parse_wish(text, Because::owner)) << text;
  }
}

TEST(APlacement, IsWhatItsOwnerAsksFor) {
  for (const Weights weights : {Weights::packed, Weights::in_place}) {
    const auto placement = decide({weights, Because::owner}, large, true, true);
    ASSERT_TRUE(placement);
    EXPECT_EQ(placement->weights, weights);
    EXPECT_EQ(placement->because, Because::owner);
  }
}

TEST(APlacement, IsInPlaceWhereACopyDoesNotFit) {
  EXPECT_EQ(decide(choose, large, false, true)->weights, Weights::in_place);
  EXPECT_EQ(decide(choose, large, false, true)->because, Because::no_room);
}

TEST(APlacement, IsPackedWhereThatCostsLittleOrNothingIsMeasured) {
  constexpr std::uint64_t limit = 16 << 20;
  EXPECT_EQ(decide(choose, 0, true, true)->because, Because::small);
  EXPECT_EQ(decide(choose, limit - 1, true, true)->because, Because::small);
  EXPECT_FALSE(decide(choose, limit, true, true)) << "it is measured";
  EXPECT_EQ(decide(choose, limit, true, false)->because, Because::not_measured);
  EXPECT_EQ(decide(choose, limit, true, false)->weights, Weights::packed);
}

TEST(APlacement, IsPackedWhereThatWasMeasuredToBeATwentiethFaster) {
  EXPECT_EQ(compare(95, 100).weights, Weights::packed);
  EXPECT_EQ(compare(95, 100).because, Because::gain);
  EXPECT_EQ(compare(96, 100).weights, Weights::in_place);
  EXPECT_EQ(compare(96, 100).because, Because::no_gain);
  EXPECT_EQ(compare(200, 100).weights, Weights::in_place);
  EXPECT_EQ(compare(1, UINT64_MAX).weights, Weights::packed);
  EXPECT_EQ(compare(96, 100).packed_ns, 96U);
  for (const auto& [packed, in_place] : {std::pair{0, 0}, {0, 100}, {100, 0}}) {
    const Placement placement = compare(static_cast<std::uint64_t>(packed), static_cast<std::uint64_t>(in_place));
    EXPECT_EQ(placement.because, Because::not_measured);
    EXPECT_EQ(placement.weights, Weights::packed);
  }
}

}  // namespace
}  // namespace blindai::worker
