#include <algorithm>

#include "base/json.h"

namespace blindai::json {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// What numbers and the three words are written with.
bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '-' || c == '.';
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool at_end() {
    skip_space();
    return at_ == text_.size();
  }
  bool take(char wanted) {
    skip_space();
    const bool there = peek() == wanted;
    if (there) {
      ++at_;
    }
    return there;
  }
  // With its quotes.
  std::optional<std::string_view> string() {
    skip_space();
    const std::size_t start = at_;
    return skip_string() ? std::optional(text_.substr(start, at_ - start)) : std::nullopt;
  }
  std::optional<std::string_view> value() {
    skip_space();
    const std::size_t start = at_;
    return skip_value() ? std::optional(text_.substr(start, at_ - start)) : std::nullopt;
  }

 private:
  // A byte that is no JSON where the text is at its end.
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() {
    while (is_space(peek())) {
      ++at_;
    }
  }
  bool skip_string() {
    if (peek() != '"') {
      return false;
    }
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        return true;
      }
      if (text_[at_] == '\\') {
        ++at_;
      }
    }
    at_ = text_.size();
    return false;
  }
  // One value with what is inside it. Brackets are counted, not matched by their kind: that is parse()'s work.
  bool skip_value() {
    std::size_t depth = 0;
    do {
      const char c = peek();
      if (c == '"') {
        if (!skip_string()) {
          return false;
        }
        continue;
      }
      if (depth == 0 && is_plain(c)) {
        while (is_plain(peek())) {
          ++at_;
        }
        return true;
      }
      if (c == '{' || c == '[') {
        ++depth;
      } else if (depth == 0) {
        return false;
      } else if (c == '}' || c == ']') {
        --depth;
      }
      ++at_;
    } while (depth > 0 && at_ < text_.size());
    return depth == 0;
  }

  std::string_view text_;
  std::size_t at_ = 0;  // at most text_.size()
};

}  // namespace

std::optional<std::vector<RawMember>> raw_members(std::string_view text, std::size_t limit) {
  Scanner scanner(text);
  std::vector<RawMember> members;
  if (!scanner.take('{')) {
    return std::nullopt;
  }
  if (!scanner.take('}')) {
    do {
      const auto quoted = scanner.string();
      if (!quoted || quoted->contains('\\') || !scanner.take(':')) {
        return std::nullopt;
      }
      const std::string_view name = quoted->substr(1, quoted->size() - 2);
      const auto value = scanner.value();
      if (!value || members.size() == limit || std::ranges::find(members, name, &RawMember::name) != members.end()) {
        return std::nullopt;
      }
      members.push_back({name, *value});
    } while (scanner.take(','));
    if (!scanner.take('}')) {
      return std::nullopt;
    }
  }
  return scanner.at_end() ? std::optional(std::move(members)) : std::nullopt;
}

}  // namespace blindai::json
