#include "http/head.h"

#include <gtest/gtest.h>

namespace blindai::http {
namespace {

constexpr std::size_t limit = 16 * 1024;

// The target of a head with that one, empty where it is refused.
std::string target_of(const std::string& target) {
  const auto parsed = parse_head(as_bytes("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n"), limit);
  return parsed && *parsed ? (*parsed)->head.target : "";
}

TEST(ATarget, IsAPathInWhateverForm) {
  EXPECT_EQ(target_of("/v2?x"), "/v2?x");
  EXPECT_EQ(target_of("http://other:80/v2/health?x=/y"), "/v2/health?x=/y");
  EXPECT_EQ(target_of("HTTPS://x/v2"), "/v2");
  EXPECT_EQ(target_of("http://x"), "/");
  EXPECT_EQ(target_of("http://x?y"), "/?y");
  EXPECT_EQ(target_of("/http://x/y"), "/http://x/y");
  for (const char* refused : {"http:///x", "http://", "http:/x", "ftp://x/", "x:1", "*", "x"}) {
    EXPECT_EQ(target_of(refused), "") << refused;
  }
}

TEST(AHead, MayStandBehindOneEmptyLine) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  const auto parsed = parse_head(as_bytes("\r\n" + head + "rest"), limit);
  ASSERT_TRUE(parsed && *parsed);
  EXPECT_EQ((*parsed)->size, head.size() + 2);
  EXPECT_FALSE(parse_head(as_bytes("\r\n\r\n" + head), limit));
  const auto empty = parse_head(as_bytes("\r\n"), limit);
  EXPECT_TRUE(empty && !*empty);
}

TEST(ABodysLength, IsOneNumber) {
  const auto length = [](const std::string& value) -> std::optional<std::uint64_t> {
    const auto parsed =
        parse_head(as_bytes("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + value + "\r\n\r\n"), limit);
    return parsed && *parsed ? (*parsed)->head.content_length : std::nullopt;
  };
  EXPECT_EQ(length("16"), 16u);
  EXPECT_EQ(length("0016"), 16u);
  for (const char* refused : {"16, 16", "16,16", "+16", "-1", "0x10", "1 6", "16;", "18446744073709551616"}) {
    EXPECT_EQ(length(refused), std::nullopt) << refused;
  }
}

}  // namespace
}  // namespace blindai::http
