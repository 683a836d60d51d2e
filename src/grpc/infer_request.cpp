#include "grpc/infer_request.h"

#include <simdjson.h>

#include <algorithm>

#include "base/protobuf.h"
#include "grpc/contents.h"
#include "grpc/messages.h"
#include "grpc/parameters.h"

namespace blindai::grpc {
namespace {

using protobuf::Wire;
constexpr std::size_t max_name_bytes = 1024;
constexpr std::size_t max_id_bytes = 64 * 1024;
constexpr std::size_t max_parameters = 256;  // of a request, or of a tensor

Result<void> take_name(std::string& name, ByteView bytes) {
  if (bytes.empty() || bytes.size() > max_name_bytes) {
    return fail(Code::invalid_argument, {"every input and output needs a 'name' of 1 to {} bytes", max_name_bytes});
  }
  name = as_text(bytes);
  return {};
}

// Dimensions, one or packed.
Result<void> take_dimensions(Shape& shape, const protobuf::Field& field) {
  const auto put = [&](std::uint64_t value) {
    shape.push_back(static_cast<std::int64_t>(value));
    return shape.size() <= max_rank;
  };
  bool good = true;
  if (field.wire == Wire::varint) {
    good = put(field.number_value);
  } else if (field.wire == Wire::bytes) {
    for (ByteView rest = field.bytes; good && !rest.empty();) {
      const auto value = protobuf::take_varint(rest);
      good = value && put(*value);
    }
  }
  if (!good) {
    return fail(Code::invalid_argument, {"an input has a 'shape' that is damaged or over {} dimensions", max_rank});
  }
  return {};
}

std::unexpected<Error> too_many(std::string_view what, std::size_t limit) {
  return fail(Code::invalid_argument, {"the request has more than {} {}", limit, Disclosed(what)});
}

// A tensor whose bytes come as they are: what its datatype and shape make, or of BYTES what they can be.
Result<std::uint64_t> size_of_raw(const v2::InputHead& head, std::uint64_t given) {
  const Disclosed name(head.name);
  if (size_fits(head.datatype, head.shape, given)) {
    return given;
  }
  if (const auto size = byte_size(head.datatype, head.shape)) {
    return fail(Code::invalid_argument,
                {"input '{}' has {} bytes of raw contents, its datatype and shape make {}", name, given, *size});
  }
  const auto count = element_count(head.shape);
  if (head.datatype != DataType::bytes || !count) {
    return fail(Code::invalid_argument, {"input '{}' has a shape of more elements than can be", name});
  }
  return fail(Code::invalid_argument,
              {"input '{}' has {} bytes of raw contents, which cannot be {} elements", name, given, *count});
}

Result<std::uint64_t> size_of_typed(const v2::InputHead& head, const std::vector<ByteView>& contents) {
  const Disclosed name(head.name);
  BLINDAI_TRY(const Measure measure, measure_contents(head.datatype, contents, name));
  const auto count = element_count(head.shape);
  if (!count) {
    return fail(Code::invalid_argument, {"input '{}' has a shape of more elements than can be", name});
  }
  if (*count != measure.elements) {
    return fail(Code::invalid_argument,
                {"input '{}' has {} elements, its shape makes {}", name, measure.elements, *count});
  }
  return measure.bytes;
}

}  // namespace

Result<InferRequest> InferRequest::parse(ByteView message, const v2::Limits& limits) {
  InferRequest request;
  BLINDAI_CHECK(request.read(message, limits));
  BLINDAI_CHECK(request.measure(limits));
  return request;
}

// ModelInferRequest: model_name 1, model_version 2, id 3, parameters 4, inputs 5, outputs 6, raw_input_contents 7.
Result<void> InferRequest::read(ByteView message, const v2::Limits& limits) {
  std::size_t parameters = 0;
  for (FewFields reader(message); !reader.done();) {
    const auto field = reader.next();
    if (!field) {
      return no_message();
    }
    if (field->wire != Wire::bytes) {
      continue;
    }
    const ByteView bytes = field->bytes;
    if (field->number == 1 || field->number == 2) {
      if (bytes.size() > max_name_bytes) {
        return fail(Code::invalid_argument, {"a name in the message is over {} bytes", max_name_bytes});
      }
      (field->number == 1 ? model_name_ : model_version_) = as_text(bytes);
    } else if (field->number == 3) {
      const std::string_view text = as_text(bytes);
      if (text.size() > max_id_bytes || !simdjson::validate_utf8(text)) {
        return fail(Code::invalid_argument, {"'id' must be text of at most {} bytes", max_id_bytes});
      }
      id_ = text;
    } else if (field->number == 4) {
      if (++parameters > max_parameters) {
        return too_many("parameters", max_parameters);
      }
      BLINDAI_CHECK(read_parameter(bytes));
    } else if (field->number == 5) {
      BLINDAI_CHECK(read_input(bytes, limits));
    } else if (field->number == 6) {
      BLINDAI_CHECK(read_output(bytes, limits));
    } else if (field->number == 7) {
      if (raw_.size() == limits.tensors) {
        return too_many("raw contents", limits.tensors);
      }
      raw_.push_back(bytes);
    }
  }
  return {};
}

Result<void> InferRequest::read_parameter(ByteView entry) {
  BLINDAI_TRY(const auto parameter, grpc::read_parameter(entry));
  return take_request_parameter(parameter, timeout_);
}

// InferInputTensor: name 1, datatype 2, shape 3, parameters 4, contents 5.
Result<void> InferRequest::read_input(ByteView message, const v2::Limits& limits) {
  if (inputs_.size() == limits.tensors) {
    return too_many("inputs", limits.tensors);
  }
  v2::InputHead head;
  std::vector<ByteView> contents;
  ByteView name;
  ByteView datatype;
  std::vector<Parameter> parameters;
  for (FewFields reader(message); !reader.done();) {
    const auto field = reader.next();
    if (!field) {
      return no_message();
    }
    if (field->number == 3) {
      BLINDAI_CHECK(take_dimensions(head.shape, *field));
    } else if (field->wire == Wire::bytes) {
      if (field->number == 1) {
        name = field->bytes;
      } else if (field->number == 2) {
        datatype = field->bytes;
      } else if (field->number == 4 && parameters.size() < max_parameters) {
        BLINDAI_TRY(auto parameter, grpc::read_parameter(field->bytes));
        parameters.push_back(std::move(parameter));
      } else if (field->number == 5 && contents.size() < max_parameters) {
        contents.push_back(field->bytes);
      } else if (field->number == 4 || field->number == 5) {
        return too_many("parts in one input", max_parameters);
      }
    }
  }
  BLINDAI_CHECK(take_name(head.name, name));
  if (std::ranges::find(inputs_, head.name, &v2::InputHead::name) != inputs_.end()) {
    return fail(Code::invalid_argument, {"input '{}' stands twice", Disclosed(head.name)});
  }
  const auto type = datatype_from_name(as_text(datatype));
  if (!type) {
    return fail(Code::invalid_argument, {"input '{}' has an unknown datatype", Disclosed(head.name)});
  }
  head.datatype = *type;
  if (std::ranges::any_of(head.shape, [](std::int64_t dimension) { return dimension < 0; })) {
    return fail(Code::invalid_argument, {"the dimensions of input '{}' must be integers from 0", Disclosed(head.name)});
  }
  for (const Parameter& parameter : parameters) {
    BLINDAI_CHECK(check_tensor_parameter(parameter, head.name));
  }
  inputs_.push_back(std::move(head));
  contents_.push_back(std::move(contents));
  return {};
}

// InferRequestedOutputTensor: name 1, parameters 2.
Result<void> InferRequest::read_output(ByteView message, const v2::Limits& limits) {
  if (!outputs_) {
    outputs_.emplace();
  }
  if (outputs_->size() == limits.tensors) {
    return too_many("outputs", limits.tensors);
  }
  ByteView name;
  std::vector<Parameter> parameters;
  for (FewFields reader(message); !reader.done();) {
    const auto field = reader.next();
    if (!field) {
      return no_message();
    }
    if (field->wire == Wire::bytes && field->number == 1) {
      name = field->bytes;
    } else if (field->wire == Wire::bytes && field->number == 2) {
      if (parameters.size() == max_parameters) {
        return too_many("parameters", max_parameters);
      }
      BLINDAI_TRY(auto parameter, grpc::read_parameter(field->bytes));
      parameters.push_back(std::move(parameter));
    }
  }
  v2::OutputRequest output;
  output.binary = true;
  BLINDAI_CHECK(take_name(output.name, name));
  for (const Parameter& parameter : parameters) {
    BLINDAI_CHECK(check_tensor_parameter(parameter, output.name));
  }
  outputs_->push_back(std::move(output));
  return {};
}

// How many bytes each input takes, before memory is set aside for any.
Result<void> InferRequest::measure(const v2::Limits& limits) {
  const bool all_raw = !raw_.empty();
  if (all_raw && raw_.size() != inputs_.size()) {
    return fail(Code::invalid_argument, {"the request has {} inputs and {} raw contents: give them for all or for none",
                                         inputs_.size(), raw_.size()});
  }
  std::uint64_t typed = 0;
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    v2::InputHead& head = inputs_[i];
    if (all_raw && !contents_[i].empty()) {
      return fail(Code::invalid_argument, {"input '{}' has both raw and typed contents", Disclosed(head.name)});
    }
    for (const ByteView part : contents_[i]) {
      typed += part.size();
    }
    if (typed > limits.json_bytes) {
      return fail(Code::too_large, {"the typed contents are over {} bytes; send raw contents", limits.json_bytes});
    }
    if (all_raw) {
      BLINDAI_TRY(head.byte_size, size_of_raw(head, raw_[i].size()));
    } else {
      BLINDAI_TRY(head.byte_size, size_of_typed(head, contents_[i]));
    }
    head.binary = all_raw;
    all += head.byte_size;  // far from overflow: no more than twelve times what came
  }
  if (all > limits.request_bytes) {
    return fail(Code::too_large, {"the inputs have {} bytes together, the limit is {}", all, limits.request_bytes});
  }
  return {};
}

