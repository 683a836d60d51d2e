#include "base/bytes.h"

#include <algorithm>

namespace blindai {
namespace {

int nibble(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return -1;
}

}  // namespace

void append(Bytes& out, ByteView more) { out.insert(out.end(), more.begin(), more.end()); }

std::string to_hex(ByteView bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
  return out;
}

std::optional<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) {
    return std::nullopt;
  }
  Bytes out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = nibble(text[i]);
    const int low = nibble(text[i + 1]);
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    out.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return out;
}

std::optional<Digest> Digest::from(ByteView bytes) {
  if (bytes.size() != size) {
    return std::nullopt;
  }
  Digest digest;
  std::ranges::copy(bytes, digest.bytes.begin());
  return digest;
}

std::optional<Digest> Digest::from_text(std::string_view text) {
  static constexpr std::string_view prefix = "sha256:";
  if (!text.starts_with(prefix)) {
    return std::nullopt;
  }
  const auto bytes = from_hex(text.substr(prefix.size()));
  return bytes ? from(*bytes) : std::nullopt;
}

}  // namespace blindai
