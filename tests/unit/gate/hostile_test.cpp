#include <gtest/gtest.h>

#include "build.h"
#include "gate/gate.h"

namespace blindai::gate {
namespace {

std::string refusal(const Bytes& body, const Limits& limits = {}) {
  const auto admitted = scan(body, {{"m.onnx", 0, body.size()}}, limits);
  return admitted ? "" : admitted.error().message.str();
}

Bytes with_initialiser(const Bytes& tensor_bytes) { return model({{5, tensor_bytes}}); }

TEST(AHostileModel, IsNotAModel) {
  EXPECT_NE(refusal({}), "");
  EXPECT_NE(refusal(text("hello, this is a text file")), "");
  EXPECT_NE(refusal(Bytes(1000, 0)), "");
  EXPECT_NE(refusal(Bytes(1000, 0xff)), "");
  EXPECT_EQ(refusal(model()), "");
}

TEST(AHostileModel, CutAnywhereIsRefused) {
  const Bytes whole = with_initialiser(tensor("w", 1, {4}, Bytes(16, 1)));
  ASSERT_EQ(refusal(whole), "");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(refusal(copy(ByteView(whole).first(size))), "") << size;
  }
}

TEST(AHostileModel, WithAnyByteChangedEndsInAnAnswer) {
  Bytes bytes = with_initialiser(tensor("w", 1, {4}, Bytes(16, 1)));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const std::uint8_t value : Bytes{0x00, 0x7f, 0x80, 0xff}) {
      const std::uint8_t before = std::exchange(bytes[at], value);
      refusal(bytes);
      bytes[at] = before;
    }
  }
}

TEST(AHostileModel, WithUnknownFieldsOrWireTypesIsRefused) {
  Bytes group = model();
  put_varint(group, 99U << 3U | 3U);
  EXPECT_NE(refusal(group), "");
  EXPECT_NE(refusal(model({}, {{99, text("x")}})), "");
  EXPECT_NE(refusal(model({{99, text("x")}})), "");
  EXPECT_NE(refusal(model({{1, message({{99, text("x")}})}})), "");
  EXPECT_NE(refusal(model({}, {{7, Bytes()}})), "");  // a second graph
}

