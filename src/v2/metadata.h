// The small documents of KServe V2: what the server and a model say of themselves.
#pragma once

#include <string>
#include <vector>

#include "base/tensor.h"

namespace blindai::v2 {

inline constexpr std::string_view server_name = "blindai";
inline constexpr std::string_view platform_name = "onnxruntime_onnx";  // of every model
std::vector<std::string> extensions();  // exactly those that are offered, by the names that Triton gives them
std::string server_metadata(std::string_view version);
// `versions`: as text, digits only.
std::string model_metadata(std::string_view name, const std::vector<std::string>& versions, std::string_view platform,
                           const std::vector<TensorSpec>& inputs, const std::vector<TensorSpec>& outputs);
// The model configuration that Triton's tools ask for, in its members that are true of any model here: nothing is said of
// a batch axis, and a model has one instance for each trust group.
std::string model_config(std::string_view name, std::string_view platform, const std::vector<TensorSpec>& inputs,
                         const std::vector<TensorSpec>& outputs);
// One tensor of a model: {"name", "datatype", "shape"}, -1 for a free dimension.
std::string tensor_metadata(const std::vector<TensorSpec>& tensors);

}  // namespace blindai::v2
