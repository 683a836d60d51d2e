#include <simdjson.h>

#include <algorithm>

#include "base/checked.h"
#include "base/json.h"
#include "v2/elements.h"
#include "v2/infer.h"

namespace blindai::v2 {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t max_name_bytes = 1024;

// The member of an object, or nothing. A member that stands twice is refused: two readers could take different ones.
Result<std::optional<dom::element>> member(dom::object object, std::string_view name) {
  std::optional<dom::element> found;
  for (const auto& [key, value] : object) {
    if (key == name) {
      if (found) {
        return fail(Code::invalid_argument, {"member '{}' stands twice in one object", Disclosed(name)});
      }
      found = value;
    }
  }
  return found;
}

Result<std::string> name_of(dom::object object) {
  BLINDAI_TRY(const auto value, member(object, "name"));
  std::string_view text;
  if (!value || value->get_string().get(text) != simdjson::SUCCESS || text.empty() || text.size() > max_name_bytes) {
    return fail(Code::invalid_argument, {"every input and output needs a 'name' of 1 to {} bytes", max_name_bytes});
  }
  return std::string(text);
}

Result<DataType> datatype_of(dom::object object, const Disclosed& name) {
  BLINDAI_TRY(const auto value, member(object, "datatype"));
  std::string_view text;
  if (!value || value->get_string().get(text) != simdjson::SUCCESS) {
    return fail(Code::invalid_argument, {"input '{}' needs a 'datatype'", name});
  }
  const auto type = datatype_from_name(text);
  if (!type) {
    return fail(Code::invalid_argument, {"input '{}' has an unknown datatype", name});
  }
  if (*type == DataType::bytes) {
    return fail(Code::unimplemented, {"input '{}': datatype BYTES is not taken by this release", name});
  }
  return *type;
}

Result<Shape> shape_of(dom::object object, const Disclosed& name) {
  BLINDAI_TRY(const auto value, member(object, "shape"));
  dom::array array;
  if (!value || value->get_array().get(array) != simdjson::SUCCESS || array.size() > max_rank) {
    return fail(Code::invalid_argument, {"input '{}' needs a 'shape' of at most {} dimensions", name, max_rank});
  }
  Shape shape;
  for (const dom::element element : array) {
    std::int64_t dimension = 0;
    if (element.get_int64().get(dimension) != simdjson::SUCCESS || dimension < 0) {
      return fail(Code::invalid_argument, {"the dimensions of input '{}' must be integers from 0", name});
    }
    shape.push_back(dimension);
  }
  return shape;
}

// The object of parameters, empty where absent. Values are text, numbers or truth values: anything else is malformed.
Result<std::optional<dom::object>> parameters_of(dom::object object) {
  BLINDAI_TRY(const auto value, member(object, "parameters"));
  if (!value || value->is_null()) {
    return std::nullopt;
  }
  dom::object parameters;
  if (value->get_object().get(parameters) != simdjson::SUCCESS) {
    return fail(Code::invalid_argument, {"'parameters' must be an object"});
  }
  for (const auto& [key, parameter] : parameters) {
    if (!parameter.is_string() && !parameter.is_number() && !parameter.is_bool()) {
      return fail(Code::invalid_argument, {"parameter '{}' must be text, a number or a truth value", Disclosed(key)});
    }
  }
  return parameters;
}

Result<std::optional<dom::element>> parameter(const std::optional<dom::object>& parameters, std::string_view name) {
  if (!parameters) {
    return std::nullopt;
  }
  return member(*parameters, name);
}

Result<bool> boolean(const std::optional<dom::object>& parameters, std::string_view name, bool absent) {
  BLINDAI_TRY(const auto value, parameter(parameters, name));
  bool truth = absent;
  if (value && value->get_bool().get(truth) != simdjson::SUCCESS) {
    return fail(Code::invalid_argument, {"parameter '{}' must be true or false", Disclosed(name)});
  }
  return truth;
}

Result<std::optional<std::uint64_t>> integer(const std::optional<dom::object>& parameters, std::string_view name) {
  BLINDAI_TRY(const auto value, parameter(parameters, name));
  std::uint64_t number = 0;
  if (!value) {
    return std::nullopt;
  }
  if (value->get_uint64().get(number) != simdjson::SUCCESS) {
    return fail(Code::invalid_argument, {"parameter '{}' must be an integer from 0", Disclosed(name)});
  }
  return number;
}

Result<void> no_shared_memory(const std::optional<dom::object>& parameters, const Disclosed& name) {
  BLINDAI_TRY(const auto region, parameter(parameters, "shared_memory_region"));
  if (region) {
    return fail(Code::unimplemented,
                {"tensor '{}': shared memory lies outside the protected process and is never used", name});
  }
  return {};
}

}  // namespace

