// Loop: it makes a run last as long as its caller wishes, which the tests of deadlines and interruptions need.
#include <array>

#include "engine/reference/operators.h"

namespace blindai::engine::reference {
namespace {

template <typename T>
Result<Tensor> scalar(const Call& call, DataType datatype, T value) {
  BLINDAI_TRY(Draft out, call.run.make(datatype, {}));
  out.set<T>(0, value);
  return std::move(out).finish();
}

Result<std::int64_t> trip_count(const Call& call) {
  if (!call.has(0)) {
    return INT64_MAX;
  }
  BLINDAI_TRY(const auto count, integers(call, call.input(0)));
  if (count.size() != 1) {
    return fail(refused, {"Loop: the count of iterations is not one number"});
  }
  return count[0];
}

Result<bool> condition(const Tensor& tensor) {
  if (tensor.datatype != DataType::boolean || tensor.count() != 1) {
    return fail(refused, {"Loop: the condition is not one BOOL"});
  }
  return tensor.at<std::uint8_t>(0) != 0;
}

// One turn: `values` are the condition and what is carried, before and after.
Result<void> turn(const Call& call, const Graph& body, std::int64_t number, std::vector<Tensor>& values) {
  BLINDAI_CHECK(call.run.keep_going());
  Scope scope{.values = {}, .outer = &call.scope};
  BLINDAI_TRY(scope.values[body.inputs[0].name], scalar(call, DataType::int64, number));
  for (std::size_t i = 0; i < values.size(); ++i) {
    scope.values[body.inputs[i + 1].name] = std::move(values[i]);
  }
  BLINDAI_CHECK(run_nodes(body, scope, call.opset, call.run));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = *scope.find(body.outputs[i].name);
  }
  return {};
}

Result<std::vector<Tensor>> loop(const Call& call) {
  BLINDAI_TRY(const auto graph, call.node.attribute<std::shared_ptr<const Graph>>("body", nullptr));
  const std::size_t carried = call.inputs.size() < 2 ? 0 : call.inputs.size() - 2;
  if (!graph || call.inputs.size() < 2 || graph->inputs.size() != carried + 2 || graph->outputs.size() != carried + 1) {
    return fail(refused, {"Loop: a body that does not carry {} values, or that has scan outputs", carried});
  }
  BLINDAI_TRY(const auto count, trip_count(call));
  std::vector<Tensor> values(1);
  if (call.has(1)) {
    values[0] = call.input(1);
  } else {
    BLINDAI_TRY(values[0], scalar<std::uint8_t>(call, DataType::boolean, 1));
  }
  for (std::size_t i = 0; i < carried; ++i) {
    if (!call.has(i + 2)) {
      return fail(refused, {"Loop: a value to carry is left out"});
    }
    values.push_back(call.input(i + 2));
  }
  for (std::int64_t number = 0; number < count; ++number) {
    BLINDAI_TRY(const bool go_on, condition(values[0]));
    if (!go_on) {
      break;
    }
    BLINDAI_CHECK(turn(call, *graph, number, values));
  }
  values.erase(values.begin());
  return values;
}

constexpr std::array table{Operator{"Loop", 0, max_names, max_names, loop}};

}  // namespace

std::span<const Operator> control_operators() { return table; }

}  // namespace blindai::engine::reference
