// What the report says a request will cost.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/fd.h"
#include "build.h"
#include "gate/report.h"

namespace blindai::gate {
namespace {

constexpr std::uint64_t fp32 = 1;
constexpr std::uint64_t of_ints_kind = 7;

Estimate estimate_of(const Bytes& body) {
  const auto admitted = scan(body, {{"m.onnx", 0, body.size()}});
  EXPECT_TRUE(admitted) << admitted.error().message.str();
  return admitted ? admitted->estimate : Estimate();
}

Bytes node_of(const std::string& type, const std::vector<std::string>& inputs, const std::string& output,
              const std::vector<Bytes>& attributes = {}) {
  Bytes out;
  for (const std::string& input : inputs) {
    append(out, message({{1, text(input)}}));
  }
  append(out, message({{2, text(output)}, {4, text(type)}}));
  for (const Bytes& one : attributes) {
    put_bytes(out, 5, one);
  }
  return out;
}
Bytes ints(const std::string& name, const std::vector<std::uint64_t>& values) {
  Bytes out = attribute(name, of_ints_kind, {});
  for (const std::uint64_t value : values) {
    put_number(out, 8, value);
  }
  return out;
}
Bytes weight(const std::string& name, const std::vector<std::uint64_t>& dims) {
  std::size_t count = 1;
  for (const std::uint64_t dimension : dims) {
    count *= dimension;
  }
  return tensor(name, fp32, dims, Bytes(count * 4));
}
Bytes numbers(const std::string& name, const std::vector<std::uint64_t>& values) {
  Bytes raw;
  for (const std::uint64_t value : values) {
    for (unsigned shift = 0; shift < 64; shift += 8) {
      raw.push_back(static_cast<std::uint8_t>(value >> shift));
    }
  }
  return tensor(name, 7, {values.size()}, raw);
}
// A graph of these nodes from an input "i" of that shape, and no more than needed around it.
Bytes graph_of(const std::vector<std::uint64_t>& shape, const std::vector<std::pair<std::uint32_t, Bytes>>& parts) {
  std::vector<std::pair<std::uint32_t, Bytes>> all{{11, value_info("i", fp32, shape)}};
  all.insert(all.end(), parts.begin(), parts.end());
  return model(all);
}

TEST(AnEstimate, CountsMatrixProducts) {
  EXPECT_EQ(estimate_of(graph_of({5, 8}, {{5, weight("w", {8, 3})}, {1, node_of("MatMul", {"i", "w"}, "o")}}))
                .multiplications,
            5u * 8 * 3);
  Bytes turn = message({{1, text("transB")}});
  put_number(turn, 3, 1);
  put_number(turn, 20, 2);
  EXPECT_EQ(estimate_of(graph_of({5, 8}, {{5, weight("w", {3, 8})}, {1, node_of("Gemm", {"i", "w"}, "o", {turn})}}))
                .multiplications,
            5u * 8 * 3);
  EXPECT_EQ(estimate_of(graph_of({2, 4, 8}, {{5, weight("w", {8, 3})}, {1, node_of("MatMul", {"i", "w"}, "o")}}))
                .multiplications,
            2u * 4 * 8 * 3);
}

TEST(AnEstimate, CountsConvolutionsWithStridesAndPads) {
  const auto result = estimate_of(graph_of(
      {1, 3, 8, 8}, {{5, weight("w", {4, 3, 3, 3})},
                     {1, node_of("Conv", {"i", "w"}, "c", {ints("pads", {1, 1, 1, 1}), ints("strides", {2, 2})})},
                     {1, node_of("MaxPool", {"c"}, "p", {ints("kernel_shape", {2, 2}), ints("strides", {2, 2})})},
                     {1, node_of("Flatten", {"p"}, "f")},
                     {5, weight("v", {16, 10})},
                     {1, node_of("MatMul", {"f", "v"}, "o")}}));
  EXPECT_EQ(result.multiplications, 4u * 4 * 4 * 27 + 16u * 10);
  EXPECT_EQ(result.unknown_nodes, 0u);
  EXPECT_EQ(result.unknown_values, 0u);
}

// As torch writes a view of a tensor whose batch is free: the shape is made of the tensor's own.
TEST(AnEstimate, FollowsShapesThatAreWorkedOut) {
  const Bytes free = [] {
    Bytes dims = message({{1, message({{2, text("batch")}})}, {1, Bytes{1 << 3, 6}}});
    Bytes kind;
    put_number(kind, 1, fp32);
    put_bytes(kind, 2, dims);
    return message({{1, text("i")}, {2, message({{1, kind}})}});
  }();
  const auto result = estimate_of(model({{11, free},
                                         {5, numbers("zero", {0})},
                                         {5, numbers("rest", {2, 3})},
                                         {5, weight("w", {3, 7})},
                                         {1, node_of("Shape", {"i"}, "s")},
                                         {1, node_of("Gather", {"s", "zero"}, "b")},
                                         {1, node_of("Concat", {"b", "rest"}, "t", {ints("unused", {})})},
                                         {1, node_of("Reshape", {"i", "t"}, "r")},
                                         {1, node_of("MatMul", {"r", "w"}, "o")}}));
  EXPECT_EQ(result.multiplications, 2u * 3 * 7);
  EXPECT_TRUE(result.free_dimensions);
}

TEST(AnEstimate, SaysWhatItDoesNotKnow) {
  const auto result =
      estimate_of(graph_of({4, 4}, {{1, node_of("NonZero", {"i"}, "n")}, {1, node_of("MatMul", {"n", "n"}, "o")}}));
  EXPECT_EQ(result.multiplications, 0u);
  EXPECT_EQ(result.unknown_nodes, 1u);
  EXPECT_EQ(result.unknown_values, 2u);
}

TEST(AnEstimate, CountsWhatLivesAtOnce) {
  // Three values of 400 bytes, two at a time; and x to y beside them.
  const auto result = estimate_of(graph_of(
      {100}, {{1, node_of("Relu", {"i"}, "a")}, {1, node_of("Relu", {"a"}, "b")}, {1, node_of("Relu", {"b"}, "c")}}));
  EXPECT_EQ(result.activation_bytes, 4u + 800);
}

TEST(AnEstimate, SaturatesInsteadOfWrappingAround) {
  const std::uint64_t large = 1ULL << 30;
  const auto result = estimate_of(graph_of({large, large}, {{1, node_of("MatMul", {"i", "i"}, "o")}}));
  EXPECT_EQ(result.multiplications, UINT64_MAX);
  const Bytes bad =
      graph_of({4, 4}, {{5, numbers("s", {1ULL << 63, UINT64_MAX})}, {1, node_of("Reshape", {"i", "s"}, "o")}});
  EXPECT_EQ(estimate_of(bad).unknown_values, 1u);
}

json::Object report_of(const Bytes& body) { return admission_json(*scan(body, {{"m.onnx", 0, body.size()}})); }

TEST(AReport, SaysWhetherRequestsCouldBeJoinedAndWhy) {
  const auto batchable = [](const Bytes& body) { return *report_of(body).at("batchable").as<json::Object>(); };
  const auto fixed = batchable(model());
  EXPECT_EQ(*fixed.at("by_structure").as<bool>(), false);
  EXPECT_NE(fixed.at("why").as<std::string>()->find("'x' is fixed"), std::string::npos);
  const auto mlp = read_file(BLINDAI_SOURCE_DIR "/tests/data/models/mlp.onnx", 1 << 20);
  EXPECT_EQ(*batchable(*mlp).at("by_structure").as<bool>(), true);
  EXPECT_EQ(scan(*mlp, {{"m", 0, mlp->size()}})->estimate.multiplications, 32u * 32 + 32 * 3);
}

TEST(AReport, WarnsOfWhatAnOwnerShouldKnow) {
  const auto codes = [](const Bytes& body) {
    std::string all;
    const auto report = report_of(body);
    for (const auto& one : *report.at("warnings").as<json::Array>()) {
      all += *one.text("code") + " ";
    }
    return all;
  };
  EXPECT_EQ(codes(model()), "");
  EXPECT_EQ(codes(model({}, {{20, {}}})), "training-left-out ");
  EXPECT_EQ(codes(model({{1, node("RandomNormalLike", "x", "r")}})), "random ");
  const auto loop = read_file(BLINDAI_SOURCE_DIR "/tests/data/models/loop.onnx", 1 << 20);
  EXPECT_EQ(codes(*loop), "control-flow ");
}

TEST(AReport, WarnsOfBytesOnACpuThatSaturatesAlone) {
  const auto warned = [](const std::vector<std::string>& types, bool exact) {
    std::vector<std::pair<std::uint32_t, Bytes>> nodes;
    for (std::size_t i = 0; i < types.size(); ++i) {
      nodes.emplace_back(1, node_of(types[i], {"x"}, "v" + std::to_string(i)));
    }
    const Bytes body = model(nodes);
    const auto admitted = scan(body, {{"m.onnx", 0, body.size()}});
    EXPECT_TRUE(admitted) << admitted.error().message.str();
    const auto report = admission_json(*admitted, exact);
    const auto& warnings = *report.at("warnings").as<json::Array>();
    return std::ranges::any_of(warnings, [](const auto& one) { return *one.text("code") == "int8-saturates"; });
  };
  const std::vector<std::vector<std::string>> saturate = {{"MatMulInteger"},
                                                          {"QLinearConv"},
                                                          {"DynamicQuantizeLinear", "ConvInteger"},
                                                          {"QuantizeLinear", "DequantizeLinear", "MatMul"},  // QDQ
                                                          {"DynamicQuantizeLinear", "DequantizeLinear", "Conv"}};
  for (const auto& types : saturate) {
    EXPECT_TRUE(warned(types, false)) << types.front();
    EXPECT_FALSE(warned(types, true)) << types.front();
  }
  EXPECT_FALSE(warned({"DequantizeLinear", "MatMul"}, false)) << "weights alone: products of floats";
  EXPECT_FALSE(warned({"QuantizeLinear", "DequantizeLinear"}, false)) << "no product";
  EXPECT_FALSE(warned({"MatMul"}, false));
}

TEST(AReport, KnowsThisCpu) {
  const auto cpuinfo = read_file("/proc/cpuinfo", 1 << 20);
  if (!cpuinfo || !as_text(*cpuinfo).contains("avx2")) {
    GTEST_SKIP() << "not an x86 CPU with AVX2";
  }
  const std::string_view flags = as_text(*cpuinfo);
  EXPECT_EQ(has_exact_int8(), flags.contains("avx512_vnni") || flags.contains("avx_vnni"));
}

}  // namespace
}  // namespace blindai::gate
