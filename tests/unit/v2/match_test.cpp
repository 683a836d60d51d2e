#include <gtest/gtest.h>

#include "v2/infer.h"
#include "v2/metadata.h"

namespace blindai::v2 {
namespace {

const std::vector<TensorSpec> wanted{{"ids", DataType::int64, {-1, 128}}, {"mask", DataType::boolean, {-1, 128}}};

std::string refusal(const std::vector<InputHead>& given) {
  const auto order = match_inputs(given, wanted);
  return order ? "" : order.error().message.str();
}

TEST(Inputs, AreMatchedByNameInTheModelsOrder) {
  const auto order = match_inputs({{"mask", DataType::boolean, {4, 128}}, {"ids", DataType::int64, {4, 128}}}, wanted);
  ASSERT_TRUE(order);
  EXPECT_EQ(*order, (std::vector<std::size_t>{1, 0}));
}

TEST(Inputs, ThatDoNotFitAreNamedWithWhatTheModelWants) {
  const InputHead ids{"ids", DataType::int64, {4, 128}};
  const InputHead mask{"mask", DataType::boolean, {4, 128}};
  EXPECT_EQ(refusal({ids}), "input 'mask' is missing");
  EXPECT_EQ(refusal({ids, mask, {"token", DataType::int64, {1}}}),
            "the model has no input 'token'; its first is 'ids'");
  EXPECT_EQ(refusal({{"ids", DataType::fp32, {4, 128}}, mask}), "input 'ids' has datatype FP32, the model wants INT64");
  EXPECT_EQ(refusal({{"ids", DataType::int64, {4, 64}}, mask}),
            "input 'ids' has shape [4, 64], the model wants [-1, 128] (-1: any)");
  EXPECT_NE(refusal({{"ids", DataType::int64, {128}}, mask}), "");
}

TEST(Outputs, AreAllInTheModelsOrderOrThoseAskedFor) {
  const std::vector<TensorSpec> outputs{{"a", DataType::fp32, {-1}}, {"b", DataType::fp32, {-1}}};
  const auto choose = [&](const std::string& json) {
    const auto request = InferRequest::parse(as_bytes(json), 0, {});
    return choose_outputs(*request, outputs);
  };
  EXPECT_EQ(choose(R"({"inputs":[]})")->size(), 2u);
  const auto chosen = choose(R"({"inputs":[],"outputs":[{"name":"b","parameters":{"binary_data":true}}]})");
  ASSERT_EQ(chosen->size(), 1u);
  EXPECT_EQ((*chosen)[0].index, 1u);
  EXPECT_TRUE((*chosen)[0].binary);
  EXPECT_FALSE(choose(R"({"inputs":[],"outputs":[{"name":"c"}]})"));
  EXPECT_FALSE(choose(R"({"inputs":[],"outputs":[{"name":"a"},{"name":"a"}]})"));
}

TEST(Outputs, ThatJsonCannotHoldAreRefusedBeforeAnythingRuns) {
  const std::vector<TensorSpec> outputs{{"half", DataType::fp16, {-1}}, {"brain", DataType::bf16, {-1}}};
  for (const char* json : {R"({"inputs":[]})", R"({"inputs":[],"outputs":[{"name":"half"}]})",
                           R"({"inputs":[],"outputs":[{"name":"brain","parameters":{"binary_data":false}}]})"}) {
    EXPECT_FALSE(choose_outputs(*InferRequest::parse(as_bytes(json), 0, {}), outputs)) << json;
  }
  const char* binary = R"({"inputs":[],"parameters":{"binary_data_output":true}})";
  EXPECT_TRUE(choose_outputs(*InferRequest::parse(as_bytes(binary), 0, {}), outputs));
}

TEST(Metadata, IsThatOfTheProtocol) {
  EXPECT_EQ(model_metadata("m", {"1"}, "onnxruntime_onnx", {wanted[0]}, {}),
            R"({"inputs":[{"datatype":"INT64","name":"ids","shape":[-1,128]}],"name":"m","outputs":[],)"
            R"("platform":"onnxruntime_onnx","versions":["1"]})");
}

}  // namespace
}  // namespace blindai::v2
