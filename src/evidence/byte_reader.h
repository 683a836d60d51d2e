// A bounded reader of little-endian numbers and byte strings, as quotes and reports hold them. It keeps no memory and
// gives views into the bytes that it reads. Reading past the end gives zeros or nothing, ends the reading for good, and is
// remembered: what was read counts only where good() holds.
//
//   ByteReader reader(bytes);
//   const auto version = reader.number<std::uint16_t>();
//   const ByteView data = reader.take(reader.number<std::uint32_t>());
//   BLINDAI_REQUIRE(reader.good(), Reason::bad_quote_format, "length");
//
// Thread rule: a value.
#pragma once

#include <algorithm>
#include <concepts>

#include "base/bytes.h"

namespace blindai::evidence {

class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : rest_(bytes) {}
  bool good() const { return good_; }
  std::size_t left() const { return rest_.size(); }  // bytes

  // The next `count` bytes; none of them where there are fewer.
  ByteView take(std::size_t count) {
    if (count > rest_.size()) {
      good_ = false;
      rest_ = {};
      return {};
    }
    const ByteView front = rest_.first(count);
    rest_ = rest_.subspan(count);
    return front;
  }

  template <std::unsigned_integral T>
  T number() {
    std::uint64_t value = 0;
    unsigned shift = 0;
    for (const std::uint8_t byte : take(sizeof(T))) {
      value |= std::uint64_t{byte} << shift;
      shift += 8;
    }
    return static_cast<T>(value);
  }

  template <std::size_t N>
  std::array<std::uint8_t, N> array() {
    std::array<std::uint8_t, N> out{};
    std::ranges::copy(take(N), out.begin());
    return out;
  }

  // Whether the next `count` bytes are there and all zero.
  bool zeros(std::size_t count) {
    return std::ranges::all_of(take(count), [](std::uint8_t byte) { return byte == 0; }) && good_;
  }

 private:
  ByteView rest_;
  bool good_ = true;
};

}  // namespace blindai::evidence
