// One HTTP/1.1 exchange after another over a channel::ClientStream, blocking, with bounds on the answer. Redirects and
// answers that switch protocols are errors, never followed.
#pragma once

#include <functional>

#include "channel/tls.h"

namespace blindai::http {

// How far an exchange came, whatever became of it: what may be repeated depends on it.
enum class Reached : std::uint8_t {
  nothing,        // not a byte of the request was given to the network
  request_begun,  // some or all of it may have arrived, and nothing of an answer came back
  answer_begun,
};

struct ClientRequest {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers{};  // Host, Content-Length and User-Agent-less: added here
  std::vector<ByteView> body{};                                // parts, written without joining them
  std::uint64_t streamed_body_bytes = 0;                       // besides `body`: pulled from `more`
  std::function<Result<std::size_t>(MutableBytes)> more{};     // fills up to the span; called until all are sent
  std::function<void()> all_sent{};                            // once, when the last byte has gone to the network
  std::string authorization{};                                 // value of that header; none where empty
};

struct ClientResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  Bytes body;
  bool keep_alive = false;
  const std::string* find(std::string_view name) const;
};

// `reached`, where given, is raised as the exchange goes on, never lowered. Errors: unavailable (closed, reset), deadline_exceeded,
// cancelled, too_large (answer over max_body_bytes), attestation_failed (what came is no answer of HTTP/1.1 with a length).
Result<ClientResponse> exchange(channel::ClientStream& stream, const std::string& host, const ClientRequest& request,
                                std::size_t max_body_bytes, Reached* reached = nullptr);

}  // namespace blindai::http
