// The names of values, nodes, functions and operators: each leads to one thing, and to one that the engine has.
#include <gtest/gtest.h>

#include "build.h"
#include "gate/gate.h"
#include "gate/names.h"
#include "gate/operators.h"

namespace blindai::gate {
namespace {

std::string refusal(const Bytes& body) {
  const auto admitted = scan(body, {{"m.onnx", 0, body.size()}});
  return admitted ? "" : admitted.error().message.str();
}
bool says(const Bytes& body, std::string_view word) { return refusal(body).contains(word); }

std::pair<std::uint32_t, Bytes> relu(const std::string& input, const std::string& output) {
  return {1, node("Relu", input, output)};
}
Bytes branch(const std::string& input, const std::string& output) {
  return message({relu(input, output), {2, text("g")}, {12, value_info(output, 1, {1})}});
}
Bytes with_branch(const Bytes& graph) {
  return node("If", "x", "o", {attribute("then_branch", of_graph, {{6, graph}})});
}

TEST(AValue, IsMadeBeforeItIsRead) {
  EXPECT_EQ(refusal(model({relu("x", "a"), relu("a", "b")})), "");
  EXPECT_TRUE(says(model({relu("b", "a"), relu("x", "b")}), "reads 'b'")) << "later";
  EXPECT_TRUE(says(model({relu("b", "a"), relu("a", "b")}), "reads 'b'")) << "a cycle";
  EXPECT_TRUE(says(model({relu("a", "a")}), "reads 'a'")) << "of itself";
  EXPECT_TRUE(says(model({relu("nobody", "a")}), "node 1 (Relu): reads 'nobody'"));
  EXPECT_EQ(refusal(model({relu("", "a")})), "") << "an input that is left out";
}

TEST(AValue, HasANameOfItsOwn) {
  EXPECT_TRUE(says(model({relu("x", "a"), relu("x", "a")}), "stands twice"));
  EXPECT_TRUE(says(model({relu("x", "x")}), "stands twice")) << "as an input is called";
  EXPECT_TRUE(says(model({{5, tensor("w", 1, {1}, Bytes(4))}, relu("x", "w")}), "stands twice"));
  Bytes two = message({{1, text("x")}, {2, text("a")}, {2, text("a")}, {4, text("Relu")}});
  EXPECT_TRUE(says(model({{1, two}}), "stands twice"));
  EXPECT_EQ(refusal(model({relu("x", ""), relu("x", "")})), "") << "outputs that are left out";
  EXPECT_EQ(refusal(model({{11, value_info("w", 1, {1})}, {5, tensor("w", 1, {1}, Bytes(4))}})), "") << "a default";
  EXPECT_TRUE(says(
      model({{11, value_info("w", 1, {1})}, {5, tensor("w", 1, {1}, Bytes(4))}, {5, tensor("w", 1, {1}, Bytes(4))}}),
      "stands twice"))
      << "two defaults";
  const Bytes sparse = [] {
    Bytes out = message({{1, tensor("w", 1, {1}, Bytes(4))}, {2, tensor("", 7, {1}, Bytes(8))}});
    put_number(out, 3, 4);
    return out;
  }();
  EXPECT_EQ(refusal(model({{15, sparse}, relu("w", "a")})), "");
  EXPECT_TRUE(says(model({{15, sparse}, {5, tensor("w", 1, {1}, Bytes(4))}}), "stands twice"));
}

TEST(AModelOfNames, HasABoundedCountOfThem) {
  Limits limits;
  limits.names = 3;
  const auto with = [&](const std::vector<std::pair<std::uint32_t, Bytes>>& parts) {
    const Bytes body = model(parts);
    return scan(body, {{"m.onnx", 0, body.size()}}, limits).has_value();
  };
  EXPECT_TRUE(with({relu("x", "a")}));
  EXPECT_FALSE(with({relu("x", "a"), relu("x", "b")}));
}

TEST(AGraphInAGraph, SeesTheOneAroundItAndHidesNothing) {
  EXPECT_EQ(refusal(model({relu("x", "a"), {1, with_branch(branch("a", "b"))}})), "");
  EXPECT_TRUE(says(model({{1, with_branch(branch("a", "b"))}, relu("x", "a")}), "reads 'a'"));
  EXPECT_TRUE(says(model({relu("x", "a"), {1, with_branch(branch("x", "a"))}}), "stands twice"));
  EXPECT_TRUE(says(model({{1, with_branch(branch("o", "b"))}}), "reads 'o'")) << "the node's own output";
  EXPECT_TRUE(says(model({{1, with_branch(branch("x", "b"))}, relu("b", "c")}), "reads 'b'")) << "from outside";
  const Bytes both = node("If", "x", "o",
                          {attribute("then_branch", of_graph, {{6, branch("x", "b")}}),
                           attribute("else_branch", of_graph, {{6, branch("x", "b")}})});
  EXPECT_EQ(refusal(model({{1, both}})), "") << "side by side";
  const auto with = [](std::uint32_t field, const Bytes& one) {
    Bytes graph = branch("x", "b");
    append(graph, message({{field, one}}));
    return model({{1, with_branch(graph)}});
  };
  EXPECT_EQ(refusal(with(5, tensor("w", 1, {1}, Bytes(4)))), "");
  EXPECT_TRUE(says(with(5, tensor("x", 1, {1}, Bytes(4))), "stands twice")) << "an initialiser that hides an input";
  EXPECT_EQ(refusal(with(11, value_info("i", 1, {1}))), "");
  EXPECT_TRUE(says(with(11, value_info("", 1, {1})), "has no name"));
}

TEST(AnOutput, IsAValueOfItsGraph) {
  EXPECT_TRUE(says(model({{12, value_info("nobody", 1, {1})}}), "output 'nobody'"));
  EXPECT_EQ(refusal(model({{12, value_info("x", 1, {1})}})), "") << "an input as it is";
  EXPECT_TRUE(says(model({{12, value_info("y", 1, {1})}}), "stands twice"));
  const Bytes outer_value = message({{2, text("g")}, {12, value_info("x", 1, {1})}});
  EXPECT_TRUE(says(model({{1, with_branch(outer_value)}}), "output 'x'"));
}

TEST(ANode, SharesItsNameWithNoneOfItsGraph) {
  const auto named = [](const std::string& name, const std::string& output) {
    Bytes one = node("Relu", "x", output);
    append(one, message({{3, text(name)}}));
    return std::pair(1U, one);
  };
  EXPECT_EQ(refusal(model({named("n", "a"), named("m", "b")})), "");
  EXPECT_TRUE(says(model({named("n", "a"), named("n", "b")}), "two nodes"));
  EXPECT_EQ(refusal(model({named("", "a"), named("", "b")})), "");
}

TEST(AFunction, SeesWhatItIsGivenAndGivesWhatItSays) {
  const auto with = [](const Bytes& one) {
    return model({{1, node("f", "x", "z", {}, "d")}}, {{8, opset("d", 1)}, {25, one}});
  };
  EXPECT_EQ(refusal(with(function("f", {node("Relu", "a", "b")}))), "");
  EXPECT_TRUE(says(with(function("f", {node("Relu", "x", "b")})), "function 'f', node 0 (Relu): reads 'x'"));
  EXPECT_TRUE(says(with(function("f", {node("Relu", "a", "c")})), "output 'b'"));
  EXPECT_TRUE(says(model({}, {{25, function("", {node("Relu", "a", "b")})}}), "has no name"));
  Bytes usurper =
      message({{1, text("Relu")}, {4, text("a")}, {5, text("b")}, {7, node("Abs", "a", "b")}, {9, opset("", 17)}});
  EXPECT_TRUE(says(model({}, {{25, usurper}}), "operator of the engine"));
  Bytes overload = function("f", {node("Relu", "a", "b")});
  append(overload, message({{13, text("second")}}));
  EXPECT_EQ(refusal(model({}, {{25, function("f", {node("Relu", "a", "b")})}, {25, overload}})), "");
}

TEST(AnOperator, IsOneThatTheEngineHasInTheOpset) {
  EXPECT_TRUE(says(model({{1, node("Frobnicate", "x", "z")}}), "lacks operator 'Frobnicate' of domain 'ai.onnx'"));
  EXPECT_TRUE(says(model({{1, node("Gelu", "x", "z")}}),
                   "lacks operator 'Gelu' in opset 17 of 'ai.onnx'; it has it from opset 20"));
  EXPECT_EQ(refusal(model({{1, node("Relu", "x", "z", {}, "ai.onnx")}})), "");
  EXPECT_TRUE(says(model({{1, node("Scaler", "x", "z", {}, "ai.onnx.ml")}}), "does not import"));
  EXPECT_EQ(refusal(model({{1, node("Scaler", "x", "z", {}, "ai.onnx.ml")}}, {{8, opset("ai.onnx.ml", 3)}})), "");
  EXPECT_NE(refusal(model({{1, node("EPContext", "x", "z", {}, "com.microsoft")}}, {{8, opset("com.microsoft", 1)}})),
            "");
  // A function has the opsets that it imports itself.
  EXPECT_TRUE(says(model({}, {{25, function("f", {node("Gelu", "a", "b")})}}), "opset 17"));
  EXPECT_TRUE(
      says(model({}, {{8, opset("ai.onnx.ml", 3)}, {25, function("f", {node("Scaler", "a", "b", {}, "ai.onnx.ml")})}}),
           "does not import"));
}

TEST(AnOperator, HasTheInputsFixedThatTheEngineTrusts) {
  const auto trilu = [](const std::string& k) {
    return std::pair(1U, message({{1, text("x")}, {1, text(k)}, {2, text("t")}, {4, text("Trilu")}}));
  };
  const std::pair<std::uint32_t, Bytes> weight{5, tensor("k", 7, {}, Bytes(8))};
  EXPECT_EQ(refusal(model({weight, trilu("k")})), "");
  EXPECT_TRUE(says(model({{11, value_info("k", 7, {})}, trilu("k")}), "must be a constant"));
  EXPECT_TRUE(says(model({{11, value_info("k", 7, {})}, weight, trilu("k")}), "must be a constant")) << "a default";
  EXPECT_TRUE(says(model({weight, relu("k", "l"), trilu("l")}), "must be a constant"));
  const Bytes value = attribute("value", of_tensor, {{5, tensor("", 7, {}, Bytes(8))}});
  EXPECT_EQ(refusal(model({{1, node("Constant", "", "c", {value})}, trilu("c")})), "");
  EXPECT_EQ(refusal(model({trilu("")})), "") << "left out";
  // The same name, a constant in one branch and none in the other.
  const auto one = [&](const Bytes& first) {
    return message({{1, first}, trilu("c"), {2, text("g")}, {12, value_info("t", 1, {1})}});
  };
  const Bytes both = node("If", "x", "o",
                          {attribute("then_branch", of_graph, {{6, one(node("Constant", "", "c", {value}))}}),
                           attribute("else_branch", of_graph, {{6, one(node("Relu", "x", "c"))}})});
  EXPECT_TRUE(says(model({{1, both}}), "must be a constant"));
}

TEST(TheListOfOperators, KnowsOpsets) {
  EXPECT_TRUE(engine_has("", "Relu", 17));
  EXPECT_FALSE(engine_has("", "Relu", 0));
  EXPECT_FALSE(engine_has("", "Gelu", 19));
  EXPECT_TRUE(engine_has("", "Gelu", 20));
  EXPECT_FALSE(engine_has("ai.onnx.ml", "Relu", 1));
  EXPECT_EQ(newest_opset("ai.onnx.ml"), 5);
  EXPECT_EQ(newest_opset("my.domain"), std::nullopt);
}

// Computed by a separate implementation of SipHash-1-3, which gives the reference values of SipHash-2-4 with its rounds.
TEST(TheHashOfANameChangesWith, ItsKeyAndEveryByte) {
  const HashKey key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
  std::string bytes;
  for (char i = 0; i < 15; ++i) {
    bytes.push_back(i);
  }
  EXPECT_EQ(keyed_hash(key, bytes), 0xd320d86d2a519956U);
  EXPECT_EQ(keyed_hash(key, ""), 0xabac0158050fc4dcU);
}

TEST(Names, AreNumberedOnce) {
  Names names;
  std::vector<std::string> texts;
  for (int i = 0; i < 1000; ++i) {
    texts.push_back("n" + std::to_string(i));
  }
  for (NameId i = 0; i < 1000; ++i) {
    EXPECT_EQ(names.id(texts[i]), i);
  }
  EXPECT_EQ(names.id("n7"), 7u);
  EXPECT_EQ(names.id(""), 1000u);
}

}  // namespace
}  // namespace blindai::gate
