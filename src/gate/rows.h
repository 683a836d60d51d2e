// Private to this folder: the proof that a model keeps rows apart, so that requests of different trust groups may share a
// batch (docs/batching.md).
//
// Proved means: with B rows along the first axis of every input, slice b of every output along its first axis depends on
// slice b of the inputs, on the weights, and on nothing else; neither on other rows, nor on b, nor on B. It is shown operator by
// operator over the outer graph. Whatever is not in the table, or not known well enough, ends the proof, in words that name
// the node and the reason; it never ends the upload.
//
// Thread rule: pure functions. One pass over the nodes, with memory bounded by `most_values_proved`.
#pragma once

#include <optional>
#include <string>

#include "gate/walk.h"

namespace blindai::gate {

// Why requests cannot be joined along a first dimension, as far as inputs and outputs tell; nothing where they can.
std::optional<std::string> unbatchable(const Admitted& admitted);

inline constexpr std::size_t most_values_proved = 300'000;

// `graph`: the GraphProto of a model that passed; `walk` as it was left by it, with all inputs and outputs.
Result<Rows> prove_rows(const Walk& walk, ByteView graph);
// The graph for the engine without what the file says of the shapes inside (value_info): what is proved rests on what nodes
// compute, and the engine must not believe other words.
Result<Bytes> without_claims(ByteView graph);

}  // namespace blindai::gate
