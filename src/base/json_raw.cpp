#include <algorithm>

#include "base/json.h"

namespace blindai::json {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// What numbers and the three words are written with.
bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '-' || c == '.';
}

// What a byte outside of strings does to the count of brackets.
enum class Mark : std::uint8_t { none, quote, open, close };
constexpr std::array marks = [] {
  std::array<Mark, 256> out{};
  out['"'] = Mark::quote;
  out['{'] = out['['] = Mark::open;
  out['}'] = out[']'] = Mark::close;
  return out;
}();

class Scanner {
  static constexpr std::size_t npos = std::string_view::npos;

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
    at_ = end_of_string(at_ + 1);
    return at_ != npos;
  }
  // Where the string ends whose first quote stands before `at`: after its last quote, or npos.
  std::size_t end_of_string(std::size_t at) const {
    std::size_t quote = text_.find('"', at);
    while (quote != npos) {
      // A backslash takes the byte after it along, which may be this quote.
      const std::size_t escape = text_.substr(at, quote - at).find('\\');
      if (escape == npos) {
        return quote + 1;
      }
      at += escape + 2;
      quote = at > quote ? text_.find('"', at) : quote;
    }
    return npos;
  }
  bool skip_value() {
    const char c = peek();
    if (c == '{' || c == '[') {
      return skip_brackets();
    }
    if (!is_plain(c)) {
      return skip_string();
    }
    while (is_plain(peek())) {
      ++at_;
    }
    return true;
  }
  // An object or array with what is inside it. Brackets are counted, not matched by their kind: that is parse()'s work.
  bool skip_brackets() {
    std::size_t depth = 0;
    for (std::size_t at = at_; at < text_.size();) {
      switch (marks[static_cast<unsigned char>(text_[at++])]) {
        case Mark::none:
          break;
        case Mark::quote:
          at = end_of_string(at);
          break;
        case Mark::open:
          ++depth;
          break;
        case Mark::close:
          if (--depth == 0) {
            at_ = at;
            return true;
          }
          break;
      }
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;  // at most text_.size(); npos where nothing more can be read
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
