#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <thread>

#include "base/fd.h"
#include "engine/engine.h"
#include "engine/loaded.h"

namespace blindai::engine {
namespace {

Bytes model_file(const std::string& name) {
  const auto bytes = read_file((BLINDAI_SOURCE_DIR "/tests/data/models/" + name + ".onnx").c_str(), 1 << 20);
  EXPECT_TRUE(bytes) << name;
  return bytes.value_or(Bytes());
}

template <typename T>
ByteView view(const std::vector<T>& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(T)};  // NOLINT
}

struct Output {
  Shape shape;
  DataType datatype{};
  Bytes data;
  template <typename T>
  std::vector<T> as() const {
    std::vector<T> values(data.size() / sizeof(T));
    std::memcpy(values.data(), data.data(), data.size());
    return values;
  }
};

struct OnnxRuntime : testing::Test {
  std::unique_ptr<Engine> engine = *make_loaded({1, false});
  std::unique_ptr<Model> model;
  std::unique_ptr<Slot> slot;
  std::map<std::size_t, Output> outputs;

  Result<void> load(const std::string& name) {
    BLINDAI_TRY(model, engine->load(model_file(name), {}));
    BLINDAI_TRY(slot, model->make_slot());
    return {};
  }
  Result<void> run(const std::vector<InputView>& inputs) {
    outputs.clear();
    return slot->run(inputs, [&](std::size_t index, DataType type, const Shape& shape, std::uint64_t size) {
      Output& output = outputs[index];
      output = {shape, type, Bytes(size)};
      return Result<MutableBytes>(output.data);
    });
  }
};

TEST(TheLibrary, IsRefusedWhereItIsNotOne) {
  const UniqueFd text(::open(BLINDAI_SOURCE_DIR "/README.md", O_RDONLY | O_CLOEXEC));
  const UniqueFd other(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  for (const int descriptor : {text.get(), other.get(), -1}) {
    const auto loaded = load_onnxruntime(descriptor);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, Code::internal);
    EXPECT_FALSE(loaded.error().detail.text.empty());
  }
}

TEST_F(OnnxRuntime, IsThePinnedVersion) {
  EXPECT_EQ(engine->name(), "onnxruntime");
  EXPECT_EQ(engine->version(), "1.28.0");
}

TEST_F(OnnxRuntime, TellsInputsAndOutputs) {
  ASSERT_TRUE(load("mlp"));
  ASSERT_EQ(model->inputs().size(), 1u);
  EXPECT_EQ(model->inputs()[0], (TensorSpec{"x", DataType::fp32, {-1, 32}}));
  EXPECT_EQ(model->outputs()[0], (TensorSpec{"logits", DataType::fp32, {-1, 3}}));
}

TEST_F(OnnxRuntime, RunsWithFreeAndWithFixedShapes) {
  const std::vector<float> x{1, 2, 3, 4, 5, 6};
  ASSERT_TRUE(load("identity"));
  ASSERT_TRUE(run({{0, {2, 3}, view(x)}}));
  EXPECT_EQ(outputs[0].as<float>(), x);
  EXPECT_EQ(outputs[0].shape, (Shape{2, 3}));
  ASSERT_TRUE(run({{0, {3, 2}, view(x)}}));
  EXPECT_EQ(outputs[0].shape, (Shape{3, 2}));
  ASSERT_TRUE(run({{0, {0, 3}, {}}}));
  EXPECT_TRUE(outputs[0].data.empty());
  ASSERT_TRUE(load("double"));
  ASSERT_TRUE(run({{0, {2, 3}, view(x)}}));
  EXPECT_EQ(outputs[0].as<float>(), (std::vector<float>{2, 4, 6, 8, 10, 12}));
}

TEST_F(OnnxRuntime, CarriesEveryDatatype) {
  ASSERT_TRUE(load("types"));
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

TEST_F(OnnxRuntime, RefusesWhatACallerMayGetWrong) {
  ASSERT_TRUE(load("gather"));
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

TEST_F(OnnxRuntime, NamesAnOperatorThatItLacks) {
  const auto result = load("unknown_operator");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::model_rejected);
  EXPECT_NE(result.error().message.str().find("Frobnicate"), std::string::npos) << result.error().message.str();
}

TEST_F(OnnxRuntime, RefusesGarbageAndStrings) {
  EXPECT_FALSE(engine->load(as_bytes("not a model"), {}));
  EXPECT_FALSE(engine->load({}, {}));
  EXPECT_EQ(load("strings").error().code, Code::model_rejected);
}

TEST_F(OnnxRuntime, NeverReadsAFileThatAModelNames) {
  // The sidecar lies beside the model on disk; from bytes it must not be found.
  EXPECT_FALSE(load("mlp_external"));
}

TEST_F(OnnxRuntime, EndsARunThatIsInterrupted) {
  ASSERT_TRUE(load("loop"));
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

}  // namespace
}  // namespace blindai::engine
