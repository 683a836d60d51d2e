#include "evidence/x509/pem.h"

#include <algorithm>

namespace blindai::evidence::x509 {
namespace {

constexpr std::string_view begin_line = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view end_line = "-----END CERTIFICATE-----";
constexpr std::size_t max_body = (max_certificate_bytes + 2) / 3 * 4;  // base64 of the largest certificate

// The next line, without its end.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  return line;
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

}  // namespace

Parsed<std::vector<Bytes>> certificates_of_pem(ByteView bytes, std::string_view item, Reason reason) {
  const Refusal bad{reason, std::string(item)};
  std::string_view text = as_text(bytes);
  if (text.ends_with('\0')) {
    text.remove_suffix(1);
  }
  std::vector<Bytes> out;
  std::string body;
  bool inside = false;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (!inside) {
      if (!is_blank(line)) {
        BLINDAI_REQUIRE(line == begin_line, bad);
        BLINDAI_REQUIRE(out.size() < max_chain, bad);
        inside = true;
        body.clear();
      }
    } else if (line == end_line) {
      auto der = from_base64(body);
      BLINDAI_REQUIRE(der && !der->empty(), bad);
      out.push_back(std::move(*der));
      inside = false;
    } else {
      BLINDAI_REQUIRE(!line.empty(), bad);
      BLINDAI_REQUIRE(body.size() + line.size() <= max_body, bad);
      body += line;
    }
  }
  BLINDAI_REQUIRE(!inside, bad);
  BLINDAI_REQUIRE(!out.empty(), bad);
  return out;
}

}  // namespace blindai::evidence::x509
