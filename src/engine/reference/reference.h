// A small engine in plain C++, for tests alone: unit tests under ThreadSanitizer, end-to-end tests under AddressSanitizer,
// fuzzing, and as a second opinion on ONNX Runtime. It depends on nothing but base, has no threads and opens no file.
//
// It runs the operators that the tests' models and transformers need (operators.h has the list) and refuses the rest by
// name. It is slow: one multiplication after another, sums in double precision.
//
// It is never part of what is shipped: it is built with the tests only, nothing but tests and blindai-worker-reference
// includes this header, and a server takes a worker that runs it only where it was built to (worker/build.h).
//
// Thread rule: as engine.h says.
#pragma once

#include "engine/engine.h"

namespace blindai::engine {

inline constexpr std::string_view reference_name = "reference";

// A run uses the thread that it is called on, and holds at most `run_bytes` at once besides inputs and weights.
std::unique_ptr<Engine> make_reference(std::uint64_t run_bytes = std::uint64_t{1} << 30U);

}  // namespace blindai::engine
