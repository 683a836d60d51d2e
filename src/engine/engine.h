// The seam to the inference engine. No header of an engine is included outside this folder.
//
//   Engine  the library with its threads; made before the sandbox closes
//   Model   a graph with its weights; weights are views into mapped memory that outlives the model
//   Slot    one run at a time on tensors in caller memory
//
// Exceptions of an engine end here. Thread rule: an Engine is used by one thread while it loads; Slots of one Model may
// run on different threads, each Slot on one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/tensor.h"

namespace blindai::engine {

struct WeightView {
  std::string name;
  DataType datatype{};
  Shape shape;
  ByteView data;
};

struct InputView {
  std::size_t index = 0;  // of Model::inputs()
  Shape shape;
  ByteView data;  // of BYTES its elements, each with its length
};

// Where a run puts its outputs: returns memory of exactly that size (64-byte aligned). Called once per output, and again
// where an output turned out to have another shape than the model had told: the last call counts. BYTES are written as
// they are read.
using OutputSink =
    std::function<Result<MutableBytes>(std::size_t index, DataType datatype, const Shape& shape, std::uint64_t size)>;

class Slot {
 public:
  Slot() = default;
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  virtual ~Slot() = default;
  // Every input of the model exactly once. Outputs are published only after the engine reported success.
  // Errors: invalid_argument (refused by the engine: shapes, indices), resource_exhausted, internal; of the reference
  // engine also unimplemented (a datatype that an operator lacks) and cancelled (interrupted).
  virtual Result<void> run(const std::vector<InputView>& inputs, const OutputSink& sink) = 0;
  // Asks a run on another thread to end soon. Thread-safe.
  virtual void interrupt() = 0;
};

class Model {
 public:
  Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  virtual ~Model() = default;
  virtual const std::vector<TensorSpec>& inputs() const = 0;
  virtual const std::vector<TensorSpec>& outputs() const = 0;
  virtual Result<std::unique_ptr<Slot>> make_slot() = 0;
};

struct Options {
  unsigned threads = 0;                             // of one run that uses the pool; 0: as many as CPUs
  std::optional<std::uint8_t> fill = std::nullopt;  // for tests: of each byte of the memory that a tensor is given
};

// Where a model's runs compute: each on the thread that calls it alone, or with the engine's pool.
enum class Threading : std::uint8_t { caller, pool };

// Whether an engine makes a copy of weights in the order that suits its products, or reads them where they are. The last
// bits of answers differ between the two.
enum class Weights : std::uint8_t { packed, in_place };

struct Loading {
  Threading threading = Threading::pool;
  Weights weights = Weights::packed;
};

class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;
  virtual std::string_view name() const = 0;  // "onnxruntime", "reference"
  virtual std::string version() const = 0;
  // `graph`: an ONNX model. Each of the weights is an initialiser of its outer graph that has a type, a shape, the data
  // location EXTERNAL and no data: the engine takes the bytes at the view, whatever location the graph names.
  // Errors: model_rejected; an unsupported operator is named in the public message.
  virtual Result<std::unique_ptr<Model>> load(ByteView graph, const std::vector<WeightView>& weights,
                                              const Loading& loading) = 0;
  Result<std::unique_ptr<Model>> load(ByteView graph, const std::vector<WeightView>& weights) {
    return load(graph, weights, Loading{});
  }
};

// Loads ONNX Runtime from an open descriptor of its library, never by a name: what runs is what the caller measured. Once
// per process, on the only thread, while /proc can still be read; the descriptor may be closed afterwards. Errors:
// internal.
Result<void> load_onnxruntime(int library);
// All files are read and all threads started here. After load_onnxruntime().
Result<std::unique_ptr<Engine>> make_onnxruntime(const Options& options);

}  // namespace blindai::engine
