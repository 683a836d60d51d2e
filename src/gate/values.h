// Private to this folder: what is known of the values of a graph before it runs, for the estimates of the report. A guess
// for people: nothing is refused by it, and nothing is allocated by it.
//
// Free dimensions count as 1. Whatever is not understood is unknown.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "gate/walk.h"

namespace blindai::gate {

struct Value {
  std::optional<Shape> shape;
  std::optional<std::vector<std::int64_t>> numbers;  // of a small tensor of integers
};

// One node, read as far as estimates need it.
struct NodeView {
  std::string_view type;
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> outputs;
  std::map<std::string_view, std::int64_t> ints;
  std::map<std::string_view, std::vector<std::int64_t>> lists;
  Value constant;  // of a Constant, and of what a ConstantOfShape is filled with
};
Result<NodeView> read_node(ByteView message);
// A TensorProto: its shape, and its numbers where it is small.
Result<Value> read_constant(ByteView tensor);

// What the node gives, where its inputs are these; as many as it has outputs.
std::vector<Value> values_of(const NodeView& node, const std::vector<Value>& inputs);
// Multiplications, each with its addition. Nothing for an operator that multiplies but whose shapes are not known; 0 for one
// that does not multiply matrices.
std::optional<std::uint64_t> multiplications(const NodeView& node, const std::vector<Value>& inputs,
                                             const std::vector<Value>& outputs);

// Saturates.
std::uint64_t elements_of(const Shape& shape);
std::uint64_t times(std::uint64_t a, std::uint64_t b);

}  // namespace blindai::gate
