// The bounded walk over an ONNX file that decides what the engine may see. Nothing else in the server reads a model.
//
// The gate parses the protobuf wire format itself: every length, count, depth and product is checked before it is used,
// nothing is allocated by a number from the file. First the form (form.h): whatever readers could understand in two ways
// is refused. Then the meaning: names, operators that the engine has, tensors that fill their shapes, external references
// that resolve inside the bundle, functions that end. It writes a new small graph: no file name, no external data, large
// initialisers replaced by references into the body.
//
// Thread rule: pure functions. A scan of a large model takes milliseconds; not for an I/O thread.
#pragma once

#include <string>
#include <vector>

#include "base/tensor.h"

namespace blindai::gate {

struct Limits {
  std::size_t graph_bytes = 256 * 1024 * 1024;  // of the small graph, without lifted weights
  std::size_t nodes = 200'000;
  int nesting = 16;          // subgraphs
  std::size_t tensors = 64;  // inputs, and outputs
  std::size_t initialisers = 100'000;
  std::size_t fields = 20'000'000;  // of protocol buffers, in the file of the model
  std::size_t names = 2'000'000;    // of values
  std::uint64_t sharing = 4;        // weights together are at most so many times the body
};

// One file of a body: a single .onnx, or the members of a bundle.
struct File {
  std::string name;
  std::uint64_t offset = 0;  // in the body
  std::uint64_t size = 0;
};

// Files of a bundle, from its head (design section 9.1): "length || CBOR || files". The files' digests are for the
// receiver of the body to check; the digest of the model is the SHA-256 of `cbor`. Errors: invalid_argument.
struct BundleFile {
  File file;
  Digest sha256;
};
struct BundleIndex {
  std::vector<BundleFile> files;
};
inline constexpr std::size_t max_bundle_index_bytes = 1024 * 1024;
Result<BundleIndex> parse_bundle_index(ByteView cbor, std::uint64_t body_bytes);

// A weight that stays where it is.
struct Weight {
  std::string name;
  DataType datatype{};  // fixed-size elements only
  Shape shape;
  std::uint64_t offset = 0;  // in the body
  std::uint64_t size = 0;
};

struct OperatorCount {
  std::string domain;  // "" is ai.onnx
  std::string type;
  std::uint64_t count = 0;
};

// An output that is a list of maps in the file, from class to number. It is served as the numbers, one column for each.
struct Classes {
  std::string output;
  std::vector<std::string> labels;  // in the order of the columns; the first thousand at most
  std::uint64_t count = 0;
};

// What one request costs, worked out from the outer graph with each free dimension as 1: a guess for people.
struct Estimate {
  std::uint64_t multiplications = 0;   // of matrix products, convolutions and recurrent layers, each with its addition
  std::uint64_t unknown_nodes = 0;     // that multiply too, but in shapes that the graph does not tell
  std::uint64_t activation_bytes = 0;  // the most that values between nodes take at once, as 32-bit numbers
  std::uint64_t unknown_values = 0;    // whose shapes the graph does not tell
  bool free_dimensions = false;        // whether there are any
};

// Whether the gate proved that each row of the outputs depends on the same row of the inputs alone.
struct Rows {
  bool proved = false;
  std::string why;  // a sentence for people; where it is not proved it names the node and the reason
};

struct Admitted {
  Bytes graph;  // the small ONNX model for the engine
  std::vector<Weight> weights;
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
  std::vector<OperatorCount> operators;
  std::vector<Classes> classes;
  std::uint64_t nodes = 0;
  std::uint64_t parameters = 0;  // elements of all initialisers
  std::int64_t ir_version = 0;
  std::vector<std::pair<std::string, std::int64_t>> opsets;  // "" is ai.onnx
  bool has_training = false;                                 // which is left out
  Estimate estimate;
  Rows rows;
};

// `body`: the whole memfd. `files`: the model first. Errors: model_rejected with a sentence that says what and where;
// an external data file that is not in the body is named.
Result<Admitted> scan(ByteView body, const std::vector<File>& files, const Limits& limits = {});

}  // namespace blindai::gate
