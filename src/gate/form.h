// Private to this folder: the form of a model's bytes, checked as a whole before anything is made of them.
//
// Readers of protocol buffers take more than one writing for the same message, and not all take the same: of a field
// that stands twice some keep the first, most the last, and merge messages; unknown fields are skipped or kept; a number
// may be longer than it needs. A model that two readers understand differently could be one thing for the gate and
// another for the engine, so nothing of that passes: each field is known, has its own wire type, stands once unless it
// is repeated, and is written in one way.
//
// Memory: a stack of as many frames as messages are nested, which is bounded; nothing else grows. No recursion.
#pragma once

#include "gate/gate.h"

namespace blindai::gate {

// Errors: model_rejected, too_large; each with the path to the field, such as "graph.node[3].attribute[0].t".
Result<void> check_form(ByteView model, const Limits& limits);

inline constexpr std::size_t max_name_bytes = 4096;

}  // namespace blindai::gate
