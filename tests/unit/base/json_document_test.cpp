#include "base/json_document.h"

#include <gtest/gtest.h>

namespace blindai::json {
namespace {

// The two readings of one text must be one: whatever parse() finds, a Document has, and nothing else.
void expect_same(const Value& value, const Node node) {
  const auto* object = value.as<Object>();
  const auto* array = value.as<Array>();
  const auto* text = value.as<std::string>();
  const auto* integer = value.as<std::int64_t>();
  EXPECT_EQ(node.is_object(), object != nullptr);
  EXPECT_EQ(node.is_array(), array != nullptr);
  EXPECT_EQ(node.text(), text == nullptr ? std::nullopt : std::optional<std::string_view>(*text));
  EXPECT_EQ(node.integer(), integer == nullptr ? std::nullopt : std::optional(*integer));
  EXPECT_FALSE(node.find("no such member"));
  ASSERT_EQ(node.size(), array == nullptr ? 0 : array->size());
  std::size_t i = 0;
  for (const Node item : node) {
    ASSERT_LT(i, node.size());
    expect_same((*array)[i++], item);
  }
  EXPECT_EQ(i, node.size());
  if (object != nullptr) {
    for (const auto& [name, member] : *object) {
      const auto found = node.find(name);
      ASSERT_TRUE(found) << name;
      expect_same(member, *found);
    }
  }
}

void expect_same_reading(const std::string& text) {
  const auto value = parse(text);
  const auto document = Document::parse(text);
  ASSERT_EQ(document.has_value(), value.has_value()) << text;
  if (value) {
    expect_same(*value, document->root());
  } else {
    EXPECT_EQ(document.error().code, value.error().code) << text;
  }
}

// An object of so many members, with the name of the first again at the end or not.
std::string members(std::size_t count, bool twice) {
  std::string text = "{";
  for (std::size_t i = 0; i < count; ++i) {
    text += "\"" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  }
  return text + (twice ? "\"0\"" : "\"last\"") + ":[]}";
}

TEST(JsonDocument, IsReadAsTheParserReadsIt) {
  for (const char* text : {"null",
                           "true",
                           "0",
                           "-1",
                           "1.5",
                           "1e3",
                           "9223372036854775807",
                           "9223372036854775808",
                           "\"\"",
                           "\"text\"",
                           R"("a\u00e9\n\"")",
                           "[]",
                           "{}",
                           "[[],{},[[]],[{}]]",
                           R"([1,"a",null,{"b":[2,3]},false])",
                           R"({"a":{"b":{"c":[1,{"d":"e"}]}},"f":2,"":3,"g\u0020h":{}})",
                           R"({"a":[1,2],"b":[{"a":1},{"a":2}]})",
                           " 7 ",
                           "",
                           "{",
                           "[1,]",
                           "nul",
                           "{} {}",
                           "\"\x80\"",
                           "1e400",
                           "18446744073709551616",
                           R"({"a":1,"a":2})",
                           R"({"a":{"b":1,"b":1}})",
                           R"([{"\u0061":1,"a":1}])"}) {
    expect_same_reading(text);
  }
}

TEST(JsonDocument, RefusesAMemberTwiceInObjectsOfEverySize) {
  for (std::size_t count = 1; count < 40; ++count) {
    expect_same_reading(members(count, false));
    EXPECT_TRUE(Document::parse(members(count, false)));
    expect_same_reading(members(count, true));
    EXPECT_FALSE(Document::parse(members(count, true))) << count;
  }
  EXPECT_TRUE(Document::parse(members(60'000, false)));
  EXPECT_FALSE(Document::parse(members(60'000, true)));
}

TEST(JsonDocument, NestsToTheLimitAndNotBeyond) {
  for (const std::size_t depth : {1U, 15U, 16U, 17U, 18U, 19U, 33U, 100'000U}) {
    const std::string text = std::string(depth, '[') + std::string(depth, ']');
    const auto value = parse(text, 16);
    const auto document = Document::parse(text, 16);
    ASSERT_EQ(document.has_value(), value.has_value()) << depth;
    EXPECT_TRUE(document || document.error().code == Code::too_large);
  }
}

TEST(JsonDocument, IsNullUntilSomethingIsRead) {
  EXPECT_FALSE(Document().root().is_object());
  EXPECT_FALSE(Node().find("a"));
  EXPECT_EQ(Node().size(), 0U);
  EXPECT_EQ(Node().begin(), Node().end());
}

TEST(JsonDocument, KeepsItsTextsWhereverItGoes) {
  auto document = Document::parse(std::string(R"({"name":"value"})"));
  ASSERT_TRUE(document);
  const Document moved = std::move(*document);
  EXPECT_EQ(moved.root().find("name")->text(), "value");
}

}  // namespace
}  // namespace blindai::json
