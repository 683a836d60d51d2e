#include "worker/spawn.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <queue>
#include <thread>

#include "worker/build.h"
#include "worker/protocol.h"
#include "worker/sandbox.h"

namespace blindai::worker {
namespace {

// PR_SET_PDEATHSIG fires when the parent *thread* ends, so all workers are children of this one, which ends with the
// process.
class Nursery {
 public:
  Nursery() : thread_([this](const std::stop_token& stop) { work(stop); }) {}

  template <typename F>
  auto run(F&& job) {
    std::packaged_task<decltype(job())()> task(std::forward<F>(job));
    auto result = task.get_future();
    {
      const std::lock_guard lock(mutex_);
      jobs_.emplace([&task] { task(); });
    }
    wake_.notify_one();
    return result.get();
  }

 private:
  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (wake_.wait(lock, stop, [this] { return !jobs_.empty(); })) {
      auto job = std::move(jobs_.front());
      jobs_.pop();
      lock.unlock();
      job();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::queue<std::function<void()>> jobs_;
  std::jthread thread_;
};

Nursery& nursery() {
  static Nursery instance;
  return instance;
}

constexpr int first_spare = 64;
constexpr int executable_descriptor = engine_descriptor + 1;

// What the child needs. It runs in the parent's memory until it has become the worker (CLONE_VM | CLONE_VFORK), so it
// calls nothing but the kernel, and `error` is the parent's to read. It calls by number: what a sanitizer puts in front of
// the C library would take the child's descriptors and signals for the parent's.
struct Birth {
  std::array<int, 5> sources{};  // for the descriptors from body_descriptor on; -1: none
  int error = 0;
  bool run = true;
};

BLINDAI_UNINSTRUMENTED bool place_descriptors(const Birth& birth) {
  std::array<long, 5> spare{};
  for (std::size_t i = 0; i < spare.size(); ++i) {
    spare[i] = birth.sources[i] < 0 ? -1 : ::syscall(SYS_fcntl, birth.sources[i], F_DUPFD_CLOEXEC, first_spare);
    if (spare[i] < 0 && birth.sources[i] >= 0) {
      return false;
    }
  }
  for (std::size_t i = 0; i < spare.size(); ++i) {
    const int place = body_descriptor + static_cast<int>(i);
    if (spare[i] < 0) {
      ::syscall(SYS_close, place);
    } else if (::syscall(SYS_dup3, spare[i], place, place == executable_descriptor ? O_CLOEXEC : 0) < 0) {
      return false;
    }
  }
  constexpr unsigned last = instrumented ? STDOUT_FILENO : STDERR_FILENO;
  return ::syscall(SYS_close_range, 0U, last, 0U) == 0 &&
         ::syscall(SYS_close_range, static_cast<unsigned>(executable_descriptor) + 1, ~0U, 0U) == 0;
}

BLINDAI_UNINSTRUMENTED int child_main(void* argument) {
  auto& birth = *static_cast<Birth*>(argument);
  if (!birth.run) {
    ::syscall(SYS_exit_group, 0);
  }
  // As the kernel has them: an action that is SIG_DFL without flags, and a set without signals.
  const std::array<std::uint64_t, 4> by_default{};
  const std::uint64_t none = 0;
  for (int number = 1; number < NSIG; ++number) {
    ::syscall(SYS_rt_sigaction, number, by_default.data(), nullptr,
              sizeof(none));  // KILL and STOP refuse, and need nothing
  }
  std::array<char, 15> name{"blindai-worker"};
  std::array<char*, 2> arguments{name.data(), nullptr};
  std::array<char*, 1> environment{nullptr};
  if (::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && ::syscall(SYS_setsid) >= 0 &&
      ::syscall(SYS_chdir, "/") == 0 && place_descriptors(birth) &&
      ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof(none)) == 0) {
    ::syscall(SYS_execveat, executable_descriptor, "", arguments.data(), environment.data(), AT_EMPTY_PATH);
  }
  birth.error = errno;
  ::syscall(SYS_exit_group, 127);
  return 127;
}

#if defined(BLINDAI_INSTRUMENTED)
// ThreadSanitizer puts a function of its own before clone(), made for children with memory of their own. This is the C
// library's other name for it.
extern "C" int __clone(int (*)(void*), void*, int, void*, ...) noexcept;  // NOLINT
constexpr auto clone_child = &__clone;
#else
constexpr auto clone_child = &::clone;
#endif

struct Made {
  int pid = -1;
  int pidfd = -1;
};

Made make_child(Birth& birth, unsigned long flags) {
  constexpr std::size_t stack_bytes = 256 * 1024;
  void* stack = ::mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) {  // NOLINT
    return {};
  }
  // The child shares our memory for a moment: none of our signal handlers may run in it.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  Made made;
  made.pid = clone_child(child_main, static_cast<char*>(stack) + stack_bytes,
                         static_cast<int>(flags | CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD), &birth, &made.pidfd);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::munmap(stack, stack_bytes);
  errno = error;
  return made;
}

int wait_for(int pidfd) {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED) != 0) {
    if (errno != EINTR) {
      return -1;
    }
  }
  return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

Result<Child> spawn_here(const SpawnRequest& request) {
  const auto unavailable = [](std::string_view what) {
    return fail_errno(Code::unavailable, {"the model's worker cannot be started now; try again later"}, what);
  };
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return unavailable("socketpair");
  }
  Child child;
  child.control = UniqueFd(ends[0]);
  const UniqueFd theirs(ends[1]);
  if (::fcntl(child.control.get(), F_SETFL, O_NONBLOCK) != 0) {
    return unavailable("O_NONBLOCK");
  }
  Birth birth{.sources = {request.body, request.ring, theirs.get(), request.engine, request.executable},
              .error = 0,
              .run = true};
  const auto made = make_child(birth, request.namespaces ? namespace_flags() : 0);
  if (made.pid < 0) {
    return unavailable("clone");
  }
  child.pid = made.pid;
  child.pidfd = UniqueFd(made.pidfd);
  if (birth.error != 0) {
    wait_for(child.pidfd.get());
    errno = birth.error;
    return unavailable("execveat");
  }
  return child;
}

}  // namespace

Result<Child> spawn(const SpawnRequest& request) {
  return nursery().run([&request] { return spawn_here(request); });
}

void kill_child(const Child& child) { ::syscall(SYS_pidfd_send_signal, child.pidfd.get(), SIGKILL, nullptr, 0U); }

int reap(const Child& child) { return wait_for(child.pidfd.get()); }

bool namespaces_work(unsigned long flags) {
  return nursery().run([flags] {
    Birth birth{.sources = {}, .error = 0, .run = false};
    const auto made = make_child(birth, flags);
    if (made.pid < 0) {
      return false;
    }
    const UniqueFd pidfd(made.pidfd);
    return wait_for(pidfd.get()) == 0;
  });
}

}  // namespace blindai::worker
