// Private to this folder: the walk over a model whose form was checked (form.h). Each function reads one kind of message,
// counts what it finds against the limits, and writes the message again without what the engine does not need (texts for
// people, metadata, training) and without any name of a file.
//
// Recursion follows the nesting of graphs, which `limits.nesting` bounds, and nothing else.
#pragma once

#include <compare>
#include <map>
#include <set>
#include <vector>

#include "gate/form.h"
#include "gate/gate.h"
#include "gate/names.h"
#include "gate/wire.h"

namespace blindai::gate {

// What an operator, or a function of the model, is called. The domain "ai.onnx" stands as "".
struct FunctionKey {
  std::string_view domain;
  std::string_view name;
  std::string_view overload{};
  auto operator<=>(const FunctionKey&) const = default;
};

// What calls what, for the size after expansion: a key counts its calls.
struct FunctionBody {
  std::uint64_t nodes = 0;
  std::map<FunctionKey, std::uint64_t> operators;
  std::uint64_t bytes = 0;  // of embedded tensors
};

using Opsets = std::vector<std::pair<std::string, std::int64_t>>;

// Where the walk is, for the words of a refusal.
struct Step {
  std::string_view kind;  // "node", "attribute", "tensor", ...
  std::string_view name;
  std::string_view type;  // of a node
  std::optional<std::uint64_t> index;
};

struct Walk {
  ByteView body;
  const std::vector<File>& files;
  const Limits& limits;
  Admitted& out;
  Names names{};
  Scopes scopes{};
  std::map<FunctionKey, std::uint64_t> operators{};
  std::set<FunctionKey> functions{};       // that the model brings
  std::unordered_set<NameId> constants{};  // initialisers that are no inputs, and what Constant gives
  const Opsets* opsets = nullptr;          // of the model, or of the function that the walk is in
  bool in_function = false;
  bool passes_on = true;  // false in what the engine never sees, where names are not followed
  std::uint64_t initialisers = 0;
  std::uint64_t written = 0;  // bytes put into the small graph so far, embedded tensors above all
  std::uint64_t lifted = 0;   // bytes of weights
  std::vector<Step> path{};
};

// On the path as long as it lives.
class Inside {
 public:
  Inside(Walk& walk, Step step) : walk_(walk) { walk.path.push_back(step); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  ~Inside() { walk_.path.pop_back(); }

 private:
  Walk& walk_;
};
// "node 3 'conv1' (Conv), attribute 'value', tensor": its end, where it is long.
Disclosed here(const Walk& walk);

// A TensorProto. An outer initialiser that is large stays where it lies and becomes a Weight; any other data, external
// data too, is embedded.
enum class Place : std::uint8_t { outer_initialiser, elsewhere };
Result<Bytes> walk_tensor(Walk& walk, ByteView message, Place place);
Result<Bytes> walk_sparse_tensor(Walk& walk, ByteView message);
// One dimension, or several packed into one field.
Result<void> read_dims(const Walk& walk, const Field& field, Shape& dims);
// Counts what becomes part of the small graph.
Result<void> count_embedded(Walk& walk, std::uint64_t size);

// A GraphProto. `outer`: the model's own graph, whose inputs and outputs are those of the model.
Result<Bytes> walk_graph(Walk& walk, ByteView message, bool outer);
// A NodeProto, of a graph or a function. `index`: of it.
Result<Bytes> walk_node(Walk& walk, ByteView message, std::uint64_t index);
Result<Bytes> walk_attribute(Walk& walk, ByteView message);
// A FunctionProto; its name alone, and all of it.
Result<FunctionKey> read_function_key(ByteView message);
Result<Bytes> walk_function(Walk& walk, ByteView message, FunctionBody& body);
Result<void> read_opset(ByteView message, Opsets& out);

// What a model says of an input or output. An input must have a rank; of an output that may be unknown.
enum class Direction : std::uint8_t { input, output };
Result<TensorSpec> read_value(ByteView message, Direction direction);
// The dimensions of a TensorShapeProto; -1 for one that is named or not said.
Result<Shape> read_shape(ByteView message, std::string_view name);

// ZipMap, where it makes an output of the model: how it is found before the nodes are walked, and what stands for it.
Result<void> find_zipped(Walk& walk, ByteView graph);
// Nothing for any other output.
const Classes* zipped(const Walk& walk, std::string_view output);
Result<Bytes> without_zipmap(ByteView node);
Bytes zipped_value(const Classes& classes);

// A StringNormalizer as it was written, with the one locale that a worker knows.
Result<Bytes> with_known_locale(const Walk& walk, ByteView node);

// Names are followed where the engine will see them. Errors name the rule that a name breaks.
Result<void> define_name(Walk& walk, std::string_view name, std::string_view role);
Result<void> use_name(Walk& walk, std::string_view name);

// Refuses functions that call themselves, or that expand to more nodes or bytes than the limits.
Result<void> check_expansion(const std::map<FunctionKey, FunctionBody>& functions,
                             const std::map<FunctionKey, std::uint64_t>& calls, std::uint64_t nodes,
                             const Limits& limits);

inline constexpr std::size_t embedded_below_bytes = 4096;  // smaller initialisers are embedded
inline constexpr std::size_t max_opsets = 64;

}  // namespace blindai::gate
