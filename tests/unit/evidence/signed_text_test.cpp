// The outer object of Intel's documents, and the dates in them.
#include <gtest/gtest.h>

#include "evidence/dcap/documents.h"
#include "evidence/dcap/members.h"

namespace blindai::evidence::dcap {
namespace {

const std::string digits = std::string(64, 'a') + std::string(64, '0');
const std::string signature = "\"signature\":\"" + digits + "\"";

Parsed<SignedText> read(std::string_view text) {
  Effort effort;
  return read_signed(as_bytes(text), "tcbInfo", "tcb_info", effort);
}

void expect_refused(const std::string& text) {
  const auto found = read(text);
  ASSERT_FALSE(found) << text;
  EXPECT_EQ(found.error().text(), "BAD_COLLATERAL_FORMAT:tcb_info") << text;
}

TEST(SignedText, IsTheInnerObjectByteForByte) {
  const std::string inner = "{ \"version\":3, \"x\" : \"}\\\"\" ,\n\"tcbInfo\":{}}";
  for (const std::string& text :
       {"{\"tcbInfo\":" + inner + "," + signature + "}", " {" + signature + ", \"tcbInfo\" :\t" + inner + "\n}\n"}) {
    Effort effort;
    const auto found = read_signed(as_bytes(text), "tcbInfo", "tcb_info", effort);
    ASSERT_TRUE(found) << text;
    EXPECT_EQ(found->text, inner);
    EXPECT_EQ(to_hex(found->signature), digits);
    EXPECT_EQ(effort.bytes_read, text.size());
    EXPECT_EQ(effort.signature_checks, 0U);
  }
}

TEST(SignedText, IsNotReadBeforeItsSignature) {
  // What is inside is for the parser, once it is known who wrote it.
  EXPECT_EQ(read("{\"tcbInfo\":{\"a\":1,\"a\":nul}," + signature + "}")->text, "{\"a\":1,\"a\":nul}");
}

TEST(SignedText, StandsInAnObjectOfTwoMembers) {
  for (const std::string text : {"", "{}", "[]", "null", "[[[[[[[["}) {
    expect_refused(text);
  }
  expect_refused("{\"tcbInfo\":{}}");
  expect_refused("{" + signature + "}");
  expect_refused("{\"enclaveIdentity\":{}," + signature + "}");
  expect_refused("{\"tcbInfo\":{}," + signature + ",\"more\":1}");
  expect_refused("{\"tcbInfo\":{},\"tcbInfo\":{}," + signature + "}");
  expect_refused("{\"tcbInfo\":{}," + signature + "," + signature + "}");
  expect_refused("{\"tcb\\u0049nfo\":{}," + signature + "}");
  expect_refused("{\"tcbInfo\":{}," + signature + "}{}");
  expect_refused("{\"tcbInfo\":{}," + signature);
}

TEST(SignedText, IsAnObject) {
  for (const std::string inner : {"[]", "\"{}\"", "1", "null"}) {
    expect_refused("{\"tcbInfo\":" + inner + "," + signature + "}");
  }
}

TEST(SignedText, HasASignatureOfItsSize) {
  for (const std::string& wrong :
       {std::string("\"\""), "\"" + digits.substr(2) + "\"", "\"" + digits + "00\"", "\"" + digits.substr(1) + "\"",
        "\"" + digits.substr(1) + "g\"", "\" " + digits.substr(1) + "\"", digits, "[\"" + digits + "\"]",
        "\"\\u0061" + digits.substr(6) + "\"", std::string("null")}) {
    expect_refused("{\"tcbInfo\":{},\"signature\":" + wrong + "}");
  }
  EXPECT_TRUE(read("{\"tcbInfo\":{},\"signature\":\"" + std::string(128, 'F') + "\"}"));
}

TEST(SignedText, IsAtMostOfTheStatedSize) {
  const std::string bare = "{\"tcbInfo\":{}," + signature + "}";
  EXPECT_TRUE(read(bare + std::string(max_document_bytes - bare.size(), ' ')));
  expect_refused(bare + std::string(max_document_bytes - bare.size() + 1, ' '));
  expect_refused(std::string(16UL << 20U, '\0'));
}

TEST(DocumentDate, IsReadToTheSecond) {
  EXPECT_EQ(read_date("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(read_date("2026-02-18T10:58:51Z"), 1771412331);
  EXPECT_EQ(read_date("2024-02-29T23:59:59Z"), 1709251199);
  EXPECT_EQ(read_date("2000-02-29T00:00:00Z"), 951782400);
  EXPECT_EQ(read_date("2049-12-31T23:59:59Z"), 2524607999);
  EXPECT_EQ(read_date("9999-12-31T23:59:59Z"), 253402300799);
  EXPECT_EQ(read_date("1969-12-31T23:59:59Z"), -1);
}

TEST(DocumentDate, OfNoCalendarOrAnotherFormIsNone) {
  for (const char* text : {"",
                           "2026-02-18",
                           "2026-02-18T10:58:51",
                           "2026-02-18t10:58:51Z",
                           "2026-02-18T10:58:51z",
                           "2026-02-18 10:58:51Z",
                           "2026-02-18T10:58:51+00:00",
                           "2026-02-18T10:58:51.0Z",
                           "2026-2-18T10:58:51Z",
                           " 2026-02-18T10:58:51Z",
                           "2026-02-18T10:58:51Z ",
                           "20260218T105851Z",
                           "+026-02-18T10:58:51Z",
                           "2026-0a-18T10:58:51Z",
                           "2026/02/18T10:58:51Z",
                           "2026-00-18T10:58:51Z",
                           "2026-13-18T10:58:51Z",
                           "2026-02-00T10:58:51Z",
                           "2026-02-29T10:58:51Z",
                           "2100-02-29T10:58:51Z",
                           "2026-04-31T10:58:51Z",
                           "2026-01-32T10:58:51Z",
                           "2026-02-18T24:00:00Z",
                           "2026-02-18T10:60:00Z",
                           "2026-02-18T10:58:60Z",
                           "2026-02-18T99:99:99Z"}) {
    EXPECT_FALSE(read_date(text)) << text;
  }
}

}  // namespace
}  // namespace blindai::evidence::dcap
