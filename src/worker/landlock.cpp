// Landlock: until the seccomp filter closes, and underneath it afterwards, the worker can read what the engine reads of
// the machine (below /proc and /sys) and nothing else; it writes, runs, connects and signals nowhere.
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "worker/sandbox.h"

namespace blindai::worker {
namespace {

// As the newest kernel that we know has it; the C library's headers are older. landlock_create_ruleset() takes a
// shorter structure where the kernel is older.
struct RulesetAttr {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;  // from version 4
  std::uint64_t scoped = 0;              // from version 6
};

constexpr std::uint64_t bits(unsigned count) { return (std::uint64_t{1} << count) - 1; }

// Rights over files by version of the interface: 13, then refer, truncate, ioctl.
std::uint64_t all_file_rights(long version) {
  return version >= 5 ? bits(16) : version >= 3 ? bits(15) : version >= 2 ? bits(14) : bits(13);
}

long interface_version() { return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION); }

Result<void> allow_reading(int ruleset, const char* path) {
  const UniqueFd directory(::open(path, O_PATH | O_CLOEXEC));
  if (!directory) {
    return {};  // nothing there to read, then
  }
  const landlock_path_beneath_attr rule{.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
                                        .parent_fd = directory.get()};
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
    return fail_errno(Code::internal, {"the worker's sandbox cannot be closed"}, "landlock_add_rule");
  }
  return {};
}

}  // namespace

bool landlock_works() { return interface_version() >= 1; }

Result<void> enter_landlock() {
  const long version = interface_version();
  RulesetAttr attributes;
  attributes.handled_access_fs = all_file_rights(version);
  attributes.handled_access_net = bits(2);  // binding and connecting TCP
  attributes.scoped = bits(2);              // abstract sockets and signals to outside
  const std::size_t size = version >= 6   ? sizeof(attributes)
                           : version >= 4 ? offsetof(RulesetAttr, scoped)
                                          : offsetof(RulesetAttr, handled_access_net);
  const UniqueFd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset) {
    return fail_errno(Code::internal, {"the worker's sandbox cannot be closed"}, "landlock_create_ruleset");
  }
  BLINDAI_CHECK(allow_reading(ruleset.get(), "/proc"));
  BLINDAI_CHECK(allow_reading(ruleset.get(), "/sys"));
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return fail_errno(Code::internal, {"the worker's sandbox cannot be closed"}, "landlock_restrict_self");
  }
  return {};
}

}  // namespace blindai::worker
