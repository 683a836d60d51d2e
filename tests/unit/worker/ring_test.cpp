// What a worker writes into the ring is believed only as far as it can be checked.
#include "worker/ring.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "worker/output_region.h"

namespace blindai::worker {
namespace {

const std::vector<TensorSpec> outputs{{"a", DataType::fp32, {-1, 2}}, {"b", DataType::int64, {1}}};

AnswerHeader good() {
  AnswerHeader answer;
  answer.sequence = 7;
  answer.count = 2;
  answer.outputs[0] = {
      .index = 0, .datatype = static_cast<std::uint32_t>(DataType::fp32), .rank = 2, .offset = 0, .size = 24};
  answer.outputs[0].dims[0] = 3;
  answer.outputs[0].dims[1] = 2;
  answer.outputs[1] = {
      .index = 1, .datatype = static_cast<std::uint32_t>(DataType::int64), .rank = 1, .offset = 64, .size = 8};
  answer.outputs[1].dims[0] = 1;
  return answer;
}

// What about an answer cannot be believed; "" where all can.
std::string lie_in(const AnswerHeader& answer) {
  const auto outcome = check_answer(answer, {7}, outputs, 4096);
  return outcome ? "" : outcome.error().detail.text;
}

bool believed(const AnswerHeader& answer) {
  const auto outcome = check_answer(answer, {7}, outputs, 4096);
  return outcome && outcome->outcome;
}

TEST(AnAnswerHeader, IsBelievedWhereEveryNumberHolds) {
  const auto outcome = check_answer(good(), {7}, outputs, 4096);
  ASSERT_TRUE(outcome && outcome->outcome);
  EXPECT_EQ((*outcome->outcome)[0].shape, (Shape{3, 2}));
  EXPECT_EQ((*outcome->outcome)[1].offset, 64u);
}

TEST(AnAnswerHeader, IsALieOtherwise) {
  const auto lie = [](auto&& change) {
    AnswerHeader answer = good();
    change(answer);
    return lie_in(answer);
  };
  EXPECT_EQ(lie([](auto& a) { a.sequence = 8; }), "sequence");
  EXPECT_EQ(lie([](auto& a) { a.count = 1; }), "output count");
  EXPECT_EQ(lie([](auto& a) { a.count = 3; }), "output count");
  EXPECT_EQ(lie([](auto& a) { a.count = 0xffffffff; }), "output count");
  EXPECT_EQ(lie([](auto& a) { a.outputs[1] = a.outputs[0]; }), "output twice");
  EXPECT_EQ(lie([](auto& a) { a.outputs[1].index = 2; }), "output index");
  EXPECT_EQ(lie([](auto& a) { a.outputs[0].datatype = static_cast<std::uint32_t>(DataType::int32); }),
            "output datatype");
  EXPECT_EQ(lie([](auto& a) { a.outputs[0].datatype = 200; }), "output datatype");
  EXPECT_EQ(lie([](auto& a) { a.outputs[0].rank = 17; }), "output rank");
  EXPECT_EQ(lie([](auto& a) { a.outputs[0].dims[0] = -3; }), "output size");
  EXPECT_EQ(lie([](auto& a) { a.outputs[0].dims[0] = INT64_MAX; }), "output size");
  EXPECT_EQ(lie([](auto& a) { a.outputs[0].size = 23; }), "output size");
  EXPECT_EQ(lie([](auto& a) { a.outputs[0].offset = UINT64_MAX - 8; }), "output alignment");
  EXPECT_EQ(lie([](auto& a) { a.outputs[1].offset = 72; }), "output alignment");
  EXPECT_EQ(lie([](auto& a) { a.outputs[0].offset = 4096; }), "output outside its slot");
  EXPECT_EQ(lie([](auto& a) {
              a.outputs[0].dims[0] = 8;
              a.outputs[0].size = 64;
              a.outputs[0].offset = UINT64_MAX - 63;  // and the end is 0
            }),
            "output outside its slot");
}

TEST(AnAnswerHeader, IsNoAnswerWhereItsRefusalMakesNoSense) {
  AnswerHeader answer = good();
  answer.code = 1000;
  EXPECT_FALSE(believed(answer));
  answer.code = 1;
  answer.text_size = max_answer_text + 1;
  EXPECT_FALSE(believed(answer));
}

TEST(AnAnswerHeader, TellsTheSizeOfTextsThatHaveLengths) {
  const std::vector<TensorSpec> texts{{"t", DataType::bytes, {-1}}};
  AnswerHeader answer;
  answer.sequence = 7;
  answer.count = 1;
  answer.outputs[0] = {.index = 0, .datatype = static_cast<std::uint32_t>(DataType::bytes), .rank = 1, .size = 100};
  const auto believed_with = [&](std::int64_t count, std::uint64_t size) {
    answer.outputs[0].dims[0] = count;
    answer.outputs[0].size = size;
    const auto outcome = check_answer(answer, {7}, texts, 4096);
    return outcome && outcome->outcome && (*outcome->outcome)[0].size == size;
  };
  EXPECT_TRUE(believed_with(3, 12));
  EXPECT_TRUE(believed_with(3, 4096));
  EXPECT_TRUE(believed_with(0, 0));
  EXPECT_FALSE(believed_with(3, 11));
  EXPECT_FALSE(believed_with(0, 1));
  EXPECT_FALSE(believed_with(-1, 12));
  EXPECT_FALSE(believed_with(INT64_MAX, 12));
  EXPECT_FALSE(believed_with(3, 4097));
}

TEST(AnAnswerHeader, MayBeTheEnginesRefusal) {
  AnswerHeader answer;
  answer.sequence = 7;
  answer.code = 1 + static_cast<std::uint32_t>(Code::invalid_argument);
  const auto outcome = check_answer(answer, {7}, outputs, 4096);
  ASSERT_TRUE(outcome);
  ASSERT_FALSE(outcome->outcome);
  EXPECT_EQ(outcome->outcome.error().code, Code::invalid_argument);
}

// A request that rode in a batch gets its own rows, however many the batch had.
TEST(AnAnswerHeader, OfABatchHasTheRowsOfItsRequest) {
  const std::vector<TensorSpec> rows{{"a", DataType::fp32, {-1, 2}}};
  AnswerHeader answer = good();
  answer.count = 1;
  EXPECT_TRUE(check_answer(answer, {7, 3}, rows, 4096));
  EXPECT_FALSE(check_answer(answer, {7, 2}, rows, 4096));
  EXPECT_FALSE(check_answer(answer, {7, 4}, rows, 4096));
  answer.outputs[0].rank = 0;
  answer.outputs[0].size = 4;
  EXPECT_FALSE(check_answer(answer, {7, 1}, rows, 4096));
}

TEST(AnAnswerHeader, MaySayThatARequestOfABatchIsToRunAloneAndNoOther) {
  AnswerHeader answer;
  answer.sequence = 7;
  answer.code = run_it_alone;
  const auto answered = check_answer(answer, {7, 1}, outputs, 4096);
  ASSERT_TRUE(answered);
  EXPECT_TRUE(answered->alone);
  EXPECT_FALSE(answered->outcome);
  EXPECT_FALSE(check_answer(answer, {7}, outputs, 4096));
  EXPECT_FALSE(check_answer(answer, {8, 1}, outputs, 4096));
}

TEST(ARing, CarriesARequestAndWhoRidesWithIt) {
  const auto geometry = make_geometry(4, 4096, 4096);
  auto ring = Ring::create(*geometry, {});
  ASSERT_TRUE(ring);
  TensorHeader tensor;
  tensor.size = 12;
  const std::array tensors{tensor, tensor};
  const std::array<std::uint8_t, 2> others{3, 1};
  ring->write_request(2, 9, tensors, others);
  EXPECT_EQ(ring->sequence(2), 9U);
  const Request request = ring->read_request(2);
  EXPECT_EQ(request.sequence, 9U);
  EXPECT_EQ(request.others, (std::vector<std::uint8_t>{3, 1}));
  ASSERT_EQ(request.inputs.size(), 2U);
  EXPECT_EQ(request.inputs[1].size, 12U);
}

TEST(ARing, CopiesAnAnswerAsFarAsItSays) {
  const auto geometry = make_geometry(2, 4096, 4096);
  auto ring = Ring::create(*geometry, {});
  ASSERT_TRUE(ring);
  AnswerHeader answer = good();
  ring->write_answer(1, answer);
  AnswerHeader copy;
  ring->copy_answer(1, copy);
  EXPECT_TRUE(believed(copy));
}

TEST(ARing, WipesWhatAnEarlierRequestLeft) {
  const auto geometry = make_geometry(2, 1 << 20, 1 << 20);
  ASSERT_TRUE(geometry);
  auto ring = Ring::create(*geometry, {});
  ASSERT_TRUE(ring);
  for (const std::uint64_t used : {std::uint64_t{100}, std::uint64_t{1} << 20}) {
    std::ranges::fill(ring->input(1).first(used), 0xaa);
    std::ranges::fill(ring->output(1).first(used), 0xbb);
    ring->wipe(1, used, used);
    EXPECT_TRUE(std::ranges::all_of(ring->input(1).first(used), [](auto byte) { return byte == 0; }));
    EXPECT_TRUE(std::ranges::all_of(ring->output(1).first(used), [](auto byte) { return byte == 0; }));
  }
}

TEST(AnOutputRegion, WipesTheRoomThatAnOutputGivesUp) {
  const auto geometry = make_geometry(1, 4096, 4096);
  auto ring = Ring::create(*geometry, {});
  ASSERT_TRUE(ring);
  const std::vector<std::size_t> same{0, 1};
  AnswerHeader answer;
  OutputRegion region(ring->output(0), same, answer);
  const auto place = [&](std::size_t index, std::uint64_t size, std::uint8_t byte) {
    std::ranges::fill(*region.place(index, DataType::uint8, std::array{static_cast<std::int64_t>(size)}, size), byte);
  };
  place(0, 100, 0xaa);
  place(1, 50, 0xbb);
  place(0, 200, 0xcc);
  ASSERT_EQ(answer.count, 2U);
  EXPECT_EQ(answer.outputs[0].size, 200U);
  EXPECT_EQ(answer.outputs[0].dims[0], 200);
  const auto count = [&](std::uint8_t byte) { return std::ranges::count(ring->output(0), byte); };
  EXPECT_EQ(count(0xaa), 0);
  EXPECT_EQ(count(0xbb), 50);
  EXPECT_EQ(count(0xcc), 200);
  EXPECT_FALSE(region.place(0, DataType::uint8, std::array<std::int64_t, 1>{4096}, 4096));
}

TEST(AGeometry, HasLimits) {
  EXPECT_TRUE(make_geometry(max_slots, 4096, 4096));
  EXPECT_FALSE(make_geometry(max_slots + 1, 4096, 4096));
  EXPECT_FALSE(make_geometry(0, 4096, 4096));
  EXPECT_FALSE(make_geometry(2, UINT64_MAX, 4096));
}

}  // namespace
}  // namespace blindai::worker
