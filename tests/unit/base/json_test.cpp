#include "base/json.h"

#include <gtest/gtest.h>

namespace blindai::json {
namespace {

TEST(Json, ReadsBackWhatItWrote) {
  const Value value(Object{{"a", Array{1, -2, nullptr, true}}, {"t", "\"quoted\"\n\xc3\xa9"}, {"u", UINT64_MAX}});
  EXPECT_EQ(parse(write(value)), value);
}

TEST(Json, KeepsSixtyFourBitIntegersExact) {
  EXPECT_EQ(parse("9223372036854775807"), Value(INT64_MAX));
  EXPECT_EQ(parse("-9223372036854775808"), Value(INT64_MIN));
  EXPECT_EQ(parse("18446744073709551615"), Value(UINT64_MAX));
}

TEST(Json, RefusesWhatIsNotOneDocument) {
  for (const char* text :
       {"", "{", "{\"a\":1,\"a\":2}", "[1,]", "nul", "{} {}", "NaN", "\"\x80\"", "1e400", "18446744073709551616"}) {
    EXPECT_FALSE(parse(text)) << text;
  }
}

TEST(Json, NestsToTheLimitAndNotBeyond) {
  const auto nested = [](int depth) {
    const auto count = static_cast<std::size_t>(depth);
    return std::string(count, '[') + std::string(count, ']');
  };
  EXPECT_TRUE(parse(nested(max_depth)));
  EXPECT_EQ(parse(nested(max_depth + 2)).error().code, Code::too_large);
  EXPECT_EQ(parse(nested(1'000'000)).error().code, Code::too_large);
}

TEST(Json, QuotesWhateverItIsGiven) {
  EXPECT_EQ(quote("a\x01\xff\"\\"), "\"a\\u0001\xef\xbf\xbd\\\"\\\\\"");
  EXPECT_EQ(quote("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace blindai::json
