// Runs a fuzz target over files and folders of inputs: its seeds, or what made it fail.
#include <cstdio>
#include <filesystem>
#include <vector>

#include "base/fd.h"
#include "fuzz/fuzz.h"

namespace {

constexpr std::size_t max_file_bytes = 64UL << 20U;

bool replay(const std::filesystem::path& path) {
  const auto bytes = blindai::read_file(path.c_str(), max_file_bytes);
  if (!bytes) {
    std::fprintf(stderr, "cannot be read: %s\n", path.c_str());
    return false;
  }
  LLVMFuzzerTestOneInput(bytes->data(), bytes->size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t count = 0;
  for (int i = 1; i < argc; ++i) {
    std::vector<std::filesystem::path> files;
    if (std::filesystem::is_directory(argv[i])) {
      for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
        files.push_back(entry.path());
      }
    } else {
      files.emplace_back(argv[i]);
    }
    for (const auto& file : files) {
      if (!replay(file)) {
        return EXIT_FAILURE;
      }
      ++count;
    }
  }
  std::printf("%zu inputs\n", count);
  return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
