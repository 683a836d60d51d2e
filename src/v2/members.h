// Private to this folder: members and parameters of the objects of a request.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>

#include "base/error.h"

namespace blindai::v2 {

namespace dom = simdjson::dom;

inline constexpr std::size_t max_name_bytes = 1024;

// The member of an object, or nothing. A member that stands twice is refused: two readers could take different ones.
Result<std::optional<dom::element>> member(dom::object object, std::string_view name);
// The 'name' of an input or output.
Result<std::string> name_of(dom::object object);

// The object of parameters, nothing where absent. Values are text, numbers or truth values: anything else is malformed.
using Parameters = std::optional<dom::object>;
Result<Parameters> parameters_of(dom::object object);
Result<std::optional<dom::element>> parameter(const Parameters& parameters, std::string_view name);
Result<bool> boolean(const Parameters& parameters, std::string_view name, bool absent);
Result<std::optional<std::uint64_t>> integer(const Parameters& parameters, std::string_view name);

// The parameters of a request that mean something. What is reserved and not offered is refused; what is not reserved may
// be there and is ignored.
struct RequestParameters {
  bool binary_data_output = false;
  std::optional<std::uint64_t> timeout_us;  // none for 0
};
Result<RequestParameters> request_parameters(dom::object root);

}  // namespace blindai::v2
