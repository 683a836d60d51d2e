#include "worker/footprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/checked.h"
#include "base/fd.h"

namespace blindai::worker {
namespace {

constexpr std::size_t max_file = 64 * 1024;
constexpr std::uint64_t kibibyte = 1024;
constexpr std::uint64_t engine_bytes = 48ULL << 20U;

// Of a line "name:   123 kB".
std::optional<std::uint64_t> bytes_in(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos || (at != 0 && text[at - 1] != '\n')) {
    return std::nullopt;
  }
  text.remove_prefix(at + name.size());
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(" \t")));
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || value > UINT64_MAX / kibibyte) {
    return std::nullopt;
  }
  return value * kibibyte;
}

}  // namespace

std::optional<Footprint> parse_footprint(std::string_view status) {
  const auto own = bytes_in(status, "RssAnon:");
  const auto peak = bytes_in(status, "VmHWM:");
  if (!own || !peak) {
    return std::nullopt;
  }
  return Footprint{*own, *peak};
}

std::optional<Footprint> footprint_of(int pid) {
  const auto text = read_file(fmt::format("/proc/{}/status", pid).c_str(), max_file);
  return text ? parse_footprint(as_text(*text)) : std::nullopt;
}

std::uint64_t expected_own_bytes(std::uint64_t body_bytes, Weights weights) {
  return checked_add(weights == Weights::packed ? body_bytes : 0, engine_bytes).value_or(UINT64_MAX);
}

}  // namespace blindai::worker
