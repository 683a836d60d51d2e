#include "server/memory.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "base/fd.h"
#include "schedule/cpus.h"

namespace blindai::server {
namespace {

constexpr std::size_t max_file = 64 * 1024;
constexpr std::uint64_t kibibyte = 1024;

std::string content(const std::string& path) {
  const auto bytes = read_file(path.c_str(), max_file);
  return bytes ? std::string(as_text(*bytes)) : std::string();
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> memory_of_machine(std::string_view meminfo) {
  constexpr std::string_view name = "MemTotal:";
  if (!meminfo.starts_with(name)) {
    return std::nullopt;
  }
  meminfo.remove_prefix(name.size());
  meminfo.remove_prefix(std::min(meminfo.size(), meminfo.find_first_not_of(' ')));
  const auto value = number(meminfo);
  return value && *value <= UINT64_MAX / kibibyte ? std::optional(*value * kibibyte) : std::nullopt;
}

std::optional<std::uint64_t> memory_of_group(std::string_view memory_max) { return number(memory_max); }

std::uint64_t memory_for_models(std::uint64_t configured) {
  if (configured != 0) {
    return configured;
  }
  std::uint64_t bytes = memory_of_machine(content("/proc/meminfo")).value_or(UINT64_MAX);
  for (const std::string& folder : schedule::folders_of_group(content("/proc/self/cgroup"))) {
    bytes = std::min(bytes, memory_of_group(content(folder + "/memory.max")).value_or(bytes));
  }
  const std::string v1 = "/sys/fs/cgroup/memory/memory.limit_in_bytes";
  bytes = std::min(bytes, memory_of_group(content(v1)).value_or(bytes));
  return bytes / 10 * 9;
}

}  // namespace blindai::server
