// Inside the worker: the output region of a slot, given out from its start, with the header that says where things are.
//
// Thread rule: one runner.
#pragma once

#include "worker/ring.h"

namespace blindai::worker {

class OutputRegion {
 public:
  // `output_of_ring`: from the engine's index of an output to the ring's.
  OutputRegion(MutableBytes region, const std::vector<std::size_t>& output_of_ring, AnswerHeader& answer)
      : region_(region), output_of_ring_(output_of_ring), answer_(answer) {}

  // Room for the engine's output of that index; of one that had room, another. Errors: internal, too_large.
  Result<MutableBytes> place(std::size_t index, DataType datatype, std::span<const std::int64_t> shape,
                             std::uint64_t size);
  void erase();

 private:
  MutableBytes region_;
  const std::vector<std::size_t>& output_of_ring_;
  AnswerHeader& answer_;
  std::uint64_t used_ = 0;
};

}  // namespace blindai::worker
