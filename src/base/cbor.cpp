#include "base/cbor.h"

#include <algorithm>

#include "base/utf8.h"

namespace blindai::cbor {
namespace {

// Major types, RFC 8949 section 3.1.
enum Major : std::uint8_t {
  unsigned_integer = 0,
  negative_integer = 1,
  byte_string = 2,
  text_string = 3,
  array = 4,
  map = 5,
  simple = 7
};
constexpr std::uint8_t simple_false = 20;
constexpr std::uint8_t simple_true = 21;
constexpr std::uint8_t simple_null = 22;

void put_head(Bytes& out, Major major, std::uint64_t argument) {
  const auto first = static_cast<std::uint8_t>(major << 5U);
  if (argument < 24) {
    out.push_back(static_cast<std::uint8_t>(first | argument));
    return;
  }
  const unsigned log = argument <= 0xff ? 0 : argument <= 0xffff ? 1 : argument <= 0xffffffff ? 2 : 3;
  out.push_back(static_cast<std::uint8_t>(first | (24U + log)));
  for (unsigned i = 1U << log; i-- > 0;) {
    out.push_back(static_cast<std::uint8_t>(argument >> (8U * i)));
  }
}

void put_integer(Bytes& out, std::int64_t value) {
  if (value >= 0) {
    put_head(out, unsigned_integer, static_cast<std::uint64_t>(value));
  } else {
    put_head(out, negative_integer, ~static_cast<std::uint64_t>(value));
  }
}

void put_text(Bytes& out, std::string_view text) {
  put_head(out, text_string, text.size());
  append(out, as_bytes(text));
}

void put(Bytes& out, const Value& value);

struct Put {
  Bytes& out;
  void operator()(Null) const { put_head(out, simple, simple_null); }
  void operator()(bool v) const { put_head(out, simple, v ? simple_true : simple_false); }
  void operator()(std::int64_t v) const { put_integer(out, v); }
  void operator()(const std::string& v) const { put_text(out, v); }
  void operator()(const Bytes& v) const {
    put_head(out, byte_string, v.size());
    append(out, v);
  }
  void operator()(const Array& v) const {
    put_head(out, array, v.size());
    for (const auto& item : v) {
      put(out, item);
    }
  }
  void operator()(const Map& v) const {
    put_head(out, map, v.size());
    for (const auto& [key, item] : v) {
      std::visit(*this, key.value);
      put(out, item);
    }
  }
};

void put(Bytes& out, const Value& value) { std::visit(Put{out}, value.variant()); }

std::unexpected<Error> malformed(const char* what) {
  return fail(Code::invalid_argument, {"malformed CBOR document"}, Detail{what});
}

class Decoder {
 public:
  explicit Decoder(ByteView bytes) : rest_(bytes) {}

  Result<Value> item(int depth) {
    if (depth > max_depth) {
      return fail(Code::too_large, {"CBOR nested deeper than {} levels", max_depth});
    }
    BLINDAI_TRY(const Head head, take_head());
    switch (head.major) {
      case unsigned_integer:
      case negative_integer: {
        BLINDAI_TRY(const std::int64_t number, integer(head));
        return Value(number);
      }
      case byte_string: {
        BLINDAI_TRY(const ByteView bytes, take(head.argument));
        return Value(bytes);
      }
      case text_string: {
        BLINDAI_TRY(std::string text, text_of(head));
        return Value(std::move(text));
      }
      case array: {
        if (head.argument > rest_.size()) {
          return malformed("array longer than its document");
        }
        Array out;
        for (std::uint64_t i = 0; i < head.argument; ++i) {
          BLINDAI_TRY(Value value, item(depth + 1));
          out.push_back(std::move(value));
        }
        return Value(std::move(out));
      }
      case map:
        return map_of(head, depth);
      case simple:
        switch (head.argument) {
          case simple_false:
            return Value(false);
          case simple_true:
            return Value(true);
          case simple_null:
            return Value(Null{});
          default:
            return malformed("simple value or float");
        }
      default:
        return malformed("tag");
    }
  }

  bool done() const { return rest_.empty(); }

 private:
  struct Head {
    std::uint8_t major;
    std::uint64_t argument;
  };

  Result<ByteView> take(std::uint64_t count) {
    if (count > rest_.size()) {
      return malformed("cut short");
    }
    const ByteView out = rest_.first(count);
    rest_ = rest_.subspan(count);
    return out;
  }

  Result<Head> take_head() {
    BLINDAI_TRY(const ByteView first, take(1));
    const auto major = static_cast<std::uint8_t>(first[0] >> 5U);
    const unsigned info = first[0] & 31U;
    if (info < 24) {
      return Head{major, info};
    }
    if (info > 27 || major == simple) {
      return malformed("indefinite length, reserved head or float");
    }
    const unsigned log = info - 24;
    BLINDAI_TRY(const ByteView bytes, take(1U << log));
    std::uint64_t argument = 0;
    for (const std::uint8_t byte : bytes) {
      argument = argument << 8U | byte;
    }
    const std::uint64_t smallest = log == 0 ? 24 : std::uint64_t{1} << (8U << (log - 1));
    if (argument < smallest) {
      return malformed("number not in its shortest form");
    }
    return Head{major, argument};
  }

