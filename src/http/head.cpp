#include "http/head.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace blindai::http {
namespace {

namespace beast = boost::beast::http;

bool same_name(std::string_view a, std::string_view b) {
  return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

// Headers of which two would leave it open which one decides.
constexpr std::string_view deciding[] = {
    "content-length",   "host",        "authorization",        "inference-header-content-length",
    "content-encoding", "repr-digest", "blindai-model-digest", "transfer-encoding"};

Result<void> check_deciding(const RequestHead& head) {
  for (const std::string_view name : deciding) {
    const auto count =
        std::ranges::count_if(head.headers, [&](const auto& header) { return same_name(header.first, name); });
    if (count > 1) {
      return fail(Code::invalid_argument, {"header '{}' stands more than once", Disclosed(name)});
    }
  }
  return {};
}

bool plain_target(std::string_view target) {
  return target.starts_with('/') && std::ranges::all_of(target, [](char c) { return c > ' ' && c < 0x7f; });
}

// The absolute form is understood too (RFC 9112 section 3.2.2). Whose name it holds decides nothing here.
std::string origin_form(std::string_view target) {
  for (const std::string_view scheme : {std::string_view("http://"), std::string_view("https://")}) {
    if (!same_name(target.substr(0, scheme.size()), scheme)) {
      continue;
    }
    const std::string_view rest = target.substr(scheme.size());
    const std::size_t path = rest.find_first_of("/?");
    if (path == 0 || rest.empty()) {
      break;  // nobody's
    }
    if (path == std::string_view::npos) {
      return "/";
    }
    return (rest[path] == '?' ? "/" : "") + std::string(rest.substr(path));
  }
  return std::string(target);
}

// A list of equal lengths is refused as two headers are (RFC 9112 section 6.3 allows either).
bool one_number(const std::string* length) {
  return length == nullptr || std::ranges::all_of(*length, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

const std::string* RequestHead::find(std::string_view name) const {
  const auto found = std::ranges::find_if(headers, [&](const auto& header) { return same_name(header.first, name); });
  return found == headers.end() ? nullptr : &found->second;
}

Result<std::optional<ParsedHead>> parse_head(ByteView bytes, std::size_t limit) {
  // One empty line before a request is skipped (RFC 9112 section 2.2).
  const std::string_view text = as_text(bytes);
  const std::size_t begin = text.starts_with("\r\n") ? 2 : 0;
  const std::size_t end = text.find("\r\n\r\n", begin);
  if (end == std::string_view::npos || end + 4 > limit) {
    if (bytes.size() >= limit) {
      return fail(Code::too_large, {"the head of the request is over {} bytes", limit});
    }
    return std::nullopt;
  }
  beast::request_parser<beast::empty_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(limit));
  parser.body_limit(boost::none);  // the handler bounds what it takes
  boost::system::error_code error;
  parser.put(boost::asio::buffer(bytes.data() + begin, end + 4 - begin), error);
  if (!parser.is_header_done()) {
    return fail(Code::invalid_argument, {"the request is not one of HTTP/1.1"}, {error.message()});
  }
  const auto& message = parser.get();
  ParsedHead parsed;
  parsed.size = end + 4;
  RequestHead& head = parsed.head;
  head.method = std::string(message.method_string());
  head.target = origin_form({message.target().data(), message.target().size()});
  head.old = message.version() < 11;
  head.keep_alive = message.keep_alive();
  for (const auto& field : message) {
    head.headers.emplace_back(field.name_string(), field.value());
  }
  BLINDAI_CHECK(check_deciding(head));
  if (!plain_target(head.target) || (message.version() == 11 && head.find("host") == nullptr)) {
    return fail(Code::invalid_argument, {"the request needs a target that starts with '/' and a Host header"});
  }
  if (!one_number(head.find("content-length"))) {
    return fail(Code::invalid_argument, {"Content-Length must be one number"});
  }
  head.chunked = parser.chunked();
  if (head.find("transfer-encoding") != nullptr &&
      (!head.chunked || !same_name(*head.find("transfer-encoding"), "chunked"))) {
    return fail(Code::unimplemented, {"the only transfer coding taken is 'chunked'"});
  }
  if (!head.chunked) {
    const auto length = parser.content_length();
    head.content_length = length ? *length : 0;
  }
  const std::string* expect = head.find("expect");
  parsed.expects_continue = expect != nullptr && !head.old && same_name(*expect, "100-continue");
  return parsed;
}

std::string answer_head(int status, const std::vector<Header>& headers, std::uint64_t content_length,
                        std::string_view connection) {
  const auto reason = beast::obsolete_reason(beast::int_to_status(static_cast<unsigned>(status)));
  std::string head = fmt::format("HTTP/1.1 {} {}\r\nContent-Length: {}\r\n", status,
                                 std::string_view(reason.data(), reason.size()), content_length);
  for (const Header& header : headers) {
    head += fmt::format("{}: {}\r\n", header.name, header.value);
  }
  return head + (connection.empty() ? "\r\n" : fmt::format("Connection: {}\r\n\r\n", connection));
}

}  // namespace blindai::http
