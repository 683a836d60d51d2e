#include <fcntl.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "engine/build.h"
#include "engine/session.h"

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

std::size_t peak_resident_kilobytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) {
      return std::stoul(line.substr(6));
    }
  }
  return 0;
}

TEST(OnnxRuntime, LoadsLargeWeightsWithoutCopyingThem) {
  BLINDAI_NEEDS_ONNXRUNTIME();
#if defined(BLINDAI_SANITIZED)
  GTEST_SKIP() << "a sanitizer keeps memory of its own";
#endif
  constexpr std::int64_t rows = 64 * 1024;
  constexpr std::size_t bytes = rows * 256 * sizeof(float);  // 64 MiB
  const auto file = make_memfd("weights", bytes);
  const auto body = Mapping::of(file->get(), bytes, Mapping::Access::read_only);
  ASSERT_TRUE(body);
  const Bytes gather = build::node("Gather", {"w", "i"}, {"y"});
  const Bytes model = build::file(build::graph({gather}, {build::value("i", DataType::int64, {1})},
                                               {build::value("y", DataType::fp32, {1, 256})},
                                               {build::lifted("w", DataType::fp32, {rows, 256})}));
  Session session(*make_loaded({1, false}));
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins anew
  const std::size_t before = peak_resident_kilobytes();
  ASSERT_TRUE(session.load(model, {{"w", DataType::fp32, {rows, 256}, body->view()}}));
  EXPECT_LT(peak_resident_kilobytes(), before + bytes / 1024 / 4);
}

}  // namespace
}  // namespace blindai::engine
