#include "gate/operators.h"

#include <algorithm>
#include <ranges>
#include <tuple>

namespace blindai::gate {
namespace {

struct Entry {
  std::string_view domain;
  std::string_view type;
  std::int64_t first;
  std::int64_t last;
  std::pair<std::string_view, std::string_view> key() const { return {domain, type}; }
};

// By domain and type, and of one operator by opset.
constexpr Entry entries[] = {
#include "gate/engine_operators.inc"
};

auto find(std::string_view domain, std::string_view type) {
  return std::ranges::equal_range(entries, std::pair(domain, type), {}, &Entry::key);
}

}  // namespace

bool engine_has(std::string_view domain, std::string_view type, std::int64_t opset) {
  return std::ranges::any_of(find(domain, type),
                             [&](const Entry& entry) { return entry.first <= opset && opset <= entry.last; });
}

std::optional<std::pair<std::int64_t, std::int64_t>> engine_opsets(std::string_view domain, std::string_view type) {
  const auto found = find(domain, type);
  if (found.empty()) {
    return std::nullopt;
  }
  return std::pair(found.front().first, found.back().last);
}

std::optional<std::size_t> input_to_fix(std::string_view domain, std::string_view type) {
  // Trilu of ONNX Runtime 1.28.0 reaches outside its tensors where k is close to the lowest number.
  return domain.empty() && type == "Trilu" ? std::optional<std::size_t>(1) : std::nullopt;
}

std::optional<std::int64_t> newest_opset(std::string_view domain) {
  std::optional<std::int64_t> newest;
  for (const Entry& entry : entries) {
    if (entry.domain == domain) {
      newest = std::max(newest.value_or(0), entry.last);
    }
  }
  return newest;
}

}  // namespace blindai::gate
