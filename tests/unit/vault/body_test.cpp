#include "vault/body.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/clock.h"

namespace blindai::vault {
namespace {

TEST(ABody, IsWhatArrivedAndItsDigest) {
  auto receiver = BodyReceiver::start(6, 100);
  ASSERT_TRUE(receiver);
  ASSERT_TRUE(receiver->append(as_bytes("abc")));
  ASSERT_TRUE(receiver->append(as_bytes("def")));
  EXPECT_EQ(receiver->received(), 6u);
  const auto body = receiver->finish();
  ASSERT_TRUE(body);
  EXPECT_EQ(as_text((*body)->view()), "abcdef");
  EXPECT_EQ((*body)->sha256(), crypto::sha256(as_bytes("abcdef")));
}

TEST(ABody, CanNeverBeChanged) {
  auto receiver = BodyReceiver::start(std::nullopt, 100);
  ASSERT_TRUE(receiver->append(as_bytes("abc")));
  const auto body = receiver->finish();
  ASSERT_TRUE(body);
  constexpr int wanted = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  EXPECT_EQ(::fcntl((*body)->fd(), F_GET_SEALS) & wanted, wanted);
  EXPECT_LT(::pwrite((*body)->fd(), "x", 1, 0), 0);
  EXPECT_NE(::ftruncate((*body)->fd(), 1), 0);
  EXPECT_NE(::ftruncate((*body)->fd(), 10), 0);
  EXPECT_EQ(::mmap(nullptr, 3, PROT_READ | PROT_WRITE, MAP_SHARED, (*body)->fd(), 0), MAP_FAILED);
}

TEST(ABody, IsRefusedOverTheLimitBeforeBytesAreTaken) {
  EXPECT_TRUE(BodyReceiver::start(100, 100));
  EXPECT_EQ(BodyReceiver::start(101, 100).error().code, Code::too_large);
  EXPECT_EQ(BodyReceiver::start(UINT64_MAX, 100).error().code, Code::too_large);
  auto receiver = BodyReceiver::start(std::nullopt, 4);
  EXPECT_TRUE(receiver->append(as_bytes("abcd")));
  EXPECT_EQ(receiver->append(as_bytes("e")).error().code, Code::too_large);
}

TEST(ABody, IsRefusedWhenItEndsTooSoonOrTooLateOrIsEmpty) {
  auto receiver = BodyReceiver::start(6, 100);
  ASSERT_TRUE(receiver->append(as_bytes("abc")));
  EXPECT_EQ(receiver->finish().error().code, Code::invalid_argument);
  receiver = BodyReceiver::start(2, 100);
  EXPECT_FALSE(receiver->append(as_bytes("abc")));
  receiver = BodyReceiver::start(std::nullopt, 100);
  EXPECT_FALSE(receiver->finish());
}

// The memory of bodies that this process holds on to, by descriptors.
std::size_t bodies_held() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    count += std::filesystem::read_symlink(entry, gone).string().contains("memfd:blindai-model") ? 1U : 0U;
  }
  return count;
}

TEST(ABody, HasItsDigestHoweverFarBehindTheHashing) {
  const auto thread = std::make_shared<crypto::HashThread>();
  Bytes content(20'000'003);
  std::ranges::generate(content, [i = 0U]() mutable { return static_cast<std::uint8_t>(i++ * 31U % 251U); });
  auto receiver = BodyReceiver::start(content.size(), content.size(), thread);
  for (std::size_t at = 0; at < content.size(); at += 1'000'000) {
    ASSERT_TRUE(receiver->append(ByteView(content).subspan(at, std::min<std::size_t>(1'000'000, content.size() - at))));
  }
  const auto body = receiver->finish();
  ASSERT_TRUE(body);
  EXPECT_EQ((*body)->sha256(), crypto::sha256((*body)->view()));
  EXPECT_EQ((*body)->sha256(), crypto::sha256(content));
}

// The thread may be reading just then, and be kept from going on.
TEST(ABody, IsSealedWhateverTheHashThreadDoes) {
  const auto thread = std::make_shared<crypto::HashThread>();
  const Bytes content(100'000, 7);
  for (int i = 0; i < 1000; ++i) {
    auto receiver = BodyReceiver::start(content.size(), content.size(), thread);
    ASSERT_TRUE(receiver->append(content));
    const auto body = receiver->finish();
    ASSERT_TRUE(body) << i << ": " << body.error().detail.text;
  }
}

TEST(ABody, ThatIsCutOffGivesItsMemoryBackHoweverFarBehindTheHashing) {
  const auto thread = std::make_shared<crypto::HashThread>();
  {
    auto receiver = BodyReceiver::start(100'000'000, 100'000'000, thread);
    ASSERT_TRUE(receiver->append(Bytes(50'000'000)));
    EXPECT_GE(bodies_held(), 1U);
  }
  const auto end = Steady::now() + std::chrono::seconds(20);
  while (bodies_held() > 0 && Steady::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(bodies_held(), 0U);
}

}  // namespace
}  // namespace blindai::vault
