// Private to this folder: parameters, which are entries of a map from text to inference.InferParameter.
#pragma once

#include <chrono>
#include <optional>
#include <variant>

#include "base/bytes.h"

namespace blindai::grpc {

struct Parameter {
  std::string name;
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string> value;
};
// Error: invalid_argument, for what is no entry.
Result<Parameter> read_parameter(ByteView entry);

// What is reserved and not offered is refused; what is not reserved may be there and is ignored. Of the request: takes
// `timeout`, in microseconds, none for 0. Errors: invalid_argument.
Result<void> take_request_parameter(const Parameter& parameter, std::optional<std::chrono::microseconds>& timeout);
// Of an input or output.
Result<void> check_tensor_parameter(const Parameter& parameter, std::string_view tensor);

}  // namespace blindai::grpc
