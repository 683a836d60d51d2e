// What the seam promises, of each engine.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <thread>

#include "engine/build.h"
#include "engine/session.h"

namespace blindai::engine {
namespace {

struct AnEngine : Session, testing::TestWithParam<std::string> {
  void SetUp() override {
    if (GetParam() == "onnxruntime") {
      BLINDAI_NEEDS_ONNXRUNTIME();
    }
    engine = *make_engine(GetParam());
  }
  Result<void> load_file(const std::string& name) { return load(model_file(name)); }
};

TEST_P(AnEngine, TellsInputsAndOutputs) {
  ASSERT_TRUE(load_file("mlp"));
  ASSERT_EQ(model->inputs().size(), 1u);
  EXPECT_EQ(model->inputs()[0], (TensorSpec{"x", DataType::fp32, {-1, 32}}));
  EXPECT_EQ(model->outputs()[0], (TensorSpec{"logits", DataType::fp32, {-1, 3}}));
}

TEST_P(AnEngine, RunsWithFreeAndWithFixedShapes) {
  const std::vector<float> x{1, 2, 3, 4, 5, 6};
  ASSERT_TRUE(load_file("identity"));
  ASSERT_TRUE(run({{0, {2, 3}, view(x)}}));
  EXPECT_EQ(outputs[0].as<float>(), x);
  EXPECT_EQ(outputs[0].shape, (Shape{2, 3}));
  ASSERT_TRUE(run({{0, {3, 2}, view(x)}}));
  EXPECT_EQ(outputs[0].shape, (Shape{3, 2}));
  ASSERT_TRUE(run({{0, {0, 3}, {}}}));
  EXPECT_TRUE(outputs[0].data.empty());
  ASSERT_TRUE(load_file("double"));
  ASSERT_TRUE(run({{0, {2, 3}, view(x)}}));
  EXPECT_EQ(outputs[0].as<float>(), (std::vector<float>{2, 4, 6, 8, 10, 12}));
}

TEST_P(AnEngine, GivesAnOutputOfWhichNothingButTheTypeIsKnown) {
  const Bytes node = build::node("Reshape", {"x", "to"}, {"y"});
  ASSERT_TRUE(load(build::file(
      build::graph({node}, {build::value("x", DataType::fp32, {-1}), build::value("to", DataType::int64, {-1})},
                   {build::value("y", DataType::fp32, {}, false)}))));
  const std::vector<float> x{1, 2, 3, 4};
  const std::vector<std::int64_t> to{2, 2};
  ASSERT_TRUE(run({{0, {4}, view(x)}, {1, {2}, view(to)}}));
  EXPECT_EQ(outputs[0].shape, to);
  EXPECT_EQ(outputs[0].as<float>(), x);
}

TEST_P(AnEngine, CarriesEveryDatatype) {
  ASSERT_TRUE(load_file("types"));
  const Bytes data{1, 0, 0x3c, 0x40, 5, 6, 7, 8};
  std::vector<InputView> inputs;
  for (std::size_t i = 0; i < model->inputs().size(); ++i) {
    const auto size = element_size(model->inputs()[i].datatype);
    inputs.push_back({i, {1}, ByteView(data).first(size)});
  }
  ASSERT_TRUE(run(inputs));
  for (const InputView& input : inputs) {
    EXPECT_EQ(outputs[input.index].data, copy(input.data)) << model->inputs()[input.index].name;
  }
}

// Of any size, at any address, and also named among the inputs as old files do.
TEST_P(AnEngine, TakesWeightsWhereTheyLie) {
  for (const std::int64_t count : {2, 31, 32, 5000}) {
    std::vector<float> w(static_cast<std::size_t>(count));
    std::iota(w.begin(), w.end(), 0.5F);
    Bytes body{0};  // one byte from any alignment
    append(body, view(w));
    const WeightView weight{"w", DataType::fp32, {count}, ByteView(body).subspan(1)};
    const Bytes x_in = build::value("x", DataType::fp32, {count});
    const Bytes w_in = build::value("w", DataType::fp32, {count});
    const Bytes y_out = build::value("y", DataType::fp32, {count});
    const std::vector<std::vector<Bytes>> listings{{x_in}, {x_in, w_in}, {w_in, x_in}};
    for (const std::vector<Bytes>& ins : listings) {
      const Bytes add = build::node("Add", {"x", "w"}, {"y"});
      const Bytes lifted = build::lifted("w", DataType::fp32, {count});
      ASSERT_TRUE(load(build::file(build::graph({add}, ins, {y_out}, {lifted})), {weight})) << count;
      ASSERT_EQ(model->inputs(), (std::vector{TensorSpec{"x", DataType::fp32, {count}}}));
      const std::vector<float> x(static_cast<std::size_t>(count), 1);
      ASSERT_TRUE(run({{0, {count}, view(x)}}));
      std::vector<float> sum(w);
      std::ranges::for_each(sum, [](float& v) { v += 1; });
      EXPECT_EQ(outputs[0].as<float>(), sum);
    }
  }
}

TEST_P(AnEngine, RefusesWhatACallerMayGetWrong) {
  ASSERT_TRUE(load_file("gather"));
  const std::vector<float> x{1, 2, 3};
  const std::vector<std::int64_t> far{1'000'000'000};
  const auto result = run({{0, {3}, view(x)}, {1, {1}, view(far)}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::invalid_argument);
  const std::vector<std::int64_t> near{2};
  ASSERT_TRUE(run({{0, {3}, view(x)}, {1, {1}, view(near)}}));
  EXPECT_EQ(outputs[0].as<float>(), std::vector<float>{3});
  EXPECT_FALSE(run({{0, {4}, view(x)}, {1, {1}, view(near)}}));  // a size that is not that of the shape
  EXPECT_FALSE(run({{0, {3}, view(x)}, {7, {1}, view(near)}}));
}

TEST_P(AnEngine, NamesAnOperatorThatItLacks) {
  const auto result = load_file("unknown_operator");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::model_rejected);
  EXPECT_NE(result.error().message.str().find("Frobnicate"), std::string::npos) << result.error().message.str();
}

TEST_P(AnEngine, RefusesGarbage) {
  EXPECT_FALSE(engine->load(as_bytes("not a model"), {}));
  EXPECT_FALSE(engine->load({}, {}));
}

TEST_P(AnEngine, CarriesTextsOfAnyBytes) {
  ASSERT_TRUE(load_file("strings"));
  EXPECT_EQ(model->inputs()[0], (TensorSpec{"x", DataType::bytes, {-1}}));
  Bytes texts;
  for (const std::string& text :
       {std::string("a\0b", 3), std::string(), std::string("\xff\0", 2), std::string(5000, 'x')}) {
    put_element(texts, as_bytes(text));
  }
  ASSERT_TRUE(run({{0, {4}, texts}}));
  EXPECT_EQ(outputs[0].data, texts);
  EXPECT_EQ(outputs[0].shape, Shape{4});
  ASSERT_TRUE(run({{0, {0}, {}}}));
  EXPECT_TRUE(outputs[0].data.empty());
  EXPECT_FALSE(run({{0, {3}, texts}}));
  EXPECT_FALSE(run({{0, {4}, ByteView(texts).first(texts.size() - 1)}}));
  EXPECT_FALSE(run({{0, {5}, texts}}));
}

TEST_P(AnEngine, NeverReadsAFileThatAModelNames) {
  // The sidecar lies beside the model on disk; from bytes it must not be found.
  EXPECT_FALSE(load_file("mlp_external"));
}

TEST_P(AnEngine, EndsARunThatIsInterrupted) {
  ASSERT_TRUE(load_file("loop"));
  const std::vector<std::int64_t> forever{INT64_MAX};
  const std::vector<float> x{1};
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    slot->interrupt();
  });
  const auto result = run({{0, {}, view(forever)}, {1, {1}, view(x)}});
  other.join();
  EXPECT_FALSE(result);
  const std::vector<std::int64_t> thrice{3};
  ASSERT_TRUE(run({{0, {}, view(thrice)}, {1, {1}, view(x)}}));  // and the next one runs
  EXPECT_EQ(outputs[0].as<float>(), std::vector<float>{8});
}

INSTANTIATE_TEST_SUITE_P(Each, AnEngine, testing::ValuesIn(engine_names()), [](const auto& one) { return one.param; });

}  // namespace
}  // namespace blindai::engine
