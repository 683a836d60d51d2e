// Load on a server that is not this project's: the same bytes again and again over HTTP/1.1, plain or TLS that verifies
// nothing. For comparison alone; nothing that matters is sent.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "bench/load.h"

namespace blindai::bench {

struct HttpTarget {
  std::string url;                   // http://host:port/path or https://host:port/path
  std::vector<std::string> headers;  // "Name: value"
  Bytes body;                        // of each POST
  std::uint64_t answer_bytes = 0;    // an answer with fewer is a failure
};

// Each caller has a connection of its own, which is kept alive. Errors: invalid_argument, unavailable.
Result<json::Object> http_load(const HttpTarget& target, const LoadShape& shape);

}  // namespace blindai::bench
