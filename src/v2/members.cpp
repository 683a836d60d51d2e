#include "v2/members.h"

namespace blindai::v2 {
namespace {

// 0 and "" stand for none. A model here keeps nothing from one request to the next.
Result<void> no_sequence(const Parameters& parameters) {
  BLINDAI_TRY(const auto id, parameter(parameters, "sequence_id"));
  std::uint64_t number = 0;
  std::string_view text;
  const bool none = !id || (id->get_uint64().get(number) == simdjson::SUCCESS && number == 0) ||
                    (id->get_string().get(text) == simdjson::SUCCESS && text.empty());
  if (!none) {
    return fail(Code::invalid_argument, {"sequences are not offered: leave out 'sequence_id' or send 0"});
  }
  BLINDAI_CHECK(boolean(parameters, "sequence_start", false));
  BLINDAI_CHECK(boolean(parameters, "sequence_end", false));
  return {};
}

// Names that begin so are Triton's own. The one that its clients send says something about streams alone.
Result<void> no_reserved_name(const Parameters& parameters) {
  constexpr std::string_view prefix = "triton_";
  constexpr std::string_view harmless = "triton_enable_empty_final_response";
  if (!parameters) {
    return {};
  }
  for (const auto& [key, value] : *parameters) {
    if (key.starts_with(prefix) && key != harmless) {
      return fail(Code::invalid_argument, {"parameter '{}' has a reserved name and is not offered", Disclosed(key)});
    }
  }
  BLINDAI_CHECK(boolean(parameters, harmless, false));
  return {};
}

}  // namespace

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

Result<Parameters> parameters_of(dom::object object) {
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

Result<std::optional<dom::element>> parameter(const Parameters& parameters, std::string_view name) {
  if (!parameters) {
    return std::nullopt;
  }
  return member(*parameters, name);
}

Result<bool> boolean(const Parameters& parameters, std::string_view name, bool absent) {
  BLINDAI_TRY(const auto value, parameter(parameters, name));
  bool truth = absent;
  if (value && value->get_bool().get(truth) != simdjson::SUCCESS) {
    return fail(Code::invalid_argument, {"parameter '{}' must be true or false", Disclosed(name)});
  }
  return truth;
}

Result<std::optional<std::uint64_t>> integer(const Parameters& parameters, std::string_view name) {
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

Result<RequestParameters> request_parameters(dom::object root) {
  RequestParameters out;
  BLINDAI_TRY(const auto parameters, parameters_of(root));
  BLINDAI_TRY(out.binary_data_output, boolean(parameters, "binary_data_output", false));
  BLINDAI_TRY(const auto timeout, integer(parameters, "timeout"));
  if (timeout && *timeout != 0) {
    out.timeout_us = timeout;
  }
  BLINDAI_CHECK(integer(parameters, "priority"));  // all requests of a group are equal
  BLINDAI_CHECK(no_sequence(parameters));
  BLINDAI_CHECK(no_reserved_name(parameters));
  return out;
}

}  // namespace blindai::v2
