#include "evidence/x509/der.h"

#include <algorithm>

#include "evidence/refusal.h"

namespace blindai::evidence::x509 {
namespace {

constexpr std::uint8_t high_bit = 0x80;
constexpr std::uint8_t tag_number = 0x1f;
constexpr std::size_t max_length_bytes = 4;

// The shortest form of a two's complement number: its first nine bits are not all alike (X.690 section 8.3.2).
bool is_shortest(ByteView content) {
  return content.size() == 1 || !((content[0] == 0x00 && content[1] < high_bit) ||  //
                                  (content[0] == 0xff && content[1] >= high_bit));
}

bool is_digit(std::uint8_t byte) { return byte >= '0' && byte <= '9'; }

// The number that so many digits make. They were looked at before.
unsigned take_digits(ByteView& text, std::size_t count) {
  unsigned out = 0;
  for (const std::uint8_t digit : text.first(count)) {
    out = out * 10 + (digit - unsigned{'0'});
  }
  text = text.subspan(count);
  return out;
}

}  // namespace

std::optional<Element> Der::next() {
  if (!BLINDAI_HOLDS(rest_.size() >= 2)) {
    return std::nullopt;
  }
  const std::uint8_t tag = rest_[0];
  if (!BLINDAI_HOLDS(tag != 0)) {  // end-of-contents belongs to indefinite lengths
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS((tag & tag_number) != tag_number)) {
    return std::nullopt;
  }
  std::size_t header = 2;
  std::size_t length = rest_[1];
  if (length >= high_bit) {
    const std::size_t count = length & ~std::size_t{high_bit};
    header += count;
    if (!BLINDAI_HOLDS(count <= max_length_bytes)) {
      return std::nullopt;
    }
    if (!BLINDAI_HOLDS(header <= rest_.size())) {
      return std::nullopt;
    }
    length = 0;
    for (const std::uint8_t byte : rest_.subspan(2, count)) {
      length = length << 8U | byte;
    }
    // The shortest form, which the indefinite length, with no byte of it, is not either.
    if (!BLINDAI_HOLDS(length >= high_bit && rest_[2] != 0)) {
      return std::nullopt;
    }
  }
  if (!BLINDAI_HOLDS(length <= rest_.size() - header)) {
    return std::nullopt;
  }
  const Element element{tag, rest_.subspan(header, length), rest_.first(header + length)};
  rest_ = rest_.subspan(header + length);
  return element;
}

std::optional<Element> Der::take(std::uint8_t tag) {
  if (!BLINDAI_HOLDS(peek() == tag)) {
    return std::nullopt;
  }
  return next();
}

std::optional<bool> read_boolean(ByteView content) {
  if (!BLINDAI_HOLDS(content.size() == 1)) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(content[0] == 0x00 || content[0] == 0xff)) {
    return std::nullopt;
  }
  return content[0] != 0;
}

std::optional<std::int64_t> read_integer(ByteView content) {
  if (!BLINDAI_HOLDS(!content.empty())) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(content.size() <= sizeof(std::int64_t))) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(is_shortest(content))) {
    return std::nullopt;
  }
  std::uint64_t out = content[0] >= high_bit ? ~std::uint64_t{0} : 0;
  for (const std::uint8_t byte : content) {
    out = out << 8U | byte;
  }
  return static_cast<std::int64_t>(out);
}

std::optional<ByteView> read_unsigned(ByteView content) {
  if (!BLINDAI_HOLDS(!content.empty())) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(content[0] < high_bit)) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(is_shortest(content))) {
    return std::nullopt;
  }
  return content.subspan(content.size() > 1 && content[0] == 0 ? 1 : 0);
}

std::optional<ByteView> read_bit_string(ByteView content) {
  if (!BLINDAI_HOLDS(!content.empty())) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(content[0] == 0)) {
    return std::nullopt;
  }
  return content.subspan(1);
}

std::optional<UnixSeconds> read_time(std::uint8_t tag, ByteView content) {
  const std::size_t year_digits = tag == tag::utc_time ? 2 : 4;
  if (!BLINDAI_HOLDS(tag == tag::utc_time || tag == tag::generalized_time)) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(content.size() == year_digits + 11)) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(content.back() == 'Z')) {
    return std::nullopt;
  }
  ByteView digits = content.first(content.size() - 1);
  if (!BLINDAI_HOLDS(std::ranges::all_of(digits, is_digit))) {
    return std::nullopt;
  }
  unsigned year = take_digits(digits, year_digits);
  if (tag == tag::utc_time) {
    year += year >= 50 ? 1900 : 2000;
  }
  const unsigned month = take_digits(digits, 2);
  const unsigned day = take_digits(digits, 2);
  const unsigned hour = take_digits(digits, 2);
  const unsigned minute = take_digits(digits, 2);
  const unsigned second = take_digits(digits, 2);
  using std::chrono::year_month_day;
  const year_month_day date{std::chrono::year(static_cast<int>(year)), std::chrono::month(month),
                            std::chrono::day(day)};
  if (!BLINDAI_HOLDS(year >= 1950)) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(date.ok())) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(hour < 24)) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(minute < 60)) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(second < 60)) {
    return std::nullopt;
  }
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

bool is_oid(ByteView content) {
  if (!BLINDAI_HOLDS(!content.empty() && content.back() < high_bit)) {
    return false;
  }
  bool starts = true;  // of an arc
  return std::ranges::all_of(content, [&](std::uint8_t byte) {
    const bool padded = starts && byte == high_bit;
    starts = byte < high_bit;
    return BLINDAI_HOLDS(!padded);
  });
}

}  // namespace blindai::evidence::x509
