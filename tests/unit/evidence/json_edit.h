// Changes JSON text in place, as what signs it would have written it.
#pragma once

#include <string>
#include <string_view>

namespace blindai::evidence {

// Where the value of the `nth` member of that name stands in compact JSON, whatever object it is in; npos where there are
// not so many. What is inside strings must hold no quotes and brackets.
struct Place {
  std::size_t from = std::string::npos;
  std::size_t bytes = 0;
};
inline Place find_value(std::string_view text, std::string_view name, std::size_t nth) {
  const std::string key = "\"" + std::string(name) + "\":";
  std::size_t from = text.find(key);
  for (; nth > 0 && from != std::string::npos; --nth) {
    from = text.find(key, from + 1);
  }
  if (from == std::string::npos) {
    return {};
  }
  from += key.size();
  std::size_t to = from;
  for (int depth = 0; to < text.size(); ++to) {
    const char c = text[to];
    depth += c == '{' || c == '[' ? 1 : 0;
    if (depth == 0 && (c == ',' || c == '}' || c == ']')) {
      break;
    }
    depth -= c == '}' || c == ']' ? 1 : 0;
  }
  return {from, to - from};
}

inline std::size_t count_members(std::string_view text, std::string_view name) {
  std::size_t count = 0;
  while (find_value(text, name, count).from != std::string::npos) {
    ++count;
  }
  return count;
}

// The text with another value for the `nth` member of that name. Throws where there is none: the test would test nothing.
inline std::string with(std::string text, std::string_view name, std::string_view value, std::size_t nth = 0) {
  const Place place = find_value(text, name, nth);
  text.replace(place.from, place.bytes, value);
  return text;
}

// The text with that member under a name that nobody asks for.
inline std::string without(std::string text, std::string_view name, std::size_t nth = 0) {
  const Place place = find_value(text, name, nth);
  text.replace(place.from - 3, 1, "?");
  return text;
}

}  // namespace blindai::evidence
