#include "vault/body.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

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

}  // namespace
}  // namespace blindai::vault
