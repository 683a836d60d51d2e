#include "server/code.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "crypto/crypto.h"

namespace blindai::server {
namespace {

namespace fs = std::filesystem;

Result<MeasuredFile> measure(const fs::path& path, const char* option) {
  MeasuredFile file{UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), {}};
  struct stat status{};
  if (!file.fd || ::fstat(file.fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return fail_errno(
        Code::unavailable,
        {"the file '{}' cannot be opened; say where it is with --{}", Disclosed(path.string()), Disclosed(option)},
        "open");
  }
  BLINDAI_TRY(const Mapping mapping,
              Mapping::of(file.fd.get(), static_cast<std::size_t>(status.st_size), Mapping::Access::read_only));
  file.digest = crypto::sha256(mapping.view());
  return file;
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
  BLINDAI_TRY(code["blindai-server"], measure("/proc/self/exe", "worker"));
  BLINDAI_TRY(code["blindai-worker"],
              measure(config.worker.empty() ? own_folder() / "blindai-worker" : fs::path(config.worker), "worker"));
  BLINDAI_TRY(code["libonnxruntime.so.1"],
              measure(config.engine_library.empty() ? find_engine_library() : fs::path(config.engine_library),
                      "engine-library"));
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
