#include "grpc/parameters.h"

#include <algorithm>
#include <bit>

#include "base/protobuf.h"
#include "grpc/messages.h"

namespace blindai::grpc {
namespace {

using protobuf::Wire;
constexpr std::size_t max_name_bytes = 1024;
constexpr std::size_t max_text_bytes = 64 * 1024;
constexpr std::uint64_t day_us = 86'400'000'000;

// InferParameter: bool 1, int64 2, string 3, double 4, uint64 5.
Result<void> read_value(ByteView message, Parameter& out) {
  for (FewFields reader(message); !reader.done();) {
    const auto field = reader.next();
    if (!field) {
      return no_message();
    }
    if (field->number == 1 && field->wire == Wire::varint) {
      out.value = field->number_value != 0;
    } else if (field->number == 2 && field->wire == Wire::varint) {
      out.value = static_cast<std::int64_t>(field->number_value);
    } else if (field->number == 3 && field->wire == Wire::bytes) {
      if (field->bytes.size() > max_text_bytes) {
        return fail(Code::invalid_argument, {"a parameter is over {} bytes", max_text_bytes});
      }
      out.value = std::string(as_text(field->bytes));
    } else if (field->number == 4 && field->wire == Wire::fixed64) {
      out.value = std::bit_cast<double>(field->number_value);
    } else if (field->number == 5 && field->wire == Wire::varint) {
      out.value = field->number_value;
    }
  }
  return {};
}

Result<std::uint64_t> integer(const Parameter& parameter) {
  if (const auto* number = std::get_if<std::uint64_t>(&parameter.value)) {
    return *number;
  }
  const auto* number = std::get_if<std::int64_t>(&parameter.value);
  if (number == nullptr || *number < 0) {
    return fail(Code::invalid_argument, {"parameter '{}' must be an integer from 0", Disclosed(parameter.name)});
  }
  return static_cast<std::uint64_t>(*number);
}

Result<void> boolean(const Parameter& parameter) {
  if (!std::holds_alternative<bool>(parameter.value)) {
    return fail(Code::invalid_argument, {"parameter '{}' must be true or false", Disclosed(parameter.name)});
  }
  return {};
}

// 0 and "" stand for none. A model here keeps nothing from one request to the next.
Result<void> no_sequence(const Parameter& parameter) {
  const auto* text = std::get_if<std::string>(&parameter.value);
  const auto number = integer(parameter);
  if ((text != nullptr && text->empty()) || (number && *number == 0)) {
    return {};
  }
  return fail(Code::invalid_argument, {"sequences are not offered: leave out 'sequence_id' or send 0"});
}

}  // namespace

Result<Parameter> read_parameter(ByteView entry) {
  Parameter out;
  for (FewFields reader(entry); !reader.done();) {
    const auto field = reader.next();
    if (!field || (field->number == 1 && field->bytes.size() > max_name_bytes)) {
      return no_message();
    }
    if (field->wire == Wire::bytes && field->number == 1) {
      out.name = as_text(field->bytes);
    } else if (field->wire == Wire::bytes && field->number == 2) {
      BLINDAI_CHECK(read_value(field->bytes, out));
    }
  }
  return out;
}

Result<void> take_request_parameter(const Parameter& parameter, std::optional<std::chrono::microseconds>& timeout) {
  constexpr std::string_view harmless = "triton_enable_empty_final_response";  // it says something about streams alone
  const std::string& name = parameter.name;
  if (name == "timeout") {
    BLINDAI_TRY(const std::uint64_t us, integer(parameter));
    timeout.reset();
    if (us != 0) {
      timeout = std::chrono::microseconds(static_cast<std::int64_t>(std::min(us, day_us)));
    }
  } else if (name == "priority") {  // all requests of a group are equal
    BLINDAI_CHECK(integer(parameter));
  } else if (name == "sequence_id") {
    BLINDAI_CHECK(no_sequence(parameter));
  } else if (name == "sequence_start" || name == "sequence_end" || name == "binary_data_output" || name == harmless) {
    BLINDAI_CHECK(boolean(parameter));
  } else if (name.starts_with("triton_")) {  // Triton's own
    return fail(Code::invalid_argument, {"parameter '{}' has a reserved name and is not offered", Disclosed(name)});
  }
  return {};
}

Result<void> check_tensor_parameter(const Parameter& parameter, std::string_view tensor) {
  if (parameter.name == "shared_memory_region") {
    return fail(Code::invalid_argument,
                {"tensor '{}': shared memory lies outside the protected process and is never used", Disclosed(tensor)});
  }
  if (parameter.name == "classification") {
    BLINDAI_TRY(const std::uint64_t classes, integer(parameter));
    if (classes != 0) {
      return fail(Code::invalid_argument, {"output '{}': classification is not offered", Disclosed(tensor)});
    }
  }
  return {};
}

}  // namespace blindai::grpc
