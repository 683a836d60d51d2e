#include "crypto/file_hash.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/clock.h"

namespace blindai::crypto {
namespace {

// No thread, and a thread: the digest is the same.
class AFileHash : public testing::TestWithParam<bool> {
 protected:
  static std::shared_ptr<HashThread> thread() { return GetParam() ? std::make_shared<HashThread>() : nullptr; }
  static void write(const UniqueFd& file, ByteView bytes) {
    ASSERT_EQ(::write(file.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
};
INSTANTIATE_TEST_SUITE_P(WithAndWithoutAThread, AFileHash, testing::Bool());

TEST_P(AFileHash, IsTheDigestOfTheWholeFileHoweverItGrew) {
  Bytes content(3'000'000);
  std::ranges::generate(content, [i = 0U]() mutable { return static_cast<std::uint8_t>(i++ * 31U % 251U); });
  for (const std::size_t size : {0U, 1U, 65'535U, 65'536U, 262'144U, 262'145U, 3'000'000U}) {
    for (const std::size_t step : {1'000U, 262'144U, 3'000'000U}) {
      const auto file = make_memfd("hashed", 0);
      auto hash = FileHash::of(*file, thread());
      ASSERT_TRUE(hash);
      for (std::size_t at = 0; at < size; at += step) {
        const ByteView piece = ByteView(content).subspan(at, std::min(step, size - at));
        write(*file, piece);
        hash->grown_to(at + piece.size());
      }
      EXPECT_EQ(*hash->finish(), sha256(ByteView(content).first(size))) << size << " in steps of " << step;
    }
  }
}

TEST_P(AFileHash, CoversWhatTheFileHadGrownToAndNoMore) {
  const auto file = make_memfd("hashed", 0);
  auto hash = FileHash::of(*file, thread());
  write(*file, as_bytes("abcdef"));
  hash->grown_to(3);
  EXPECT_EQ(*hash->finish(), sha256(as_bytes("abc")));
}

TEST_P(AFileHash, IsAnErrorWhereTheFileIsShorterThanItWas) {
  const auto file = make_memfd("hashed", 1000);
  auto hash = FileHash::of(*file, thread());
  hash->grown_to(1001);
  EXPECT_EQ(hash->finish().error().code, Code::unavailable);
}

// A hole of this size takes minutes to hash, and no memory.
constexpr std::size_t long_bytes = std::size_t{1} << 40U;

TEST_P(AFileHash, StopsWhenItIsAskedTo) {
  const auto file = make_memfd("hashed", long_bytes);
  auto hash = FileHash::of(*file, thread());
  hash->grown_to(long_bytes);
  EXPECT_EQ(hash->finish([calls = 0]() mutable { return ++calls > 3; }).error().code, Code::cancelled);
}

// Descriptors of this process for the file of that name.
std::size_t descriptors_of(std::string_view name) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    count += std::filesystem::read_symlink(entry, gone).string().contains(name) ? 1U : 0U;
  }
  return count;
}

TEST(AHashThread, LetsGoOfAFileThatNobodyWantsAnyMore) {
  const auto thread = std::make_shared<HashThread>();
  const auto file = make_memfd("let-go", long_bytes);
  {
    auto dropped = FileHash::of(*file, thread);
    dropped->grown_to(long_bytes);
    auto replaced = FileHash::of(*file, thread);
    replaced->grown_to(long_bytes);
    replaced = FileHash::of(*file, nullptr);
    EXPECT_GE(descriptors_of("let-go"), 3U);
  }
  const auto end = Steady::now() + std::chrono::seconds(20);
  while (descriptors_of("let-go") > 1 && Steady::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(descriptors_of("let-go"), 1U);
}

TEST(AHashThread, ServesFilesInTurns) {
  const auto thread = std::make_shared<HashThread>();
  const auto large = make_memfd("hashed", long_bytes);
  auto first = FileHash::of(*large, thread);
  first->grown_to(long_bytes);
  const auto small = make_memfd("hashed", 1'000'000);
  auto second = FileHash::of(*small, thread);
  second->grown_to(1'000'000);
  const auto end = Steady::now() + std::chrono::seconds(20);
  while (second->hashed() < 1'000'000 && Steady::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(second->hashed(), 1'000'000U) << "the thread is kept busy by the other file";
  EXPECT_EQ(*second->finish(), sha256(Bytes(1'000'000)));
}

}  // namespace
}  // namespace blindai::crypto
