#include <simdjson.h>

#include <algorithm>

#include "base/checked.h"
#include "v2/elements.h"
#include "v2/infer.h"
#include "v2/members.h"

namespace blindai::v2 {
namespace {

constexpr std::size_t max_id_bytes = 64 * 1024;

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

Result<void> no_shared_memory(const Parameters& parameters, const Disclosed& name) {
  BLINDAI_TRY(const auto region, parameter(parameters, "shared_memory_region"));
  if (region) {
    return fail(Code::invalid_argument,
                {"tensor '{}': shared memory lies outside the protected process and is never used", name});
  }
  return {};
}

}  // namespace

struct InferRequest::Impl {
  dom::parser parser;
  std::size_t json_size = 0;
  std::string id;
  std::vector<InputHead> inputs;
  std::vector<dom::element> data;  // of each input; null where it is binary
  std::optional<std::vector<OutputRequest>> outputs;
  bool binary_by_default = false;
  std::uint64_t binary_bytes = 0;
  std::optional<std::chrono::microseconds> timeout;

  static std::unexpected<Error> too_many(const Disclosed& name) {
    return fail(Code::invalid_argument, {"input '{}' has a shape of more elements than can be", name});
  }

  // What a tensor takes whose bytes follow the JSON part.
  static Result<std::uint64_t> size_of_binary(const InputHead& head, std::uint64_t given, const Disclosed& name) {
    if (size_fits(head.datatype, head.shape, given)) {
      return given;
    }
    if (const auto size = byte_size(head.datatype, head.shape)) {
      return fail(Code::invalid_argument,
                  {"input '{}' has {} bytes of binary data, its datatype and shape make {}", name, given, *size});
    }
    const auto count = element_count(head.shape);
    if (head.datatype != DataType::bytes || !count) {
      return too_many(name);
    }
    return fail(Code::invalid_argument,
                {"input '{}' has {} bytes of binary data, which cannot be {} elements", name, given, *count});
  }

  // The same of one whose elements stand in the JSON part. They are counted before memory is set aside for the shape.
  Result<std::uint64_t> size_of_json(const InputHead& head, dom::element elements, const Disclosed& name) const {
    if (head.datatype == DataType::fp16 || head.datatype == DataType::bf16) {
      return fail(Code::invalid_argument, {"input '{}': FP16 and BF16 must be sent as binary data", name});
    }
    const auto count = element_count(head.shape);
    if (!count) {
      return too_many(name);
    }
    if (*count > json_size) {
      return fail(Code::invalid_argument, {"input '{}' has fewer elements than its shape, which has {}", name, *count});
    }
    if (head.datatype == DataType::bytes) {
      return measure_texts(elements, *count, name);
    }
    return *count * element_size(head.datatype);  // far from overflow: there is as much JSON as that
  }

  Result<void> read_input(dom::object object, const Limits& limits) {
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
    BLINDAI_TRY(const auto parameters, parameters_of(object));
    BLINDAI_CHECK(no_shared_memory(parameters, name));
    BLINDAI_TRY(const auto binary_size, integer(parameters, "binary_data_size"));
    BLINDAI_TRY(const auto json_data, member(object, "data"));
    if (binary_size.has_value() == json_data.has_value()) {
      return fail(Code::invalid_argument, {"input '{}' needs either 'data' or the parameter 'binary_data_size'", name});
    }
    if (binary_size) {
      BLINDAI_TRY(head.byte_size, size_of_binary(head, *binary_size, name));
    } else {
      BLINDAI_TRY(head.byte_size, size_of_json(head, *json_data, name));
    }
    if (head.byte_size > limits.request_bytes) {
      return fail(Code::too_large, {"input '{}' is over the limit of {} bytes", name, limits.request_bytes});
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
      return fail(Code::invalid_argument, {"output '{}': classification is not offered", name});
    }
    BLINDAI_TRY(output.binary, boolean(parameters, "binary_data", binary_by_default));
    outputs->push_back(std::move(output));
    return {};
  }

  Result<void> read_parameters(dom::object root) {
    constexpr std::uint64_t day = 86'400'000'000;
    BLINDAI_TRY(const auto parameters, request_parameters(root));
    binary_by_default = parameters.binary_data_output;
    if (parameters.timeout_us) {
      timeout = std::chrono::microseconds(static_cast<std::int64_t>(std::min(*parameters.timeout_us, day)));
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

  Result<void> read(dom::object root, std::optional<std::uint64_t> follow, const Limits& limits) {
    BLINDAI_TRY(const auto id_value, member(root, "id"));
    std::string_view text;
    if (id_value && (id_value->get_string().get(text) != simdjson::SUCCESS || text.size() > max_id_bytes)) {
      return fail(Code::invalid_argument, {"'id' must be text of at most {} bytes", max_id_bytes});
    }
    id = text;
    BLINDAI_CHECK(read_parameters(root));
    BLINDAI_CHECK(
        read_list(root, "inputs", limits.tensors, [&](dom::object object) { return read_input(object, limits); }));
    std::uint64_t all = 0;
    for (const InputHead& input : inputs) {  // each at most request_bytes, at most `tensors` of them: no overflow
      binary_bytes += input.binary ? input.byte_size : 0;
      all += input.byte_size;
    }
    if (all > limits.request_bytes) {
      return fail(Code::too_large, {"the inputs have {} bytes together, the limit is {}", all, limits.request_bytes});
    }
    if (follow && binary_bytes != *follow) {
      return fail(Code::invalid_argument,
                  {"{} bytes of binary data follow the JSON part, the inputs name {}", *follow, binary_bytes});
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
std::uint64_t InferRequest::binary_bytes() const { return impl_->binary_bytes; }

Result<InferRequest> InferRequest::parse(ByteView json, std::optional<std::uint64_t> binary_bytes,
                                         const Limits& limits) {
  if (json.size() > limits.json_bytes) {
    return fail(Code::too_large, {"the JSON part has at most {} bytes", limits.json_bytes});
  }
  if (json.empty()) {
    return fail(Code::invalid_argument, {"the body is not a JSON object"}, {"it is empty"});
  }
  auto impl = std::make_unique<Impl>();
  impl->json_size = json.size();
  dom::element root;
  const auto depth = static_cast<std::size_t>(limits.json_depth);
  if (impl->parser.allocate(std::max<std::size_t>(json.size(), 32), depth) != simdjson::SUCCESS) {
    return fail(Code::resource_exhausted, {"no memory is left for this request"});
  }
  auto error = impl->parser.parse(json.data(), json.size(), true).get(root);
  if (error != simdjson::SUCCESS && error != simdjson::DEPTH_ERROR) {
    const std::string wide = widen_integers(as_text(json));
    error = wide.size() == json.size() ? error : impl->parser.parse(wide).get(root);
  }
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

InferRequest InferRequest::raw(InputHead input) {
  auto impl = std::make_unique<Impl>();
  impl->binary_bytes = input.byte_size;
  impl->inputs.push_back(std::move(input));
  impl->data.emplace_back();
  impl->binary_by_default = true;
  return InferRequest(std::move(impl));
}

Result<void> InferRequest::decode_json(std::size_t input, MutableBytes out) const {
  const InputHead& head = impl_->inputs.at(input);
  if (head.binary || out.size() != head.byte_size) {
    return fail(Code::internal, {"the request cannot be decoded"});
  }
  return read_elements(impl_->data[input], head.datatype, out, Disclosed(head.name));
}

}  // namespace blindai::v2