std::optional<ByteView> InferRequest::raw(std::size_t input) const {
  return raw_.empty() ? std::nullopt : std::optional(raw_.at(input));
}

Result<void> InferRequest::decode(std::size_t input, MutableBytes out) const {
  const v2::InputHead& head = inputs_.at(input);
  if (out.size() != head.byte_size) {
    return fail(Code::internal, {"the request cannot be decoded"});
  }
  return write_contents(head.datatype, contents_[input], out, Disclosed(head.name));
}

// ModelInferResponse: model_name 1, model_version 2, id 3, outputs 5 (name 1, datatype 2, shape 3), raw_output_contents 6.
InferAnswer write_answer(std::string_view model_name, std::string_view model_version, std::string_view id,
                         const std::vector<v2::OutputTensor>& outputs) {
  constexpr std::uint32_t raw_field = 6;
  InferAnswer answer;
  put_text(answer.head, 1, model_name);
  put_text(answer.head, 2, model_version);
  put_text(answer.head, 3, id);
  for (const v2::OutputTensor& output : outputs) {
    Bytes inner;
    put_text(inner, 1, output.name);
    put_text(inner, 2, name(output.datatype));
    put_shape(inner, 3, output.shape);
    protobuf::put_bytes(answer.head, 5, inner);
    Bytes tag;
    protobuf::put_varint(tag, std::uint64_t{raw_field} << 3U | std::to_underlying(Wire::bytes));
    protobuf::put_varint(tag, output.data.size());
    answer.tags.push_back(std::move(tag));
  }
  return answer;
}

std::vector<ByteView> InferAnswer::parts(const std::vector<v2::OutputTensor>& outputs) const {
  std::vector<ByteView> parts(1, head);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    parts.emplace_back(tags[i]);
    parts.push_back(outputs[i].data);
  }
  return parts;
}

std::uint64_t InferAnswer::size(const std::vector<v2::OutputTensor>& outputs) const {
  std::uint64_t size = 0;
  for (const ByteView part : parts(outputs)) {
    size += part.size();
  }
  return size;
}

}  // namespace blindai::grpc
