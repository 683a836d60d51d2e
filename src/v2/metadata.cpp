#include "v2/metadata.h"

#include "base/json.h"

namespace blindai::v2 {
namespace {

json::Array specs(const std::vector<TensorSpec>& tensors) {
  json::Array list;
  for (const TensorSpec& tensor : tensors) {
    json::Array shape(tensor.shape.begin(), tensor.shape.end());
    list.emplace_back(
        json::Object{{"name", tensor.name}, {"datatype", name(tensor.datatype)}, {"shape", std::move(shape)}});
  }
  return list;
}

// Triton's name of a datatype in a configuration.
std::string config_type(DataType type) {
  return type == DataType::bytes ? "TYPE_STRING" : "TYPE_" + std::string(name(type));
}

json::Array config_specs(const std::vector<TensorSpec>& tensors) {
  json::Array list;
  for (const TensorSpec& tensor : tensors) {
    json::Array dims(tensor.shape.begin(), tensor.shape.end());
    list.emplace_back(
        json::Object{{"name", tensor.name}, {"data_type", config_type(tensor.datatype)}, {"dims", std::move(dims)}});
  }
  return list;
}

}  // namespace

std::vector<std::string> extensions() {
  return {"binary_tensor_data", "model_configuration", "model_repository", "statistics"};
}

std::string server_metadata(std::string_view version) {
  const auto names = extensions();
  return json::write(json::Object{
      {"name", server_name}, {"version", version}, {"extensions", json::Array(names.begin(), names.end())}});
}

std::string model_metadata(std::string_view name, const std::vector<std::string>& versions, std::string_view platform,
                           const std::vector<TensorSpec>& inputs, const std::vector<TensorSpec>& outputs) {
  return json::write(json::Object{{"name", name},
                                  {"versions", json::Array(versions.begin(), versions.end())},
                                  {"platform", platform},
                                  {"inputs", specs(inputs)},
                                  {"outputs", specs(outputs)}});
}

std::string model_config(std::string_view name, std::string_view platform, const std::vector<TensorSpec>& inputs,
                         const std::vector<TensorSpec>& outputs) {
  const json::Object versions{{"latest", json::Object{{"num_versions", 1}}}};
  const json::Object instance{{"name", std::string(name) + "_0"}, {"kind", "KIND_CPU"}, {"count", 1}};
  return json::write(json::Object{{"name", name},
                                  {"platform", platform},
                                  {"backend", "onnxruntime"},
                                  {"version_policy", versions},
                                  {"max_batch_size", 0},
                                  {"input", config_specs(inputs)},
                                  {"output", config_specs(outputs)},
                                  {"instance_group", json::Array{instance}},
                                  {"model_transaction_policy", json::Object{{"decoupled", false}}}});
}

std::string tensor_metadata(const std::vector<TensorSpec>& tensors) { return json::write(specs(tensors)); }

}  // namespace blindai::v2
