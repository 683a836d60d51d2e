#include <fcntl.h>
#include <gtest/gtest.h>

#include "engine/engines.h"

namespace blindai::engine {
namespace {

TEST(TheLibrary, IsRefusedWhereItIsNotOne) {
  BLINDAI_NEEDS_ONNXRUNTIME();
  // Far from the descriptors of other tests: the loader remembers what it once loaded under "/proc/self/fd/N".
  const auto open_far = [](const char* path) {
    const UniqueFd file(::open(path, O_RDONLY | O_CLOEXEC));
    return UniqueFd(::fcntl(file.get(), F_DUPFD_CLOEXEC, 500));
  };
  const UniqueFd text = open_far(BLINDAI_SOURCE_DIR "/README.md");
  const UniqueFd other = open_far("/proc/self/exe");
  for (const int descriptor : {text.get(), other.get(), -1}) {
    const auto loaded = load_onnxruntime(descriptor);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, Code::internal);
    EXPECT_FALSE(loaded.error().detail.text.empty());
  }
}

TEST(OnnxRuntime, IsThePinnedVersion) {
  BLINDAI_NEEDS_ONNXRUNTIME();
  const auto engine = *make_loaded({1, false});
  EXPECT_EQ(engine->name(), "onnxruntime");
  EXPECT_EQ(engine->version(), "1.28.0");
}

}  // namespace
}  // namespace blindai::engine
