// Private to this folder: the head of a request, read with bounds.
#pragma once

#include "http/server.h"

namespace blindai::http {

// The head that `bytes` begins with, and how long it is; nothing where more bytes are needed. Errors: invalid_argument,
// unimplemented (a transfer coding other than chunked).
struct ParsedHead {
  RequestHead head;
  std::size_t size = 0;
  bool expects_continue = false;
};
Result<std::optional<ParsedHead>> parse_head(ByteView bytes, std::size_t limit);

// "HTTP/1.1 200 OK" and what every answer says. `connection`: the value of that header, none where empty.
std::string answer_head(int status, const std::vector<Header>& headers, std::uint64_t content_length,
                        std::string_view connection);

}  // namespace blindai::http
