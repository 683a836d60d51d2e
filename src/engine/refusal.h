// Private to this folder: what ONNX Runtime says of a model or an input, as an error of ours.
#pragma once

#include "base/error.h"

namespace blindai::engine {

// Of a model that would not load. An operator that the engine lacks is named.
Error load_refusal(std::string_view message);
// Of a run. The text is for the caller whose input it was, and for nobody else.
Error run_refusal(std::string_view message);

}  // namespace blindai::engine
