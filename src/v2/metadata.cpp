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

}  // namespace

std::vector<std::string> extensions() { return {"binary_tensor_data"}; }

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

std::string tensor_metadata(const std::vector<TensorSpec>& tensors) { return json::write(specs(tensors)); }

}  // namespace blindai::v2
