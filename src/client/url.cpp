#include "client/url.h"

#include <algorithm>
#include <charconv>

namespace blindai::client {
namespace {

constexpr std::string_view scheme = "https://";
constexpr std::size_t max_host_bytes = 253;  // RFC 1035 section 2.3.4, as text
constexpr std::uint16_t default_port = 443;

std::unexpected<Error> refuse(std::string_view url) {
  return fail(Code::invalid_argument,
              {"{} is not the address of a service: it must be https://host or https://host:port", Disclosed(url)});
}

bool host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}
bool address_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

Result<std::uint16_t> parse_port(std::string_view text, std::string_view url) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || port == 0) {
    return refuse(url);
  }
  return port;
}

}  // namespace

Result<Endpoint> parse_url(std::string_view url) {
  if (!url.starts_with(scheme)) {
    return refuse(url);
  }
  std::string_view rest = url.substr(scheme.size());
  if (rest.ends_with('/')) {
    rest.remove_suffix(1);
  }
  Endpoint out;
  out.authority = rest;
  std::string_view after;
  bool valid = false;
  if (rest.starts_with('[')) {
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos) {
      return refuse(url);
    }
    out.host = rest.substr(1, close - 1);
    after = rest.substr(close + 1);
    valid = std::ranges::all_of(out.host, address_character);
  } else {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    out.host = rest.substr(0, colon);
    after = rest.substr(colon);
    valid = std::ranges::all_of(out.host, host_character);
  }
  if (!valid || out.host.empty() || out.host.size() > max_host_bytes) {
    return refuse(url);
  }
  out.port = default_port;
  if (!after.empty()) {
    if (!after.starts_with(':')) {
      return refuse(url);
    }
    BLINDAI_TRY(out.port, parse_port(after.substr(1), url));
  }
  return out;
}

std::string percent_encode(std::string_view segment) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : segment) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
        c == '_' || c == '~') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
  return out;
}

}  // namespace blindai::client
