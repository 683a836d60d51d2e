#include <algorithm>
#include <charconv>

#include "v2/elements.h"

namespace blindai::v2 {
namespace {

// The end of the string whose opening quote stands before `at`.
std::size_t end_of_string(std::string_view json, std::size_t at) {
  while (at < json.size() && json[at] != '"') {
    at += json[at] == '\\' ? std::size_t{2} : std::size_t{1};
  }
  return std::min(json.size(), at + 1);
}

// Of a number as it stands there, or of anything else outside of strings.
bool needs_more_than_64_bits(std::string_view token) {
  std::int64_t negative = 0;
  std::uint64_t positive = 0;
  const char* end = token.data() + token.size();
  const auto read = token.starts_with('-') ? std::from_chars(token.data(), end, negative)
                                           : std::from_chars(token.data(), end, positive);
  return read.ec == std::errc::result_out_of_range && read.ptr == end;
}

}  // namespace

std::string widen_integers(std::string_view json) {
  std::string out;
  out.reserve(json.size() + json.size() / 8);
  for (std::size_t at = 0; at < json.size();) {
    const std::size_t begin = at;
    if (json[at] == '"') {
      at = end_of_string(json, at + 1);
      out += json.substr(begin, at - begin);
      continue;
    }
    at = std::min(json.size(), json.find_first_not_of("+-.0123456789eE", at));
    if (at == begin) {
      out.push_back(json[at++]);
      continue;
    }
    const std::string_view token = json.substr(begin, at - begin);
    out += token;
    out += needs_more_than_64_bits(token) ? ".0" : "";
  }
  return out;
}

}  // namespace blindai::v2
