// Private to this folder: ONNX Runtime sessions whose large weights stay where they lie.
#pragma once

#include <onnxruntime_cxx_api.h>

#include "engine/engine.h"

namespace blindai::engine {

// The same names in the two worlds; undefined where ONNX Runtime has none.
ONNXTensorElementDataType element_type(DataType type);
std::optional<DataType> datatype_of(ONNXTensorElementDataType type);

// A tensor that lies in memory of somebody else. The engine takes a pointer to mutable bytes and does not write inputs.
Ort::Value tensor_over(ByteView data, DataType type, const Shape& shape);

// Whether the library has what session_over() needs: version 22 of its interface.
bool can_edit_models(const OrtApiBase& library);

// A session of Engine::load()'s `graph` and `weights`, which must outlive it. The weights are constants of the graph like
// any other initialiser, and of a large one no byte is copied except where ONNX Runtime packs it. Errors: model_rejected
// where the graph is no protobuf; else Ort::Exception.
Result<Ort::Session> session_over(const OrtApiBase& library, const Ort::Env& env, const Ort::SessionOptions& options,
                                  ByteView graph, const std::vector<WeightView>& weights);

}  // namespace blindai::engine
