#include "base/error.h"

#include <gtest/gtest.h>

namespace blindai {
namespace {

// What must not compile: text made at run time, and a detail, in the place of a public sentence.
static_assert(!std::is_constructible_v<PublicText, std::string>);
static_assert(!std::is_constructible_v<PublicText, std::string_view>);
static_assert(!std::is_constructible_v<PublicText, Detail>);
static_assert(!std::is_convertible_v<PublicText, Detail>);

TEST(Error, FillsASentenceWithNumbersAndDisclosedNames) {
  const PublicText text{"input {} has rank {}", Disclosed("mask"), 3};
  EXPECT_EQ(text.str(), "input mask has rank 3");
}

TEST(Error, DisclosedNamesArePrintableAndShort) {
  EXPECT_EQ(Disclosed("a\nb\x1b[31m\xff").text, "a?b?[31m?");
  EXPECT_EQ(Disclosed(std::string(1000, 'x')).text.size(), 128U);
}

TEST(Error, StatusesMapBackToTheirCodes) {
  for (const Code code :
       {Code::invalid_argument, Code::unauthenticated, Code::permission_denied, Code::not_found, Code::already_exists,
        Code::too_large, Code::resource_exhausted, Code::unavailable, Code::deadline_exceeded, Code::unimplemented,
        Code::unsupported_media, Code::model_rejected, Code::internal}) {
    EXPECT_EQ(code_of_http_status(http_status(code)), code) << word(code);
  }
  EXPECT_EQ(code_of_http_status(418), Code::invalid_argument);
  EXPECT_EQ(code_of_http_status(302), Code::unavailable);
}

TEST(Error, EveryCodeHasAStatusOfGrpc) {
  EXPECT_EQ(grpc_status(Code::cancelled), 1);
  EXPECT_EQ(grpc_status(Code::invalid_argument), 3);
  EXPECT_EQ(grpc_status(Code::deadline_exceeded), 4);
  EXPECT_EQ(grpc_status(Code::not_found), 5);
  EXPECT_EQ(grpc_status(Code::already_exists), 6);
  EXPECT_EQ(grpc_status(Code::permission_denied), 7);
  EXPECT_EQ(grpc_status(Code::too_large), 8);
  EXPECT_EQ(grpc_status(Code::resource_exhausted), 8);
  EXPECT_EQ(grpc_status(Code::model_rejected), 9);
  EXPECT_EQ(grpc_status(Code::unimplemented), 12);
  EXPECT_EQ(grpc_status(Code::unsupported_media), 12);
  EXPECT_EQ(grpc_status(Code::internal), 13);
  EXPECT_EQ(grpc_status(Code::unavailable), 14);
  EXPECT_EQ(grpc_status(Code::unauthenticated), 16);
}

Result<int> half(int n) {
  if (n % 2 != 0) {
    return fail(Code::invalid_argument, {"{} is odd", n});
  }
  return n / 2;
}

Result<int> quarter(int n) {
  BLINDAI_TRY(const int once, half(n));
  return half(once);
}

TEST(Error, TryReturnsTheFirstError) {
  EXPECT_EQ(quarter(8), 2);
  EXPECT_EQ(quarter(6).error().message.str(), "3 is odd");
}

}  // namespace
}  // namespace blindai
