#include <gtest/gtest.h>

#include "base/json.h"

namespace blindai::json {
namespace {

constexpr std::size_t limit = 8;

std::string listed(std::string_view text, std::size_t most = limit) {
  const auto members = raw_members(text, most);
  std::string out;
  for (const RawMember& member : members.value_or(std::vector<RawMember>{})) {
    out += fmt::format("<{}|{}>", member.name, member.value);
  }
  return members ? out : "nothing";
}

TEST(RawMembers, AreTheBytesAsTheyStand) {
  EXPECT_EQ(listed(R"({"a":{"b": [1, 2 ]},"c":"d"})"), R"(<a|{"b": [1, 2 ]}><c|"d">)");
  EXPECT_EQ(listed("{}"), "");
  EXPECT_EQ(listed(R"({"":null,"n":-1.5e+3,"t":true})"), "<|null><n|-1.5e+3><t|true>");
}

TEST(RawMembers, AreWithoutTheWhiteSpaceAroundThem) {
  EXPECT_EQ(listed(" \n{ \"a\" :\t{ \"b\" : 1 }\r\n , \"c\" : 2 }\n "), "<a|{ \"b\" : 1 }><c|2>");
}

TEST(RawMembers, EndWhereTheirQuotesAndBracketsDo) {
  EXPECT_EQ(listed(R"({"a":"}\"],{","b":[["]"],"\\"]})"), R"(<a|"}\"],{"><b|[["]"],"\\"]>)");
  EXPECT_EQ(listed(R"({"a":"\\","b":"\\\""})"), R"(<a|"\\"><b|"\\\"">)");
}

TEST(RawMembers, OfWhatIsNotOneObjectAreNone) {
  for (const char* text : {"",
                           " ",
                           "[]",
                           "\"a\"",
                           "{",
                           "{\"a\"",
                           "{\"a\":",
                           "{\"a\":}",
                           "{\"a\":1",
                           "{\"a\":1,",
                           "{\"a\":1,}",
                           "{,}",
                           "{\"a\" 1}",
                           "{a:1}",
                           "{\"a\":1}x",
                           "{\"a\":1}{}",
                           "{\"a\":{\"b\":1}",
                           "{\"a\":[}",
                           "{\"a\":\"x}",
                           "{\"a\":\"x\\",
                           "{\"a\":\"x\\\"}",
                           "{\"a\":1 2}",
                           "{\"a\":tr\"ue}",
                           "{\"a\":]}",
                           "{\"a\":1]",
                           "{\"a\":1;\"b\":2}",
                           "\xef\xbb\xbf{}"}) {
    EXPECT_EQ(listed(text), "nothing") << text;
  }
  EXPECT_EQ(listed(std::string("{\"a\":1}\0", 8)), "nothing");
}

TEST(RawMembers, WrittenTwiceAreNone) {
  EXPECT_EQ(listed(R"({"a":1,"b":2,"a":1})"), "nothing");
  EXPECT_EQ(listed(R"({"a":{"a":1,"a":2}})"), R"(<a|{"a":1,"a":2}>)");  // for parse() to refuse
}

TEST(RawMembers, WhoseNameHasAnEscapeAreNone) {
  EXPECT_EQ(listed(R"({"\u0061":1})"), "nothing");
  EXPECT_EQ(listed(R"({"a":1,"\u0061":2})"), "nothing");
  EXPECT_EQ(listed(R"({"a\"":1})"), "nothing");
}

TEST(RawMembers, AreNotMoreThanTheLimit) {
  EXPECT_EQ(listed(R"({"a":1,"b":2})", 2), "<a|1><b|2>");
  EXPECT_EQ(listed(R"({"a":1,"b":2,"c":3})", 2), "nothing");
}

TEST(RawMembers, NestAsDeepAsTheyLike) {
  const std::string deep(1'000'000, '[');
  EXPECT_EQ(listed("{\"a\":" + deep + "}"), "nothing");
  EXPECT_EQ(raw_members("{\"a\":" + deep + std::string(1'000'000, ']') + "}", 1)->front().value.size(), 2'000'000U);
}

// Every text of six bytes that quotes and brackets can be hidden in.
TEST(RawMembers, EndWhereTheParserSaysThatTheyEnd) {
  constexpr std::string_view bytes = R"("\}][b,)";
  constexpr std::size_t length = 6;
  constexpr std::size_t texts = 7 * 7 * 7 * 7 * 7 * 7;
  std::size_t taken = 0;
  for (std::size_t number = 0; number < texts; ++number) {
    std::string text = R"({"a":[")";
    for (std::size_t left = number, i = 0; i < length; ++i, left /= bytes.size()) {
      text += bytes[left % bytes.size()];
    }
    text += R"("],"b":0})";
    const auto whole = parse(text);
    if (whole) {
      ++taken;
      const auto members = raw_members(text, limit);
      ASSERT_TRUE(members) << text;
      ASSERT_EQ(members->size(), 2U) << text;
      ASSERT_EQ(parse(members->front().value), *whole->find("a")) << text;
    }
  }
  EXPECT_GT(taken, 1000U);
}

// The same document read in both ways: the same names, and values that parse alike.
TEST(RawMembers, AreTheMembersThatTheParserReads) {
  for (const char* text : {R"({"a":{"b":[1,{"c":"}"}]},"signature":"00ff"})", R"({"x":"\u007b\"","a":[[],{}],"y":0})",
                           "{ \"b\" : [ ] ,\n\"a\" : { } }"}) {
    const auto whole = parse(text);
    ASSERT_TRUE(whole) << text;
    const auto members = raw_members(text, limit);
    ASSERT_TRUE(members) << text;
    EXPECT_EQ(members->size(), whole->as<Object>()->size()) << text;
    for (const RawMember& member : *members) {
      ASSERT_NE(whole->find(member.name), nullptr) << member.name;
      EXPECT_EQ(parse(member.value), *whole->find(member.name)) << member.name;
    }
  }
}

}  // namespace
}  // namespace blindai::json
