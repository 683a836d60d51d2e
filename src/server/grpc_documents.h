// Of V2's repository, configuration and statistics, the messages of gRPC: the same data as in repository.h.
#pragma once

#include "server/models.h"

namespace blindai::server {

// RepositoryIndexResponse
Bytes index_message(const std::vector<Listed>& models, bool ready_alone);
// ModelStatisticsResponse
Bytes statistics_message(const std::vector<std::pair<std::string, StatisticsSnapshot>>& models);
// ModelConfigResponse
Bytes config_message(std::string_view name, std::string_view platform, const std::vector<TensorSpec>& inputs,
                     const std::vector<TensorSpec>& outputs);

}  // namespace blindai::server
