#include "grpc/infer_request.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "base/protobuf.h"

namespace blindai::grpc {
namespace {

using protobuf::put_bytes;
using protobuf::put_number;

// Messages as a client writes them, field by field.
struct Tensor {
  std::string name = "x";
  std::string datatype = "FP32";
  Shape shape{2};
  std::optional<Bytes> contents{};
  Bytes parameters{};

  Bytes encode() const {
    Bytes out;
    put_bytes(out, 1, as_bytes(name));
    put_bytes(out, 2, as_bytes(datatype));
    for (const std::int64_t dimension : shape) {
      put_number(out, 3, static_cast<std::uint64_t>(dimension));
    }
    append(out, parameters);
    if (contents) {
      put_bytes(out, 5, *contents);
    }
    return out;
  }
};

Bytes parameter(std::uint32_t map_field, std::string_view name, std::uint32_t kind, std::uint64_t number) {
  Bytes value;
  put_number(value, kind, number);
  Bytes entry;
  put_bytes(entry, 1, as_bytes(name));
  put_bytes(entry, 2, value);
  Bytes out;
  put_bytes(out, map_field, entry);
  return out;
}

Bytes text_parameter(std::uint32_t map_field, std::string_view name, std::string_view text) {
  Bytes value;
  put_bytes(value, 3, as_bytes(text));
  Bytes entry;
  put_bytes(entry, 1, as_bytes(name));
  put_bytes(entry, 2, value);
  Bytes out;
  put_bytes(out, map_field, entry);
  return out;
}

Bytes request(const std::vector<Tensor>& inputs, const std::vector<Bytes>& raw = {}, const Bytes& more = {}) {
  Bytes out;
  put_bytes(out, 1, as_bytes("m"));
  append(out, more);
  for (const Tensor& input : inputs) {
    put_bytes(out, 5, input.encode());
  }
  for (const Bytes& bytes : raw) {
    put_bytes(out, 7, bytes);
  }
  return out;
}

Bytes packed(std::uint32_t field, const std::vector<std::uint64_t>& values) {
  Bytes inner;
  for (const std::uint64_t value : values) {
    protobuf::put_varint(inner, value);
  }
  Bytes out;
  put_bytes(out, field, inner);
  return out;
}

v2::Limits limits() {
  v2::Limits limits;
  limits.json_bytes = 1000;
  limits.request_bytes = 1000;
  return limits;
}

std::string refusal(const Bytes& message, Code code = Code::invalid_argument) {
  const auto parsed = InferRequest::parse(message, limits());
  if (parsed) {
    return "taken";
  }
  EXPECT_EQ(parsed.error().code, code) << parsed.error().message.str();
  return parsed.error().message.str();
}

// The bytes of the only input.
Result<Bytes> decoded(const Tensor& tensor) {
  const Bytes message = request({tensor});
  BLINDAI_TRY(const auto parsed, InferRequest::parse(message, limits()));
  Bytes out(parsed.inputs()[0].byte_size);
  BLINDAI_CHECK(parsed.decode(0, out));
  return out;
}

template <typename T>
Bytes memory(const std::vector<T>& values) {
  Bytes out(values.size() * sizeof(T));
  std::memcpy(out.data(), values.data(), out.size());
  return out;
}

TEST(ARequest, SaysWhatItIsAbout) {
  Bytes more;
  put_bytes(more, 2, as_bytes("1"));
  put_bytes(more, 3, as_bytes("id \xc3\xa9"));
  append(more, parameter(4, "timeout", 2, 1500));
  append(more, parameter(4, "colour", 1, 1));
  Bytes output;
  put_bytes(output, 1, as_bytes("y"));
  put_bytes(more, 6, output);
  put_number(more, 900, 7);  // of a later version of the protocol
  const Bytes message = request({{}}, {Bytes(8, 1)}, more);
  const auto parsed = InferRequest::parse(message, limits());
  ASSERT_TRUE(parsed) << parsed.error().message.str();
  EXPECT_EQ(parsed->model_name(), "m");
  EXPECT_EQ(parsed->model_version(), "1");
  EXPECT_EQ(parsed->id(), "id \xc3\xa9");
  EXPECT_EQ(parsed->timeout(), std::chrono::microseconds(1500));
  ASSERT_EQ(parsed->inputs().size(), 1U);
  EXPECT_EQ(parsed->inputs()[0].name, "x");
  EXPECT_EQ(parsed->inputs()[0].shape, Shape{2});
  EXPECT_EQ(parsed->inputs()[0].byte_size, 8U);
  ASSERT_TRUE(parsed->outputs());
  EXPECT_EQ(parsed->outputs()->at(0).name, "y");
  EXPECT_EQ(copy(*parsed->raw(0)), Bytes(8, 1));
}

TEST(ARequest, OfNoBytesIsEmpty) {
  const auto parsed = InferRequest::parse({}, limits());
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->inputs().empty());
  EXPECT_FALSE(parsed->outputs());
}

TEST(Contents, OfEveryDatatypeAreExact) {
  const auto minus = [](std::int64_t number) { return static_cast<std::uint64_t>(number); };
  EXPECT_EQ(decoded({.datatype = "BOOL", .shape = {3}, .contents = packed(1, {1, 0, 2})}).value(), (Bytes{1, 0, 1}));
  EXPECT_EQ(decoded({.datatype = "INT8", .contents = packed(2, {minus(-128), 127})}).value(),
            memory<std::int8_t>({-128, 127}));
  EXPECT_EQ(decoded({.datatype = "INT16", .contents = packed(2, {minus(-32768), 32767})}).value(),
            memory<std::int16_t>({-32768, 32767}));
  EXPECT_EQ(decoded({.datatype = "INT32", .contents = packed(2, {minus(-2147483648), 2147483647})}).value(),
            memory<std::int32_t>({-2147483648, 2147483647}));
  EXPECT_EQ(decoded({.datatype = "INT64", .contents = packed(3, {std::uint64_t{1} << 63U, minus(-1)})}).value(),
            memory<std::uint64_t>({std::uint64_t{1} << 63U, ~std::uint64_t{0}}));
  EXPECT_EQ(decoded({.datatype = "UINT8", .contents = packed(4, {0, 255})}).value(), (Bytes{0, 255}));
  EXPECT_EQ(decoded({.datatype = "UINT16", .contents = packed(4, {0, 65535})}).value(),
            memory<std::uint16_t>({0, 65535}));
  EXPECT_EQ(decoded({.datatype = "UINT32", .contents = packed(4, {0, 4294967295})}).value(),
            memory<std::uint32_t>({0, 4294967295}));
  EXPECT_EQ(decoded({.datatype = "UINT64", .contents = packed(5, {0, ~std::uint64_t{0}})}).value(),
            memory<std::uint64_t>({0, ~std::uint64_t{0}}));
  for (const auto& [datatype, field, bytes] :
       {std::tuple{"FP32", 6U, memory<float>({1.5F, -0.0F})}, {"FP64", 7U, memory<double>({1e300, -2})}}) {
    Bytes contents;
    put_bytes(contents, field, bytes);
    EXPECT_EQ(decoded({.datatype = datatype, .contents = contents}).value(), bytes);
  }
  Bytes texts;
  put_bytes(texts, 8, as_bytes("one"));
  put_bytes(texts, 8, {});
  EXPECT_EQ(decoded({.datatype = "BYTES", .contents = texts}).value(), (Bytes{3, 0, 0, 0, 'o', 'n', 'e', 0, 0, 0, 0}));
}

TEST(Contents, MayComeOneByOneAndInParts) {
  Bytes single;
  put_number(single, 2, 7);
  append(single, packed(2, {8, 9}));
  EXPECT_EQ(decoded({.datatype = "INT32", .shape = {3}, .contents = single}).value(), memory<std::int32_t>({7, 8, 9}));
  Bytes fixed{6 << 3 | 5};
  append(fixed, memory<float>({2.5F}));
  EXPECT_EQ(decoded({.shape = {1}, .contents = fixed}).value(), memory<float>({2.5F}));
  Tensor twice{.datatype = "INT32", .shape = {2}, .contents = packed(2, {1})};
  Bytes tensor = twice.encode();
  put_bytes(tensor, 5, packed(2, {2}));
  Bytes message;
  put_bytes(message, 5, tensor);
  const auto parsed = InferRequest::parse(message, limits());
  ASSERT_TRUE(parsed);
  Bytes out(8);
  ASSERT_TRUE(parsed->decode(0, out));
  EXPECT_EQ(out, memory<std::int32_t>({1, 2}));
}

TEST(Contents, OutsideOfTheirDatatypeAreRefused) {
  const auto says = [](const Tensor& tensor) {
    const auto out = decoded(tensor);
    return out ? "taken" : out.error().message.str();
  };
  EXPECT_EQ(says({.datatype = "INT8", .contents = packed(2, {1, 128})}),
            "element 1 of input 'x' is outside of its datatype");
  EXPECT_EQ(says({.datatype = "UINT8", .contents = packed(4, {256, 1})}),
            "element 0 of input 'x' is outside of its datatype");
  EXPECT_EQ(says({.datatype = "INT16", .contents = packed(2, {1, 40000})}),
            "element 1 of input 'x' is outside of its datatype");
  EXPECT_EQ(says({.datatype = "UINT16", .contents = packed(4, {1, 70000})}),
            "element 1 of input 'x' is outside of its datatype");
}

TEST(Contents, OfAnotherFieldOrCountAreRefused) {
  EXPECT_NE(refusal(request({{.datatype = "INT32", .contents = packed(3, {1, 2})}})).find("another datatype"),
            std::string::npos);
  EXPECT_NE(refusal(request({{.datatype = "INT32", .contents = packed(2, {1})}})).find("1 elements, its shape makes 2"),
            std::string::npos);
  EXPECT_NE(refusal(request({{.datatype = "INT32", .contents = packed(2, {1, 2, 3})}})).find("3 elements"),
            std::string::npos);
  EXPECT_NE(refusal(request({{.datatype = "FP16", .contents = packed(4, {1, 2})}})).find("raw contents"),
            std::string::npos);
  EXPECT_NE(refusal(request({Tensor{}})).find("0 elements"), std::string::npos);
  Bytes odd;
  put_bytes(odd, 6, Bytes(7));
  EXPECT_NE(refusal(request({{.contents = odd}})).find("damaged"), std::string::npos);
  Bytes cut;
  put_bytes(cut, 2, Bytes{1, 0x80});
  EXPECT_NE(refusal(request({{.datatype = "INT32", .contents = cut}})).find("damaged"), std::string::npos);
  EXPECT_NE(refusal(request({{.shape = {}, .contents = Bytes{0xff}}})).find("damaged"), std::string::npos);
}

TEST(RawContents, AreForAllInputsOrForNone) {
  EXPECT_NE(refusal(request({{}, {.name = "y"}}, {Bytes(8)})).find("2 inputs and 1 raw contents"), std::string::npos);
  EXPECT_NE(refusal(request({Tensor{}}, {Bytes(8), Bytes(8)})).find("1 inputs and 2 raw"), std::string::npos);
  EXPECT_NE(refusal(request({{.contents = packed(6, {})}}, {Bytes(8)})).find("both raw and typed"), std::string::npos);
}

TEST(RawContents, HaveTheSizeOfTheirShape) {
  EXPECT_NE(refusal(request({Tensor{}}, {Bytes(7)})).find("7 bytes of raw contents, its datatype and shape make 8"),
            std::string::npos);
  EXPECT_NE(refusal(request({{.shape = {1, std::int64_t{1} << 62}}}, {Bytes(8)})).find("more elements than can be"),
            std::string::npos);
  EXPECT_NE(refusal(request({{.shape = {std::int64_t{1} << 62, 4}}}, {Bytes(0)})).find("more elements than can be"),
            std::string::npos);
  EXPECT_NE(refusal(request({{.datatype = "BYTES"}}, {Bytes(7)})).find("cannot be 2 elements"), std::string::npos);
  EXPECT_EQ(refusal(request({{.shape = {0, 3}}}, {Bytes()})), "taken");
}

TEST(ARequest, IsBounded) {
  std::vector<Tensor> many;
  for (int i = 0; i <= 64; ++i) {
    many.push_back({.name = std::to_string(i), .shape = {0}});
  }
  EXPECT_NE(refusal(request(many)).find("more than 64 inputs"), std::string::npos);
  many.pop_back();
  EXPECT_EQ(refusal(request(many)), "taken");
  EXPECT_NE(refusal(request({Tensor{}}, std::vector<Bytes>(65))).find("more than 64 raw"), std::string::npos);
  Bytes outputs;
  for (int i = 0; i <= 64; ++i) {
    Bytes output;
    put_bytes(output, 1, as_bytes("y"));
    put_bytes(outputs, 6, output);
  }
  EXPECT_NE(refusal(request({}, {}, outputs)).find("more than 64 outputs"), std::string::npos);
  Bytes parameters{};
  for (int i = 0; i <= 256; ++i) {
    append(parameters, parameter(4, "p", 2, 1));
  }
  EXPECT_NE(refusal(request({}, {}, parameters)).find("more than 256 parameters"), std::string::npos);
  EXPECT_NE(refusal(request({{.shape = Shape(17, 1)}}, {Bytes(4)})).find("16 dimensions"), std::string::npos);
  EXPECT_EQ(refusal(request({{.shape = Shape(16, 1)}}, {Bytes(4)})), "taken");
  EXPECT_NE(refusal(request({{.name = std::string(1025, 'x')}}, {Bytes(8)})).find("1024"), std::string::npos);
  EXPECT_NE(refusal(request({{.name = ""}}, {Bytes(8)})).find("'name'"), std::string::npos);
  EXPECT_NE(refusal(request({{.shape = {251}}}, {Bytes(1004)}), Code::too_large).find("1004 bytes together"),
            std::string::npos);
  EXPECT_NE(
      refusal(
          request({{.datatype = "UINT8", .shape = {1001}, .contents = packed(4, std::vector<std::uint64_t>(1001))}}),
          Code::too_large)
          .find("send raw contents"),
      std::string::npos);
}

// A message of the largest size that is taken could have a hundred million fields.
TEST(ARequest, OfManyFieldsCostsNoWork) {
  const auto many = [](std::size_t count) {
    Bytes fields;
    for (std::size_t i = 0; i < count; ++i) {
      put_number(fields, 900, 7);
    }
    return fields;
  };
  const auto in_an_input = [&](std::size_t count) {
    Tensor tensor;
    tensor.parameters = many(count);
    return request({tensor}, {Bytes(8)});
  };
  const auto in_an_output = [&](std::size_t count) {
    Bytes output;
    put_bytes(output, 1, as_bytes("y"));
    append(output, many(count));
    Bytes out;
    put_bytes(out, 6, output);
    return request({}, {}, out);
  };
  const auto in_a_parameter = [&](std::size_t count) {
    Bytes out;
    put_bytes(out, 4, many(count));
    return request({}, {}, out);
  };
  const auto in_its_value = [&](std::size_t count) {
    Bytes entry;
    put_bytes(entry, 2, many(count));
    Bytes out;
    put_bytes(out, 4, entry);
    return request({}, {}, out);
  };
  EXPECT_EQ(refusal(request({}, {}, many(1000))), "taken");
  EXPECT_NE(refusal(request({}, {}, many(1024))).find("over 1024 fields"), std::string::npos);
  EXPECT_EQ(refusal(in_an_input(1000)), "taken");
  EXPECT_NE(refusal(in_an_input(1024)).find("over 1024 fields"), std::string::npos);
  EXPECT_EQ(refusal(in_an_output(1000)), "taken");
  EXPECT_NE(refusal(in_an_output(1024)).find("over 1024 fields"), std::string::npos);
  EXPECT_EQ(refusal(in_a_parameter(1000)), "taken");
  EXPECT_NE(refusal(in_a_parameter(1025)).find("over 1024 fields"), std::string::npos);
  EXPECT_EQ(refusal(in_its_value(1000)), "taken");
  EXPECT_NE(refusal(in_its_value(1025)).find("over 1024 fields"), std::string::npos);
}

TEST(ARequest, ThatIsMalformedIsRefused) {
  EXPECT_NE(refusal(Bytes{0x0a, 0x05, 'm'}).find("damaged, or has over 1024 fields"), std::string::npos);
  EXPECT_NE(refusal(Bytes{0x0b, 0x0c}).find("damaged, or has over 1024 fields"), std::string::npos);  // a group
  EXPECT_NE(refusal(Bytes(20, 0xff)).find("damaged, or has over 1024 fields"), std::string::npos);
  EXPECT_NE(refusal(request({{}, {}}, {Bytes(8), Bytes(8)})).find("stands twice"), std::string::npos);
  EXPECT_NE(refusal(request({{.datatype = "FP33"}}, {Bytes(8)})).find("unknown datatype"), std::string::npos);
  EXPECT_NE(refusal(request({{.shape = {-1}}}, {Bytes(8)})).find("integers from 0"), std::string::npos);
  Bytes id;
  put_bytes(id, 3, Bytes{0xff});
  EXPECT_NE(refusal(request({}, {}, id)).find("'id' must be text"), std::string::npos);
  Bytes long_id;
  put_bytes(long_id, 3, Bytes(65537, 'x'));
  EXPECT_NE(refusal(request({}, {}, long_id)).find("'id' must be text"), std::string::npos);
}

TEST(Parameters, ThatAreReservedAreHonouredOrRefused) {
  const auto with = [](const Bytes& parameters) { return refusal(request({}, {}, parameters)); };
  const auto minus_one = ~std::uint64_t{0};
  EXPECT_EQ(with(parameter(4, "sequence_id", 2, 0)), "taken");
  EXPECT_EQ(with(text_parameter(4, "sequence_id", "")), "taken");
  EXPECT_EQ(with(parameter(4, "sequence_start", 1, 1)), "taken");
  EXPECT_EQ(with(parameter(4, "priority", 5, 1)), "taken");
  EXPECT_EQ(with(parameter(4, "triton_enable_empty_final_response", 1, 1)), "taken");
  EXPECT_NE(with(parameter(4, "sequence_id", 2, 5)).find("sequences are not offered"), std::string::npos);
  EXPECT_NE(with(text_parameter(4, "sequence_id", "s")).find("sequences are not offered"), std::string::npos);
  EXPECT_NE(with(parameter(4, "sequence_end", 2, 1)).find("true or false"), std::string::npos);
  EXPECT_NE(with(parameter(4, "timeout", 2, minus_one)).find("integer from 0"), std::string::npos);
  EXPECT_NE(with(text_parameter(4, "timeout", "1")).find("integer from 0"), std::string::npos);
  EXPECT_NE(with(parameter(4, "priority", 2, minus_one)).find("integer from 0"), std::string::npos);
  EXPECT_NE(with(parameter(4, "triton_x", 2, 1)).find("reserved name"), std::string::npos);
  EXPECT_NE(refusal(request({{.parameters = text_parameter(4, "shared_memory_region", "r")}}, {Bytes(8)}))
                .find("shared memory lies outside"),
            std::string::npos);
  const auto output = [](const Bytes& parameters) {
    Bytes inner;
    put_bytes(inner, 1, as_bytes("y"));
    append(inner, parameters);
    Bytes out;
    put_bytes(out, 6, inner);
    return refusal(request({}, {}, out));
  };
  EXPECT_EQ(output(parameter(2, "classification", 2, 0)), "taken");
  EXPECT_NE(output(parameter(2, "classification", 2, 3)).find("classification is not offered"), std::string::npos);
  EXPECT_NE(output(text_parameter(2, "shared_memory_region", "r")).find("shared memory"), std::string::npos);
}

TEST(AnAnswer, IsAMessageInParts) {
  const Bytes first(3, 7);
  const Bytes second;
  const std::vector<v2::OutputTensor> outputs{{"a", DataType::uint8, {3}, first, true},
                                              {"b", DataType::fp32, {0, 2}, second, true}};
  const InferAnswer answer = write_answer("model", "1", "id", outputs);
  Bytes message;
  for (const ByteView part : answer.parts(outputs)) {
    append(message, part);
  }
  EXPECT_EQ(message.size(), answer.size(outputs));
  std::vector<std::pair<std::uint32_t, std::string>> fields;
  for (protobuf::Reader reader(message); !reader.done();) {
    const auto field = reader.next();
    ASSERT_TRUE(field);
    fields.emplace_back(field->number, as_text(field->bytes));
  }
  const auto tensor = [](const char* name, const char* type, std::string shape) {
    Bytes out;
    put_bytes(out, 1, as_bytes(name));
    put_bytes(out, 2, as_bytes(type));
    put_bytes(out, 3, as_bytes(shape));
    return std::string(as_text(out));
  };
  EXPECT_EQ(fields,
            (std::vector<std::pair<std::uint32_t, std::string>>{{1, "model"},
                                                                {2, "1"},
                                                                {3, "id"},
                                                                {5, tensor("a", "UINT8", "\x03")},
                                                                {5, tensor("b", "FP32", std::string("\0\x02", 2))},
                                                                {6, "\x07\x07\x07"},
                                                                {6, ""}}));
}

}  // namespace
}  // namespace blindai::grpc
