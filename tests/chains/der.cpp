#include "chains/der.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>

namespace blindai::chains::der {
namespace {

// Big-endian bytes of a number, without leading zeros; one zero byte for 0.
Bytes big_endian(std::uint64_t value) {
  Bytes bytes;
  for (int shift = 56; shift >= 0; shift -= 8) {
    const auto byte = static_cast<std::uint8_t>(value >> static_cast<unsigned>(shift));
    if (byte != 0 || !bytes.empty() || shift == 0) {
      bytes.push_back(byte);
    }
  }
  return bytes;
}

void append_base128(Bytes& out, std::uint64_t value) {
  const int groups = std::max(1, (static_cast<int>(std::bit_width(value)) + 6) / 7);
  for (int group = groups - 1; group >= 0; --group) {
    const auto bits = static_cast<std::uint8_t>((value >> static_cast<unsigned>(7 * group)) & 0x7fU);
    out.push_back(group == 0 ? bits : static_cast<std::uint8_t>(bits | 0x80U));
  }
}

Bytes text_element(std::uint8_t tag, std::string_view text) { return element(tag, as_bytes(text)); }

struct Calendar {
  int year;
  std::string rest;  // month to second, and Z
};
Calendar calendar(UnixSeconds time) {
  const std::chrono::sys_seconds moment{std::chrono::seconds(time)};
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(moment - day);
  return {static_cast<int>(date.year()), fmt::format("{:02}{:02}{:02}{:02}{:02}Z", static_cast<unsigned>(date.month()),
                                                     static_cast<unsigned>(date.day()), clock.hours().count(),
                                                     clock.minutes().count(), clock.seconds().count())};
}

}  // namespace

Bytes element(std::uint8_t tag, ByteView content) {
  Bytes out{tag};
  if (content.size() < 0x80) {
    out.push_back(static_cast<std::uint8_t>(content.size()));
  } else {
    const Bytes length = big_endian(content.size());
    out.push_back(static_cast<std::uint8_t>(0x80U | length.size()));
    append(out, length);
  }
  append(out, content);
  return out;
}

Bytes join(std::initializer_list<ByteView> parts) {
  Bytes out;
  for (const ByteView part : parts) {
    append(out, part);
  }
  return out;
}

Bytes boolean(bool value) { return element(0x01, Bytes{static_cast<std::uint8_t>(value ? 0xff : 0x00)}); }

Bytes integer(std::int64_t value) {
  // Two's complement, shortest: drop leading bytes that only repeat the sign.
  Bytes content;
  for (int shift = 56; shift >= 0; shift -= 8) {
    content.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> static_cast<unsigned>(shift)));
  }
  const std::uint8_t sign = value < 0 ? 0xff : 0x00;
  while (content.size() > 1 && content[0] == sign && (content[1] & 0x80U) == (sign & 0x80U)) {
    content.erase(content.begin());
  }
  return element(0x02, content);
}

Bytes integer(ByteView magnitude) {
  const auto first = std::find_if(magnitude.begin(), magnitude.end(), [](std::uint8_t byte) { return byte != 0; });
  Bytes content(first, magnitude.end());
  if (content.empty() || (content[0] & 0x80U) != 0) {
    content.insert(content.begin(), 0);
  }
  return element(0x02, content);
}

Bytes enumerated(std::uint8_t value) { return element(0x0a, Bytes{value}); }
Bytes null() { return element(0x05, {}); }

Bytes oid(std::string_view dotted) {
  std::vector<std::uint64_t> arcs;
  for (const char* at = dotted.data(); at < dotted.data() + dotted.size(); ++at) {
    at = std::from_chars(at, dotted.data() + dotted.size(), arcs.emplace_back()).ptr;
  }
  Bytes content;
  append_base128(content, arcs.at(0) * 40 + arcs.at(1));
  for (std::size_t arc = 2; arc < arcs.size(); ++arc) {
    append_base128(content, arcs[arc]);
  }
  return element(0x06, content);
}

Bytes octet_string(ByteView content) { return element(0x04, content); }

Bytes bit_string(ByteView content, std::uint8_t unused_bits) {
  return element(0x03, join({Bytes{unused_bits}, content}));
}

Bytes utf8_string(std::string_view text) { return text_element(0x0c, text); }
Bytes printable_string(std::string_view text) { return text_element(0x13, text); }
Bytes ia5_string(std::string_view text) { return text_element(0x16, text); }

Bytes context(std::uint8_t number, ByteView content) {
  return element(static_cast<std::uint8_t>(0xa0U | number), content);
}
Bytes context_primitive(std::uint8_t number, ByteView content) {
  return element(static_cast<std::uint8_t>(0x80U | number), content);
}

Bytes time(UnixSeconds time) {
  const Calendar at = calendar(time);
  if (at.year < 1950 || at.year > 2049) {
    return generalized_time(time);
  }
  return text_element(0x17, fmt::format("{:02}{}", at.year % 100, at.rest));
}

Bytes generalized_time(UnixSeconds time) {
  const Calendar at = calendar(time);
  return text_element(0x18, fmt::format("{:04}{}", at.year, at.rest));
}

}  // namespace blindai::chains::der
