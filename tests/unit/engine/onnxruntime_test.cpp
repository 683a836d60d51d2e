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

Bytes gather_of(const std::string& rows_of_output) {
  const Bytes node = build::node("Gather", {"x", "i"}, {"y"});
  return build::file(build::graph(
      {node},
      {build::value("x", DataType::fp32, {-1}, true, {"n"}), build::value("i", DataType::int64, {-1}, true, {"k"})},
      {build::value("y", DataType::fp32, {-1}, true, {rows_of_output})}));
}

struct Places : Session {
  Places() : Session(*make_loaded({1, false})) {}
  std::vector<std::uint64_t> sizes;
  Result<void> gather(const std::vector<float>& x, const std::vector<std::int64_t>& indices) {
    outputs.clear();
    sizes.clear();
    const std::vector<InputView> inputs{{0, {static_cast<std::int64_t>(x.size())}, view(x)},
                                        {1, {static_cast<std::int64_t>(indices.size())}, view(indices)}};
    return slot->run(inputs, [&](std::size_t index, DataType type, const Shape& shape, std::uint64_t size) {
      sizes.push_back(size);
      outputs[index] = {shape, type, Bytes(size)};
      return Result<MutableBytes>(outputs[index].data);
    });
  }
};

// The place is asked for before the run, which here fails.
TEST(OnnxRuntime, WritesAnOutputWhereItBelongsIfTheNamesOfDimensionsTellItsShape) {
  BLINDAI_NEEDS_ONNXRUNTIME();
  Places told;
  ASSERT_TRUE(told.load(gather_of("k")));
  EXPECT_FALSE(told.gather({1, 2, 3}, {7, 7}));
  EXPECT_EQ(told.sizes, (std::vector<std::uint64_t>{2 * sizeof(float)}));
  ASSERT_TRUE(told.gather({1, 2, 3}, {2, 0}));
  EXPECT_EQ(told.sizes.size(), 1U);
  EXPECT_EQ(told.outputs[0].as<float>(), (std::vector<float>{3, 1}));
  Places untold;
  ASSERT_TRUE(untold.load(gather_of("other")));
  EXPECT_FALSE(untold.gather({1, 2, 3}, {7, 7}));
  EXPECT_TRUE(untold.sizes.empty());
  ASSERT_TRUE(untold.gather({1, 2, 3}, {2, 0}));
  EXPECT_EQ(untold.outputs[0].as<float>(), (std::vector<float>{3, 1}));
}

TEST(OnnxRuntime, BelievesNoNamesThatToldAShapeWrong) {
  BLINDAI_NEEDS_ONNXRUNTIME();
  Places wrong;
  ASSERT_TRUE(wrong.load(gather_of("n")));  // it has k rows
  ASSERT_TRUE(wrong.gather({1, 2, 3}, {1, 1, 0}));
  EXPECT_EQ(wrong.outputs[0].as<float>(), (std::vector<float>{2, 2, 1}));
  ASSERT_TRUE(wrong.gather({1, 2, 3}, {2, 0}));
  EXPECT_EQ(wrong.sizes, (std::vector<std::uint64_t>{3 * sizeof(float), 2 * sizeof(float)}));
  EXPECT_EQ(wrong.outputs[0].as<float>(), (std::vector<float>{3, 1}));
  EXPECT_EQ(wrong.outputs[0].shape, (Shape{2}));
  ASSERT_TRUE(wrong.gather({1, 2, 3}, {1}));
  EXPECT_EQ(wrong.sizes, (std::vector<std::uint64_t>{sizeof(float)}));
  EXPECT_EQ(wrong.outputs[0].as<float>(), (std::vector<float>{2}));
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
