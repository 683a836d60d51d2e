// Inside the worker: the rows of several requests laid side by side for one run of the engine, and what came out taken
// apart again.
//
// Buffers are kept from one batch to the next, up to a bound.
//
// Thread rule: one runner.
#pragma once

#include <memory>

#include "engine/engine.h"
#include "worker/output_region.h"
#include "worker/ring.h"

namespace blindai::worker {

class Gathered {
 public:
  struct Member {
    ByteView region;  // the slot's inputs
    std::vector<TensorHeader> inputs;
    std::int64_t rows = 0;  // set by gather()
  };

  // Errors: internal where the members do not go together: another form, no batch axis, datatype BYTES.
  Result<std::vector<engine::InputView>> gather(std::vector<Member>& members, const std::vector<TensorSpec>& specs,
                                                const std::vector<std::size_t>& input_of_engine);
  engine::OutputSink sink();
  // Whether every output has one row for each that went in.
  bool whole() const;
  // The rows of one member into its slot. `first`: rows of the members before it. Errors: those of OutputRegion::place().
  Result<void> scatter(std::int64_t first, std::int64_t rows, OutputRegion& region) const;
  void release();  // what is larger than is kept

 private:
  struct Buffer {
    struct Free {
      void operator()(std::uint8_t* memory) const;
    };
    std::unique_ptr<std::uint8_t, Free> bytes;
    std::size_t capacity = 0;
    MutableBytes of(std::size_t size);  // throws std::bad_alloc
  };
  struct Output {
    std::size_t index = 0;
    DataType datatype{};
    Shape shape;
    std::size_t buffer = 0;
    std::uint64_t size = 0;
  };

  std::int64_t rows_ = 0;
  std::vector<Buffer> inputs_;
  std::vector<Buffer> buffers_;  // of outputs
  std::vector<Output> outputs_;
};

}  // namespace blindai::worker