  static Result<std::int64_t> integer(const Head& head) {
    if (head.argument > static_cast<std::uint64_t>(INT64_MAX)) {
      return malformed("integer out of range");
    }
    const auto number = static_cast<std::int64_t>(head.argument);
    return head.major == unsigned_integer ? number : -1 - number;
  }

  Result<std::string> text_of(const Head& head) {
    BLINDAI_TRY(const ByteView bytes, take(head.argument));
    if (!is_utf8(bytes)) {
      return malformed("text is not UTF-8");
    }
    return std::string(as_text(bytes));
  }

  Result<Key> key() {
    BLINDAI_TRY(const Head head, take_head());
    if (head.major == text_string) {
      BLINDAI_TRY(std::string text, text_of(head));
      return Key(std::move(text));
    }
    if (head.major == unsigned_integer || head.major == negative_integer) {
      BLINDAI_TRY(const std::int64_t number, integer(head));
      return Key(number);
    }
    return malformed("map key neither text nor integer");
  }

  Result<Value> map_of(const Head& head, int depth) {
    if (head.argument > rest_.size() / 2) {
      return malformed("map longer than its document");
    }
    Map out;
    for (std::uint64_t i = 0; i < head.argument; ++i) {
      BLINDAI_TRY(Key name, key());
      if (!out.empty() && !(out.rbegin()->first < name)) {
        return malformed("map keys out of order or twice");
      }
      BLINDAI_TRY(Value value, item(depth + 1));
      out.emplace_hint(out.end(), std::move(name), std::move(value));
    }
    return Value(std::move(out));
  }

  ByteView rest_;
};

Bytes encoded(const Key& key) {
  Bytes out;
  std::visit(Put{out}, key.value);
  return out;
}

}  // namespace

bool Key::operator<(const Key& other) const {
  const auto* mine = std::get_if<std::string>(&value);
  const auto* theirs = std::get_if<std::string>(&other.value);
  if (mine != nullptr && theirs != nullptr) {
    return mine->size() != theirs->size() ? mine->size() < theirs->size() : *mine < *theirs;
  }
  return encoded(*this) < encoded(other);
}

Bytes encode(const Value& value) {
  Bytes out;
  put(out, value);
  return out;
}

Result<Value> decode(ByteView bytes) {
  Decoder decoder(bytes);
  BLINDAI_TRY(Value value, decoder.item(0));
  if (!decoder.done()) {
    return malformed("trailing bytes");
  }
  return value;
}

Fields::Fields(const Value& value) : map_(value.as<Map>()) {
  if (map_ == nullptr) {
    problem_ = "not a map";
  }
}

const Value* Fields::take(std::string_view key) {
  if (map_ == nullptr) {
    return nullptr;
  }
  const auto found = map_->find(Key(key));
  if (found == map_->end()) {
    wrong(key);
    return nullptr;
  }
  ++taken_;
  return &found->second;
}

void Fields::wrong(std::string_view key) {
  if (problem_.empty()) {
    problem_ = key;
  }
}

std::string Fields::text(std::string_view key) {
  const Value* value = take(key);
  const auto* text = value != nullptr ? value->as<std::string>() : nullptr;
  if (text == nullptr) {
    wrong(key);
    return {};
  }
  return *text;
}

Bytes Fields::bytes(std::string_view key) {
  const Value* value = take(key);
  const auto* bytes = value != nullptr ? value->as<Bytes>() : nullptr;
  if (bytes == nullptr) {
    wrong(key);
    return {};
  }
  return *bytes;
}

Digest Fields::digest(std::string_view key) {
  const auto digest = Digest::from(bytes(key));
  if (!digest) {
    wrong(key);
    return {};
  }
  return *digest;
}

std::int64_t Fields::integer(std::string_view key) {
  const Value* value = take(key);
  const auto* number = value != nullptr ? value->as<std::int64_t>() : nullptr;
  if (number == nullptr) {
    wrong(key);
    return {};
  }
  return *number;
}

const Value& Fields::any(std::string_view key) {
  static const Value null;
  const Value* value = take(key);
  return value != nullptr ? *value : null;
}

Result<void> Fields::finish() const {
  if (problem_.empty() && taken_ != map_->size()) {
    return fail(Code::invalid_argument, {"a document has an unknown member"});
  }
  if (!problem_.empty()) {
    return fail(Code::invalid_argument, {"a document has a missing or wrong member"}, Detail{problem_});
  }
  return {};
}

}  // namespace blindai::cbor
