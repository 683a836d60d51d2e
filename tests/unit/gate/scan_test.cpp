// What exporters write passes, loses nothing, and runs as before.
#include <gtest/gtest.h>

#include <cstring>

#include "base/fd.h"
#include "build.h"
#include "engine/engines.h"
#include "gate/report.h"

namespace blindai::gate {
namespace {

Bytes model_file(const std::string& name) {
  const auto bytes = read_file((BLINDAI_SOURCE_DIR "/tests/data/models/" + name).c_str(), 1 << 20);
  EXPECT_TRUE(bytes) << name;
  return bytes.value_or(Bytes());
}

std::vector<File> one_file(const Bytes& body) { return {{"model.onnx", 0, body.size()}}; }

// Loads what the gate let through, and runs it on ramps of numbers.
Bytes run(const std::string& name, ByteView graph, const std::vector<engine::WeightView>& weights) {
  auto engine = *engine::make_engine(name);
  auto model = engine->load(graph, weights);
  EXPECT_TRUE(model) << model.error().message.str();
  if (!model) {
    return {};
  }
  std::vector<float> x(2 * 32);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i) / 32;
  }
  Bytes answer;
  const Bytes input(reinterpret_cast<std::uint8_t*>(x.data()),              // NOLINT
                    reinterpret_cast<std::uint8_t*>(x.data() + x.size()));  // NOLINT
  auto slot = *(*model)->make_slot();
  const auto done = slot->run({{0, {2, 32}, input}}, [&](std::size_t, DataType, const Shape&, std::uint64_t size) {
    answer.resize(size);
    return Result<MutableBytes>(answer);
  });
  EXPECT_TRUE(done);
  return answer;
}

std::vector<engine::WeightView> views(const Admitted& admitted, ByteView body) {
  std::vector<engine::WeightView> out;
  for (const Weight& weight : admitted.weights) {
    out.push_back({weight.name, weight.datatype, weight.shape, body.subspan(weight.offset, weight.size)});
  }
  return out;
}

class TheGateBefore : public testing::TestWithParam<std::string> {
  void SetUp() override {
    if (GetParam() == "onnxruntime") {
      BLINDAI_NEEDS_ONNXRUNTIME();
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Each, TheGateBefore, testing::ValuesIn(engine::engine_names()),
                         [](const auto& one) { return one.param; });

TEST_P(TheGateBefore, LiftsLargeWeightsAndTheModelAnswersAsBefore) {
  const Bytes body = model_file("mlp.onnx");
  const auto admitted = scan(body, one_file(body));
  ASSERT_TRUE(admitted) << admitted.error().message.str();
  ASSERT_EQ(admitted->weights.size(), 1u);
  EXPECT_EQ(admitted->weights[0].name, "w1");
  EXPECT_EQ(admitted->weights[0].size, 4096u);
  EXPECT_LT(admitted->graph.size(), 1000u);
  EXPECT_EQ(admitted->inputs, (std::vector<TensorSpec>{{"x", DataType::fp32, {-1, 32}}}));
  EXPECT_EQ(admitted->outputs, (std::vector<TensorSpec>{{"logits", DataType::fp32, {-1, 3}}}));
  EXPECT_EQ(admitted->nodes, 4u);
  EXPECT_EQ(admitted->parameters, 32u * 32 + 32 + 32 * 3);
  EXPECT_EQ(run(GetParam(), admitted->graph, views(*admitted, body)), run(GetParam(), body, {}));
}

TEST_P(TheGateBefore, FindsExternalDataInTheSameBundleAndNamesNoFile) {
  Bytes body = model_file("mlp_external.onnx");
  const std::size_t model_size = body.size();
  append(body, model_file("mlp_external.onnx.data"));
  const std::vector<File> files{{"mlp_external.onnx", 0, model_size},
                                {"mlp_external.onnx.data", model_size, body.size() - model_size}};
  const auto admitted = scan(body, files);
  ASSERT_TRUE(admitted) << admitted.error().message.str();
  EXPECT_EQ(as_text(admitted->graph).find("onnx.data"), std::string_view::npos);
  const Bytes single = model_file("mlp.onnx");
  EXPECT_EQ(run(GetParam(), admitted->graph, views(*admitted, body)), run(GetParam(), single, {}));
}

TEST(TheGate, NamesASidecarThatIsMissing) {
  const Bytes body = model_file("mlp_external.onnx");
  const auto admitted = scan(body, one_file(body));
  ASSERT_FALSE(admitted);
  EXPECT_EQ(admitted.error().code, Code::model_rejected);
  EXPECT_NE(admitted.error().message.str().find("mlp_external.onnx.data"), std::string::npos);
}

TEST(TheGate, TakesEveryServedDatatypeAndSubgraphs) {
  for (const char* name : {"types.onnx", "loop.onnx", "gather.onnx", "double.onnx", "strings.onnx"}) {
    const Bytes body = model_file(name);
    EXPECT_TRUE(scan(body, one_file(body))) << name;
  }
}

TEST(TheGate, CountsOperatorsForTheReport) {
  const Bytes body = model_file("mlp.onnx");
  const auto report = admission_json(*scan(body, one_file(body)));
  const auto& operators = *report.at("operators").as<json::Array>();
  ASSERT_EQ(operators.size(), 3u);
  EXPECT_EQ(*operators[1].text("type"), "MatMul");
  EXPECT_EQ(*operators[1].find("count")->as<std::uint64_t>(), 2u);
}

TEST(TheGate, DropsTextsForPeopleAndTraining) {
  const Bytes body =
      model({{10, text("secret notes")}}, {{2, text("producer")}, {14, text("\x0a\x01k")}, {20, text("")}});
  const auto admitted = scan(body, one_file(body));
  ASSERT_TRUE(admitted) << admitted.error().message.str();
  EXPECT_EQ(as_text(admitted->graph).find("secret"), std::string_view::npos);
  EXPECT_EQ(as_text(admitted->graph).find("producer"), std::string_view::npos);
}

}  // namespace
}  // namespace blindai::gate
