// Memory that the engine frees: it holds nothing of the request any more.
#include <gtest/gtest.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <new>
#include <numeric>
#include <sstream>
#include <string>

#include "engine/build.h"
#include "engine/session.h"
#include "engine/wiping_allocator.h"

namespace blindai::engine {
namespace {

struct TheAllocator : testing::Test {
  void SetUp() override {
    BLINDAI_NEEDS_ONNXRUNTIME();
    ASSERT_TRUE(make_loaded({1, false}));  // its types are the library's
    released = 0;
    dirty = 0;
  }
  static inline std::size_t released = 0;
  static inline std::size_t dirty = 0;
  static inline std::size_t expected = 0;
  static void look_and_release(void* block) {
    const auto* const place = static_cast<const std::uint8_t*>(block) + wiping_head_bytes;
    dirty += static_cast<std::size_t>(std::count_if(place, place + expected, [](std::uint8_t b) { return b != 0; }));
    ++released;
    std::free(block);  // NOLINT
  }
};

TEST_F(TheAllocator, GivesBackZerosAlone) {
  WipingAllocator allocator(&look_and_release);
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{1000}, std::size_t{5000001}}) {
    expected = size;
    auto* const place = static_cast<std::uint8_t*>(allocator.Alloc(&allocator, size));
    ASSERT_NE(place, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(place) % 64, 0u);  // NOLINT
    std::fill_n(place, size, std::uint8_t{0xee});
    allocator.Free(&allocator, place);
  }
  EXPECT_EQ(released, 5u);
  EXPECT_EQ(dirty, 0u);
}

TEST_F(TheAllocator, HasNothingForNoBytesAndSaysWhereThereIsNoMemory) {
  WipingAllocator allocator(&look_and_release);
  EXPECT_EQ(allocator.Alloc(&allocator, 0), nullptr);
  allocator.Free(&allocator, nullptr);
  EXPECT_EQ(released, 0u);
#if !defined(BLINDAI_SANITIZED)
  for (const std::size_t size : {SIZE_MAX, SIZE_MAX - 64, std::size_t{PTRDIFF_MAX}, std::size_t{1} << 60U}) {
    EXPECT_THROW(static_cast<void>(allocator.allocate(size)), std::bad_alloc) << size;
  }
#endif
}

TEST_F(TheAllocator, FillsWhatItGivesOutInTests) {
  WipingAllocator allocator(&look_and_release);
  allocator.fill = 0xa5;
  expected = 300;
  auto* const place = static_cast<std::uint8_t*>(allocator.Alloc(&allocator, expected));
  EXPECT_EQ(std::count(place, place + expected, 0xa5), 300);
  allocator.Free(&allocator, place);
  EXPECT_EQ(dirty, 0u);
}

// How often the bytes stand in the private writable memory of this process.
std::size_t copies_in_memory(const std::vector<float>& secret) {
  std::size_t found = 0;
  std::ifstream maps("/proc/self/maps");
  const std::string text((std::istreambuf_iterator<char>(maps)), {});
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    std::string rights;
    std::istringstream(line) >> std::hex >> begin >> dash >> end >> rights;
    if (rights != "rw-p") {
      continue;
    }
    // Through the kernel: what is unmapped meanwhile is an error, not a fault.
    std::vector<float> copy((end - begin) / sizeof(float));
    const iovec to{copy.data(), end - begin};
    const iovec from{reinterpret_cast<void*>(begin), end - begin};  // NOLINT
    if (::process_vm_readv(::getpid(), &to, 1, &from, 1, 0) <= 0) {
      continue;
    }
    // Only the copy itself is looked at, and it is wiped: the heap must not keep it.
    for (auto at = copy.begin(); (at = std::search(at, copy.end(), secret.begin(), secret.end())) != copy.end(); ++at) {
      ++found;
    }
    std::ranges::fill(copy, 0.0F);
    asm volatile("" : : "r"(copy.data()) : "memory");  // NOLINT
  }
  return found;
}

TEST(OnnxRuntime, KeepsNothingOfARequestThatIsOver) {
  BLINDAI_NEEDS_ONNXRUNTIME();
#if defined(BLINDAI_SANITIZED)
  GTEST_SKIP() << "a sanitizer keeps what is freed";
#endif
  // x, transposed there and back, passes through three values between nodes.
  const auto turn = [](const char* from, const char* to) {
    return build::node("Transpose", {from}, {to}, {build::numbers("perm", {1, 0, 2})});
  };
  const Bytes model = build::file(build::graph(
      {turn("x", "a"), build::node("Relu", {"a"}, {"b"}), turn("b", "c"), build::node("ReduceMax", {"c"}, {"y"})},
      {build::value("x", DataType::fp32, {-1, -1, 64})}, {build::value("y", DataType::fp32, {1, 1, 1})}));
  Session session(*make_loaded({1, false}));
  ASSERT_TRUE(session.load(model));
  std::vector<float> secret(64);
  std::iota(secret.begin(), secret.end(), 77123.25F);
  const Shape shape{3, 50, 64};
  {
    std::vector<float> x(std::size_t{3} * 50 * 64);
    for (std::size_t row = 0; row < 150; ++row) {
      std::ranges::copy(secret, x.begin() + static_cast<std::ptrdiff_t>(row * 64));
    }
    for (int again = 0; again < 3; ++again) {  // with and without a plan of memory from the run before
      ASSERT_TRUE(session.run({{0, shape, view(x)}}));
      EXPECT_EQ(session.outputs[0].as<float>().front(), secret.back());
    }
    EXPECT_GE(copies_in_memory(secret), 151u);  // it is found where it is: here and in x
    std::ranges::fill(x, 0.0F);
    asm volatile("" : : "r"(x.data()) : "memory");  // NOLINT
  }
  EXPECT_EQ(copies_in_memory(secret), 1u);
}

}  // namespace
}  // namespace blindai::engine
