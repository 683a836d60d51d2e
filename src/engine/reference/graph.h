// Private to this folder: an ONNX model as the reference engine holds it, and the bounded reader that makes it.
//
// The reader checks what a run relies on: every name that a node reads was written before it, nothing is written twice,
// every operator is known and takes that many inputs, every tensor has the bytes that its type and shape make.
//
// Thread rule: a Graph does not change once it is read.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "engine/engine.h"
#include "engine/reference/tensor.h"

namespace blindai::engine::reference {

struct Graph;
struct Operator;

using Attribute = std::variant<std::monostate, float, std::int64_t, std::string, Tensor, std::shared_ptr<const Graph>,
                               std::vector<float>, std::vector<std::int64_t>>;

struct Node {
  const Operator* op = nullptr;
  std::vector<std::string> inputs;  // empty: left out
  std::vector<std::string> outputs;
  std::map<std::string, Attribute, std::less<>> attributes;

  // The attribute, or the fallback where there is none. Error: model_rejected where it is of another kind.
  template <typename T>
  Result<T> attribute(std::string_view name, T fallback) const {
    const auto found = attributes.find(name);
    if (found == attributes.end()) {
      return fallback;
    }
    const T* value = std::get_if<T>(&found->second);
    if (value == nullptr) {
      return fail(Code::model_rejected, {"attribute '{}' is not of the kind that its operator takes", Disclosed(name)});
    }
    return *value;
  }
};

struct Graph {
  std::map<std::string, Tensor, std::less<>> initialisers;
  std::vector<TensorSpec> inputs;  // without initialisers; those of a subgraph may lack type and shape
  std::vector<TensorSpec> outputs;
  std::vector<Node> nodes;
};

struct ModelFile {
  Graph graph;
  std::int64_t opset = 0;
};

inline constexpr std::int64_t first_opset = 13;
inline constexpr std::int64_t last_opset = 24;
inline constexpr std::size_t max_nodes = 200'000;
inline constexpr std::size_t max_tensors = 100'000;
inline constexpr std::size_t max_names = 1024;  // inputs and outputs of one node, attributes of one node
inline constexpr int max_nesting = 16;

// Errors: model_rejected, naming what is not taken.
Result<ModelFile> read_model(ByteView file, const std::vector<WeightView>& weights);

}  // namespace blindai::engine::reference
