#include "http/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace blindai::http {
namespace {

namespace beast = boost::beast::http;

constexpr std::size_t max_head_bytes = 16 * 1024;
constexpr std::size_t joined_bytes = 64 * 1024;  // small requests go out in one piece
constexpr std::size_t streamed_piece_bytes = 256 * 1024;
constexpr std::size_t much_bytes = 128 * 1024;

std::unexpected<Error> not_http(Detail detail = {}) {
  return fail(Code::attestation_failed, {"the peer's answer is not one of HTTP/1.1 with a length"}, std::move(detail));
}

std::unexpected<Error> closed() {
  return fail(Code::unavailable, {"the server closed the connection before it answered"});
}

std::string head_of(const std::string& host, const ClientRequest& request) {
  std::uint64_t size = request.streamed_body_bytes;
  for (const ByteView part : request.body) {
    size += part.size();
  }
  std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.target, host);
  for (const auto& [name, value] : request.headers) {
    head += fmt::format("{}: {}\r\n", name, value);
  }
  if (!request.authorization.empty()) {
    head += fmt::format("Authorization: {}\r\n", request.authorization);
  }
  if (size != 0 || request.method == "POST" || request.method == "PUT") {
    head += fmt::format("Content-Length: {}\r\n", size);
  }
  return head + "\r\n";
}

Result<void> send_streamed(channel::ClientStream& stream, const ClientRequest& request) {
  Bytes piece(std::min<std::uint64_t>(streamed_piece_bytes, request.streamed_body_bytes));
  for (std::uint64_t left = request.streamed_body_bytes; left > 0;) {
    const MutableBytes room = MutableBytes(piece).first(std::min<std::uint64_t>(piece.size(), left));
    BLINDAI_TRY(const std::size_t count, request.more(room));
    if (count == 0 || count > room.size()) {
      return fail(Code::internal, {"the body of the request ended too soon"});
    }
    BLINDAI_CHECK(stream.write_all(room.first(count)));
    left -= count;
  }
  return {};
}

Result<void> send(channel::ClientStream& stream, const std::string& head, const ClientRequest& request) {
  Bytes joined = copy(as_bytes(head));
  for (const ByteView part : request.body) {
    if (joined.size() + part.size() <= joined_bytes) {
      append(joined, part);
      continue;
    }
    BLINDAI_CHECK(stream.write_all(joined));
    joined.clear();
    BLINDAI_CHECK(stream.write_all(part));
  }
  BLINDAI_CHECK(stream.write_all(joined));
  return send_streamed(stream, request);
}

// The head of an answer and what of the body came with it.
struct Head {
  ClientResponse response;
  std::optional<std::uint64_t> content_length;
  Bytes body_start;
};

Result<Head> receive_head(channel::ClientStream& stream, Reached& reached) {
  beast::response_parser<beast::empty_body> parser;
  parser.header_limit(max_head_bytes);
  parser.body_limit(boost::none);  // counted by the caller
  Bytes buffer(max_head_bytes);
  std::size_t have = 0;
  std::size_t head_bytes = 0;
  while (!parser.is_header_done()) {
    if (have == buffer.size()) {
      return not_http({"head too large"});
    }
    BLINDAI_TRY(const std::size_t count, stream.read_some(MutableBytes(buffer).subspan(have)));
    if (count == 0) {
      return have == 0 ? closed() : not_http({"cut off in the head"});
    }
    have += count;
    reached = Reached::answer_begun;
    boost::system::error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(buffer.data() + head_bytes, have - head_bytes), error);
    head_bytes += used;
    if (error && error != beast::error::need_more && !parser.is_header_done()) {
      return not_http({error.message()});
    }
  }
  Head head;
  const auto& message = parser.get();
  head.response.status = static_cast<int>(message.result_int());
  head.response.keep_alive = message.keep_alive() && message.version() == 11;
  for (const auto& field : message) {
    head.response.headers.emplace_back(field.name_string(), field.value());
  }
  if (parser.chunked() || head.response.status < 200) {
    return not_http({"chunked, or an interim status"});
  }
  if (const auto length = parser.content_length()) {
    head.content_length = *length;
  }
  head.body_start.assign(buffer.begin() + static_cast<std::ptrdiff_t>(head_bytes),
                         buffer.begin() + static_cast<std::ptrdiff_t>(have));
  return head;
}

Result<ClientResponse> receive(channel::ClientStream& stream, const std::string& method, std::size_t max_body_bytes,
                               Reached& reached) {
  BLINDAI_TRY(Head head, receive_head(stream, reached));
  if (method == "HEAD" || head.response.status == 204 || head.response.status == 304) {
    return std::move(head.response);
  }
  if (!head.content_length) {
    return not_http({"no length"});
  }
  if (*head.content_length > max_body_bytes) {
    return fail(Code::too_large, {"the answer has {} bytes, the limit is {}", *head.content_length, max_body_bytes});
  }
  if (head.body_start.size() > *head.content_length) {
    return not_http({"more than was asked for"});
  }
  if (*head.content_length - head.body_start.size() >= much_bytes) {
    stream.expect_much();
  }
  Bytes& body = head.response.body;
  body.resize(*head.content_length);
  std::ranges::copy(head.body_start, body.begin());
  for (std::size_t have = head.body_start.size(); have < body.size();) {
    BLINDAI_TRY(const std::size_t count, stream.read_some(MutableBytes(body).subspan(have)));
    if (count == 0) {
      return closed();
    }
    have += count;
  }
  return std::move(head.response);
}

}  // namespace

const std::string* ClientResponse::find(std::string_view name) const {
  const auto found = std::ranges::find_if(headers, [&](const auto& header) {
    return boost::beast::iequals({header.first.data(), header.first.size()}, {name.data(), name.size()});
  });
  return found == headers.end() ? nullptr : &found->second;
}

Result<ClientResponse> exchange(channel::ClientStream& stream, const std::string& host, const ClientRequest& request,
                                std::size_t max_body_bytes, Reached* reached) {
  Reached unseen{};
  Reached& came = reached == nullptr ? unseen : *reached;
  came = std::max(came, Reached::request_begun);
  const auto sent = send(stream, head_of(host, request), request);
  if (!sent && sent.error().code != Code::unavailable) {
    return std::unexpected(sent.error());
  }
  if (sent && request.all_sent) {
    request.all_sent();
  }
  // A server that refuses an upload answers before it has all of it, and closes: what it said is still to be read.
  auto response = receive(stream, request.method, max_body_bytes, came);
  if (!sent) {
    if (!response) {
      return std::unexpected(sent.error());
    }
    response->keep_alive = false;
  }
  return response;
}

}  // namespace blindai::http
