// A list of maps at the end of a classifier becomes its numbers.
#include <gtest/gtest.h>

#include "build.h"
#include "gate/report.h"

namespace blindai::gate {
namespace {

constexpr std::uint64_t fp32 = 1;
constexpr std::uint64_t int64 = 7;
constexpr std::uint64_t of_strings = 8;

// An output from classes to numbers of that type.
Bytes list_of_maps(const std::string& name, std::uint64_t value_type = fp32) {
  const Bytes value = message({{1, number(1, value_type)}});
  const Bytes map = joined({number(1, int64), message({{2, value}})});
  return message({{1, text(name)}, {2, message({{4, message({{1, message({{5, map}})}})}})}});
}

Bytes zipmap(const std::string& input, const std::string& output, const std::vector<std::string>& labels) {
  Bytes strings = attribute("classlabels_strings", of_strings, {});
  for (const std::string& label : labels) {
    put_bytes(strings, 9, text(label));
  }
  return node("ZipMap", input, output, {strings}, "ai.onnx.ml");
}

Result<Admitted> scanned(const std::vector<std::pair<std::uint32_t, Bytes>>& parts) {
  const Bytes body = model(parts, {{8, opset("ai.onnx.ml", 1)}});
  return scan(body, {{"m.onnx", 0, body.size()}});
}

std::string refusal(const Result<Admitted>& result) { return result ? "accepted" : result.error().message.str(); }

TEST(AZipMap, BecomesItsNumbers) {
  // The output stands before the node that makes it, and after it.
  for (const bool output_first : {true, false}) {
    std::vector<std::pair<std::uint32_t, Bytes>> parts{{1, zipmap("x", "z", {"cat", "dog"})}, {12, list_of_maps("z")}};
    if (output_first) {
      std::swap(parts[0], parts[1]);
    }
    const auto admitted = scanned(parts);
    ASSERT_TRUE(admitted) << refusal(admitted);
    ASSERT_EQ(admitted->outputs.size(), 2u);
    EXPECT_EQ(admitted->outputs[1].name, "z");
    EXPECT_EQ(admitted->outputs[1].datatype, DataType::fp32);
    EXPECT_EQ(admitted->outputs[1].shape, (Shape{-1, 2}));
    EXPECT_FALSE(as_text(admitted->graph).contains("ZipMap")) << "the engine sees none";
    const auto report = admission_json(*admitted);
    const auto& classes = *report.at("classes").as<json::Array>();
    ASSERT_EQ(classes.size(), 1u);
    EXPECT_EQ(*classes[0].text("output"), "z");
    EXPECT_EQ(admitted->classes[0].labels.size(), 2u);
    // What was written is a model again, whose output is a tensor from the start.
    const auto again = scan(admitted->graph, {{"m.onnx", 0, admitted->graph.size()}});
    ASSERT_TRUE(again) << refusal(again);
    EXPECT_EQ(again->outputs[1].shape, admitted->outputs[1].shape);
    EXPECT_TRUE(again->classes.empty());
  }
}

TEST(AZipMap, NamesNumbersAndAThousandClassesAtMost) {
  Bytes numbers = attribute("classlabels_int64s", of_ints, {});
  put_number(numbers, 8, UINT64_MAX);
  put_number(numbers, 8, 7);
  const auto of_numbers = scanned({{1, node("ZipMap", "x", "z", {numbers}, "ai.onnx.ml")}, {12, list_of_maps("z")}});
  ASSERT_TRUE(of_numbers) << refusal(of_numbers);
  EXPECT_EQ(of_numbers->classes[0].labels, (std::vector<std::string>{"-1", "7"}));
  const auto many = scanned({{1, zipmap("x", "z", std::vector<std::string>(1500, "a"))}, {12, list_of_maps("z")}});
  ASSERT_TRUE(many) << refusal(many);
  EXPECT_EQ(many->classes[0].labels.size(), 1000u);
  EXPECT_EQ(many->outputs[1].shape, (Shape{-1, 1500}));
}

TEST(AZipMap, IsNotNeededWhereNothingIsAListOfMaps) {
  // A list of maps that another operator makes, one of doubles, and one that nothing makes: no tensor stands behind them.
  for (const auto& parts : std::vector<std::vector<std::pair<std::uint32_t, Bytes>>>{
           {{1, node("Identity", "x", "z")}, {12, list_of_maps("z")}},
           {{1, zipmap("x", "z", {"a"})}, {12, list_of_maps("z", 11)}},
           {{1, zipmap("x", "other", {"a"})}, {12, list_of_maps("z")}}}) {
    const auto admitted = scanned(parts);
    EXPECT_NE(refusal(admitted).find("'z' is not a tensor"), std::string::npos) << refusal(admitted);
    EXPECT_NE(refusal(admitted).find("zipmap"), std::string::npos);
  }
  // In the middle of a graph it stays what it is.
  const auto inside = scanned({{1, zipmap("x", "z", {"a"})}});
  ASSERT_TRUE(inside) << refusal(inside);
  EXPECT_TRUE(as_text(inside->graph).contains("ZipMap"));
}

TEST(AZipMap, NeedsAnOperatorSetForWhatTakesItsPlace) {
  Bytes graph = message({{1, zipmap("x", "z", {"a"})}, {2, text("g")}, {11, value_info("x", fp32, {1, 1})}});
  append(graph, message({{12, list_of_maps("z")}}));
  const Bytes body = joined({number(1, 8), message({{8, opset("ai.onnx.ml", 1)}, {7, graph}})});
  const auto admitted = scan(body, {{"m.onnx", 0, body.size()}});
  EXPECT_NE(refusal(admitted).find("does not import"), std::string::npos) << refusal(admitted);
}

TEST(ManyListsOfMaps, AreOutputsLikeOthersAndCounted) {
  std::vector<std::pair<std::uint32_t, Bytes>> parts;
  for (int i = 0; i < 65; ++i) {
    parts.emplace_back(1, zipmap("x", "z" + std::to_string(i), {"a"}));
    parts.emplace_back(12, list_of_maps("z" + std::to_string(i)));
  }
  EXPECT_NE(refusal(scanned(parts)).find("more than 64 outputs"), std::string::npos);
}

}  // namespace
}  // namespace blindai::gate