TEST(AHostileModel, WhoseDataDoesNotFillItsShapeIsRefused) {
  EXPECT_EQ(refusal(with_initialiser(tensor("w", 1, {2, 2}, Bytes(16)))), "");
  EXPECT_NE(refusal(with_initialiser(tensor("w", 1, {2, 2}, Bytes(15)))), "");
  EXPECT_NE(refusal(with_initialiser(tensor("w", 1, {2, 2}, Bytes(17)))), "");
  EXPECT_NE(refusal(with_initialiser(tensor("w", 1, {1ULL << 40, 1ULL << 40}, Bytes(16)))), "");
  EXPECT_NE(refusal(with_initialiser(tensor("w", 1, {UINT64_MAX}, Bytes(16)))), "");
  EXPECT_NE(refusal(with_initialiser(tensor("w", 1, std::vector<std::uint64_t>(17, 1), Bytes(4)))), "");
  EXPECT_EQ(refusal(with_initialiser(tensor("w", 1, std::vector<std::uint64_t>(16, 1), Bytes(4)))), "");
  EXPECT_NE(refusal(with_initialiser(tensor("w", 77, {1}, Bytes(4)))), "");
  EXPECT_NE(refusal(with_initialiser(tensor("w", 0, {1}, Bytes(4)))), "");
  Bytes typed;  // a billion floats, none of which is there
  put_number(typed, 1, 1'000'000'000);
  put_number(typed, 2, 1);
  put_bytes(typed, 8, text("w"));
  EXPECT_NE(refusal(with_initialiser(typed)), "");
}

TEST(AHostileModel, WithTheSameInitialiserTwiceIsRefused) {
  const Bytes w = tensor("w", 1, {1}, Bytes(4));
  EXPECT_NE(refusal(model({{5, w}, {5, w}})), "");
  EXPECT_NE(refusal(with_initialiser(tensor("", 1, {1}, Bytes(4)))), "");
}

TEST(AHostileModel, NeverReachesAFileOutsideItsBundle) {
  for (const char* location :
       {"/etc/passwd", "../secret", "a/../../secret", "other.data", "", "C:\\x", "..\\x", "*/_ORT_MEM_ADDR_/*"}) {
    EXPECT_NE(refusal(with_initialiser(external("w", {4}, location, "0", "16"))), "") << location;
  }
  // Anywhere a tensor may stand, not among the initialisers alone.
  const Bytes reader = attribute("value", of_tensor, {{5, external("v", {4}, "/etc/passwd", "0", "16")}});
  EXPECT_NE(refusal(model({{1, node("Constant", "", "c", {reader})}})), "");
  const Bytes sparse = message({{1, external("v", {4}, "/etc/passwd", "0", "16")}});
  EXPECT_NE(refusal(model({{15, sparse}})), "");
  EXPECT_NE(refusal(model({}, {{25, function("f", {node("Constant", "", "c", {reader})})}})), "");
  const Bytes training = message({{1, message({{1, node("Constant", "", "c", {reader})}})}});
  EXPECT_NE(refusal(model({}, {{20, training}})), "");
}

TEST(AHostileModel, NeverReachesOutsideAFileOfItsBundle) {
  const auto judge = [](const std::string& offset, const std::string& length) {
    Bytes body = with_initialiser(external("w", {4}, "w.data", offset, length));
    const std::size_t size = body.size();
    append(body, Bytes(32, 7));
    return scan(body, {{"m.onnx", 0, size}, {"w.data", size, 24}}).has_value();
  };
  EXPECT_TRUE(judge("0", "16"));
  EXPECT_TRUE(judge("8", "16"));
  EXPECT_TRUE(judge("", ""));
  EXPECT_FALSE(judge("9", "16"));
  EXPECT_FALSE(judge("18446744073709551615", "16"));
  EXPECT_FALSE(judge("-1", "16"));
  EXPECT_FALSE(judge("0", "17"));
  EXPECT_FALSE(judge("0", "15"));
  EXPECT_FALSE(judge("0x8", "16"));
  EXPECT_FALSE(judge("99999999999999999999999", "16"));
}

TEST(AHostileModel, MayBeSmallerThanItsLimitsAndNotLarger) {
  Limits limits;
  limits.nodes = 3;
  const auto extra = [](const char* output) { return std::pair(1U, node("Relu", "x", output)); };
  EXPECT_EQ(refusal(model({extra("a"), extra("b")}), limits), "");
  EXPECT_NE(refusal(model({extra("a"), extra("b"), extra("c")}), limits), "");
  limits = {};
  limits.initialisers = 1;
  EXPECT_EQ(refusal(model({{5, tensor("a", 1, {1}, Bytes(4))}}), limits), "");
  EXPECT_NE(refusal(model({{5, tensor("a", 1, {1}, Bytes(4))}, {5, tensor("b", 1, {1}, Bytes(4))}}), limits), "");
  limits = {};
  limits.graph_bytes = 2000;
  EXPECT_EQ(refusal(with_initialiser(tensor("a", 2, {1000}, Bytes(1000))), limits), "");
  EXPECT_NE(refusal(with_initialiser(tensor("a", 2, {2001}, Bytes(2001))), limits), "");
  limits = {};
  limits.tensors = 2;
  EXPECT_EQ(refusal(model({{11, value_info("x2", 1, {1})}}), limits), "");
  EXPECT_NE(refusal(model({{11, value_info("x2", 1, {1})}, {11, value_info("x3", 1, {1})}}), limits), "");
  EXPECT_NE(refusal(model({{11, value_info("x", 1, {1})}})), "");
}

Bytes nested(int depth) {
  Bytes graph = message({{2, text("g")}});
  for (int i = 0; i < depth; ++i) {
    graph = message({{1, node("If", "x", "o" + std::to_string(i), {attribute("body", of_graph, {{6, graph}})})}});
  }
  return model({{1, node("If", "x", "o", {attribute("body", of_graph, {{6, graph}})})}});
}

TEST(AHostileModel, IsNotNestedDeeperThanTheLimit) {
  EXPECT_EQ(refusal(nested(14)), "");
  EXPECT_NE(refusal(nested(15)), "");
  EXPECT_NE(refusal(nested(2000)), "");
}

// Calls each of them.
Bytes calls(const std::string& name, const std::vector<std::string>& callees) {
  std::vector<Bytes> nodes{node("Relu", "a", "b")};
  for (std::size_t i = 0; i < callees.size(); ++i) {
    nodes.push_back(node(callees[i], "a", "c" + std::to_string(i), {}, "d"));
  }
  return function(name, nodes);
}

TEST(AHostileModel, WhoseFunctionsDoubleOrCallThemselvesIsRefused) {
  std::vector<std::pair<std::uint32_t, Bytes>> functions{{8, opset("d", 1)}};
  for (int i = 0; i < 60; ++i) {
    const std::string next = "f" + std::to_string(i + 1);
    functions.emplace_back(25, calls("f" + std::to_string(i), {next, next}));
  }
  functions.emplace_back(25, calls("f60", {}));
  EXPECT_EQ(refusal(model({}, functions)), "");  // nobody calls them
  EXPECT_NE(refusal(model({{1, node("f0", "x", "z", {}, "d")}}, functions)), "");
  EXPECT_EQ(refusal(model({{1, node("f50", "x", "z", {}, "d")}}, functions)), "");
  const auto with = [](const std::vector<Bytes>& list) {
    std::vector<std::pair<std::uint32_t, Bytes>> fields;
    for (const Bytes& one : list) {
      fields.emplace_back(25, one);
    }
    return refusal(model({}, fields));
  };
  EXPECT_NE(with({calls("f", {"f"})}), "");
  EXPECT_NE(with({calls("f", {"g"}), calls("g", {"f"})}), "");
  EXPECT_EQ(with({calls("f", {"g", "h"}), calls("g", {"h"}), calls("h", {})}), "");
  EXPECT_NE(with({calls("f", {}), calls("f", {})}), "");
}

// What stands in a function stands in the model as often as the function is called.
TEST(AHostileModel, WhoseFunctionsMultiplyTheirTensorsIsRefused) {
  const Bytes value = tensor("", 2, {1000}, Bytes(1000));
  const Bytes heavy = function("f", {node("Constant", "", "b", {attribute("value", of_tensor, {{5, value}})})});
  const auto judge = [&](int count) {
    std::vector<std::pair<std::uint32_t, Bytes>> nodes;
    for (int i = 0; i < count; ++i) {
      nodes.emplace_back(1, node("f", "x", "z" + std::to_string(i), {}, "d"));
    }
    Limits limits;
    limits.graph_bytes = 20'000;
    return refusal(model(nodes, {{8, opset("d", 1)}, {25, heavy}}), limits);
  };
  EXPECT_EQ(judge(15), "");
  EXPECT_NE(judge(25).find("bytes of tensors"), std::string::npos) << judge(25);
}

TEST(AHostileModel, MayNotPlaceItsFilesOutsideTheBody) {
  const Bytes body = model();
  EXPECT_FALSE(scan(body, {}));
  const auto beyond = scan(body, {{"m.onnx", 0, body.size() + 1}});
  ASSERT_FALSE(beyond);
  EXPECT_NE(beyond.error().message.str().find("outside the body"), std::string::npos);
  EXPECT_FALSE(scan(body, {{"m.onnx", UINT64_MAX, 2}}));
}

}  // namespace
}  // namespace blindai::gate
