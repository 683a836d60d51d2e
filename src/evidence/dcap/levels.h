// Private to dcap/: what the levels of TCB info and QE identity share.
#pragma once

#include <algorithm>
#include <functional>

#include "evidence/dcap/documents.h"
#include "evidence/dcap/members.h"

namespace blindai::evidence::dcap {

// What a level says of those who reach it.
struct Standing {
  TcbStatus status{};
  UnixSeconds date = 0;
  std::vector<std::string> advisories;
};
// Refuses a status that is not of the closed list as tcb_status_unknown with `part`: "platform", "tdx_module", "qe".
Parsed<Standing> read_standing(const Members& level, std::string_view part);

// The levels as they stand in the document: 1 to max_levels.
Parsed<json::Node> level_list(const Members& holder);

// Sorts whatever order the document has. False where two levels ask for the same: which one counts is not said then.
template <typename Level, typename Key>
bool sort_from_high_to_low(std::vector<Level>& levels, Key key) {
  std::ranges::sort(levels, std::greater{}, key);
  return std::ranges::adjacent_find(levels, {}, key) == levels.end();
}

Parsed<std::vector<SvnLevel>> read_svn_levels(const Members& holder, std::string_view part);

}  // namespace blindai::evidence::dcap
