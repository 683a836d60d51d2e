// Where the walk is, and the rules of names.
#include <fmt/format.h>

#include "gate/walk.h"

namespace blindai::gate {
namespace {

constexpr std::size_t path_bytes = 120;  // what Disclosed keeps
constexpr std::size_t name_bytes = 40;

std::string words(const Step& step) {
  std::string out(step.kind);
  if (step.index) {
    out += fmt::format(" {}", *step.index);
  }
  if (!step.name.empty()) {
    out += fmt::format(" '{}'", step.name.substr(0, name_bytes));
  }
  if (!step.type.empty()) {
    out += fmt::format(" ({})", step.type.substr(0, name_bytes));
  }
  return out;
}

}  // namespace

Disclosed here(const Walk& walk) {
  std::string path;
  for (const Step& step : walk.path) {
    path += path.empty() ? "" : ", ";
    path += words(step);
  }
  if (path.size() > path_bytes) {
    path = "..." + path.substr(path.size() - path_bytes);
  }
  return Disclosed(path.empty() ? "the graph" : path);
}

Result<void> define_name(Walk& walk, std::string_view name, std::string_view role) {
  const NameId id = walk.names.id(name);
  if (walk.names.size() > walk.limits.names) {
    return fail(Code::too_large, {"the model has more than {} names", walk.limits.names});
  }
  walk.constants.erase(id);  // a graph beside this one may have called its constant so
  if (!walk.passes_on || walk.scopes.define(id)) {
    return {};
  }
  return fail(Code::model_rejected, {"{}: {} '{}' stands twice in this graph and those around it; each value has one "
                                     "name of its own (onnx.checker says the same)",
                                     here(walk), Disclosed(role), Disclosed(name)});
}

Result<void> use_name(Walk& walk, std::string_view name) {
  if (!walk.passes_on || walk.scopes.visible(walk.names.id(name))) {
    return {};
  }
  return fail(Code::model_rejected,
              {"{}: reads '{}', which no input, initialiser or earlier node gives; nodes must be sorted and form no "
               "cycle (onnx.checker says the same)",
               here(walk), Disclosed(name)});
}

}  // namespace blindai::gate
