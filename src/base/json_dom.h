// Private to this folder: the parser under json::parse() and json::Document.
#pragma once

#include <simdjson.h>

#include "base/error.h"

namespace blindai::json {

// The root, which lives as long as the parser. Errors: as json::parse().
inline Result<simdjson::dom::element> parse_with(simdjson::dom::parser& parser, std::string_view text,
                                                 int depth_limit) {
  // The tape of simdjson counts the document itself as a level.
  if (parser.allocate(text.size(), static_cast<std::size_t>(depth_limit) + 2) != simdjson::SUCCESS) {
    return fail(Code::resource_exhausted, {"out of memory"});
  }
  if (text.empty()) {
    return fail(Code::invalid_argument, {"malformed JSON"}, Detail{"it is empty"});
  }
  const simdjson::padded_string padded(text);
  simdjson::dom::element root;
  const auto error = parser.parse(padded).get(root);
  if (error == simdjson::DEPTH_ERROR) {
    return fail(Code::too_large, {"JSON nested deeper than {} levels", depth_limit});
  }
  if (error != simdjson::SUCCESS) {
    return fail(Code::invalid_argument, {"malformed JSON"}, Detail{simdjson::error_message(error)});
  }
  return root;
}

inline std::unexpected<Error> nested_too_deep() { return fail(Code::too_large, {"JSON nested too deep"}); }
inline std::unexpected<Error> member_twice() {
  return fail(Code::invalid_argument, {"a JSON object has a member twice"});
}

}  // namespace blindai::json
