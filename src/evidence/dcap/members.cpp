#include "evidence/dcap/members.h"

#include <algorithm>
#include <chrono>

namespace blindai::evidence::dcap {
namespace {

constexpr Reason bad = Reason::bad_collateral_format;

}  // namespace

std::optional<UnixSeconds> read_date(std::string_view text) {
  static constexpr std::string_view form = "0000-00-00T00:00:00Z";
  const auto fits = [](char c, char wanted) { return wanted == '0' ? c >= '0' && c <= '9' : c == wanted; };
  if (!BLINDAI_HOLDS(std::ranges::equal(text, form, fits))) {
    return std::nullopt;
  }
  const auto digits = [&](std::size_t from, std::size_t count) {
    unsigned value = 0;
    for (const char c : text.substr(from, count)) {
      value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value;
  };
  const std::chrono::year_month_day day(std::chrono::year(static_cast<int>(digits(0, 4))),
                                        std::chrono::month(digits(5, 2)), std::chrono::day(digits(8, 2)));
  const unsigned hour = digits(11, 2);
  const unsigned minute = digits(14, 2);
  const unsigned second = digits(17, 2);
  if (!BLINDAI_HOLDS(day.ok())) {
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
  const std::int64_t days = std::chrono::sys_days(day).time_since_epoch().count();
  return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

Parsed<Members> Members::of(json::Node value, std::string_view item) {
  if (!value.is_object()) {
    return refuse(bad, std::string(item));
  }
  return Members(value, item);
}

Parsed<std::int64_t> Members::number(std::string_view name, std::int64_t max) const {
  const auto value = get(name).integer();
  if (!value) {
    return refuse(bad, std::string(item_));
  }
  BLINDAI_REQUIRE(*value >= 0, bad, std::string(item_));
  BLINDAI_REQUIRE(*value <= max, bad, std::string(item_));
  return *value;
}

Parsed<std::string_view> Members::text(std::string_view name) const {
  const auto value = get(name).text();
  if (!value) {
    return refuse(bad, std::string(item_));
  }
  return *value;
}

Parsed<UnixSeconds> Members::date(std::string_view name) const {
  BLINDAI_TRY(const std::string_view value, text(name));
  const auto date = read_date(value);
  BLINDAI_REQUIRE(date.has_value(), bad, std::string(item_));
  return *date;
}

Parsed<Members> Members::object(std::string_view name) const { return of(get(name), item_); }

Parsed<json::Node> Members::list(std::string_view name) const {
  const json::Node value = get(name);
  BLINDAI_REQUIRE(value.is_array(), bad, std::string(item_));
  return value;
}

Parsed<void> Members::fill(std::string_view name, MutableBytes out) const {
  BLINDAI_TRY(const std::string_view digits, text(name));
  const auto bytes = from_hex(digits);
  BLINDAI_REQUIRE(bytes && bytes->size() == out.size(), bad, std::string(item_));
  std::ranges::copy(*bytes, out.begin());
  return {};
}

}  // namespace blindai::evidence::dcap
