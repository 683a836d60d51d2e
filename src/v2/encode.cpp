#include "base/json.h"
#include "v2/infer.h"

namespace blindai::v2 {

std::string encode_request(const std::vector<RequestTensor>& inputs, const std::vector<std::string>& outputs,
                           std::optional<std::chrono::microseconds> timeout) {
  json::Array list;
  for (const RequestTensor& input : inputs) {
    list.emplace_back(json::Object{{"name", input.name},
                                   {"datatype", name(input.datatype)},
                                   {"shape", json::Array(input.shape.begin(), input.shape.end())},
                                   {"parameters", json::Object{{"binary_data_size", input.byte_size}}}});
  }
  json::Object parameters{{"binary_data_output", true}};
  if (timeout) {
    parameters["timeout"] = std::int64_t{timeout->count()};
  }
  json::Object root{{"inputs", std::move(list)}, {"parameters", std::move(parameters)}};
  if (!outputs.empty()) {
    json::Array wanted;
    for (const std::string& output : outputs) {
      wanted.emplace_back(json::Object{{"name", output}});
    }
    root["outputs"] = std::move(wanted);
  }
  return json::write(root);
}

}  // namespace blindai::v2
