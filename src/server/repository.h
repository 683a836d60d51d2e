// The documents of V2's repository and statistics, and what a request may say about loading a model.
#pragma once

#include "base/json.h"
#include "server/models.h"

namespace blindai::server {

// A bare array of {"name", "version", "state", "reason"}. `ready_alone`: of those in state READY.
json::Value index_document(const std::vector<Listed>& models, bool ready_alone);
// {"model_stats": [...]}
json::Value statistics_document(const std::vector<std::pair<std::string, StatisticsSnapshot>>& models);

// The body of a request for the index: nothing, or an object whose member `ready` is a truth value. Error:
// invalid_argument.
Result<bool> ready_alone(ByteView body);

// The body of a load or an unload: nothing, or an object with parameters. What a parameter would bring is refused: a
// model comes by upload, with its digest, and not as a configuration or files beside it. `harmless`: the parameter that
// may be there, a truth value. Error: invalid_argument.
Result<void> check_parameters(ByteView body, std::string_view harmless);
std::unexpected<Error> not_with_parameter(std::string_view name);

// Who may load and unload. Error: permission_denied.
Result<void> may_load(const auth::Principal& principal);

}  // namespace blindai::server
