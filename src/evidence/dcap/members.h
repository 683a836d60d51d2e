// Private to dcap/: the members of one object of a TCB info or QE identity, each there, of its type and in its range.
// Refuses as bad_collateral_format with the item that is read ("tcb_info", "qe_identity").
#pragma once

#include <concepts>
#include <limits>

#include "base/clock.h"
#include "base/json_document.h"
#include "evidence/refusal.h"

namespace blindai::evidence::dcap {

// A date as Intel writes them, "2026-02-18T10:58:51Z" (RFC 3339 in one of its forms), of a day that the calendar has and a
// second that a day has. Nothing otherwise.
std::optional<UnixSeconds> read_date(std::string_view text);

class Members {
 public:
  // Refuses a value that is not an object. Its document and the item must outlive this.
  static Parsed<Members> of(json::Node value, std::string_view item);

  bool has(std::string_view name) const { return object_.find(name).has_value(); }
  // 0 to the largest that T holds.
  template <std::unsigned_integral T>
  Parsed<T> number(std::string_view name) const {
    BLINDAI_TRY(const std::int64_t value, number(name, std::numeric_limits<T>::max()));
    return static_cast<T>(value);
  }
  Parsed<std::string_view> text(std::string_view name) const;
  Parsed<UnixSeconds> date(std::string_view name) const;
  Parsed<Members> object(std::string_view name) const;
  Parsed<json::Node> list(std::string_view name) const;
  // Hexadecimal digits in either case, exactly as many as fill the array.
  template <std::size_t N>
  Parsed<std::array<std::uint8_t, N>> hex(std::string_view name) const {
    std::array<std::uint8_t, N> out{};
    BLINDAI_CHECK(fill(name, out));
    return out;
  }

  std::string_view item() const { return item_; }

 private:
  Members(json::Node object, std::string_view item) : object_(object), item_(item) {}
  json::Node get(std::string_view name) const { return object_.find(name).value_or(json::Node()); }
  Parsed<std::int64_t> number(std::string_view name, std::int64_t max) const;
  Parsed<void> fill(std::string_view name, MutableBytes out) const;

  json::Node object_;
  std::string_view item_;
};

}  // namespace blindai::evidence::dcap
