// What two readers of protocol buffers could understand differently does not pass.
#include <gtest/gtest.h>

#include "build.h"
#include "gate/gate.h"

namespace blindai::gate {
namespace {

std::string refusal(const Bytes& body, const Limits& limits = {}) {
  const auto admitted = scan(body, {{"m.onnx", 0, body.size()}}, limits);
  return admitted ? "" : admitted.error().message.str();
}

Bytes initialiser(std::initializer_list<Bytes> parts) { return model({{5, joined(parts)}}); }
const Bytes named = message({{8, text("w")}});
const Bytes four_bytes = message({{9, Bytes(4)}});

TEST(AField, StandsOnceUnlessItIsRepeated) {
  EXPECT_EQ(refusal(initialiser({number(1, 1), number(2, 1), named, four_bytes})), "");
  for (const Bytes& again : {number(2, 1), named, four_bytes}) {
    const std::string said = refusal(initialiser({number(1, 1), number(2, 1), named, four_bytes, again}));
    EXPECT_NE(said.find("stands twice"), std::string::npos) << said;
    EXPECT_EQ(said.find("graph.initializer[0]."), 0u) << said;
  }
  EXPECT_NE(refusal(joined({model(), number(1, 8)})), "");
  EXPECT_NE(refusal(model({{2, text("again")}})), "");
  EXPECT_NE(refusal(model({{1, joined({node("Relu", "x", "z"), message({{4, text("Relu")}})})}})), "");
  // Merged by some readers: one attribute that is two tensors.
  const Bytes value = tensor("", 1, {1}, Bytes(4));
  const Bytes twice = attribute("value", of_tensor, {{5, value}, {5, value}});
  EXPECT_NE(refusal(model({{1, node("Constant", "", "c", {twice})}})), "");
}

TEST(AField, HasItsOwnWireType) {
  const Bytes name_as_number = number(8, 1);
  const Bytes type_as_bytes = message({{2, Bytes{1}}});
  EXPECT_NE(refusal(initialiser({number(1, 1), number(2, 1), name_as_number, four_bytes})), "");
  EXPECT_NE(refusal(initialiser({number(1, 1), type_as_bytes, named, four_bytes})), "");
  const Bytes fixed{14 << 3 | 5, 0, 0, 0, 0};
  EXPECT_NE(refusal(initialiser({number(1, 1), number(2, 1), named, four_bytes, fixed})), "");
  EXPECT_NE(refusal(model({}, {{8, Bytes{2 << 3 | 1, 17, 0, 0, 0, 0, 0, 0, 0}}})), "");
  const Bytes doubles_as_floats = joined({number(1, 1), number(2, 11), named, Bytes{10 << 3 | 5, 0, 0, 0, 0}});
  EXPECT_NE(refusal(model({{5, doubles_as_floats}})), "");
  const Bytes part_of_a_float = message({{4, Bytes(5)}});
  EXPECT_NE(refusal(initialiser({number(1, 1), number(2, 1), named, part_of_a_float})), "");
  const Bytes part_of_a_double = message({{10, Bytes(12)}});
  EXPECT_NE(refusal(initialiser({number(1, 1), number(2, 11), named, part_of_a_double})), "");
}

TEST(ANumber, IsWrittenInOneWay) {
  const auto with = [](const Bytes& dims) { return refusal(initialiser({dims, number(2, 1), named, four_bytes})); };
  EXPECT_EQ(with(number(1, 1)), "");
  EXPECT_EQ(with(message({{1, Bytes{1}}})), "");
  EXPECT_NE(with(Bytes{1 << 3, 0x81, 0x00}), "") << "longer than it needs";
  EXPECT_NE(with(message({{1, Bytes{0x81, 0x00}}})), "") << "packed and longer than it needs";
  EXPECT_NE(with(Bytes{0x88, 0x00, 0x01}), "") << "a tag longer than it needs";
  EXPECT_NE(with(Bytes{1 << 3 | 2, 0x81, 0x00, 0x01}), "") << "a length longer than it needs";
  Bytes eleven(11, 0x81);
  eleven.back() = 1;
  EXPECT_NE(with(message({{1, eleven}})), "");
  Bytes beyond(10, 0x81);
  beyond.back() = 2;
  EXPECT_NE(with(message({{1, beyond}})), "") << "above 64 bits";
  const auto ints = [](const Bytes& packed) {
    return refusal(model({{1, node("Relu", "x", "z", {attribute("a", of_ints, {{8, packed}})})}}));
  };
  EXPECT_EQ(ints({1, 0x81, 1}), "");
  EXPECT_NE(ints(beyond), "");
  EXPECT_NE(ints(eleven), "");
}

TEST(ANumber, IsOneOfThoseThatItMayBe) {
  const auto with = [](std::uint64_t type, std::uint64_t location) {
    return refusal(initialiser({number(1, 1), number(2, type), named, four_bytes, number(14, location)}));
  };
  EXPECT_EQ(with(1, 0), "");
  EXPECT_NE(with((1ULL << 32) + 1, 0), "") << "a float where 32 bits are read";
  EXPECT_NE(with(1, 2), "");
  EXPECT_NE(with(1, 1ULL << 32), "");
  EXPECT_EQ(refusal(model({{1, node("Relu", "x", "z", {attribute("a", of_ints, {})})}})), "");
  EXPECT_NE(refusal(model({{1, node("Relu", "x", "z", {attribute("a", 15, {})})}})), "");
}

TEST(AType, IsOfOneKind) {
  const Bytes tensor_of = message({{1, number(1, 1)}});
  const Bytes sequence_of = message({{4, message({{1, tensor_of}})}});
  const auto with = [](const Bytes& type) { return refusal(model({{13, message({{1, text("v")}, {2, type}})}})); };
  EXPECT_EQ(with(tensor_of), "");
  EXPECT_EQ(with(sequence_of), "");
  EXPECT_NE(with(joined({tensor_of, sequence_of})), "");
  const Bytes both = joined({number(1, 3), message({{2, text("n")}})});
  EXPECT_NE(with(message({{1, message({{2, message({{1, both}})}})}})), "") << "a dimension";
  Bytes deep = tensor_of;
  for (int i = 0; i < 100; ++i) {
    deep = message({{4, message({{1, deep}})}});
  }
  EXPECT_NE(with(deep).find("nested too deep"), std::string::npos);
}

TEST(AModelOfFields, HasABoundedCountOfThem) {
  Limits limits;
  limits.fields = 60;
  const auto with = [&](std::size_t count) {
    Bytes dims;
    for (std::size_t i = 0; i < count; ++i) {
      append(dims, number(8, 1));
    }
    Bytes ints = attribute("a", of_ints, {});
    append(ints, dims);
    return refusal(model({{1, node("Relu", "x", "z", {ints})}}), limits);
  };
  EXPECT_EQ(with(10), "");
  EXPECT_NE(with(100).find("more than 60 fields"), std::string::npos);
}

TEST(AnAttribute, HasOneValueOfItsType) {
  const auto with = [](const Bytes& one) { return refusal(model({{1, node("Relu", "x", "z", {one})}})); };
  const Bytes value = tensor("", 1, {1}, Bytes(4));
  EXPECT_EQ(with(attribute("a", of_tensor, {{5, value}})), "");
  EXPECT_NE(with(attribute("a", of_tensor, {})), "") << "no value";
  EXPECT_NE(with(attribute("a", of_ints, {{5, value}})), "") << "of another type";
  EXPECT_NE(with(attribute("a", of_tensor, {{5, value}, {4, text("s")}})), "") << "two";
  EXPECT_NE(with(attribute("", of_tensor, {{5, value}})), "");
  EXPECT_NE(with(message({{1, text("a")}, {5, value}})), "") << "no type";
  EXPECT_NE(with(attribute("a", of_tensor, {{21, text("outside")}})), "") << "a reference outside a function";
  const auto in_function = [](const Bytes& one) {
    return refusal(model({}, {{25, function("f", {node("Relu", "a", "b", {one})})}}));
  };
  EXPECT_EQ(in_function(attribute("a", of_tensor, {{21, text("outside")}})), "");
  EXPECT_NE(in_function(attribute("a", of_tensor, {{21, text("outside")}, {5, value}})), "");
  const Bytes a = attribute("a", of_ints, {});
  EXPECT_NE(refusal(model({{1, node("Relu", "x", "z", {a, a})}})), "") << "the same attribute twice";
}

TEST(ATensorsData, StandsInTheFieldOfItsTypeAndNowhereElse) {
  const auto with = [](std::uint64_t type, const Bytes& data) {
    return refusal(initialiser({number(1, 1), number(2, type), named, data}));
  };
  const Bytes a_float = message({{4, Bytes(4)}});
  const Bytes an_int64 = message({{7, Bytes{3}}});
  const Bytes an_int32 = message({{5, Bytes{3}}});
  const Bytes a_double = message({{10, Bytes(8)}});
  const Bytes an_uint64 = message({{11, Bytes{3}}});
  EXPECT_EQ(with(1, a_float), "");
  EXPECT_EQ(with(7, an_int64), "");
  EXPECT_EQ(with(3, an_int32), "");
  EXPECT_EQ(with(11, a_double), "");
  EXPECT_EQ(with(12, an_uint64), "");
  EXPECT_EQ(with(8, message({{6, text("s")}})), "");
  EXPECT_NE(with(1, an_int64), "");
  EXPECT_NE(with(7, an_int32), "");
  EXPECT_NE(with(6, an_int64), "");
  EXPECT_NE(with(11, a_float), "");
  EXPECT_NE(with(1, message({{6, text("s")}})), "");
  EXPECT_NE(with(1, joined({a_float, message({{7, Bytes()}})})), "") << "two fields, one of them empty";
}

Bytes entries(const std::vector<std::pair<std::string, std::string>>& list) {
  Bytes out;
  for (const auto& [key, value] : list) {
    put_bytes(out, 13, message({{1, text(key)}, {2, text(value)}}));
  }
  return out;
}

TEST(AReference, SaysEachThingOnceAndNothingElse) {
  const auto with = [](const std::vector<std::pair<std::string, std::string>>& list, std::uint64_t location = 1,
                       const Bytes& more = {}) {
    Bytes body = initialiser({number(1, 1), number(2, 1), named, entries(list), number(14, location), more});
    const std::size_t size = body.size();
    append(body, Bytes(8));
    return scan(body, {{"m.onnx", 0, size}, {"w.data", size, 8}}).has_value();
  };
  EXPECT_TRUE(with({{"location", "w.data"}, {"offset", "4"}, {"length", "4"}}));
  EXPECT_FALSE(with({{"location", "w.data"}, {"location", "w.data"}}));
  EXPECT_FALSE(with({{"location", "w.data"}, {"offset", "0"}, {"offset", "4"}}));
  EXPECT_FALSE(with({{"location", "w.data"}, {"prepacked_0", "x"}}));
  EXPECT_TRUE(with({}, 0, four_bytes));
  EXPECT_FALSE(with({{"location", "w.data"}}, 0, four_bytes)) << "not external, and a reference nevertheless";
  EXPECT_FALSE(with({{"location", "w.data"}}, 1, four_bytes)) << "external and raw";
}

// Each weight that is packed is a copy, so the same bytes may not be weights without end.
TEST(ABody, IsSharedByItsWeightsAFewTimesAtMost) {
  const auto with = [](int count) {
    std::vector<std::pair<std::uint32_t, Bytes>> weights;
    for (int i = 0; i < count; ++i) {
      weights.emplace_back(5, external("w" + std::to_string(i), {16384}, "w.data", "0", "65536"));
    }
    Bytes body = model(weights);
    const std::size_t size = body.size();
    body.resize(size + 65536);
    return scan(body, {{"m.onnx", 0, size}, {"w.data", size, 65536}}).has_value();
  };
  EXPECT_TRUE(with(3));
  EXPECT_FALSE(with(12));
}

Bytes sparse(const Bytes& indices, const Bytes& dims, std::uint64_t values = 2) {
  return joined({message({{1, tensor("v", 1, {values}, Bytes(values * 4))}, {2, indices}}), dims});
}
Bytes flat(std::initializer_list<std::uint8_t> places) {
  return joined({number(1, places.size()), number(2, 7), message({{7, Bytes(places)}})});
}

TEST(ASparseTensor, HasEachValueInsideItsShapeOnceAndInOrder) {
  const auto judge = [](const Bytes& one) { return refusal(model({{15, one}})); };
  const Bytes six = number(3, 6);
  EXPECT_EQ(judge(sparse(flat({1, 5}), six)), "");
  EXPECT_NE(judge(sparse(flat({1, 6}), six)), "");
  EXPECT_NE(judge(sparse(flat({5, 1}), six)), "");
  EXPECT_NE(judge(sparse(flat({1, 1}), six)), "");
  EXPECT_NE(judge(sparse(flat({1}), six)), "");
  const Bytes negative = joined({number(1, 2), number(2, 7), number(7, UINT64_MAX), number(7, 1)});
  EXPECT_NE(judge(sparse(negative, six)), "");
  EXPECT_NE(judge(sparse(joined({number(1, 1), number(2, 7), number(7, UINT64_MAX)}), six, 1)), "");
  EXPECT_EQ(judge(sparse(flat({0}), number(3, 1), 1)), "");
  EXPECT_NE(judge(sparse(flat({0}), {}, 1)), "") << "no shape";
  const auto constant = [](const Bytes& one) {
    return refusal(model({{1, node("Constant", "", "c", {attribute("sparse_value", 11, {{22, one}})})}}));
  };
  EXPECT_EQ(constant(sparse(flat({1, 5}), six)), "");
  EXPECT_NE(constant(joined({message({{2, flat({1, 5})}}), six})), "") << "no values";
  EXPECT_NE(constant(joined({message({{1, tensor("v", 1, {2}, Bytes(8))}}), six})), "") << "no indices";
  const Bytes rows = joined({number(3, 2), number(3, 3)});
  const auto pairs = [](const Bytes& data) {
    return joined({number(1, 2), number(1, 2), number(2, 7), message({{7, data}})});
  };
  EXPECT_EQ(judge(sparse(pairs({0, 2, 1, 0}), rows)), "");
  EXPECT_NE(judge(sparse(pairs({0, 3, 1, 0}), rows)), "");
  EXPECT_NE(judge(sparse(pairs({1, 0, 0, 2}), rows)), "");
  const Bytes raw = joined({number(1, 1), number(2, 7), message({{9, Bytes{7, 0, 0, 0, 0, 0, 0, 0}}})});
  EXPECT_NE(judge(sparse(raw, six, 1)), "");
  EXPECT_EQ(judge(sparse(raw, number(3, 8), 1)), "");
  const Bytes vast = joined({number(3, 1 << 20), number(3, 1 << 10)});
  EXPECT_NE(judge(sparse(flat({1, 5}), vast)).find("over the limit"), std::string::npos) << "as large as a dense one";
}

}  // namespace
}  // namespace blindai::gate
