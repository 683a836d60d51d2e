// Private to this folder: the shape that an output will have, as far as the names of free dimensions tell.
//
// Thread rule: immutable.
#pragma once

#include <onnxruntime_cxx_api.h>

#include "engine/engine.h"

namespace blindai::engine {

// Of each dimension, its name: empty where it has none or is fixed.
using DimensionNames = std::vector<std::string>;
DimensionNames names_of(const Ort::TypeInfo& type);

// `output` with each free dimension as long as that of the inputs with its name; nothing where no input has the name, or
// two disagree. A model's names are a promise that nobody has checked: the engine refuses a tensor of another shape than
// it makes, see told_wrong().
std::optional<Shape> told_shape(const Shape& output, const DimensionNames& names, const std::vector<InputView>& inputs,
                                const std::vector<DimensionNames>& input_names);

// Whether a run failed because an output has another shape than the tensor that it was given.
bool told_wrong(std::string_view message);

}  // namespace blindai::engine
