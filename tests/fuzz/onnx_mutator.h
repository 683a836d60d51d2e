// Changes ONNX models by their structure: what comes out is protocol buffers again, with the fields of onnx.proto, so that
// the fuzzer gets behind the gate's check of the form, to names, tensors, functions and operators.
//
// Thread rule: a pure function of its arguments.
#pragma once

#include "base/bytes.h"

namespace blindai::fuzz {

// The model with some fields dropped, doubled, swapped, taken from elsewhere in it, or with other values, as `seed` has it.
// Nothing for what is not protocol buffers.
Bytes mutate_model(ByteView model, unsigned seed);

}  // namespace blindai::fuzz
