#include "server/code.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "crypto/crypto.h"
#include "worker/build.h"

namespace blindai::server {
namespace {

namespace fs = std::filesystem;

// Linux 6.3: says that the memory may be run. Older kernels do not know the flag, and need none.
constexpr unsigned executable_flag = 0x10;

struct OpenFile {
  UniqueFd fd;
  std::size_t size = 0;
};

Result<OpenFile> open_file(const fs::path& path, const char* option) {
  OpenFile file{UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), 0};
  struct stat status{};
  if (!file.fd || ::fstat(file.fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return fail_errno(
        Code::unavailable,
        {"the file '{}' cannot be opened; say where it is with --{}", Disclosed(path.string()), Disclosed(option)},
        "open");
  }
  file.size = static_cast<std::size_t>(status.st_size);
  return file;
}

Result<MeasuredFile> hashed(UniqueFd fd, std::size_t size) {
  BLINDAI_TRY(const Mapping mapping, Mapping::of(fd.get(), size, Mapping::Access::read_only));
  return MeasuredFile{std::move(fd), crypto::sha256(mapping.view())};
}

// Sealed, so that neither this process nor anybody with the descriptor can change it any more.
Result<UniqueFd> sealed_copy(const OpenFile& file, const char* name) {
  const auto broken = [](std::string_view what) {
    return fail_errno(Code::resource_exhausted, {"no memory for the programs that this server runs"}, what);
  };
  constexpr unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  UniqueFd copy(::memfd_create(name, flags | executable_flag));
  if (!copy && errno == EINVAL) {
    copy = UniqueFd(::memfd_create(name, flags));
  }
  if (!copy) {
    return broken("memfd_create");
  }
  for (std::size_t left = file.size; left > 0;) {
    const ssize_t count = ::sendfile(copy.get(), file.fd.get(), nullptr, left);
    if (count <= 0) {
      return broken("sendfile");
    }
    left -= static_cast<std::size_t>(count);
  }
  if (::fcntl(copy.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
    return broken("F_ADD_SEALS");
  }
  return copy;
}

Result<void> add_copy(MeasuredCode& code, const char* name, const fs::path& path, const char* option) {
  BLINDAI_TRY(const OpenFile file, open_file(path, option));
  BLINDAI_TRY(UniqueFd copy, sealed_copy(file, name));
  BLINDAI_TRY(code[name], hashed(std::move(copy), file.size));
  return {};
}

Result<MeasuredFile> measured_self() {
  BLINDAI_TRY(OpenFile file, open_file("/proc/self/exe", "worker"));
  return hashed(std::move(file.fd), file.size);
}

fs::path own_folder() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path(".") : self.parent_path();
}

// Beside the program as a package installs it, or where the build has it.
fs::path find_engine_library() {
  const fs::path folder = own_folder();
  for (const char* candidate :
       {"../lib/libonnxruntime.so.1", "../../third_party/onnxruntime/lib/libonnxruntime.so.1"}) {
    std::error_code error;
    if (fs::exists(folder / candidate, error)) {
      return folder / candidate;
    }
  }
  return folder / "libonnxruntime.so.1";
}

}  // namespace

Result<MeasuredCode> measure_code(const Config& config) {
  MeasuredCode code;
  const fs::path worker = config.worker.empty() ? own_folder() / worker::worker_program : fs::path(config.worker);
  BLINDAI_TRY(code["blindai-server"], measured_self());
  BLINDAI_CHECK(add_copy(code, "blindai-worker", worker, "worker"));
  if (worker::engine_has_library) {
    const fs::path engine = config.engine_library.empty() ? find_engine_library() : fs::path(config.engine_library);
    BLINDAI_CHECK(add_copy(code, "libonnxruntime.so.1", engine, "engine-library"));
  }
  return code;
}

std::map<std::string, Digest> digests_of(const MeasuredCode& code) {
  std::map<std::string, Digest> digests;
  for (const auto& [name, file] : code) {
    digests.emplace(name, file.digest);
  }
  return digests;
}

}  // namespace blindai::server
