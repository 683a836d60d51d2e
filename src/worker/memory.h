// How much memory a worker may take for itself, worked out from the model before a byte of it is parsed.
#pragma once

#include "gate/gate.h"

namespace blindai::worker {

// What the process may add to the memory that it has when its sandbox closes, bytes. By then the engine and its threads are
// made and the ring and the model's body are mapped, so none of them counts. It is
//
//   4 x weights   a copy in a wider type (halves are computed as floats), and the packed form of that; where the weights
//                 are used in place 2 x, without the packed form
//   16 x graph    what the engine makes of nodes and names
//   room          activations, answers that are not in the ring yet, batches, the tries of the warm-up
//
// Nothing a model merely says counts: weights and graph are bytes that were uploaded.
// `in_place`: the weights will be for sure.
std::uint64_t memory_limit(const gate::Admitted& admitted, std::uint64_t room_bytes, bool in_place);

}  // namespace blindai::worker
