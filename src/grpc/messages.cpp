#include "grpc/messages.h"

#include <simdjson.h>

#include <algorithm>

#include "base/protobuf.h"
#include "grpc/parameters.h"

namespace blindai::grpc {
namespace {

using protobuf::Wire;
constexpr std::size_t max_text_bytes = 1024;

Result<void> put_into(std::string& text, const protobuf::Field& field) {
  if (field.bytes.size() > max_text_bytes) {
    return fail(Code::invalid_argument, {"a name in the message is over {} bytes", max_text_bytes});
  }
  text = as_text(field.bytes);
  return {};
}

void put_specs(Bytes& out, std::uint32_t field, const std::vector<TensorSpec>& specs) {
  for (const TensorSpec& spec : specs) {
    Bytes inner;
    put_text(inner, 1, spec.name);
    put_text(inner, 2, name(spec.datatype));
    put_shape(inner, 3, spec.shape);
    protobuf::put_bytes(out, field, inner);
  }
}

}  // namespace

std::unexpected<Error> no_message() {
  return fail(Code::invalid_argument, {"the message is damaged, or has over {} fields where few belong", max_fields});
}

void put_text(Bytes& out, std::uint32_t field, std::string_view text) {
  if (text.empty()) {
    return;
  }
  if (simdjson::validate_utf8(text)) {
    protobuf::put_bytes(out, field, as_bytes(text));
    return;
  }
  std::string readable(text);  // no client would take the message otherwise
  std::ranges::replace_if(readable, [](char c) { return static_cast<unsigned char>(c) > 0x7e; }, '?');
  protobuf::put_bytes(out, field, as_bytes(readable));
}

void put_shape(Bytes& out, std::uint32_t field, std::span<const std::int64_t> shape) {
  Bytes packed;
  for (const std::int64_t dimension : shape) {
    protobuf::put_varint(packed, static_cast<std::uint64_t>(dimension));  // -1 takes ten bytes, as int64 does
  }
  if (!packed.empty()) {
    protobuf::put_bytes(out, field, packed);
  }
}

Result<TwoTexts> read_two_texts(ByteView message) {
  TwoTexts out;
  for (FewFields reader(message); !reader.done();) {
    const auto field = reader.next();
    if (!field) {
      return no_message();
    }
    if (field->wire == Wire::bytes && (field->number == 1 || field->number == 2)) {
      BLINDAI_CHECK(put_into(field->number == 1 ? out.first : out.second, *field));
    }
  }
  return out;
}

Result<RepositoryRequest> read_repository_request(ByteView message) {
  constexpr std::size_t max_parameters = 256;
  RepositoryRequest out;
  for (FewFields reader(message); !reader.done();) {
    const auto field = reader.next();
    if (!field || out.parameters.size() > max_parameters) {
      return no_message();
    }
    if (field->wire == Wire::bytes && (field->number == 1 || field->number == 2)) {
      BLINDAI_CHECK(put_into(field->number == 1 ? out.repository : out.model, *field));
    } else if (field->wire == Wire::varint && field->number == 2) {
      out.ready = field->number_value != 0;
    } else if (field->wire == Wire::bytes && field->number == 3) {
      BLINDAI_TRY(auto parameter, read_parameter(field->bytes));
      out.parameters.emplace_back(std::move(parameter.name), std::holds_alternative<bool>(parameter.value));
    }
  }
  return out;
}

Result<std::string> read_text(ByteView message) {
  BLINDAI_TRY(auto texts, read_two_texts(message));
  return std::move(texts.first);
}

Result<ByteView> read_json(ByteView message) {
  ByteView json;
  for (FewFields reader(message); !reader.done();) {
    const auto field = reader.next();
    if (!field) {
      return no_message();
    }
    if (field->wire == Wire::bytes && field->number == 1) {
      json = field->bytes;
    }
  }
  return json;
}

Bytes write_json(std::string_view json) {
  Bytes out;
  put_text(out, 1, json);
  return out;
}

Bytes write_truth(bool value) {
  Bytes out;
  if (value) {
    protobuf::put_number(out, 1, 1);
  }
  return out;
}

Bytes write_health(Health health) {
  Bytes out;
  protobuf::put_number(out, 1, std::to_underlying(health));
  return out;
}

Bytes write_stream_error(std::string_view message, std::string_view id) {
  Bytes answer;
  put_text(answer, 3, id);
  Bytes out;
  put_text(out, 1, message);
  protobuf::put_bytes(out, 2, answer);
  return out;
}

Bytes stream_answer_tag(std::uint64_t size) {
  Bytes out;
  protobuf::put_varint(out, std::uint64_t{2} << 3U | std::to_underlying(Wire::bytes));
  protobuf::put_varint(out, size);
  return out;
}

Bytes write_server_metadata(std::string_view name, std::string_view version,
                            const std::vector<std::string>& extensions) {
  Bytes out;
  put_text(out, 1, name);
  put_text(out, 2, version);
  for (const std::string& extension : extensions) {
    put_text(out, 3, extension);
  }
  return out;
}

Bytes write_model_metadata(std::string_view name, const std::vector<std::string>& versions, std::string_view platform,
                           const std::vector<TensorSpec>& inputs, const std::vector<TensorSpec>& outputs) {
  Bytes out;
  put_text(out, 1, name);
  for (const std::string& version : versions) {
    put_text(out, 2, version);
  }
  put_text(out, 3, platform);
  put_specs(out, 4, inputs);
  put_specs(out, 5, outputs);
  return out;
}

}  // namespace blindai::grpc
