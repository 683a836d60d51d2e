// The list of system calls, from outside: what a worker may not do ends it, at once and whole.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "worker/build.h"
#include "worker/protocol.h"
#include "worker/sandbox.h"

namespace blindai::worker {
namespace {

constexpr int survived = 42;

// How a process ends that closes the filter and then does this: -SIGNAL, or its status.
int fate_of(const std::function<void()>& deed) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !enter_seccomp()) {
      ::_exit(1);
    }
    deed();
    ::syscall(SYS_exit_group, survived);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

struct Deed {
  std::string name;
  std::function<void()> act;
};

// By number, so that what runs is the call itself.
Deed call(const std::string& name, long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
          long f = 0) {
  return {name, [=] { ::syscall(number, a, b, c, d, e, f); }};
}
long address(const void* pointer) { return reinterpret_cast<long>(pointer); }  // NOLINT

std::vector<Deed> forbidden() {
  static const char* const path = "/proc/self/status";
  static const std::array<std::uint8_t, 16> bytes{};
  constexpr long page = 4096;
  return {
      call("open", SYS_open, address(path), O_RDONLY),
      call("openat", SYS_openat, AT_FDCWD, address(path), O_RDONLY),
      call("openat2", SYS_openat2, AT_FDCWD, address(path)),
      call("creat", SYS_creat, address(path)),
      call("stat", SYS_newfstatat, AT_FDCWD, address(path)),
      call("readlink", SYS_readlink, address(path)),
      call("read of the control socket", SYS_read, control_descriptor, address(bytes.data()), 1),
      call("read of the ring", SYS_pread64, ring_descriptor, address(bytes.data()), 1, 0),
      call("write to the ring", SYS_write, ring_descriptor, address(bytes.data()), 1),
      call("write to the control socket", SYS_write, control_descriptor, address(bytes.data()), 1),
      call("sendmsg", SYS_sendmsg, control_descriptor, address(bytes.data())),
      call("recvmsg", SYS_recvmsg, control_descriptor, address(bytes.data())),
      call("send to an address", SYS_sendto, control_descriptor, address(bytes.data()), 1, 0, address(bytes.data()),
           16),
      call("send on another descriptor", SYS_sendto, ring_descriptor, address(bytes.data()), 1),
      call("receive from another descriptor", SYS_recvfrom, ring_descriptor, address(bytes.data()), 1),
      call("receive with an address", SYS_recvfrom, control_descriptor, address(bytes.data()), 1, 0,
           address(bytes.data())),
      call("socket", SYS_socket, AF_INET, SOCK_STREAM),
      call("socketpair", SYS_socketpair, AF_UNIX, SOCK_STREAM),
      call("connect", SYS_connect, control_descriptor),
      call("bind", SYS_bind, control_descriptor),
      call("pipe", SYS_pipe2, address(bytes.data())),
      call("dup", SYS_dup, control_descriptor),
      call("fcntl", SYS_fcntl, control_descriptor, F_DUPFD),
      call("ioctl", SYS_ioctl, control_descriptor),
      call("memfd_create", SYS_memfd_create, address(path)),
      call("ftruncate", SYS_ftruncate, ring_descriptor, page),
      call("clone", SYS_clone, SIGCHLD),
      call("clone3", SYS_clone3, address(bytes.data()), 16),
      call("fork", SYS_fork),
      call("vfork", SYS_vfork),
      call("execve", SYS_execve, address(path)),
      call("execveat", SYS_execveat, AT_FDCWD, address(path)),
      call("mprotect", SYS_mprotect, 0, page, PROT_READ),
      call("pkey_mprotect", SYS_pkey_mprotect, 0, page, PROT_READ),
      call("executable memory", SYS_mmap, 0, page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1),
      call("shared memory", SYS_mmap, 0, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1),
      call("a mapped file", SYS_mmap, 0, page, PROT_READ, MAP_PRIVATE, body_descriptor),
      call("remap_file_pages", SYS_remap_file_pages),
      call("shmget", SYS_shmget, 0, page),
      call("ptrace", SYS_ptrace),
      call("process_vm_readv", SYS_process_vm_readv, 1),
      call("process_vm_writev", SYS_process_vm_writev, 1),
      call("kill", SYS_kill, 1, 0),
      call("tgkill", SYS_tgkill, 1, 1, 0),
      call("pidfd_open", SYS_pidfd_open, 1),
      call("prctl", SYS_prctl, PR_SET_DUMPABLE, 1),
      call("prlimit", SYS_prlimit64, 0, RLIMIT_DATA),
      call("seccomp", SYS_seccomp),
      call("unshare", SYS_unshare),
      call("setns", SYS_setns),
      call("setuid", SYS_setuid),
      call("mount", SYS_mount),
      call("bpf", SYS_bpf),
      call("perf_event_open", SYS_perf_event_open),
      call("io_uring_setup", SYS_io_uring_setup),
      call("userfaultfd", SYS_userfaultfd),
      call("keyctl", SYS_keyctl),
      call("uname", SYS_uname, address(bytes.data())),
      call("times of others", SYS_clock_settime),
      call("new signal handlers", SYS_rt_sigaction, SIGTERM),
      call("tile registers of another kind", SYS_arch_prctl, 0x1023, 17),
      call("the base of a segment", SYS_arch_prctl, 0x1002, 0),
      call("a call that is not there", 5000),
  };
}

struct TheFilter : testing::Test {
  void SetUp() override {
    if (instrumented) {
      GTEST_SKIP() << "a sanitizer's run time needs calls that the filter ends";
    }
    ASSERT_TRUE(seccomp_works());
  }
};

TEST_F(TheFilter, EndsWhoeverDoesMore) {
  for (const Deed& deed : forbidden()) {
    EXPECT_EQ(fate_of(deed.act), -SIGSYS) << deed.name;
  }
}

TEST_F(TheFilter, LetsTheEngineWork) {
  constexpr long page = 4096;
  static std::uint32_t word = 0;
  const std::vector<Deed> allowed{
      {"nothing", [] {}},
      call("memory", SYS_mmap, 0, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1),
      call("yield", SYS_sched_yield),
      call("wake", SYS_futex, address(&word), FUTEX_WAKE, 1),
      call("the time", SYS_clock_gettime, CLOCK_MONOTONIC, address(std::array<std::int64_t, 2>{}.data())),
      call("tile registers", SYS_arch_prctl, 0x1023, 18),
      call("print", SYS_write, STDERR_FILENO, address("x"), 1),  // and finds it closed
  };
  for (const Deed& deed : allowed) {
    EXPECT_EQ(fate_of(deed.act), survived) << deed.name;
  }
}

TEST_F(TheFilter, AnswersThatStandardErrorIsClosed) {
  EXPECT_EQ(fate_of([] {
              const bool closed = ::syscall(SYS_write, STDERR_FILENO, "x", 1) == -1 && errno == EBADF;
              ::syscall(SYS_exit_group, closed ? 7 : 8);
            }),
            7);
}

}  // namespace
}  // namespace blindai::worker
