#include "client/url.h"

#include <gtest/gtest.h>

namespace blindai::client {
namespace {

TEST(Url, NamesHostAndPort) {
  const auto endpoint = parse_url("https://localhost:8443");
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->host, "localhost");
  EXPECT_EQ(endpoint->port, 8443);
  EXPECT_EQ(endpoint->authority, "localhost:8443");
}

TEST(Url, HasTheDefaultPortAndMayEndInASlash) {
  const auto endpoint = parse_url("https://service.example/");
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->port, 443);
  EXPECT_EQ(endpoint->authority, "service.example");
}

TEST(Url, MayNameAnAddress) {
  EXPECT_EQ(parse_url("https://127.0.0.1:1")->host, "127.0.0.1");
  const auto endpoint = parse_url("https://[::1]:65535");
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->host, "::1");
  EXPECT_EQ(endpoint->authority, "[::1]:65535");
}

TEST(Url, IsRefusedWhereItSaysAnythingElse) {
  for (const auto* url : {"",
                          "localhost",
                          "http://localhost",
                          "HTTPS://x",
                          "https://",
                          "https:///",
                          "https://:1",
                          "https://h:",
                          "https://h:0",
                          "https://h:65536",
                          "https://h:1x",
                          "https://h:-1",
                          "https://h:+1",
                          "https://h/path",
                          "https://h?q",
                          "https://u@h",
                          "https://h#f",
                          "https://[::1",
                          "https://[::1]x",
                          "https://[g]",
                          "https://[]",
                          "https://h h",
                          "https://h\r\nX: y",
                          "https://h//"}) {
    EXPECT_FALSE(parse_url(url)) << url;
  }
}

TEST(Url, HostsAreAsLongAsNamesMayBe) {
  EXPECT_TRUE(parse_url("https://" + std::string(253, 'a')));
  EXPECT_FALSE(parse_url("https://" + std::string(254, 'a')));
  EXPECT_FALSE(parse_url("https://" + std::string(100'000, 'a')));
}

TEST(PercentEncoding, KeepsASharedIdInOneSegment) {
  EXPECT_EQ(percent_encode("tenant/id"), "tenant%2Fid");
  EXPECT_EQ(percent_encode("a-b.c_d~9"), "a-b.c_d~9");
  EXPECT_EQ(percent_encode("../?\r\n\xff"), "..%2F%3F%0D%0A%FF");
}

}  // namespace
}  // namespace blindai::client
