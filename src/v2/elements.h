// Private to this folder: elements of a tensor between JSON and memory.
#pragma once

#include <simdjson.h>

#include "base/tensor.h"

namespace blindai::v2 {

// Fills `out` with the elements of `data`, an array nested in any way: row-major, nesting is ignored, the count is not.
// Errors: invalid_argument, with the index of the element.
Result<void> read_elements(simdjson::dom::element data, DataType type, MutableBytes out, const Disclosed& tensor);

// What the texts of `data`, nested in any way and as many as `count`, take as elements of BYTES. Errors: invalid_argument.
Result<std::uint64_t> measure_texts(simdjson::dom::element data, std::uint64_t count, const Disclosed& tensor);

// The same JSON with every integer that no 64 bits hold written as a fraction: the parser refuses the one and takes the
// other. So they are numbers of FP32 and FP64, and of no other datatype.
std::string widen_integers(std::string_view json);

// Appends the elements as a flat JSON array. Errors: invalid_argument for FP16, BF16, numbers that JSON lacks, and BYTES
// that are not UTF-8. Of the memory of a worker: what is checked is a copy.
Result<void> write_elements(std::string& json, DataType type, ByteView data, const Disclosed& tensor);

}  // namespace blindai::v2
