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
#include <cstdlib>
#include <memory>
#include <string_view>

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

Result<void> limit_memory(const Caps& caps) {
  constexpr std::uint64_t libraries_and_stacks = std::uint64_t{2} << 30U;
  BLINDAI_CHECK(limit(RLIMIT_DATA, caps.private_bytes + libraries_and_stacks / 4, "RLIMIT_DATA"));
  return limit(RLIMIT_AS, caps.private_bytes + caps.shared_bytes + libraries_and_stacks, "RLIMIT_AS");
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

Result<std::vector<std::string>> close_sandbox(const Caps& caps) {
  std::vector<std::string> layers;
  if constexpr (instrumented) {
    return layers;
  }
  BLINDAI_CHECK(limit_memory(caps));
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
