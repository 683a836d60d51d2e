#include "base/json.h"

#include <cmath>

#include "base/json_dom.h"

namespace blindai::json {
namespace {

namespace dom = simdjson::dom;

Result<void> convert(const dom::element& element, int depth, Value& out) {
  if (depth < 0) {
    return nested_too_deep();
  }
  switch (element.type()) {
    case dom::element_type::ARRAY: {
      const dom::array items(element);
      Array array;
      array.reserve(items.size());
      for (const dom::element item : items) {
        BLINDAI_CHECK(convert(item, depth - 1, array.emplace_back()));
      }
      out = Value(std::move(array));
      return {};
    }
    case dom::element_type::OBJECT: {
      Object object;
      for (const auto& [key, item] : dom::object(element)) {
        const auto [place, first] = object.try_emplace(std::string(key));
        if (!first) {
          return member_twice();
        }
        BLINDAI_CHECK(convert(item, depth - 1, place->second));
      }
      out = Value(std::move(object));
      return {};
    }
    case dom::element_type::INT64:
      out = std::int64_t(element);
      return {};
    case dom::element_type::UINT64:
      out = std::uint64_t(element);
      return {};
    case dom::element_type::DOUBLE:
      out = double(element);
      return {};
    case dom::element_type::STRING:
      out = std::string_view(element);
      return {};
    case dom::element_type::BOOL:
      out = bool(element);
      return {};
    case dom::element_type::NULL_VALUE:
      out = nullptr;
      return {};
  }
  return fail(Code::internal, {"internal error"}, Detail{"unknown JSON type"});
}

void put(std::string& out, const Value& value);

struct Put {
  std::string& out;
  void operator()(std::nullptr_t) const { out += "null"; }
  void operator()(bool v) const { out += v ? "true" : "false"; }
  void operator()(std::int64_t v) const { out += fmt::format("{}", v); }
  void operator()(std::uint64_t v) const { out += fmt::format("{}", v); }
  void operator()(double v) const { out += std::isfinite(v) ? fmt::format("{}", v) : "null"; }
  void operator()(const std::string& v) const { out += quote(v); }
  void operator()(const Array& v) const {
    out += '[';
    const char* separator = "";
    for (const auto& item : v) {
      out += std::exchange(separator, ",");
      put(out, item);
    }
    out += ']';
  }
  void operator()(const Object& v) const {
    out += '{';
    const char* separator = "";
    for (const auto& [key, item] : v) {
      out += std::exchange(separator, ",");
      out += quote(key);
      out += ':';
      put(out, item);
    }
    out += '}';
  }
};

void put(std::string& out, const Value& value) { std::visit(Put{out}, value.variant()); }

}  // namespace

const Value* Value::find(std::string_view name) const {
  const auto* object = as<Object>();
  if (object == nullptr) {
    return nullptr;
  }
  const auto found = object->find(name);
  return found == object->end() ? nullptr : &found->second;
}

const std::string* Value::text(std::string_view name) const {
  const Value* member = find(name);
  return member == nullptr ? nullptr : member->as<std::string>();
}

Result<Value> parse(std::string_view text, int depth_limit) {
  dom::parser parser;
  BLINDAI_TRY(const dom::element root, parse_with(parser, text, depth_limit));
  Value value;
  BLINDAI_CHECK(convert(root, depth_limit, value));
  return value;
}

std::string write(const Value& value) {
  std::string out;
  put(out, value);
  return out;
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text[i];
    } else if (c < 0x20) {
      out += fmt::format("\\u{:04x}", c);
    } else if (c < 0x80) {
      out += text[i];
    } else {
      const std::size_t length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
      if (simdjson::validate_utf8(text.data() + i, std::min(length, text.size() - i)) && text.size() - i >= length) {
        out += text.substr(i, length);
        i += length - 1;
      } else {
        out += "\xef\xbf\xbd";
      }
    }
  }
  return out + '"';
}

}  // namespace blindai::json