struct InferRequest::Impl {
  dom::parser parser;
  std::string id;
  std::vector<InputHead> inputs;
  std::vector<dom::element> data;  // of each input; null where it is binary
  std::optional<std::vector<OutputRequest>> outputs;
  bool binary_by_default = false;
  std::optional<std::chrono::microseconds> timeout;

  Result<void> read_input(dom::object object, std::uint64_t limit) {
    InputHead head;
    BLINDAI_TRY(head.name, name_of(object));
    const Disclosed name(head.name);
    for (const InputHead& other : inputs) {
      if (other.name == head.name) {
        return fail(Code::invalid_argument, {"input '{}' stands twice", name});
      }
    }
    BLINDAI_TRY(head.datatype, datatype_of(object, name));
    BLINDAI_TRY(head.shape, shape_of(object, name));
    const auto size = byte_size(head.datatype, head.shape);
    if (!size || *size > limit) {
      return fail(Code::too_large, {"input '{}' is over the limit of {} bytes", name, limit});
    }
    head.byte_size = *size;
    BLINDAI_TRY(const auto parameters, parameters_of(object));
    BLINDAI_CHECK(no_shared_memory(parameters, name));
    BLINDAI_TRY(const auto binary_size, integer(parameters, "binary_data_size"));
    BLINDAI_TRY(const auto json_data, member(object, "data"));
    if (binary_size.has_value() == json_data.has_value()) {
      return fail(Code::invalid_argument, {"input '{}' needs either 'data' or the parameter 'binary_data_size'", name});
    }
    if (binary_size && *binary_size != head.byte_size) {
      return fail(Code::invalid_argument, {"input '{}' has {} bytes of binary data, its datatype and shape make {}",
                                           name, *binary_size, head.byte_size});
    }
    if (json_data && (head.datatype == DataType::fp16 || head.datatype == DataType::bf16)) {
      return fail(Code::invalid_argument, {"input '{}': FP16 and BF16 must be sent as binary data", name});
    }
    head.binary = binary_size.has_value();
    inputs.push_back(std::move(head));
    data.push_back(json_data.value_or(dom::element()));
    return {};
  }

  Result<void> read_output(dom::object object) {
    OutputRequest output;
    BLINDAI_TRY(output.name, name_of(object));
    const Disclosed name(output.name);
    BLINDAI_TRY(const auto parameters, parameters_of(object));
    BLINDAI_CHECK(no_shared_memory(parameters, name));
    BLINDAI_TRY(const auto classes, integer(parameters, "classification"));
    if (classes && *classes != 0) {
      return fail(Code::unimplemented, {"output '{}': classification is not offered", name});
    }
    BLINDAI_TRY(output.binary, boolean(parameters, "binary_data", binary_by_default));
    outputs->push_back(std::move(output));
    return {};
  }

  Result<void> read_parameters(dom::object root) {
    BLINDAI_TRY(const auto parameters, parameters_of(root));
    BLINDAI_TRY(binary_by_default, boolean(parameters, "binary_data_output", false));
    BLINDAI_TRY(const auto micros, integer(parameters, "timeout"));
    constexpr std::uint64_t day = 86'400'000'000;
    if (micros && *micros != 0) {
      timeout = std::chrono::microseconds(static_cast<std::int64_t>(std::min(*micros, day)));
    }
    BLINDAI_TRY(const auto sequence, parameter(parameters, "sequence_id"));
    std::uint64_t number = 0;
    std::string_view text;
    const bool none = !sequence || (sequence->get_uint64().get(number) == simdjson::SUCCESS && number == 0) ||
                      (sequence->get_string().get(text) == simdjson::SUCCESS && text.empty());
    if (!none) {
      return fail(Code::unimplemented, {"sequences are not offered: leave out 'sequence_id' or send 0"});
    }
    return {};
  }

  Result<void> read_list(dom::object root, std::string_view name, std::size_t limit, const auto& read) {
    BLINDAI_TRY(const auto value, member(root, name));
    dom::array list;
    if (!value || value->get_array().get(list) != simdjson::SUCCESS || list.size() > limit) {
      return fail(Code::invalid_argument, {"'{}' must be an array of at most {} tensors", Disclosed(name), limit});
    }
    for (const dom::element element : list) {
      dom::object object;
      if (element.get_object().get(object) != simdjson::SUCCESS) {
        return fail(Code::invalid_argument, {"every member of '{}' must be an object", Disclosed(name)});
      }
      BLINDAI_CHECK(read(object));
    }
    return {};
  }

