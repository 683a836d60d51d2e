#include "worker/sandbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "base/fd.h"
#include "worker/build.h"
#include "worker/protocol.h"

namespace blindai::worker {
namespace {

std::unexpected<Error> not_closed(std::string_view what) {
  return fail_errno(Code::internal, {"the worker's sandbox cannot be closed"}, what);
}

Result<void> limit(__rlimit_resource resource, std::uint64_t value, std::string_view what) {
  const rlimit both{value, value};
  if (::setrlimit(resource, &both) != 0) {
    return not_closed(what);
  }
  return {};
}

// What this process has mapped, and how much of that is private and writable (proc(5), statm).
struct Mapped {
  std::uint64_t all = 0;
  std::uint64_t own = 0;
};
Result<Mapped> mapped_now() {
  constexpr std::size_t own_field = 5;
  constexpr std::size_t most = 256;
  const auto text = read_file("/proc/self/statm", most);
  if (!text) {
    return not_closed("/proc/self/statm");
  }
  std::array<std::uint64_t, own_field + 1> pages{};
  const char* at = reinterpret_cast<const char*>(text->data());  // NOLINT
  const char* const end = at + text->size();
  for (std::uint64_t& number : pages) {
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc() || next == end) {
      return not_closed("/proc/self/statm");
    }
    at = next + 1;  // a blank
  }
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return Mapped{.all = pages.front() * page, .own = pages.back() * page};
}

// RLIMIT_DATA is the one that bites: it counts private writable memory as it is mapped, and neither the ring, which is
// shared, nor the weights, which are mapped to be read. RLIMIT_AS is for what it does not count: memory mapped to be read
// that is of no file.
Result<void> limit_memory(std::uint64_t memory_bytes) {
  BLINDAI_TRY(const Mapped mapped, mapped_now());
  BLINDAI_CHECK(limit(RLIMIT_DATA, mapped.own + memory_bytes, "RLIMIT_DATA"));
  return limit(RLIMIT_AS, mapped.all + memory_bytes, "RLIMIT_AS");
}

// Where the machine runs out of memory all the same, the kernel ends a worker and not the server.
void end_first() {
  const UniqueFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  constexpr std::string_view most = "1000";
  static_cast<void>(file && ::write(file.get(), most.data(), most.size()) > 0);
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

unsigned long namespace_flags() { return CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID; }

Result<std::vector<std::string>> enter_early_sandbox() {
  std::vector<std::string> layers;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return not_closed("PR_SET_NO_NEW_PRIVS");
  }
  layers.emplace_back(layer_no_new_privs);
  end_first();
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return not_closed("PR_SET_DUMPABLE");
  }
  BLINDAI_CHECK(limit(RLIMIT_CORE, 0, "RLIMIT_CORE"));
  if (landlock_works()) {
    BLINDAI_CHECK(enter_landlock());
    layers.emplace_back(layer_landlock);
  }
  return layers;
}

Result<void> check_descriptors() {
  const auto wrong = [](std::string_view what) {
    return fail(Code::internal, {"the worker was started with more than its three descriptors"},
                Detail{std::string(what)});
  };
  if (environ != nullptr && *environ != nullptr) {
    return wrong("environment");
  }
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir("/proc/self/fd"));
  if (!directory) {
    return not_closed("/proc/self/fd");
  }
  const std::array expected{body_descriptor, ring_descriptor, control_descriptor};
  std::size_t found = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view text(entry->d_name);
    if (text == "." || text == "..") {
      continue;
    }
    const int fd = std::atoi(entry->d_name);  // the kernel wrote this number
    if (fd == ::dirfd(directory.get()) || (instrumented && fd == STDERR_FILENO)) {
      continue;
    }
    if (std::ranges::find(expected, fd) == expected.end()) {
      return wrong(text);
    }
    ++found;
  }
  return found == expected.size() ? Result<void>{} : wrong("one is missing");
}

Result<std::vector<std::string>> close_sandbox(std::uint64_t memory_bytes) {
  std::vector<std::string> layers;
  if constexpr (instrumented) {
    return layers;
  }
  BLINDAI_CHECK(limit_memory(memory_bytes));
  BLINDAI_CHECK(limit(RLIMIT_NPROC, 0, "RLIMIT_NPROC"));
  BLINDAI_CHECK(limit(RLIMIT_NOFILE, 0, "RLIMIT_NOFILE"));
  BLINDAI_CHECK(limit(RLIMIT_FSIZE, 0, "RLIMIT_FSIZE"));
  BLINDAI_CHECK(limit(RLIMIT_MEMLOCK, 0, "RLIMIT_MEMLOCK"));
  BLINDAI_CHECK(limit(RLIMIT_MSGQUEUE, 0, "RLIMIT_MSGQUEUE"));
  layers.emplace_back(layer_rlimits);
  BLINDAI_CHECK(enter_seccomp());
  layers.emplace_back(layer_seccomp);
  return layers;
}

}  // namespace blindai::worker
