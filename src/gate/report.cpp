#include "gate/report.h"

#include <algorithm>
#include <set>

#include "gate/rows.h"

namespace blindai::gate {
namespace {

// The graph is parsed into several times its bytes; a weight is mapped once and may be packed once.
constexpr std::uint64_t copies_of_graph = 4;
constexpr std::uint64_t copies_of_weights = 2;

bool uses(const Admitted& admitted, const std::set<std::string_view>& types) {
  return std::ranges::any_of(admitted.operators,
                             [&](const OperatorCount& entry) { return types.contains(entry.type); });
}

json::Value warning(const char* code, const char* text) { return json::Object{{"code", code}, {"text", text}}; }

// Whether the engine multiplies bytes for it: by an operator that says so, or where activations are quantized before a
// product (QDQ), which the engine turns into such an operator. Weights alone as bytes are widened first.
bool multiplies_bytes(const Admitted& admitted) {
  return uses(admitted, {"MatMulInteger", "ConvInteger", "DynamicQuantizeMatMul", "MatMulIntegerToFloat",
                         "QLinearMatMul", "QLinearConv", "QGemm", "QAttention", "DynamicQuantizeLSTM"}) ||
         (uses(admitted, {"QuantizeLinear", "DynamicQuantizeLinear"}) && uses(admitted, {"DequantizeLinear"}) &&
          uses(admitted, {"MatMul", "Gemm", "Conv"}));
}

json::Array warnings(const Admitted& admitted, bool exact_int8) {
  json::Array out;
  if (!exact_int8 && multiplies_bytes(admitted)) {
    out.emplace_back(warning("int8-saturates",
                             "this CPU has no VNNI: sums of 8-bit integers saturate and answers may be far off; "
                             "quantize weights alone (DequantizeLinear before MatMul), or with reduce_range"));
  }
  if (uses(admitted, {"Loop", "Scan"})) {
    out.emplace_back(warning("control-flow", "how long a request takes depends on its numbers: the model has loops"));
  }
  if (uses(admitted,
           {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"})) {
    out.emplace_back(warning("random", "the same request may have different answers: the model draws random numbers"));
  }
  if (admitted.has_training) {
    out.emplace_back(warning("training-left-out", "training information is left out: this service only infers"));
  }
  return out;
}

json::Object batchable(const Admitted& admitted) {
  const auto against = unbatchable(admitted);
  return {{"by_structure", !against.has_value()},
          {"why", against.value_or("the first dimension of every input and output is free")},
          {"proved", admitted.rows.proved},
          {"proof", admitted.rows.why}};
}

std::uint64_t plus(std::uint64_t a, std::uint64_t b) {
  std::uint64_t out = 0;
  return __builtin_add_overflow(a, b, &out) ? UINT64_MAX : out;
}

}  // namespace

bool has_exact_int8() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512vnni") != 0 || __builtin_cpu_supports("avxvnni") != 0;
#else
  return true;
#endif
}

json::Object admission_json(const Admitted& admitted, bool exact_int8) {
  json::Array operators;
  for (const OperatorCount& entry : admitted.operators) {
    operators.emplace_back(json::Object{{"domain", entry.domain}, {"type", entry.type}, {"count", entry.count}});
  }
  json::Array opsets;
  for (const auto& [domain, version] : admitted.opsets) {
    opsets.emplace_back(json::Object{{"domain", domain}, {"version", version}});
  }
  json::Array classes;
  for (const Classes& one : admitted.classes) {
    json::Array labels(one.labels.begin(), one.labels.end());
    classes.emplace_back(json::Object{{"output", one.output}, {"labels", std::move(labels)}});
  }
  std::uint64_t weight_bytes = 0;
  for (const Weight& weight : admitted.weights) {
    weight_bytes += weight.size;
  }
  const Estimate& estimate = admitted.estimate;
  const std::uint64_t graph_bytes = admitted.graph.size();
  const std::uint64_t peak =
      plus(copies_of_graph * graph_bytes + copies_of_weights * weight_bytes, estimate.activation_bytes);
  return {{"ir_version", admitted.ir_version},
          {"opsets", std::move(opsets)},
          {"operators", std::move(operators)},
          {"nodes", admitted.nodes},
          {"parameters", admitted.parameters},
          {"graph_bytes", graph_bytes},
          {"weight_bytes", weight_bytes},
          {"work", json::Object{{"multiplications", estimate.multiplications},
                                {"nodes_not_counted", estimate.unknown_nodes},
                                {"free_dimensions_as_one", estimate.free_dimensions}}},
          {"memory", json::Object{{"estimated_peak_bytes", peak},
                                  {"activation_bytes", estimate.activation_bytes},
                                  {"values_not_counted", estimate.unknown_values}}},
          {"batchable", batchable(admitted)},
          {"classes", std::move(classes)},
          {"warnings", warnings(admitted, exact_int8)}};
}

}  // namespace blindai::gate
