#include <gtest/gtest.h>

#include "base/bytes.h"

namespace blindai {
namespace {

TEST(Base64, WritesAndReadsTheVectorsOfRfc4648) {
  const std::vector<std::pair<std::string, std::string>> vectors{{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), coded);
    EXPECT_EQ(from_base64(coded), copy(as_bytes(plain)));
  }
}

TEST(Base64, RefusesEverySecondSpelling) {
  for (const char* text :
       {"Zg", "Zg=", "Zh==", "Zm9=", "Zm9v\n", " Zm9v", "Zg==Zg==", "=", "====", "Z===", "Zm9v_w==", "Zm8=="}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
}

TEST(Base64Url, HasItsOwnAlphabetAndNoPadding) {
  const Bytes bytes{0xfb, 0xff, 0xfe, 0x01};
  EXPECT_EQ(to_base64url(bytes), "-__-AQ");
  EXPECT_EQ(from_base64url("-__-AQ"), bytes);
  EXPECT_FALSE(from_base64url("-__-AQ=="));
  EXPECT_FALSE(from_base64url("-__-AR"));
  EXPECT_FALSE(from_base64url("+//+AQ"));
  EXPECT_FALSE(from_base64url("A"));
}

TEST(Hex, RefusesOddLengthsAndOtherCharacters) {
  EXPECT_EQ(from_hex("00ffA1"), (Bytes{0, 255, 161}));
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0g"));
  EXPECT_FALSE(from_hex("0x"));
}

TEST(Digest, ReadsItsOwnText) {
  Digest digest;
  digest.bytes[31] = 7;
  EXPECT_EQ(Digest::from_text(digest.text()), digest);
  EXPECT_FALSE(Digest::from_text(digest.hex()));
  EXPECT_FALSE(Digest::from_text("sha256:00"));
}

}  // namespace
}  // namespace blindai
