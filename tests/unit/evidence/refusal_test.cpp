#include "evidence/refusal.h"

#include <gtest/gtest.h>

#include <regex>

#include "base/fd.h"

namespace blindai::evidence {
namespace {

std::string upper_case(std::string text) {
  for (char& c : text) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return text;
}

TEST(Reasons, AreTheirEnumeratorsInUpperCase) {
  const auto header = read_file(BLINDAI_SOURCE_DIR "/src/evidence/refusal.h", 1 << 20);
  ASSERT_TRUE(header);
  const std::string text(as_text(*header));
  const std::size_t start = text.find("enum class Reason");
  const std::string list = text.substr(start, text.find("};", start) - start);
  const std::regex enumerator("\n  ([a-z0-9_]+),");
  std::size_t at = 0;
  for (std::sregex_iterator found(list.begin(), list.end(), enumerator), end; found != end; ++found, ++at) {
    EXPECT_EQ(word(static_cast<Reason>(at)), upper_case((*found)[1].str()));
  }
  EXPECT_EQ(at, static_cast<std::size_t>(Reason::policy_invalid) + 1);
}

TEST(Refusals, SayTheDetailAfterAColon) {
  EXPECT_EQ((Refusal{Reason::expired, "pck_crl"}).text(), "EXPIRED:pck_crl");
  EXPECT_EQ((Refusal{Reason::bad_quote_format, ""}).text(), "BAD_QUOTE_FORMAT");
}

Parsed<int> half(int number) {
  BLINDAI_REQUIRE(number % 2 == 0, Reason::bad_quote_format, "odd");
  return number / 2;
}

TEST(Requirements, RefuseWhatDoesNotHold) {
  EXPECT_EQ(half(4), 2);
  ASSERT_FALSE(half(3));
  EXPECT_EQ(half(3).error().text(), "BAD_QUOTE_FORMAT:odd");
}

}  // namespace
}  // namespace blindai::evidence
