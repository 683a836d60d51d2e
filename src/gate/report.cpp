#include "gate/report.h"

namespace blindai::gate {

json::Object admission_json(const Admitted& admitted) {
  json::Array operators;
  for (const OperatorCount& entry : admitted.operators) {
    operators.emplace_back(json::Object{{"domain", entry.domain}, {"type", entry.type}, {"count", entry.count}});
  }
  json::Array opsets;
  for (const auto& [domain, version] : admitted.opsets) {
    opsets.emplace_back(json::Object{{"domain", domain}, {"version", version}});
  }
  std::uint64_t weight_bytes = 0;
  for (const Weight& weight : admitted.weights) {
    weight_bytes += weight.size;
  }
  return {{"ir_version", admitted.ir_version}, {"opsets", std::move(opsets)},
          {"operators", std::move(operators)}, {"nodes", admitted.nodes},
          {"parameters", admitted.parameters}, {"graph_bytes", std::uint64_t{admitted.graph.size()}},
          {"weight_bytes", weight_bytes}};
}

}  // namespace blindai::gate
