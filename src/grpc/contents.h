// Private to this folder: InferTensorContents, the typed form of a tensor.
#pragma once

#include "base/tensor.h"

namespace blindai::grpc {

// How many elements `contents` hold, and how many bytes they take in memory. Errors: invalid_argument where they are of
// another field than the one of that datatype, or damaged, or of a datatype that has no typed form.
struct Measure {
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
};
Result<Measure> measure_contents(DataType type, std::span<const ByteView> contents, const Disclosed& tensor);

// Writes what was measured. Error: invalid_argument for a number outside of its datatype, with its index.
Result<void> write_contents(DataType type, std::span<const ByteView> contents, MutableBytes out,
                            const Disclosed& tensor);

}  // namespace blindai::grpc
