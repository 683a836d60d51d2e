// Private to this folder: the operators of the reference engine, one function each, in families:
//
//   arithmetic.cpp  Abs Neg Sqrt Exp Log Reciprocal Relu Sigmoid Tanh Erf Gelu; Add Sub Mul Div Pow Min Max
//   logic.cpp       Equal Less LessOrEqual Greater GreaterOrEqual And Or Not IsNaN Where Cast
//   move.cpp        Identity Reshape Flatten Squeeze Unsqueeze Transpose Expand Slice Concat Gather Shape Constant
//                   ConstantOfShape
//   reduce.cpp      ReduceMean ReduceSum Softmax LayerNormalization
//   multiply.cpp    MatMul Gemm
//   control.cpp     Loop, without scan outputs
//
// Arithmetic knows FP32, FP64, INT32 and INT64; whole numbers wrap around. What moves elements knows every datatype.
// Semantics are those of onnx.ai/onnx/operators.
//
// Thread rule: functions without state.
#pragma once

#include <array>
#include <span>
#include <type_traits>

#include "engine/reference/graph.h"

namespace blindai::engine::reference {

// Values by name while a graph runs, on top of those of the graph around it.
struct Scope {
  std::map<std::string, Tensor, std::less<>> values;
  const Scope* outer = nullptr;
  const Tensor* find(std::string_view name) const;
};

// One node at work. `inputs` are as many as the node names; null where one is left out.
struct Call {
  const Node& node;
  std::span<const Tensor* const> inputs;
  const Scope& scope;
  std::int64_t opset;
  Run& run;

  const Tensor& input(std::size_t index) const { return *inputs[index]; }
  bool has(std::size_t index) const { return index < inputs.size() && inputs[index] != nullptr; }
};

struct Operator {
  std::string_view type;
  std::size_t min_inputs;  // these may not be left out
  std::size_t max_inputs;
  std::size_t max_outputs;
  Result<std::vector<Tensor>> (*compute)(const Call& call);
};

std::span<const Operator> arithmetic_operators();
std::span<const Operator> logic_operators();
std::span<const Operator> move_operators();
std::span<const Operator> reduce_operators();
std::span<const Operator> multiply_operators();
std::span<const Operator> control_operators();

// Null for an operator that the engine lacks.
const Operator* find_operator(std::string_view type);

// Runs the nodes of a graph; its initialisers and inputs are in `scope`, and its results come there.
Result<void> run_nodes(const Graph& graph, Scope& scope, std::int64_t opset, Run& run);

// An operator's own refusal, of a caller's tensor or of a model's.
inline constexpr Code refused = Code::invalid_argument;
std::unexpected<Error> no_such_datatype(const Call& call, DataType datatype);

// The axis as a number from 0 to rank - 1, counted from the end where it is negative.
Result<std::size_t> axis_of(const Call& call, std::int64_t axis, std::size_t rank);
// All elements of a tensor of INT32 or INT64.
Result<std::vector<std::int64_t>> integers(const Call& call, const Tensor& tensor);
// The shape that two tensors make together (multidirectional broadcasting).
Result<Shape> broadcast(const Call& call, const Shape& a, const Shape& b);
// For each dimension, how many elements one step along it makes; of the second, along a dimension of `to` in a tensor
// of shape `from`: 0 where that is repeated.
using Strides = std::vector<std::int64_t>;
Strides strides_of(const Shape& shape);
Strides broadcast_strides(const Shape& from, const Shape& to);

// Walks the elements of `shape` in row-major order; visit(offsets) is told, for each of the tensors behind `strides`,
// the sum of index times stride, and returns nothing or a Result<void>. Stops at the first error.
template <std::size_t N, typename Visit>
Result<void> for_each(const Call& call, const Shape& shape, const std::array<Strides, N>& strides,
                      std::array<std::int64_t, N> at, const Visit& visit) {
  constexpr std::uint64_t look_every = 4096;
  std::vector<std::int64_t> index(shape.size(), 0);
  const std::uint64_t count = element_count(shape).value_or(0);
  for (std::uint64_t done = 0; done < count; ++done) {
    if (done % look_every == 0) {
      BLINDAI_CHECK(call.run.keep_going());
    }
    std::array<std::size_t, N> offsets{};
    for (std::size_t i = 0; i < N; ++i) {
      offsets[i] = static_cast<std::size_t>(at[i]);
    }
    if constexpr (std::is_void_v<decltype(visit(offsets))>) {
      visit(offsets);
    } else {
      BLINDAI_CHECK(visit(offsets));
    }
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      const bool carry = ++index[axis] == shape[axis];
      index[axis] = carry ? 0 : index[axis];
      for (std::size_t i = 0; i < N; ++i) {
        at[i] += carry ? -strides[i][axis] * (shape[axis] - 1) : strides[i][axis];
      }
      if (!carry) {
        break;
      }
    }
  }
  return {};
}

// Calls make.template operator()<T>() with the type of the elements. Error: for other datatypes than those four.
template <typename Make>
Result<Tensor> with_number(const Call& call, DataType datatype, const Make& make) {
  switch (datatype) {
    case DataType::fp32:
      return make.template operator()<float>();
    case DataType::fp64:
      return make.template operator()<double>();
    case DataType::int32:
      return make.template operator()<std::int32_t>();
    case DataType::int64:
      return make.template operator()<std::int64_t>();
    default:
      return no_such_datatype(call, datatype);
  }
}
template <typename Make>
Result<Tensor> with_real(const Call& call, DataType datatype, const Make& make) {
  switch (datatype) {
    case DataType::fp32:
      return make.template operator()<float>();
    case DataType::fp64:
      return make.template operator()<double>();
    default:
      return no_such_datatype(call, datatype);
  }
}

// The one output of most operators.
inline Result<std::vector<Tensor>> single(Result<Tensor> tensor) {
  if (!tensor) {
    return std::unexpected(std::move(tensor).error());
  }
  return std::vector<Tensor>{std::move(*tensor)};
}

}  // namespace blindai::engine::reference
