#include "engine/reference/operators.h"

#include <algorithm>

namespace blindai::engine::reference {

const Tensor* Scope::find(std::string_view name) const {
  const auto found = values.find(name);
  if (found != values.end()) {
    return &found->second;
  }
  return outer == nullptr ? nullptr : outer->find(name);
}

namespace {

// Elements of BYTES have no size of their own, which is what all but one operator go by.
Result<void> takes_text(const Node& node, const std::vector<const Tensor*>& inputs) {
  const bool text = std::ranges::any_of(
      inputs, [](const Tensor* input) { return input != nullptr && input->datatype == DataType::bytes; });
  if (text && node.op->type != "Identity") {
    return fail(Code::unimplemented, {"{}: the engine does not compute BYTES", Disclosed(node.op->type)});
  }
  return {};
}

}  // namespace

const Operator* find_operator(std::string_view type) {
  for (const auto family : {arithmetic_operators(), logic_operators(), move_operators(), reduce_operators(),
                            multiply_operators(), control_operators()}) {
    const auto found = std::ranges::find(family, type, &Operator::type);
    if (found != family.end()) {
      return &*found;
    }
  }
  return nullptr;
}

Result<void> run_nodes(const Graph& graph, Scope& scope, std::int64_t opset, Run& run) {
  for (const auto& [name, tensor] : graph.initialisers) {
    scope.values.insert_or_assign(name, tensor);
  }
  for (const Node& node : graph.nodes) {
    BLINDAI_CHECK(run.keep_going());
    std::vector<const Tensor*> inputs;
    inputs.reserve(node.inputs.size());
    for (const std::string& name : node.inputs) {
      inputs.push_back(name.empty() ? nullptr : scope.find(name));
    }
    BLINDAI_CHECK(takes_text(node, inputs));
    BLINDAI_TRY(auto outputs, node.op->compute({node, inputs, scope, opset, run}));
    if (outputs.size() < node.outputs.size()) {
      return fail(refused,
                  {"{}: the engine does not compute {} outputs of it", Disclosed(node.op->type), node.outputs.size()});
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (!node.outputs[i].empty()) {
        scope.values.insert_or_assign(node.outputs[i], std::move(outputs[i]));
      }
    }
  }
  return {};
}

std::unexpected<Error> no_such_datatype(const Call& call, DataType datatype) {
  return fail(Code::unimplemented,
              {"{}: the engine does not compute {}", Disclosed(call.node.op->type), Disclosed(name(datatype))});
}

Result<std::size_t> axis_of(const Call& call, std::int64_t axis, std::size_t rank) {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    return fail(refused, {"{}: axis {} of a tensor with {} dimensions", Disclosed(call.node.op->type), axis, rank});
  }
  return static_cast<std::size_t>(axis < 0 ? axis + signed_rank : axis);
}

Result<std::vector<std::int64_t>> integers(const Call& call, const Tensor& tensor) {
  if (tensor.datatype != DataType::int32 && tensor.datatype != DataType::int64) {
    return no_such_datatype(call, tensor.datatype);
  }
  std::vector<std::int64_t> out(tensor.count());
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = tensor.datatype == DataType::int32 ? tensor.at<std::int32_t>(i) : tensor.at<std::int64_t>(i);
  }
  return out;
}

Result<Shape> broadcast(const Call& call, const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape out = longer;
  const std::size_t ahead = longer.size() - shorter.size();
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    std::int64_t& dimension = out[ahead + i];
    if (dimension == 1) {
      dimension = shorter[i];
    } else if (shorter[i] != 1 && shorter[i] != dimension) {
      return fail(refused, {"{}: dimensions {} and {} do not go together", Disclosed(call.node.op->type), dimension,
                            shorter[i]});
    }
  }
  return out;
}

Strides strides_of(const Shape& shape) {
  Strides strides(shape.size());
  std::int64_t step = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = step;
    step *= std::max<std::int64_t>(shape[axis], 1);  // element_count() bounds the product without the zeros too
  }
  return strides;
}

Strides broadcast_strides(const Shape& from, const Shape& to) {
  const auto own = strides_of(from);
  Strides strides(to.size(), 0);
  const std::size_t ahead = to.size() - from.size();
  for (std::size_t i = 0; i < from.size(); ++i) {
    strides[ahead + i] = from[i] == 1 ? 0 : own[i];
  }
  return strides;
}

}  // namespace blindai::engine::reference
