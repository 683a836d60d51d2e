// Deterministic CBOR (RFC 8949 section 4.2.1): the one form in which documents are signed and hashed.
//
// The decoder refuses everything that the encoder would not write: indefinite lengths, numbers or lengths not in their
// shortest form, map keys out of order or twice, tags, floats, simple values other than false, true and null, text that
// is not UTF-8, trailing bytes; and it refuses more than max_depth levels. It allocates no more than a small multiple of
// its input: counts are checked against the bytes that are left.
//
// Map keys are text; integer keys are decoded too, for COSE headers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"

namespace blindai::cbor {

inline constexpr int max_depth = 16;

class Value;
using Array = std::vector<Value>;

// A key of a map, ordered as its encoding is (bytewise: integers before text, shorter before longer).
struct Key {
  std::variant<std::int64_t, std::string> value;
  Key(std::string_view text) : value(std::string(text)) {}  // NOLINT(google-explicit-constructor)
  Key(const char* text) : value(std::string(text)) {}       // NOLINT(google-explicit-constructor)
  Key(std::string text) : value(std::move(text)) {}         // NOLINT(google-explicit-constructor)
  explicit Key(std::int64_t number) : value(number) {}
  bool operator==(const Key&) const = default;
  bool operator<(const Key& other) const;
};
using Map = std::map<Key, Value>;

struct Null {
  bool operator==(const Null&) const = default;
};

class Value {
 public:
  Value() : value_(Null{}) {}
  Value(Null) : value_(Null{}) {}                        // NOLINT(google-explicit-constructor)
  Value(bool v) : value_(v) {}                           // NOLINT(google-explicit-constructor)
  Value(std::int64_t v) : value_(v) {}                   // NOLINT(google-explicit-constructor)
  Value(int v) : value_(std::int64_t{v}) {}              // NOLINT(google-explicit-constructor)
  Value(std::string v) : value_(std::move(v)) {}         // NOLINT(google-explicit-constructor)
  Value(std::string_view v) : value_(std::string(v)) {}  // NOLINT(google-explicit-constructor)
  Value(const char* v) : value_(std::string(v)) {}       // NOLINT(google-explicit-constructor)
  Value(Bytes v) : value_(std::move(v)) {}               // NOLINT(google-explicit-constructor)
  Value(ByteView v) : value_(copy(v)) {}                 // NOLINT(google-explicit-constructor)
  Value(const Digest& v) : value_(copy(v.view())) {}     // NOLINT(google-explicit-constructor)
  Value(Array v) : value_(std::move(v)) {}               // NOLINT(google-explicit-constructor)
  Value(Map v) : value_(std::move(v)) {}                 // NOLINT(google-explicit-constructor)

  // The value as that type, or nullptr.
  template <typename T>
  const T* as() const {
    return std::get_if<T>(&value_);
  }
  bool is_null() const { return std::holds_alternative<Null>(value_); }
  const auto& variant() const { return value_; }
  bool operator==(const Value&) const = default;

 private:
  std::variant<Null, bool, std::int64_t, std::string, Bytes, Array, Map> value_;
};

// Always succeeds; integers are those of std::int64_t.
Bytes encode(const Value& value);
// The one item that fills `bytes`. Errors: invalid_argument, too_large for depth.
Result<Value> decode(ByteView bytes);

// Reads the members of a map with a closed schema: every key is taken exactly once, and finish() refuses what is left.
//   Fields fields(map);
//   auto ctx = fields.text("ctx");
//   ...
//   BLINDAI_CHECK(fields.finish());
// A missing member or one of another type is remembered, gives a default, and fails in finish().
class Fields {
 public:
  explicit Fields(const Value& map);
  std::string text(std::string_view key);
  Bytes bytes(std::string_view key);
  Digest digest(std::string_view key);
  std::int64_t integer(std::string_view key);
  const Value& any(std::string_view key);  // Null where absent, and fails
  Result<void> finish() const;             // invalid_argument, naming the first wrong member in the detail

 private:
  const Value* take(std::string_view key);
  void wrong(std::string_view key);
  const Map* map_;
  std::size_t taken_ = 0;
  std::string problem_;
};

}  // namespace blindai::cbor
