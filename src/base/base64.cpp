// RFC 4648. Strict: no white space, no missing padding, no stray bits in the last character, so that every byte string
// has exactly one text.
#include <array>

#include "base/bytes.h"

namespace blindai {
namespace {

constexpr std::string_view standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::int8_t, 256> reverse(std::string_view alphabet) {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::int8_t>(i);
  }
  return table;
}

std::string encode(ByteView bytes, std::string_view alphabet, bool pad) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t group = std::uint32_t{bytes[i]} << 16U | std::uint32_t{bytes[i + 1]} << 8U | bytes[i + 2];
    out += alphabet[group >> 18U];
    out += alphabet[group >> 12U & 63U];
    out += alphabet[group >> 6U & 63U];
    out += alphabet[group & 63U];
  }
  const std::size_t rest = bytes.size() - i;
  if (rest > 0) {
    const std::uint32_t group = std::uint32_t{bytes[i]} << 16U | (rest == 2 ? std::uint32_t{bytes[i + 1]} << 8U : 0U);
    out += alphabet[group >> 18U];
    out += alphabet[group >> 12U & 63U];
    if (rest == 2) {
      out += alphabet[group >> 6U & 63U];
    }
    if (pad) {
      out.append(3 - rest, '=');
    }
  }
  return out;
}

std::optional<Bytes> decode(std::string_view text, const std::array<std::int8_t, 256>& values) {
  if (text.size() % 4 == 1) {
    return std::nullopt;
  }
  Bytes out;
  out.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const std::int8_t value = values[static_cast<std::uint8_t>(c)];
    if (value < 0) {
      return std::nullopt;
    }
    group = (group << 6U | static_cast<std::uint32_t>(value)) & 0xffffffU;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<std::uint8_t>(group >> bits & 0xffU));
    }
  }
  if ((group & ((1U << bits) - 1U)) != 0) {
    return std::nullopt;
  }
  return out;
}

}  // namespace

std::string to_base64(ByteView bytes) { return encode(bytes, standard, true); }
std::string to_base64url(ByteView bytes) { return encode(bytes, url_safe, false); }

std::optional<Bytes> from_base64(std::string_view text) {
  static constexpr auto values = reverse(standard);
  if (text.size() % 4 != 0) {
    return std::nullopt;
  }
  if (text.ends_with("==")) {
    text.remove_suffix(2);
    if (text.size() % 4 != 2) {
      return std::nullopt;
    }
  } else if (text.ends_with('=')) {
    text.remove_suffix(1);
    if (text.size() % 4 != 3) {
      return std::nullopt;
    }
  }
  return decode(text, values);
}

std::optional<Bytes> from_base64url(std::string_view text) {
  static constexpr auto values = reverse(url_safe);
  return decode(text, values);
}

}  // namespace blindai
