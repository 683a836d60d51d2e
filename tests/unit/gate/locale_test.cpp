// The engine is asked for one locale, whatever a model says.
#include <gtest/gtest.h>

#include "build.h"
#include "gate/gate.h"

namespace blindai::gate {
namespace {

constexpr std::uint64_t of_text = 3;
constexpr std::uint64_t texts = 8;

Bytes locale_of(const std::string& name) { return attribute("locale", of_text, {{4, text(name)}}); }

Result<Admitted> normaliser(const std::vector<Bytes>& attributes) {
  Bytes graph = message({{1, node("StringNormalizer", "x", "y", attributes)},
                         {2, text("g")},
                         {11, value_info("x", texts, {1})},
                         {12, value_info("y", texts, {1})}});
  const Bytes body = joined({number(1, 8), message({{8, opset("", 17)}, {7, graph}})});
  return scan(body, {{"m.onnx", 0, body.size()}});
}

std::size_t count(std::string_view text, std::string_view word) {
  std::size_t found = 0;
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    ++found;
  }
  return found;
}

TEST(ALocale, IsTheOneThatAWorkerKnows) {
  const Bytes lower = attribute("case_change_action", of_text, {{4, text("LOWER")}});
  for (const std::vector<Bytes>& attributes :
       std::vector<std::vector<Bytes>>{{lower}, {lower, locale_of("en_US.UTF-8")}, {locale_of("C"), lower}}) {
    const auto admitted = normaliser(attributes);
    ASSERT_TRUE(admitted) << admitted.error().message.str();
    const std::string_view written = as_text(admitted->graph);
    EXPECT_EQ(count(written, "locale"), 1u);
    EXPECT_EQ(count(written, "C.UTF-8"), 1u);
    EXPECT_EQ(count(written, "LOWER"), 1u);
  }
}

TEST(ALocale, ThatWritesOtherLettersIsRefused) {
  for (const std::string& name :
       std::vector<std::string>{"tr_TR.UTF-8", "", "../../etc", "en_US.UTF-8;LC_CTYPE=tr_TR"}) {
    const auto admitted = normaliser(std::vector<Bytes>{locale_of(name)});
    ASSERT_FALSE(admitted) << name;
    EXPECT_EQ(admitted.error().code, Code::model_rejected);
    EXPECT_NE(admitted.error().message.str().find("en_US.UTF-8 alone"), std::string::npos);
  }
}

}  // namespace
}  // namespace blindai::gate
