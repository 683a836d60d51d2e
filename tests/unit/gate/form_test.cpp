// Every message of a model has a closed form, and every count and length in it a bound.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <tuple>

#include "build.h"
#include "gate/walk.h"

namespace blindai::gate {
namespace {

bool accepted(const Bytes& body, const Limits& limits = {}) {
  return scan(body, {{"m.onnx", 0, body.size()}}, limits).has_value();
}

Bytes graph_with(const Bytes& more) {
  return joined({message({{1, node("Identity", "x", "y")}, {2, text("g")}, {11, value_info("x", 1, {1})}}), more});
}
const Bytes output = message({{12, value_info("y", 1, {1})}});
const Bytes opset_17 = number(2, 17);

// A model of these parts alone.
Bytes model_of(const Bytes& version, const std::vector<Bytes>& opsets, const Bytes& graph) {
  Bytes out = version;
  for (const Bytes& opset : opsets) {
    put_bytes(out, 8, opset);
  }
  put_bytes(out, 7, graph);
  return out;
}

TEST(AModel, HasAVersionOperatorSetsAndAnOutput) {
  const Bytes graph = graph_with(output);
  EXPECT_TRUE(accepted(model_of(number(1, 8), {opset_17}, graph)));
  EXPECT_FALSE(accepted(model_of({}, {opset_17}, graph)));
  EXPECT_FALSE(accepted(model_of(number(1, 1'000'001), {opset_17}, graph)));
  EXPECT_FALSE(accepted(model_of(joined({number(1, 8), message({{1, text("8")}})}), {opset_17}, graph)));
  EXPECT_FALSE(accepted(model_of(number(1, 8), {}, graph)));
  const Bytes without_nodes = message({{2, text("g")}, {11, value_info("x", 1, {1})}, {12, value_info("x", 1, {1})}});
  EXPECT_TRUE(accepted(model_of(number(1, 8), {opset_17}, without_nodes)));
  EXPECT_FALSE(accepted(model_of(number(1, 8), {}, without_nodes)));
  EXPECT_FALSE(accepted(model_of(number(1, 8), {number(2, 1'000'001)}, graph)));
  EXPECT_FALSE(accepted(model_of(number(1, 8), {joined({opset_17, number(3, 1)})}, graph)));
  EXPECT_TRUE(accepted(model_of(number(1, 8), {opset_17, opset_17}, graph))) << "as skl2onnx writes it";
  EXPECT_FALSE(accepted(model_of(number(1, 8), {opset_17, opset("", 16)}, graph))) << "a set in two versions";
  EXPECT_FALSE(accepted(model_of(number(1, 8), {opset_17, opset("ai.onnx", 16)}, graph))) << "under its two names";
  EXPECT_FALSE(accepted(model_of(number(1, 8), {opset("", 28)}, graph))) << "newer than the engine";
  EXPECT_FALSE(accepted(model_of(number(1, 8), {opset_17, opset("ai.onnx.ml", 6)}, graph))) << "though nothing uses it";
  EXPECT_TRUE(accepted(model_of(number(1, 8), {opset_17, opset("ai.onnx.ml", 5)}, graph)));
  EXPECT_FALSE(accepted(model_of(number(1, 8), {opset_17, opset("my.domain", 0)}, graph)));
  std::vector<Bytes> sets{opset_17};
  for (int i = 0; i < 63; ++i) {
    sets.push_back(opset("domain" + std::to_string(i), 1));
  }
  EXPECT_TRUE(accepted(model_of(number(1, 8), sets, graph)));
  sets.push_back(opset("more", 1));
  EXPECT_FALSE(accepted(model_of(number(1, 8), sets, graph)));
  EXPECT_FALSE(accepted(model_of(number(1, 8), {opset_17}, graph_with({}))));
  EXPECT_FALSE(accepted(joined({model(), message({{7, graph}})}))) << "a second graph";
}

TEST(AModel, HasBoundedCountsOfOutputsFunctionsAndInputsAsTheyAreRead) {
  Limits limits;
  limits.tensors = 1;
  EXPECT_TRUE(accepted(model(), limits));
  const std::vector<std::pair<std::uint32_t, Bytes>> another{{1, node("Relu", "x", "y2")},
                                                             {12, value_info("y2", 1, {1})}};
  EXPECT_TRUE(accepted(model(another)));
  EXPECT_FALSE(accepted(model(another), limits));
  limits = {};
  limits.nodes = 1;
  const auto empty = [](const char* name) { return message({{1, text(name)}, {10, text("d")}}); };
  EXPECT_TRUE(accepted(model({}, {{25, empty("f")}}), limits));
  EXPECT_FALSE(accepted(model({}, {{25, empty("f")}, {25, empty("g")}}), limits));
  limits.nodes = 4;
  std::vector<Bytes> nodes{node("Relu", "a", "b"), node("Relu", "a", "c"), node("Relu", "a", "e")};
  EXPECT_TRUE(accepted(model({}, {{25, function("f", nodes)}}), limits));
  nodes.push_back(node("Relu", "a", "f"));
  EXPECT_FALSE(accepted(model({}, {{25, function("f", nodes)}}), limits)) << "nodes that nobody calls count too";
  // Initialisers that stand among the inputs are not counted in the end, but they are while they are read.
  limits = {};
  limits.initialisers = 2;
  const auto input = [](const char* name) { return std::pair(11U, value_info(name, 1, {1})); };
  const auto weight = [](const char* name) { return std::pair(5U, tensor(name, 1, {1}, Bytes(4))); };
  EXPECT_TRUE(accepted(model({input("a"), weight("a"), weight("b")}), limits));
  EXPECT_FALSE(accepted(model({input("a"), input("b"), weight("a"), weight("b")}), limits));
}

TEST(AModel, HasABoundOnAllThatIsNotAWeight) {
  Limits limits;
  limits.graph_bytes = 4000;
  const auto with = [&](int count) {
    std::vector<std::pair<std::uint32_t, Bytes>> nodes;
    for (int i = 0; i < count; ++i) {
      nodes.emplace_back(1, node("Relu", "x", "z" + std::to_string(i)));
    }
    return accepted(model(nodes), limits);
  };
  EXPECT_TRUE(with(50));
  EXPECT_FALSE(with(500));
  const auto noted = [&](std::size_t bytes) { return accepted(model({{10, text(std::string(bytes, 'n'))}}), limits); };
  EXPECT_TRUE(noted(3000));
  EXPECT_FALSE(noted(5000)) << "what is left out counts too";
  const auto both = [&](std::size_t names, std::size_t bytes) {
    return accepted(
        model({{1, node("Relu", "x", std::string(names, 'n'))}, {5, tensor("w", 2, {bytes}, Bytes(bytes))}}), limits);
  };
  EXPECT_TRUE(both(2500, 1000));
  EXPECT_FALSE(both(2500, 2500)) << "together";
}

long peak_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// 64 constants that are all the same 16 MiB of the body: they would be a graph of 1 GiB.
TEST(AModel, IsRefusedBeforeItIsUnfolded) {
  constexpr std::size_t size = 16 << 20;
  Bytes constant;
  put_number(constant, 1, size);
  put_number(constant, 2, 2);
  for (const auto& [key, value] : {std::pair("location", "w.data"), {"offset", "0"}}) {
    put_bytes(constant, 13, message({{1, text(key)}, {2, text(value)}}));
  }
  put_number(constant, 14, 1);
  std::vector<std::pair<std::uint32_t, Bytes>> nodes;
  for (int i = 0; i < 64; ++i) {
    nodes.emplace_back(1,
                       node("Constant", "", "c" + std::to_string(i), {attribute("value", of_tensor, {{5, constant}})}));
  }
  Bytes body = model(nodes);
  const std::size_t model_size = body.size();
  body.resize(model_size + size);
  Limits limits;
  limits.graph_bytes = 3 * size / 2;
  const long before = peak_kib();
  const auto admitted = scan(body, {{"m.onnx", 0, model_size}, {"w.data", model_size, size}}, limits);
  ASSERT_FALSE(admitted);
  EXPECT_EQ(admitted.error().code, Code::too_large);
  EXPECT_LT(peak_kib() - before, 256 * 1024);
}

TEST(AModel, LeavesTrainingAndNotesBehind) {
  const Bytes body =
      model({}, {{20, message({{1, message({{2, text("secret training")}})}})}, {2, text("secret producer")}});
  const auto admitted = scan(body, {{"m.onnx", 0, body.size()}});
  ASSERT_TRUE(admitted) << admitted.error().message.str();
  EXPECT_EQ(as_text(admitted->graph).find("secret"), std::string_view::npos);
}

TEST(AnInput, HasANameATypeAndAShapeOfBoundedRank) {
  const auto with = [](const Bytes& input) { return accepted(model({{11, input}})); };
  EXPECT_TRUE(with(value_info("i", 1, {1})));
  EXPECT_TRUE(with(value_info("i", 1, std::vector<std::uint64_t>(16, 1))));
  EXPECT_FALSE(with(value_info("i", 1, std::vector<std::uint64_t>(17, 1))));
  EXPECT_FALSE(with(value_info("", 1, {1})));
  EXPECT_TRUE(with(value_info("i", 1, {UINT64_MAX}))) << "-1, as some write a free dimension";
  EXPECT_FALSE(with(value_info("i", 1, {UINT64_MAX - 1})));
  EXPECT_TRUE(with(value_info("i", 8, {1})));
  EXPECT_FALSE(with(value_info("i", 14, {1})));
  EXPECT_FALSE(with(value_info("i", 99, {1})));
  EXPECT_FALSE(with(message({{1, text("i")}, {2, message({{1, number(1, 1)}})}}))) << "no shape";
  EXPECT_FALSE(with(message({{1, text("i")}}))) << "no type";
  const Bytes shape = message({{9, text("?")}});
  EXPECT_FALSE(with(message({{1, text("i")}, {2, message({{1, joined({number(1, 1), message({{2, shape}})})}})}})));
}

TEST(AName, IsTextOfBoundedLength) {
  const auto named = [](const std::string& name) { return accepted(model({{1, node("Relu", "x", name)}})); };
  EXPECT_FALSE(named(std::string("a\0b", 3)));
  EXPECT_FALSE(named("\xff"));
  EXPECT_FALSE(named("\xed\xa0\x80"));
  EXPECT_TRUE(named("\xc3\xa9"));
  EXPECT_TRUE(named(std::string(4096, 'n')));
  EXPECT_FALSE(named(std::string(4097, 'n')));
  for (const std::uint32_t field : {1U, 2U, 3U, 4U, 7U, 8U}) {
    EXPECT_FALSE(accepted(model({{1, joined({node("Relu", "x", "z"), number(field, 1)})}}))) << field;
  }
  EXPECT_FALSE(accepted(model_of(number(1, 8), {opset_17}, joined({graph_with(output), number(2, 1)}))));
}

TEST(AMessage, OfAnyKindHasNoUnknownFields) {
  const Bytes unknown = message({{99, text("?")}});
  const auto with = [](const Bytes& one) { return accepted(model({{1, node("Relu", "x", "c", {one})}})); };
  EXPECT_TRUE(with(attribute("value", of_ints, {})));
  EXPECT_FALSE(with(joined({attribute("value", of_ints, {}), unknown})));
  EXPECT_FALSE(accepted(model({}, {{25, joined({function("f", {node("Relu", "a", "b")}), unknown})}})));
  const Bytes good = tensor("w", 1, {1}, Bytes(4));
  EXPECT_FALSE(accepted(model({{5, joined({good, unknown})}})));
  EXPECT_FALSE(accepted(model({{5, joined({good, message({{3, text("segment")}})})}})));
  const Bytes values = tensor("v", 1, {1}, Bytes(4));
  const Bytes indices = tensor("i", 7, {1}, Bytes(8));
  const Bytes sparse = joined({message({{1, values}, {2, indices}}), number(3, 5)});
  EXPECT_TRUE(accepted(model({{15, sparse}})));
  EXPECT_FALSE(accepted(model({{15, joined({sparse, unknown})}})));
  EXPECT_FALSE(accepted(model({{15, joined({sparse, number(3, 1ULL << 62), number(3, 1ULL << 62)})}})));
}

TEST(ATensor, NeverReachesAFileFromWhereverItStands) {
  const auto says = [](const Bytes& body) {
    const auto admitted = scan(body, {{"m.onnx", 0, body.size()}});
    return !admitted && admitted.error().message.str().contains("never read");
  };
  const Bytes thief = external("v", {4}, "/etc/passwd", "0", "16");
  const Bytes sparse = joined({message({{1, thief}}), number(3, 4)});
  const Bytes graph = message({{5, thief}});
  const std::tuple<std::uint32_t, std::uint64_t, Bytes> places[] = {{5, 4, thief},    {10, 9, thief}, {22, 11, sparse},
                                                                    {23, 12, sparse}, {6, 5, graph},  {11, 10, graph}};
  for (const auto& [field, type, value] : places) {
    EXPECT_TRUE(says(model({{1, node("If", "x", "c", {attribute("a", type, {{field, value}})})}}))) << field;
  }
  EXPECT_TRUE(says(model({{5, thief}})));
  EXPECT_TRUE(says(model({{15, sparse}})));
  const Bytes with_default =
      joined({function("f", {node("Relu", "a", "b")}), message({{11, attribute("a", of_tensor, {{5, thief}})}})});
  EXPECT_TRUE(says(model({}, {{25, with_default}})));
  EXPECT_TRUE(says(model({}, {{20, message({{2, graph}})}})));
}

// The head of a bundle refuses such names; the gate does not rely on it.
TEST(ATensor, DoesNotTakeAPathOutsideForAFileOfTheBundle) {
  for (const char* location : {"/etc/passwd", "../secret", "a\\b"}) {
    Bytes body = model({{5, external("w", {4}, location, "0", "16")}});
    const std::size_t size = body.size();
    append(body, Bytes(16));
    EXPECT_FALSE(scan(body, {{"m.onnx", 0, size}, {location, size, 16}})) << location;
  }
}

TEST(ATensor, HasExternalEntriesOfTextAlone) {
  const auto with = [](const Bytes& entry) {
    Bytes body = model({{5, joined({external("w", {4}, "w.data", "0", "16"), message({{13, entry}})})}});
    const std::size_t size = body.size();
    append(body, Bytes(16));
    return scan(body, {{"m.onnx", 0, size}, {"w.data", size, 16}}).has_value();
  };
  EXPECT_TRUE(with(message({{1, text("checksum")}, {2, text("abc")}})));
  EXPECT_FALSE(with(message({{1, text("checksum")}, {2, text("abc")}, {3, text("more")}})));
  EXPECT_FALSE(with(joined({message({{1, text("checksum")}}), number(2, 1)})));
}

TEST(ATensor, HasDimensionsThatAreWholeNumbers) {
  const auto with = [](const Bytes& dims, const Bytes& raw) {
    return accepted(model({{5, joined({dims, number(2, 1), message({{8, text("w")}, {9, raw}})})}}));
  };
  EXPECT_TRUE(with(number(1, 4), Bytes(16)));
  EXPECT_TRUE(with(message({{1, Bytes{2, 2}}}), Bytes(16)));
  EXPECT_FALSE(with(message({{1, Bytes{4, 0x80}}}), Bytes(16))) << "cut off";
  EXPECT_FALSE(with(number(1, (1ULL << 63) + 4), Bytes(16))) << "negative";
  EXPECT_FALSE(with(Bytes{1 << 3 | 5, 1, 1, 1, 1}, Bytes(4))) << "a fixed 32-bit number";
  EXPECT_FALSE(with(joined({number(1, 1ULL << 40), number(1, 1ULL << 40)}), Bytes(4)));
  EXPECT_FALSE(with(number(1, 1ULL << 60), Bytes()));
}

TEST(ATensor, OfARankAboveTheLimitIsRefusedInThoseWords) {
  const Bytes body = model({{5, tensor("w", 1, std::vector<std::uint64_t>(17, 1), Bytes(4))}});
  const auto admitted = scan(body, {{"m.onnx", 0, body.size()}});
  ASSERT_FALSE(admitted);
  EXPECT_NE(admitted.error().message.str().find("more than 16 dimensions"), std::string::npos);
}

TEST(ATensor, HasItsDataOnceAndWhole) {
  const auto with = [](std::uint64_t type, std::uint64_t elements, const Bytes& data) {
    return accepted(model({{5, joined({number(1, elements), number(2, type), message({{8, text("w")}}), data})}}));
  };
  const Bytes two_texts = message({{6, text("a")}, {6, text("b")}});
  EXPECT_TRUE(with(8, 2, two_texts));
  EXPECT_FALSE(with(8, 3, two_texts));
  EXPECT_TRUE(with(8, 0, {}));
  EXPECT_FALSE(with(8, 0, message({{9, Bytes()}}))) << "no texts, and raw";
  EXPECT_FALSE(with(8, 2, joined({two_texts, message({{9, Bytes(0)}})})));
  EXPECT_FALSE(with(8, 2, joined({two_texts, number(14, 1)})));
  const Bytes three_numbers = message({{7, Bytes{1, 2, 3}}});
  EXPECT_TRUE(with(7, 3, three_numbers));
  EXPECT_FALSE(with(7, 2, three_numbers));
  EXPECT_FALSE(with(7, 3, message({{7, Bytes{1, 2, 0x83}}}))) << "cut off";
  EXPECT_FALSE(with(7, 1, message({{7, Bytes{0x83}}}))) << "nothing but a piece";
  EXPECT_FALSE(with(7, 3, joined({three_numbers, message({{9, Bytes(24)}})}))) << "twice";
}

TEST(AnExpansion, DoesNotWrapAround) {
  const FunctionKey f{"d", "f"};
  const std::map<FunctionKey, FunctionBody> functions{{f, {std::uint64_t{1} << 61U, {}}}};
  EXPECT_FALSE(check_expansion(functions, {{f, 8}}, 1, {}));
  EXPECT_FALSE(check_expansion(functions, {{f, 1}}, 1, {}));
  EXPECT_TRUE(check_expansion(functions, {}, 1, {}));
}

}  // namespace
}  // namespace blindai::gate
