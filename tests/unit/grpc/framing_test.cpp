#include "grpc/framing.h"

#include <gtest/gtest.h>

namespace blindai::grpc {
namespace {

using namespace std::chrono_literals;

Bytes framed(std::string_view text, std::uint8_t flag = 0) {
  Prefix prefix = prefix_of(static_cast<std::uint32_t>(text.size()));
  prefix[0] = flag;
  Bytes out = copy(prefix);
  append(out, as_bytes(text));
  return out;
}

TEST(AMessage, ComesInPiecesOfAnySize) {
  for (std::size_t piece = 1; piece < 20; ++piece) {
    Memory memory(100);
    Deframer in(memory, 10);
    Bytes all = framed("first");
    append(all, framed(""));
    append(all, framed("second", 1));
    std::vector<std::string> got;
    bool last_compressed = false;
    std::size_t eaten = 0;
    for (std::size_t at = 0; at < all.size(); at += piece) {
      eaten += in.feed(ByteView(all).subspan(at, std::min(piece, all.size() - at))).value();
      while (in.whole()) {
        auto taken = in.take().value();
        eaten += taken.eaten;
        got.emplace_back(as_text(taken.message.bytes));
        last_compressed = taken.compressed;
      }
    }
    EXPECT_EQ(got, (std::vector<std::string>{"first", "", "second"})) << piece;
    EXPECT_TRUE(last_compressed);
    EXPECT_EQ(eaten, all.size());
    EXPECT_FALSE(in.begun());
    EXPECT_EQ(memory.used(), 0U);
  }
}

// What is not taken keeps the window of its call shut: it counts as eaten only later.
TEST(AMessage, ThatNobodyTakesHoldsUpWhatFollows) {
  Memory memory(1000);
  Deframer in(memory, 10);
  EXPECT_EQ(in.feed(framed("first")).value(), 10U);
  EXPECT_EQ(in.feed(framed("second")).value(), 0U);
  EXPECT_EQ(in.feed(framed("third")).value(), 0U);
  EXPECT_EQ(memory.used(), 5U + 11U + 10U);
  EXPECT_EQ(in.take().value().eaten, 11U);
  EXPECT_EQ(in.take().value().eaten, 10U);
  EXPECT_EQ(as_text(in.take().value().message.bytes), "third");
}

TEST(AMessage, IsBoundedBeforeItComes) {
  Memory memory(1000);
  Deframer in(memory, 10);
  const auto refused = in.feed(framed("eleven byte"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::too_large);
  EXPECT_TRUE(Deframer(memory, 11).feed(framed("eleven byte")));
  const auto huge = Deframer(memory, 10).feed(Bytes{0, 0xff, 0xff, 0xff, 0xff});
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code, Code::too_large);
}

TEST(AMessage, BeginsWithAPrefixThatIsOne) {
  Memory memory(1000);
  const auto refused = Deframer(memory, 10).feed(framed("x", 2));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid_argument);
}

TEST(Messages, OfAllCallsTogetherAreBounded) {
  Memory memory(15);
  Deframer one(memory, 10);
  Deframer two(memory, 10);
  ASSERT_TRUE(one.feed(framed("0123456789")));
  const auto refused = two.feed(framed("0123456789"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::resource_exhausted);
  {
    const auto taken = one.take();
  }
  EXPECT_EQ(memory.used(), 10U);  // of the refused, until its call is gone
}

TEST(ATimeout, IsDigitsAndAUnit) {
  EXPECT_EQ(timeout_from("1H"), 1h);
  EXPECT_EQ(timeout_from("2M"), 2min);
  EXPECT_EQ(timeout_from("3S"), 3s);
  EXPECT_EQ(timeout_from("4m"), 4ms);
  EXPECT_EQ(timeout_from("5u"), 5us);
  EXPECT_EQ(timeout_from("99999999n"), 99999999ns);
  EXPECT_EQ(timeout_from("99999999H"), 24h);
  for (const char* text : {"", "S", "1", "1s", "-1S", "+1S", "1.5S", "123456789S", " 1S", "1 S", "1SS"}) {
    EXPECT_FALSE(timeout_from(text)) << text;
  }
}

TEST(AStatus, IsPercentEncoded) {
  EXPECT_EQ(encode_status_message("plain 'text'"), "plain 'text'");
  EXPECT_EQ(encode_status_message("100% \xc3\xa9\n"), "100%25 %C3%A9%0A");
}

TEST(AContentType, IsThatOfGrpc) {
  for (const char* text : {"application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"}) {
    EXPECT_TRUE(is_grpc(text)) << text;
  }
  for (const char* text : {"", "application/json", "application/grpc-web", "application/grp"}) {
    EXPECT_FALSE(is_grpc(text)) << text;
  }
}

}  // namespace
}  // namespace blindai::grpc
