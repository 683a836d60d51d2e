// Only in the build of tests/mutants: the switch that takes one check away.
#include <cstdlib>
#include <string>

#include "evidence/refusal.h"

#ifndef BLINDAI_MUTANTS
#error "this file belongs to the build of tests/mutants alone"
#endif

namespace blindai::evidence {

bool dropped(std::string_view file, int line) {
  static const std::string chosen = [] {
    const char* text = std::getenv("BLINDAI_MUTANT");  // NOLINT(concurrency-mt-unsafe)
    return std::string(text == nullptr ? "" : text);
  }();
  if (chosen.empty()) {
    return false;
  }
  constexpr std::string_view folder = "src/evidence/";
  const std::size_t start = file.rfind(folder);
  return start != std::string_view::npos &&
         chosen == std::string(file.substr(start + folder.size())) + ":" + std::to_string(line);
}

}  // namespace blindai::evidence
