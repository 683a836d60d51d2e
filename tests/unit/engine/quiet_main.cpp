// What the engine asks of the machine. The functions of the C library by which a program opens files, makes sockets and
// reads its environment are counted here: the engine's library, loaded as the worker loads it, finds these first.
//
// Once the environment of the engine exists no file is opened and no socket made, whatever is loaded and run. (In a worker
// a system call that does so ends the process besides: worker/seccomp_test.cpp.) Loading asks for two variables, and finds
// none where the environment is empty, as a worker's is; running asks for nothing.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdarg>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <set>

#include "engine/session.h"

namespace {

struct Asked {
  std::atomic<int> files = 0;
  std::atomic<int> sockets = 0;
  std::atomic<int> variables = 0;
  std::mutex mutex;
  std::atomic<bool> by_name = false;  // not while the program starts: `names` may not be there yet
  std::set<std::string> names;        // of the variables
};
Asked asked;  // NOLINT

int counted_open(int folder, const char* path, int flags, mode_t mode) {
  ++asked.files;
  return static_cast<int>(::syscall(SYS_openat, folder, path, flags, mode));
}
mode_t mode_of(int flags, va_list rest) {
  return (static_cast<unsigned>(flags) & static_cast<unsigned>(O_CREAT)) != 0 ? va_arg(rest, mode_t) : 0;
}

}  // namespace

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name,cert-dcl50-cpp,readability-identifier-naming)
extern "C" {
#define BLINDAI_SEEN __attribute__((visibility("default"), used))

BLINDAI_SEEN char* getenv(const char* name) noexcept {
  ++asked.variables;
  if (asked.by_name) {
    const std::lock_guard lock(asked.mutex);
    asked.names.emplace(name);
  }
  const std::size_t size = std::strlen(name);
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    if (std::strncmp(*at, name, size) == 0 && (*at)[size] == '=') {
      return *at + size + 1;
    }
  }
  return nullptr;
}
BLINDAI_SEEN char* secure_getenv(const char* name) noexcept { return getenv(name); }

BLINDAI_SEEN int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_of(flags, rest);
  va_end(rest);
  return counted_open(AT_FDCWD, path, flags, mode);
}
BLINDAI_SEEN int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_of(flags, rest);
  va_end(rest);
  return counted_open(AT_FDCWD, path, flags, mode);
}
BLINDAI_SEEN int openat(int folder, const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_of(flags, rest);
  va_end(rest);
  return counted_open(folder, path, flags, mode);
}
BLINDAI_SEEN FILE* fopen(const char* path, const char* mode) {
  ++asked.files;
  const int fd =
      static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, mode[0] == 'r' ? O_RDONLY : O_RDWR | O_CREAT, 0600));
  return fd < 0 ? nullptr : ::fdopen(fd, mode);
}
BLINDAI_SEEN FILE* fopen64(const char* path, const char* mode) { return fopen(path, mode); }
BLINDAI_SEEN int socket(int domain, int type, int protocol) noexcept {
  ++asked.sockets;
  return static_cast<int>(::syscall(SYS_socket, domain, type, protocol));
}
BLINDAI_SEEN int socketpair(int domain, int type, int protocol, int* ends) noexcept {
  ++asked.sockets;
  return static_cast<int>(::syscall(SYS_socketpair, domain, type, protocol, ends));
}
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name,cert-dcl50-cpp,readability-identifier-naming)

namespace blindai::engine {
namespace {

// A tensor of ones in the declared shape, a free dimension as 2.
struct Ones {
  Shape shape;
  Bytes data;
  explicit Ones(const TensorSpec& spec) : shape(spec.shape) {
    std::ranges::replace_if(shape, [](std::int64_t dimension) { return dimension < 0; }, 2);
    if (spec.datatype == DataType::bytes) {
      data.resize(static_cast<std::size_t>(*element_count(shape)) * sizeof(std::uint32_t));  // texts of no byte
    } else {
      data.resize(*byte_size(spec.datatype, shape), std::uint8_t{0});
    }
  }
};

TEST(TheEngine, AsksNothingOfTheMachineOnceItIsMade) {
  auto engine = make_loaded({2, false});
  ASSERT_TRUE(engine);
  EXPECT_GT(asked.variables, 0) << "nobody is counted";  // googletest and the C++ library ask at least
  EXPECT_GT(asked.files, 0);
  std::vector<std::pair<std::string, Bytes>> files;
  for (const auto& entry : std::filesystem::directory_iterator(BLINDAI_SOURCE_DIR "/tests/data/models")) {
    if (entry.path().extension() == ".onnx") {
      files.emplace_back(entry.path().stem(), model_file(entry.path().stem()));
    }
  }
  Session session(std::move(*engine));
  std::size_t ran = 0;
  asked.files = 0;
  asked.sockets = 0;
  asked.by_name = true;
  for (const auto& [name, file] : files) {
    if (!session.load(file)) {
      continue;  // refusals are to be as quiet
    }
    std::vector<Ones> ones;
    std::vector<InputView> inputs;
    for (const TensorSpec& spec : session.model->inputs()) {
      ones.emplace_back(spec);
    }
    for (std::size_t i = 0; i < ones.size(); ++i) {
      inputs.push_back({i, ones[i].shape, ones[i].data});
    }
    asked.variables = 0;
    ran += session.run(inputs) ? 1U : 0U;
    EXPECT_EQ(asked.variables, 0) << name;
  }
  EXPECT_GE(ran, 10u);
  EXPECT_EQ(asked.files, 0);
  EXPECT_EQ(asked.sockets, 0);
  const std::set<std::string> while_loading{"ALLOW_RELEASED_ONNX_OPSET_ONLY", "ORT_LOAD_CONFIG_FROM_MODEL"};
  EXPECT_EQ(asked.names, while_loading);
}

}  // namespace
}  // namespace blindai::engine
