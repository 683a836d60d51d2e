// Private to this folder: the walk over a model. Each function reads one kind of message, counts what it finds against
// the limits, and writes the message again without what the engine does not need (texts for people, metadata, training)
// and without any name of a file.
//
// Recursion follows the nesting of graphs, which `limits.nesting` bounds, and nothing else.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "gate/gate.h"
#include "gate/wire.h"

namespace blindai::gate {

struct Walk {
  ByteView body;
  const std::vector<File>& files;
  const Limits& limits;
  Admitted& out;
  std::map<std::pair<std::string, std::string>, std::uint64_t> operators;
  std::set<std::string, std::less<>> inputs;  // names seen
  std::set<std::string, std::less<>> outputs;
  std::uint64_t initialisers = 0;
  std::uint64_t written = 0;  // bytes put into the small graph so far, embedded tensors above all
};

// What calls what, for the size after expansion: a node's key counts its calls.
using FunctionKey = std::pair<std::string, std::string>;  // domain, name
struct FunctionBody {
  std::uint64_t nodes = 0;
  std::map<FunctionKey, std::uint64_t> operators;
};

enum class Place : std::uint8_t { outer_initialiser, elsewhere };

// A TensorProto. An outer initialiser that is large stays where it lies and becomes a Weight; any other data, external
// data too, is embedded.
Result<Bytes> walk_tensor(Walk& walk, ByteView message, Place place, std::set<std::string, std::less<>>* names);
Result<Bytes> walk_sparse_tensor(Walk& walk, ByteView message);

// A GraphProto. `outer`: the model's own graph, whose inputs and outputs are those of the model.
Result<Bytes> walk_graph(Walk& walk, ByteView message, int depth, bool outer);
// A NodeProto, of a graph or a function.
Result<Bytes> walk_node(Walk& walk, ByteView message, int depth);
Result<Bytes> walk_function(Walk& walk, ByteView message, FunctionKey& key, FunctionBody& body);

// Refuses functions that call themselves, or that expand to more nodes than the limit.
Result<void> check_expansion(const std::map<FunctionKey, FunctionBody>& functions,
                             const std::map<FunctionKey, std::uint64_t>& calls, std::uint64_t nodes, std::size_t limit);

Result<std::string> read_name(const Field& field);
std::unexpected<Error> unknown_field(std::string_view message, std::uint32_t number);

inline constexpr std::size_t embedded_below_bytes = 4096;  // smaller initialisers are embedded
inline constexpr std::size_t max_name_bytes = 4096;

}  // namespace blindai::gate
