// Byte strings, hexadecimal, base64, and a 32-byte digest as a type of its own.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace blindai {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};  // NOLINT
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};  // NOLINT
}
inline Bytes copy(ByteView bytes) { return {bytes.begin(), bytes.end()}; }
void append(Bytes& out, ByteView more);

std::string to_hex(ByteView bytes);                          // lower case
std::optional<Bytes> from_hex(std::string_view text);        // either case, even length, nothing else
std::string to_base64(ByteView bytes);                       // RFC 4648 section 4, padded
std::optional<Bytes> from_base64(std::string_view text);     // the same, strict: canonical padding and bits
std::string to_base64url(ByteView bytes);                    // RFC 4648 section 5, no padding
std::optional<Bytes> from_base64url(std::string_view text);  // the same, strict

// SHA-256 of something. Comparison is not constant-time: digests here are public.
struct Digest {
  static constexpr std::size_t size = 32;
  std::array<std::uint8_t, size> bytes{};

  ByteView view() const { return bytes; }
  std::string hex() const { return to_hex(bytes); }
  static std::optional<Digest> from(ByteView bytes);  // exactly 32 bytes
  // "sha256:" and 64 hexadecimal digits, as users write and read it.
  std::string text() const { return "sha256:" + hex(); }
  static std::optional<Digest> from_text(std::string_view text);
  auto operator<=>(const Digest&) const = default;
};

}  // namespace blindai
