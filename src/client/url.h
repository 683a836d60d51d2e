// Where a service listens: https://host[:port] and nothing else. A path, a query or a user would be ignored silently by
// everything below, so they are refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace blindai::client {

struct Endpoint {
  std::string host;  // without the brackets of an IPv6 address
  std::uint16_t port = 0;
  std::string authority;  // for the Host header: brackets and port as in the URL
};

// Errors: invalid_argument.
Result<Endpoint> parse_url(std::string_view url);

// A segment of a path: everything but RFC 3986's unreserved characters as %XX, so that an id with a slash is one segment.
std::string percent_encode(std::string_view segment);

}  // namespace blindai::client