  Result<void> read(dom::object root, std::uint64_t binary_bytes, const Limits& limits) {
    BLINDAI_TRY(const auto id_value, member(root, "id"));
    std::string_view text;
    if (id_value && (id_value->get_string().get(text) != simdjson::SUCCESS || text.size() > max_name_bytes)) {
      return fail(Code::invalid_argument, {"'id' must be text of at most {} bytes", max_name_bytes});
    }
    id = text;
    BLINDAI_CHECK(read_parameters(root));
    BLINDAI_CHECK(read_list(root, "inputs", limits.tensors,
                            [&](dom::object object) { return read_input(object, limits.request_bytes); }));
    std::uint64_t binary = 0;
    std::uint64_t all = 0;
    for (const InputHead& input : inputs) {  // each at most request_bytes, at most `tensors` of them: no overflow
      binary += input.binary ? input.byte_size : 0;
      all += input.byte_size;
    }
    if (all > limits.request_bytes) {
      return fail(Code::too_large, {"the inputs have {} bytes together, the limit is {}", all, limits.request_bytes});
    }
    if (binary != binary_bytes) {
      return fail(Code::invalid_argument,
                  {"{} bytes of binary data follow the JSON part, the inputs name {}", binary_bytes, binary});
    }
    BLINDAI_TRY(const auto wanted, member(root, "outputs"));
    if (!wanted || wanted->is_null()) {
      return {};
    }
    outputs.emplace();
    return read_list(root, "outputs", limits.tensors, [&](dom::object object) { return read_output(object); });
  }
};

InferRequest::InferRequest(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
InferRequest::InferRequest(InferRequest&&) noexcept = default;
InferRequest& InferRequest::operator=(InferRequest&&) noexcept = default;
InferRequest::~InferRequest() = default;

const std::string& InferRequest::id() const { return impl_->id; }
const std::vector<InputHead>& InferRequest::inputs() const { return impl_->inputs; }
const std::optional<std::vector<OutputRequest>>& InferRequest::outputs() const { return impl_->outputs; }
bool InferRequest::binary_by_default() const { return impl_->binary_by_default; }
std::optional<std::chrono::microseconds> InferRequest::timeout() const { return impl_->timeout; }

Result<InferRequest> InferRequest::parse(ByteView json, std::uint64_t binary_bytes, const Limits& limits) {
  if (json.size() > limits.json_bytes) {
    return fail(Code::too_large, {"the JSON part has at most {} bytes", limits.json_bytes});
  }
  auto impl = std::make_unique<Impl>();
  dom::element root;
  const auto depth = static_cast<std::size_t>(limits.json_depth);
  if (impl->parser.allocate(std::max<std::size_t>(json.size(), 32), depth) != simdjson::SUCCESS) {
    return fail(Code::resource_exhausted, {"no memory is left for this request"});
  }
  const auto error = impl->parser.parse(json.data(), json.size(), true).get(root);
  if (error == simdjson::DEPTH_ERROR) {
    return fail(Code::invalid_argument, {"the JSON part is nested deeper than {} levels", limits.json_depth});
  }
  dom::object object;
  if (error != simdjson::SUCCESS || root.get_object().get(object) != simdjson::SUCCESS) {
    return fail(Code::invalid_argument, {"the body is not a JSON object"}, {simdjson::error_message(error)});
  }
  BLINDAI_CHECK(impl->read(object, binary_bytes, limits));
  return InferRequest(std::move(impl));
}

Result<void> InferRequest::decode_json(std::size_t input, MutableBytes out) const {
  const InputHead& head = impl_->inputs.at(input);
  if (head.binary || out.size() != head.byte_size) {
    return fail(Code::internal, {"the request cannot be decoded"});
  }
  return read_elements(impl_->data[input], head.datatype, out, Disclosed(head.name));
}

std::string encode_request(const std::vector<RequestTensor>& inputs, const std::vector<std::string>& outputs,
                           std::optional<std::chrono::microseconds> timeout) {
  json::Array list;
  for (const RequestTensor& input : inputs) {
    const auto size = byte_size(input.datatype, input.shape).value_or(0);
    list.emplace_back(json::Object{{"name", input.name},
                                   {"datatype", name(input.datatype)},
                                   {"shape", json::Array(input.shape.begin(), input.shape.end())},
                                   {"parameters", json::Object{{"binary_data_size", size}}}});
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
