#include "schedule/cpus.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "base/fd.h"

namespace blindai::schedule {
namespace {

constexpr std::size_t max_file = 64 * 1024;
constexpr const char* root = "/sys/fs/cgroup";

std::optional<std::uint64_t> number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc()) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()));
  return value;
}

std::string content(const std::string& path) {
  const auto bytes = read_file(path.c_str(), max_file);
  return bytes ? std::string(as_text(*bytes)) : std::string();
}

}  // namespace

std::optional<unsigned> cpus_of_quota(std::string_view text) {
  const auto quota = number(text);
  if (!quota || text.empty() || text.front() != ' ') {
    return std::nullopt;
  }
  text.remove_prefix(1);
  const auto period = number(text);
  if (!period || *period == 0 || *quota == 0) {
    return std::nullopt;
  }
  constexpr std::uint64_t many = 1U << 20U;
  return static_cast<unsigned>(std::clamp<std::uint64_t>(*quota / *period + (*quota % *period != 0 ? 1 : 0), 1, many));
}

std::vector<std::string> folders_of_group(std::string_view lines) {
  std::vector<std::string> folders;
  while (!lines.empty()) {
    std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    if (!line.starts_with("0::/") || line.find("..") != std::string_view::npos) {
      continue;
    }
    line.remove_prefix(3);
    while (line.size() > 1) {
      folders.push_back(root + std::string(line));
      line = line.substr(0, line.rfind('/'));
    }
    folders.emplace_back(root);
  }
  return folders;
}

unsigned cpus() {
  unsigned count = std::max(1U, std::thread::hardware_concurrency());
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0) {
    count = std::min(count, static_cast<unsigned>(CPU_COUNT(&set)));
  }
  for (const std::string& folder : folders_of_group(content("/proc/self/cgroup"))) {
    count = std::min(count, cpus_of_quota(content(folder + "/cpu.max")).value_or(count));
  }
  // Version 1 has the two numbers in files of their own.
  const std::string v1 = root + std::string("/cpu/cpu.cfs_");
  std::string quota = content(v1 + "quota_us");
  if (!quota.empty()) {
    quota.back() = ' ';  // a line end
    count = std::min(count, cpus_of_quota(quota + content(v1 + "period_us")).value_or(count));
  }
  return count;
}

}  // namespace blindai::schedule
