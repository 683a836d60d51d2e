// The one JSON parser for documents from outside that are small: attest answers, keys, listings. (Tensors have their
// own reader in v2.) Bounds first: size by the caller, depth here; members twice in one object are refused; integers are
// exact, as 64-bit signed or unsigned; text is valid UTF-8.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"

namespace blindai::json {

inline constexpr int max_depth = 32;

class Value;
using Array = std::vector<Value>;
using Object = std::map<std::string, Value, std::less<>>;  // members are written in this order: by name

class Value {
 public:
  Value() = default;
  Value(std::nullptr_t) {}                               // NOLINT(google-explicit-constructor)
  Value(bool v) : value_(v) {}                           // NOLINT(google-explicit-constructor)
  Value(std::int64_t v) : value_(v) {}                   // NOLINT(google-explicit-constructor)
  Value(int v) : value_(std::int64_t{v}) {}              // NOLINT(google-explicit-constructor)
  Value(std::uint64_t v) : value_(v) {}                  // NOLINT(google-explicit-constructor)
  Value(double v) : value_(v) {}                         // NOLINT(google-explicit-constructor)
  Value(std::string v) : value_(std::move(v)) {}         // NOLINT(google-explicit-constructor)
  Value(std::string_view v) : value_(std::string(v)) {}  // NOLINT(google-explicit-constructor)
  Value(const char* v) : value_(std::string(v)) {}       // NOLINT(google-explicit-constructor)
  Value(Array v) : value_(std::move(v)) {}               // NOLINT(google-explicit-constructor)
  Value(Object v) : value_(std::move(v)) {}              // NOLINT(google-explicit-constructor)

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&value_);
  }
  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  // The member of that name where this is an object that has it, else nullptr.
  const Value* find(std::string_view name) const;
  // The text of the member of that name, or nullptr.
  const std::string* text(std::string_view name) const;
  const auto& variant() const { return value_; }
  bool operator==(const Value&) const = default;

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> value_;
};

// Errors: invalid_argument; too_large for depth. An integer that fits std::int64_t is one; a larger one that fits is a
// std::uint64_t.
Result<Value> parse(std::string_view text, int depth_limit = max_depth);
// A member of an object as it stands in the text: its name, and its value byte for byte, without white space around it.
struct RawMember {
  std::string_view name;
  std::string_view value;
};
// The members of the object that `text` is, in their order: for documents in which a signature covers the bytes of one of
// them. Only this one level is read; inside a value no more is looked at than quotes and brackets, so parse() judges it.
// Nothing where the text is not one object and nothing else, has more than `limit` members or one twice, or writes a name
// with an escape. What parse() accepts too, it reads alike.
std::optional<std::vector<RawMember>> raw_members(std::string_view text, std::size_t limit);
// Compact. A double that is not finite is written as null.
std::string write(const Value& value);
// A string as JSON, with its quotes. Bytes that are not UTF-8 are replaced by U+FFFD.
std::string quote(std::string_view text);

}  // namespace blindai::json
