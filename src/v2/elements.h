// Private to this folder: elements of a tensor between JSON and memory.
#pragma once

#include <simdjson.h>

#include "base/tensor.h"

namespace blindai::v2 {

// Fills `out` with the elements of `data`, an array nested in any way: row-major, nesting is ignored, the count is not.
// Errors: invalid_argument, with the index of the element.
Result<void> read_elements(simdjson::dom::element data, DataType type, MutableBytes out, const Disclosed& tensor);

// Appends the elements as a flat JSON array. Errors: invalid_argument for FP16, BF16 and numbers that JSON lacks.
Result<void> write_elements(std::string& json, DataType type, ByteView data, const Disclosed& tensor);

}  // namespace blindai::v2
