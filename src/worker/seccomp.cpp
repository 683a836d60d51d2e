// The system calls that a worker may make once its sandbox is closed. Everything else kills the process: nothing that
// the engine does on purpose needs more, so a call outside this table is an attack or a bug.
//
// What is deliberately absent: open and its kin, socket, connect, clone and fork, execve, mprotect, ptrace, kill, ioctl,
// fcntl, prctl, memfd_create, ftruncate, reading or writing any descriptor but the control socket.
#include <linux/futex.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "worker/protocol.h"
#include "worker/sandbox.h"

#if defined(__clang__)
// libseccomp's macros make values as C does.
#pragma clang diagnostic ignored "-Wc99-extensions"
#pragma clang diagnostic ignored "-Wmissing-field-initializers"
#endif

namespace blindai::worker {
namespace {

struct Allowed {
  int call;
  const char* why;
};

// Allowed with any argument.
constexpr std::array allowed{
    Allowed{SCMP_SYS(futex), "threads wait for and wake each other; the doorbell of the ring"},
    Allowed{SCMP_SYS(madvise), "the allocator gives memory back"},
    Allowed{SCMP_SYS(munmap), "the allocator gives memory back"},
    Allowed{SCMP_SYS(mremap), "realloc of a large block; protections do not change"},
    Allowed{SCMP_SYS(brk), "the allocator's heap"},
    Allowed{SCMP_SYS(rt_sigprocmask), "the C library around the end of a thread"},
    Allowed{SCMP_SYS(rseq), "a thread made before the sandbox closed registers itself as it starts to run"},
    Allowed{SCMP_SYS(set_robust_list), "the same"},
    Allowed{SCMP_SYS(sched_yield), "the engine's threads spin before they sleep"},
    Allowed{SCMP_SYS(sched_getaffinity), "the engine counts CPUs when it loads a model"},
    Allowed{SCMP_SYS(getcpu), "the engine asks which CPU it is on; a call only where the kernel has no fast path"},
    Allowed{SCMP_SYS(clock_gettime), "time, where the kernel has no fast path"},
    Allowed{SCMP_SYS(gettimeofday), "time, where the kernel has no fast path"},
    Allowed{SCMP_SYS(clock_nanosleep), "the engine's threads back off"},
    Allowed{SCMP_SYS(nanosleep), "the engine's threads back off"},
    Allowed{SCMP_SYS(getrandom), "seeds of the random operators and of hash tables"},
    Allowed{SCMP_SYS(gettid), "the engine's log lines name their thread"},
    Allowed{SCMP_SYS(getpid), "the engine's log lines name their process"},
    Allowed{SCMP_SYS(restart_syscall), "a wait goes on after the process was stopped and continued"},
    Allowed{SCMP_SYS(exit), "a thread ends"},
    Allowed{SCMP_SYS(exit_group), "the process ends"},
};

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

bool add(scmp_filter_ctx filter, int call) { return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0) == 0; }

bool add_conditional(scmp_filter_ctx filter) {
  const auto control = static_cast<scmp_datum_t>(control_descriptor);
  bool ok = true;
  const auto rule = [&](std::uint32_t action, int call, const auto&... conditions) {
    const std::array list{conditions...};
    ok = ok && seccomp_rule_add_array(filter, action, call, static_cast<unsigned>(list.size()), list.data()) == 0;
  };
  // Memory, never executable, never a file, never shared: RLIMIT_DATA counts what is private.
  constexpr scmp_datum_t own = MAP_ANONYMOUS | MAP_PRIVATE;
  rule(SCMP_ACT_ALLOW, SCMP_SYS(mmap), SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
       SCMP_A3_64(SCMP_CMP_MASKED_EQ, own, own));
  // The control socket: send() and recv() without an address.
  rule(SCMP_ACT_ALLOW, SCMP_SYS(sendto), SCMP_A0_64(SCMP_CMP_EQ, control), SCMP_A4_64(SCMP_CMP_EQ, 0));
  rule(SCMP_ACT_ALLOW, SCMP_SYS(recvfrom), SCMP_A0_64(SCMP_CMP_EQ, control), SCMP_A4_64(SCMP_CMP_EQ, 0));
  // Intel AMX: MLAS asks for the tile registers (state 18) when it first looks at the CPU. 0x1023 is
  // ARCH_REQ_XCOMP_PERM, 0x1022 ARCH_GET_XCOMP_PERM; they grant this process registers, no more.
  rule(SCMP_ACT_ALLOW, SCMP_SYS(arch_prctl), SCMP_A0_64(SCMP_CMP_EQ, 0x1023), SCMP_A1_64(SCMP_CMP_EQ, 18));
  rule(SCMP_ACT_ALLOW, SCMP_SYS(arch_prctl), SCMP_A0_64(SCMP_CMP_EQ, 0x1022));
  // A library that prints finds standard output and error closed, as they are.
  rule(SCMP_ACT_ERRNO(EBADF), SCMP_SYS(write), SCMP_A0_64(SCMP_CMP_EQ, STDOUT_FILENO));
  rule(SCMP_ACT_ERRNO(EBADF), SCMP_SYS(write), SCMP_A0_64(SCMP_CMP_EQ, STDERR_FILENO));
  rule(SCMP_ACT_ERRNO(EBADF), SCMP_SYS(writev), SCMP_A0_64(SCMP_CMP_EQ, STDERR_FILENO));
  return ok;
}

}  // namespace

bool seccomp_works() {
  // Level 3 has the action that kills the whole process.
  return seccomp_api_get() >= 3;
}

Result<void> enter_seccomp() {
  const auto broken = [](int number) {
    errno = -number;
    return fail_errno(Code::internal, {"the worker's sandbox cannot be closed"}, "seccomp");
  };
  const Filter filter(seccomp_init(SCMP_ACT_KILL_PROCESS), &seccomp_release);
  if (!filter) {
    return broken(-ENOMEM);
  }
  bool ok = seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
            seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
            seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0;
  for (const auto& entry : allowed) {
    ok = ok && add(filter.get(), entry.call);
  }
  ok = ok && add_conditional(filter.get());
  if (!ok) {
    return broken(-EINVAL);
  }
  if (const int number = seccomp_load(filter.get()); number != 0) {
    return broken(number);
  }
  return {};
}

}  // namespace blindai::worker
