// The whole server, wired: from a configuration to an exit status.
#pragma once

#include "server/config.h"

namespace blindai::server {

// Listens until SIGTERM or SIGINT, drains, and returns. Errors are those of the start.
Result<void> run(const Config& config);

}  // namespace blindai::server
