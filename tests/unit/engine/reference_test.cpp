// What the reference engine refuses, and that it stays inside its bounds.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "engine/build.h"
#include "engine/session.h"

namespace blindai::engine {
namespace {

using build::file;
using build::graph;
using build::node;
using build::value;

constexpr auto f32 = DataType::fp32;
constexpr auto i64 = DataType::int64;

struct TheReference : testing::Test, Session {
  TheReference() { engine = make_reference(run_bytes); }
  static constexpr std::uint64_t run_bytes = std::uint64_t{1} << 20U;

  void expect_refused(ByteView bytes, std::string_view says, const std::vector<WeightView>& weights = {}) {
    const auto loaded = load(bytes, weights);
    ASSERT_FALSE(loaded) << says;
    EXPECT_EQ(loaded.error().code, Code::model_rejected);
    EXPECT_NE(loaded.error().message.str().find(says), std::string::npos) << loaded.error().message.str();
  }
};

const std::vector<Bytes> x_in{value("x", f32, {2})};
const std::vector<Bytes> y_out{value("y", f32, {2})};
const Bytes copy_node = node("Identity", {"x"}, {"y"});

TEST_F(TheReference, SaysWhatItIs) {
  EXPECT_EQ(engine->name(), "reference");
  EXPECT_EQ(engine->version(), "1");
}

TEST_F(TheReference, RefusesGraphsThatDoNotHoldTogether) {
  expect_refused(file(graph({node("Identity", {"z"}, {"y"})}, x_in, y_out)), "nothing before it writes");
  expect_refused(file(graph({node("Identity", {"y"}, {"y"})}, x_in, y_out)), "nothing before it writes");
  expect_refused(file(graph({copy_node, copy_node}, x_in, y_out)), "written twice");
  expect_refused(file(graph({node("Identity", {"x"}, {"x"})}, x_in, y_out)), "written twice");
  expect_refused(file(graph({node("Identity", {"x"}, {"z"})}, x_in, y_out)), "written by nothing");
  expect_refused(file(graph({node("Identity", {"x", "x"}, {"y"})}, x_in, y_out)), "2 inputs");
  expect_refused(file(graph({node("Identity", {""}, {"y"})}, x_in, y_out)), "Identity");
  expect_refused(file(graph({node("Identity", {"x"}, {})}, x_in, y_out)), "0 outputs");
  expect_refused(file(graph({node("Add", {"x"}, {"y"})}, x_in, y_out)), "1 inputs");
}

TEST_F(TheReference, RefusesOperatorsAndOpsetsThatItLacks) {
  expect_refused(file(graph({node("Frobnicate", {"x"}, {"y"})}, x_in, y_out)), "'Frobnicate'");
  expect_refused(file(graph({node("Identity", {"x"}, {"y"}, {}, "com.example")}, x_in, y_out)), "'Identity'");
  expect_refused(file(graph({copy_node}, x_in, y_out), 12), "opset");
  expect_refused(file(graph({copy_node}, x_in, y_out), 25), "opset");
  EXPECT_TRUE(load(file(graph({copy_node}, x_in, y_out), 13)));
  EXPECT_TRUE(load(file(graph({copy_node}, x_in, y_out), 24)));
}

TEST_F(TheReference, RefusesFunctionsAndTraining) {
  for (const std::uint32_t field : {20U, 25U}) {
    Bytes bytes = file(graph({copy_node}, x_in, y_out));
    protobuf::put_bytes(bytes, field, {});
    expect_refused(bytes, "ModelProto");
  }
}

TEST_F(TheReference, RefusesAFileThatIsCutOffAnywhere) {
  const Bytes whole = model_file("mlp");
  ASSERT_TRUE(load(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto loaded = load(ByteView(whole).first(size));
    EXPECT_FALSE(loaded) << size;
  }
}

TEST_F(TheReference, SurvivesEveryByteThatIsChanged) {
  const Bytes whole = model_file("loop");
  const std::vector<std::int64_t> n{1};
  const std::vector<float> x{1};
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const int change : {0x01, 0x80, 0xff}) {
      Bytes changed = whole;
      changed[i] = static_cast<std::uint8_t>(changed[i] ^ change);
      if (load(changed) && model->inputs().size() == 2) {
        const auto done = run({{0, {}, view(n)}, {1, {1}, view(x)}});
        EXPECT_TRUE(done || !done.error().message.str().empty());
      }
    }
  }
}

TEST_F(TheReference, TakesTensorsOfRawAndOfTypedData) {
  const auto with = [](const Bytes& tensor) {
    return file(graph({node("Add", {"x", "w"}, {"y"})}, x_in, y_out, {tensor}));
  };
  const std::vector<float> w{0.5F, -1};
  const std::vector<float> x{1, 1};
  Bytes typed;
  protobuf::put_number(typed, 1, 2);
  protobuf::put_number(typed, 2, 1);
  protobuf::put_bytes(typed, 8, as_bytes("w"));
  Bytes packed = typed;
  protobuf::put_bytes(packed, 4, view(w));
  for (const Bytes& tensor : {build::tensor("w", f32, {2}, view(w)), packed}) {
    ASSERT_TRUE(load(with(tensor)));
    ASSERT_TRUE(run({{0, {2}, view(x)}}));
    EXPECT_EQ(outputs[0].as<float>(), (std::vector<float>{1.5F, 0}));
  }
  expect_refused(with(typed), "does not have the data");
  expect_refused(with(build::tensor("w", f32, {3}, view(w))), "does not have the data");
  expect_refused(with(build::tensor("w", f32, {INT64_MAX, 4}, view(w))), "does not have the data");
  Bytes twice = packed;
  protobuf::put_bytes(twice, 9, view(w));
  expect_refused(with(twice), "does not have the data");
  protobuf::put_bytes(packed, 4, view(w));
  expect_refused(with(packed), "does not have the data");
}

TEST_F(TheReference, TakesExternalWeightsFromTheCallerAlone) {
  Bytes tensor;
  protobuf::put_number(tensor, 1, 2);
  protobuf::put_number(tensor, 2, 1);
  protobuf::put_bytes(tensor, 8, as_bytes("w"));
  protobuf::put_number(tensor, 14, 1);
  const Bytes bytes = file(graph({node("Add", {"x", "w"}, {"y"})}, x_in, y_out, {tensor}));
  const Bytes body{0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40};  // 1 and 2, one byte from any alignment
  const WeightView weight{"w", f32, {2}, ByteView(body).subspan(1)};
  ASSERT_TRUE(load(bytes, {weight}));
  const std::vector<float> x{1, 1};
  ASSERT_TRUE(run({{0, {2}, view(x)}}));
  EXPECT_EQ(outputs[0].as<float>(), (std::vector<float>{2, 3}));
  expect_refused(bytes, "no file is ever read");
  expect_refused(bytes, "no file is ever read", {{"w", f32, {1, 2}, weight.data}});
  expect_refused(bytes, "no file is ever read", {{"w", i64, {2}, weight.data}});
  expect_refused(bytes, "no file is ever read", {{"w", f32, {2}, weight.data.first(4)}});
  expect_refused(bytes, "no file is ever read", {{"v", f32, {2}, weight.data}});
}

Bytes nested(int depth) {
  const std::vector<Bytes> body_in{value("i" + std::to_string(depth), i64, {}),
                                   value("c" + std::to_string(depth), DataType::boolean, {})};
  const std::string out = "o" + std::to_string(depth);
  std::vector<Bytes> nodes{node("Identity", {"c" + std::to_string(depth)}, {out})};
  if (depth > 1) {
    nodes.push_back(node("Loop", {"", ""}, {}, {build::with_graph("body", nested(depth - 1))}));
  }
  return graph(nodes, body_in, {value(out, DataType::boolean, {})});
}

TEST_F(TheReference, RefusesGraphsNestedTooDeep) {
  const auto with = [](int depth) {
    return file(
        graph({copy_node, node("Loop", {"", ""}, {"l"}, {build::with_graph("body", nested(depth))})}, x_in, y_out));
  };
  expect_refused(with(17), "nested deeper");
}

TEST_F(TheReference, RefusesWhatNeedsMoreMemoryThanARunMayHave) {
  ASSERT_TRUE(
      load(file(graph({node("ConstantOfShape", {"n"}, {"y"})}, {value("n", i64, {1})}, {value("y", f32, {-1})}))));
  for (const auto& [count, fits] :
       {std::pair<std::int64_t, bool>(run_bytes / 4 - 1, true), {run_bytes / 4 + 1, false}}) {
    const std::vector<std::int64_t> n{count};
    const auto done = run({{0, {1}, view(n)}});
    ASSERT_EQ(done.has_value(), fits) << count;
    EXPECT_TRUE(fits || done.error().code == Code::resource_exhausted);
  }
}

TEST_F(TheReference, GivesBackWhatALoopNoLongerHolds) {
  // Each turn makes a quarter of what a run may have.
  const Bytes body = graph({node("Identity", {"c"}, {"go"}), node("Add", {"v", "one"}, {"next"})},
                           {value("i", i64, {}), value("c", DataType::boolean, {}), value("v", f32, {-1})},
                           {value("go", DataType::boolean, {}), value("next", f32, {-1})});
  const std::vector<float> one{1};
  const std::vector<std::int64_t> size{run_bytes / 16};
  const std::vector<Bytes> initialisers{build::tensor("one", f32, {1}, view(one)),
                                        build::tensor("size", i64, {1}, view(size))};
  ASSERT_TRUE(load(file(graph({node("ConstantOfShape", {"size"}, {"x"}),
                               node("Loop", {"n", "", "x"}, {"y"}, {build::with_graph("body", body)})},
                              {value("n", i64, {})}, {value("y", f32, {-1})}, initialisers))));
  const std::vector<std::int64_t> turns{10};
  ASSERT_TRUE(run({{0, {}, view(turns)}}));
  EXPECT_EQ(outputs[0].as<float>(), std::vector<float>(run_bytes / 16, 10));
}

TEST_F(TheReference, RefusesWholeNumberDivisionsWithoutAResult) {
  ASSERT_TRUE(load(file(
      graph({node("Div", {"a", "b"}, {"y"})}, {value("a", i64, {1}), value("b", i64, {1})}, {value("y", i64, {1})}))));
  const std::vector<std::int64_t> lowest{INT64_MIN};
  for (const std::int64_t divisor : {0, -1}) {
    const std::vector<std::int64_t> b{divisor};
    EXPECT_EQ(run({{0, {1}, view(lowest)}, {1, {1}, view(b)}}).error().code, Code::invalid_argument);
  }
}

TEST_F(TheReference, NamesADatatypeThatAnOperatorLacks) {
  ASSERT_TRUE(load(file(graph({node("Sqrt", {"x"}, {"y"})}, {value("x", i64, {1})}, {value("y", i64, {1})}))));
  const std::vector<std::int64_t> x{4};
  const auto done = run({{0, {1}, view(x)}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::unimplemented);
  EXPECT_NE(done.error().message.str().find("INT64"), std::string::npos);
}

TEST_F(TheReference, PublishesNothingOfARunThatFails) {
  ASSERT_TRUE(
      load(file(graph({node("Identity", {"x"}, {"y"}), node("Gather", {"x", "at"}, {"z"})},
                      {value("x", f32, {2}), value("at", i64, {1})}, {value("y", f32, {2}), value("z", f32, {1})}))));
  const std::vector<float> x{1, 2};
  const std::vector<std::int64_t> at{7};
  EXPECT_FALSE(run({{0, {2}, view(x)}, {1, {1}, view(at)}}));
  EXPECT_TRUE(outputs.empty());
  EXPECT_FALSE(run({{0, {2}, view(x)}}));  // an input short
}

TEST_F(TheReference, RunsOnManyThreadsAtOnce) {
  ASSERT_TRUE(load(model_file("mlp")));
  const std::vector<float> x(32, 0.5F);
  ASSERT_TRUE(run({{0, {1, 32}, view(x)}}));
  const Bytes wanted = outputs[0].data;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto own = *model->make_slot();
      Bytes got;
      for (int round = 0; round < 10; ++round) {
        ASSERT_TRUE(own->run({{0, {1, 32}, view(x)}}, [&](std::size_t, DataType, const Shape&, std::uint64_t size) {
          got.assign(size, 0);
          return Result<MutableBytes>(got);
        }));
        EXPECT_EQ(got, wanted);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace blindai::engine
