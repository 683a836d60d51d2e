#include <fmt/format.h>

#include "base/json.h"
#include "v2/elements.h"
#include "v2/infer.h"

namespace blindai::v2 {
namespace {

constexpr int answer_depth = 8;

std::string shape_json(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ",")); }

Result<Shape> shape_of(const json::Value& value) {
  const json::Value* member = value.find("shape");
  const auto* list = member == nullptr ? nullptr : member->as<json::Array>();
  if (list == nullptr || list->size() > max_rank) {
    return fail(Code::unavailable, {"the server's answer has an output without a shape"});
  }
  Shape shape;
  for (const json::Value& dimension : *list) {
    const auto* number = dimension.as<std::int64_t>();
    if (number == nullptr || *number < 0) {
      return fail(Code::unavailable, {"the server's answer has an output with a wrong shape"});
    }
    shape.push_back(*number);
  }
  return shape;
}

Result<AnswerTensor> tensor_of(const json::Value& value) {
  const std::string* name = value.text("name");
  const std::string* datatype = value.text("datatype");
  const auto type = datatype == nullptr ? std::nullopt : datatype_from_name(*datatype);
  const json::Value* parameters = value.find("parameters");
  const json::Value* size = parameters == nullptr ? nullptr : parameters->find("binary_data_size");
  const auto* bytes = size == nullptr ? nullptr : size->as<std::int64_t>();
  if (name == nullptr || !type || bytes == nullptr || *bytes < 0) {
    return fail(Code::unavailable, {"the server's answer has a malformed output"});
  }
  AnswerTensor tensor{*name, *type, {}, 0, static_cast<std::size_t>(*bytes)};
  BLINDAI_TRY(tensor.shape, shape_of(value));
  if (!size_fits(tensor.datatype, tensor.shape, tensor.size)) {
    return fail(Code::unavailable, {"the server's answer has an output whose size is not that of its shape"});
  }
  return tensor;
}

}  // namespace

Result<EncodedAnswer> encode_answer(std::string_view model_name, std::string_view model_version, std::string_view id,
                                    const std::vector<OutputTensor>& outputs,
                                    const std::vector<std::pair<std::string, std::string>>& parameters) {
  EncodedAnswer answer;
  std::string& json = answer.json;
  json = R"({"model_name":)" + json::quote(model_name) + R"(,"model_version":)" + json::quote(model_version);
  if (!id.empty()) {
    json += R"(,"id":)" + json::quote(id);
  }
  if (!parameters.empty()) {
    json::Object object;
    for (const auto& [name, value] : parameters) {
      object.emplace(name, value);
    }
    json += R"(,"parameters":)" + json::write(object);
  }
  json += R"(,"outputs":[)";
  for (const OutputTensor& output : outputs) {
    json += &output == outputs.data() ? "" : ",";
    json += fmt::format(R"({{"name":{},"datatype":"{}","shape":{},)", json::quote(output.name), name(output.datatype),
                        shape_json(output.shape));
    if (output.binary) {
      answer.any_binary = true;
      json += fmt::format(R"("parameters":{{"binary_data_size":{}}}}})", output.data.size());
    } else {
      json += R"("data":)";
      BLINDAI_CHECK(write_elements(json, output.datatype, output.data, Disclosed(output.name)));
      json += "}";
    }
  }
  json += "]}";
  return answer;
}

Result<Answer> parse_answer(ByteView json, std::uint64_t binary_bytes, const Limits& limits) {
  if (json.size() > limits.json_bytes) {
    return fail(Code::unavailable, {"the JSON part of the server's answer is over {} bytes", limits.json_bytes});
  }
  const auto root = json::parse(as_text(json), answer_depth);
  const json::Value* outputs = root ? root->find("outputs") : nullptr;
  const auto* list = outputs == nullptr ? nullptr : outputs->as<json::Array>();
  if (list == nullptr || list->size() > limits.tensors) {
    return fail(Code::unavailable, {"the server's answer is not that of an inference"});
  }
  Answer answer;
  const auto copy_text = [&](std::string_view member, std::string& out) {
    if (const std::string* text = root->text(member)) {
      out = *text;
    }
  };
  copy_text("model_name", answer.model_name);
  copy_text("model_version", answer.model_version);
  copy_text("id", answer.id);
  std::uint64_t at = 0;
  for (const json::Value& item : *list) {
    BLINDAI_TRY(auto tensor, tensor_of(item));
    if (tensor.size > binary_bytes - at) {
      return fail(Code::unavailable, {"the server's answer is shorter than its outputs"});
    }
    tensor.offset = at;
    at += tensor.size;
    answer.outputs.push_back(std::move(tensor));
  }
  if (at != binary_bytes) {
    return fail(Code::unavailable, {"the server's answer is longer than its outputs"});
  }
  return answer;
}

}  // namespace blindai::v2
