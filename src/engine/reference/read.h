// Private to this folder: what the files of the reader share.
#pragma once

#include <optional>
#include <set>

#include "base/protobuf.h"
#include "engine/reference/graph.h"

namespace blindai::engine::reference {

using protobuf::Field;
using protobuf::Wire;

// The fields of a message, one after another. Error: model_rejected where it is cut off or damaged.
class Fields {
 public:
  explicit Fields(ByteView message) : reader_(message) {}
  bool done() const { return reader_.done(); }
  Result<Field> next();

 private:
  protobuf::Reader reader_;
};

std::unexpected<Error> not_taken(std::string_view message, const Field& field);
Result<std::string> read_name(const Field& field);
// Adds the integers of a repeated field, packed or not, up to `limit` of them.
Result<void> read_integers(const Field& field, std::vector<std::int64_t>& out, std::size_t limit);

std::optional<DataType> datatype_of(std::uint64_t element_type);

// What is counted over the whole file, subgraphs included.
struct Reading {
  const std::vector<WeightView>& weights;
  std::int64_t opset = 0;
  std::size_t nodes = 0;
  std::size_t tensors = 0;
};

// The values that a graph has written so far, on top of those of the graphs around it.
struct Names {
  std::set<std::string, std::less<>> own;
  const Names* outer = nullptr;
  bool contains(const std::string& name) const {
    return own.contains(name) || (outer != nullptr && outer->contains(name));
  }
};

// `outer`: of the graph around this one; none for the model's own. The recursion is bounded by max_nesting.
Result<Graph> read_graph(Reading& reading, ByteView message, const Names* outer, int depth);
Result<Node> read_node(Reading& reading, ByteView message, const Names& names, int depth);

struct NamedTensor {
  std::string name;
  bool external = false;  // its bytes are among the weights
  Tensor tensor;
};
Result<NamedTensor> read_tensor(ByteView message);
// Name, datatype and shape of an input or output. `strict`: it must have a datatype that is served.
Result<TensorSpec> read_value_info(ByteView message, bool strict);

}  // namespace blindai::engine::reference
