#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "v2/infer.h"

namespace blindai::v2 {
namespace {

Result<InferRequest> parse(const std::string& json, std::uint64_t binary = 0, const Limits& limits = {}) {
  return InferRequest::parse(as_bytes(json), binary, limits);
}

std::string input(const std::string& datatype, const std::string& shape, const std::string& rest) {
  return R"({"inputs":[{"name":"x","datatype":")" + datatype + R"(","shape":)" + shape + "," + rest + "}]}";
}

template <typename T>
std::optional<std::vector<T>> elements(const std::string& datatype, const std::string& shape, const std::string& data) {
  const auto request = parse(input(datatype, shape, "\"data\":" + data));
  if (!request) {
    return std::nullopt;
  }
  Bytes out(request->inputs()[0].byte_size);
  if (!request->decode_json(0, out)) {
    return std::nullopt;
  }
  std::vector<T> values(out.size() / sizeof(T));
  if (!out.empty()) {
    std::memcpy(values.data(), out.data(), out.size());
  }
  return values;
}

TEST(JsonElements, AreExactAtTheEdgesOfTheirDatatypes) {
  EXPECT_EQ(elements<std::int64_t>("INT64", "[2]", "[-9223372036854775808, 9223372036854775807]"),
            (std::vector{std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}));
  EXPECT_EQ(elements<std::uint64_t>("UINT64", "[2]", "[0, 18446744073709551615]"),
            (std::vector<std::uint64_t>{0, UINT64_MAX}));
  EXPECT_EQ(elements<std::int8_t>("INT8", "[2]", "[-128, 127]"), (std::vector<std::int8_t>{-128, 127}));
  EXPECT_EQ(elements<std::uint8_t>("BOOL", "[2]", "[true, false]"), (std::vector<std::uint8_t>{1, 0}));
  EXPECT_EQ(elements<float>("FP32", "[3]", "[1, -2.5, 1e-3]"), (std::vector<float>{1, -2.5F, 1e-3F}));
  EXPECT_EQ(elements<double>("FP64", "[1]", "[0.1]"), (std::vector<double>{0.1}));
}

TEST(JsonElements, AreRoundedOnceHoweverTheyAreWritten) {
  EXPECT_EQ(elements<double>("FP64", "[4]", "[123456789012345678901234567890, -18446744073709551616, 1e22, 0.1]"),
            (std::vector<double>{123456789012345678901234567890.0, -18446744073709551616.0, 1e22, 0.1}));
  EXPECT_EQ(elements<float>("FP32", "[2]", "[1000000000000000000000000000000, 1e-400]"),
            (std::vector<float>{1e30F, 0}));
  // Beside such a number, integers stay exact and texts as they are.
  const auto request = parse(R"({"id":"1234567890123456789012 \\\"99999999999999999999\\",)"
                             R"("inputs":[{"name":"x","datatype":"INT64","shape":[1],"data":[9007199254740993]},)"
                             R"({"name":"y","datatype":"FP32","shape":[1],"data":[99999999999999999999]}]})");
  ASSERT_TRUE(request) << request.error().message.str();
  EXPECT_EQ(request->id(), R"(1234567890123456789012 \"99999999999999999999\)");
  std::int64_t whole = 0;
  Bytes out(sizeof whole);
  ASSERT_TRUE(request->decode_json(0, out));
  std::memcpy(&whole, out.data(), out.size());
  EXPECT_EQ(whole, 9007199254740993);
}

TEST(JsonElements, AreRefusedOutsideTheirDatatype) {
  const std::vector<std::pair<std::string, std::string>> cases = {{"INT8", "[128]"},
                                                                  {"INT8", "[-129]"},
                                                                  {"UINT8", "[-1]"},
                                                                  {"UINT8", "[256]"},
                                                                  {"INT32", "[1.5]"},
                                                                  {"INT32", "[2147483648]"},
                                                                  {"UINT64", "[18446744073709551616]"},
                                                                  {"INT64", "[9223372036854775808]"},
                                                                  {"INT64", "[123456789012345678901234567890]"},
                                                                  {"FP64", "[1" + std::string(400, '0') + "]"},
                                                                  {"FP64", "[99999999999999999999.]"},
                                                                  {"FP64", "[099999999999999999999]"},
                                                                  {"FP64", "[99999999999999999999e]"},
                                                                  {"FP64", "[+99999999999999999999]"},
                                                                  {"FP32", "[1e39]"},
                                                                  {"FP64", "[1e400]"},
                                                                  {"FP32", "[NaN]"},
                                                                  {"FP32", "[null]"},
                                                                  {"FP32", "[\"1\"]"},
                                                                  {"BOOL", "[1]"},
                                                                  {"INT32", "[true]"},
                                                                  {"FP16", "[1]"},
                                                                  {"BF16", "[1]"}};
  for (const auto& [datatype, data] : cases) {
    EXPECT_FALSE(elements<char>(datatype, "[1]", data)) << datatype << data;
  }
}

TEST(JsonElements, MayBeNestedInAnyWayButMustBeAsManyAsTheShapeSays) {
  EXPECT_EQ(elements<std::int32_t>("INT32", "[2,2]", "[[1,2],[3,4]]"), (std::vector{1, 2, 3, 4}));
  EXPECT_EQ(elements<std::int32_t>("INT32", "[2,2]", "[1,2,3,4]"), (std::vector{1, 2, 3, 4}));
  EXPECT_EQ(elements<std::int32_t>("INT32", "[0,3]", "[]"), (std::vector<std::int32_t>{}));
  EXPECT_EQ(elements<std::int32_t>("INT32", "[]", "[7]"), (std::vector{7}));
  EXPECT_FALSE(elements<std::int32_t>("INT32", "[2]", "[1]"));
  EXPECT_FALSE(elements<std::int32_t>("INT32", "[2]", "[1,2,3]"));
  EXPECT_FALSE(elements<std::int32_t>("INT32", "[2]", "7"));
}

TEST(Texts, BecomeElementsOfBytes) {
  const auto request = parse(input("BYTES", "[2,2]", R"("data":[["","a\u0000b"],["\u00e9","\ud83d\ude00"]])"));
  ASSERT_TRUE(request) << request.error().message.str();
  Bytes wanted;
  for (const std::string& text :
       {std::string(), std::string("a\0b", 3), std::string("\xc3\xa9"), std::string("\xf0\x9f\x98\x80")}) {
    put_element(wanted, as_bytes(text));
  }
  ASSERT_EQ(request->inputs()[0].byte_size, wanted.size());
  Bytes out(wanted.size());
  ASSERT_TRUE(request->decode_json(0, out));
  EXPECT_EQ(out, wanted);
  EXPECT_EQ(parse(input("BYTES", "[0,2]", R"("data":[[]])"))->inputs()[0].byte_size, 0u);
}

TEST(Texts, AreRefusedInAnyOtherForm) {
  for (const char* data :
       {"[1]", "[null]", "[{}]", "[true]", "null", R"("a")", R"(["a","b"])", "[]", R"(["\ud800"])", "[\"\xff\"]"}) {
    EXPECT_FALSE(parse(input("BYTES", "[1]", std::string(R"("data":)") + data))) << data;
  }
  const auto binary = [](const char* shape, std::uint64_t size) {
    return parse(input("BYTES", shape, R"("parameters":{"binary_data_size":)" + std::to_string(size) + "}"), size)
        .has_value();
  };
  EXPECT_TRUE(binary("[2]", 8));
  EXPECT_TRUE(binary("[2]", 100));
  EXPECT_FALSE(binary("[2]", 7));
  EXPECT_TRUE(binary("[0]", 0));
  EXPECT_FALSE(binary("[0]", 4));
  EXPECT_FALSE(binary("[9223372036854775807]", 100));
}

TEST(ARequest, KnowsItsBinaryInputs) {
  const std::string json = input("FP32", "[2,3]", R"("parameters":{"binary_data_size":24})");
  const auto request = parse(json, 24);
  ASSERT_TRUE(request) << request.error().message.str();
  EXPECT_TRUE(request->inputs()[0].binary);
  EXPECT_EQ(request->inputs()[0].byte_size, 24u);
  EXPECT_FALSE(parse(json, 23));
  EXPECT_FALSE(parse(json, 25));
  EXPECT_FALSE(parse(input("FP32", "[2,3]", R"("parameters":{"binary_data_size":20})"), 20));
}

TEST(ARequest, CarriesIdTimeoutAndOutputs) {
  const auto request = parse(
      R"({"id":"42","model_name":"stray","parameters":{"timeout":1500,"binary_data_output":true,"unknown":"ignored"},)"
      R"("inputs":[],"outputs":[{"name":"a"},{"name":"b","parameters":{"binary_data":false}}],"more":{"x":[1]}})");
  ASSERT_TRUE(request) << request.error().message.str();
  EXPECT_EQ(request->id(), "42");
  EXPECT_EQ(request->timeout(), std::chrono::microseconds(1500));
  ASSERT_TRUE(request->outputs());
  EXPECT_TRUE((*request->outputs())[0].binary);
  EXPECT_FALSE((*request->outputs())[1].binary);
}

TEST(ARequest, IsRefusedWhereItIsMalformed) {
  const std::string good = R"("name":"x","datatype":"INT8","shape":[1],"data":[1])";
  ASSERT_TRUE(parse(R"({"inputs":[{)" + good + "}]}"));
  for (const std::string& json : {std::string("[]"),
                                  std::string("{"),
                                  std::string(""),
                                  std::string(R"({"inputs":{}})"),
                                  std::string("{}"),
                                  std::string(R"({"inputs":[1]})"),
                                  R"({"inputs":[{)" + good + R"(}],"id":7})",
                                  R"({"inputs":[{)" + good + "},{" + good + "}]}",
                                  R"({"inputs":[{)" + good + R"(,"parameters":{"binary_data_size":1}}]})",
                                  R"({"inputs":[{)" + good + R"(,"name":"y"}]})",
                                  R"({"inputs":[{)" + good + R"(}],"parameters":{"a":[]}})",
                                  R"({"inputs":[{)" + good + R"(}],"parameters":[]})",
                                  R"({"inputs":[{)" + good + R"(}],"parameters":{"timeout":-1}})",
                                  R"({"inputs":[{)" + good + R"(}],"parameters":{"binary_data_output":1}})",
                                  R"({"inputs":[{)" + good + R"(}],"parameters":{"sequence_id":3}})",
                                  R"({"inputs":[{)" + good + R"(,"parameters":{"shared_memory_region":"r"}}]})",
                                  input("INT8", "[1]", R"("x":1)"),
                                  input("INT9", "[1]", R"("data":[1])"),
                                  input("INT8", "[-1]", R"("data":[1])"),
                                  input("INT8", "[1.0]", R"("data":[1])"),
                                  input("INT8", "[9223372036854775807,2]", R"("data":[1])"),
                                  input("INT8", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", R"("data":[1])")}) {
    EXPECT_FALSE(parse(json)) << json;
  }
}

// What a request with these parameters is refused for; empty where it is taken.
std::string refusal(const std::string& parameters) {
  const auto request = parse(R"({"inputs":[],"parameters":{)" + parameters + "}}");
  return request ? "" : std::string(word(request.error().code));
}

TEST(AParameter, IsIgnoredWhereItIsNotReserved) {
  for (const char* taken :
       {R"("colour":"red","n":3,"x":0.5,"flag":true)", R"("headers":"x")", R"("classification":3)",
        R"("sequence_id":0)", R"("sequence_id":"")", R"("sequence_start":true,"sequence_end":false)", R"("priority":2)",
        R"("triton_enable_empty_final_response":true)"}) {
    EXPECT_EQ(refusal(taken), "") << taken;
  }
}

TEST(AParameter, ThatIsReservedIsRefusedInAnyOtherForm) {
  for (const char* refused :
       {R"("sequence_id":1)", R"("sequence_id":-1)", R"("sequence_id":"a")", R"("sequence_id":false)",
        R"("sequence_start":1)", R"("sequence_end":"true")", R"("priority":-1)", R"("priority":"1")",
        R"("timeout":"1")", R"("timeout":1.5)", R"("binary_data_output":"true")", R"("triton_x":1)",
        R"("triton_enable_empty_final_response":1)", R"("a":null)", R"("a":{})", R"("timeout":1,"timeout":2)"}) {
    EXPECT_EQ(refusal(refused), "invalid_argument") << refused;
  }
}

TEST(ARequest, HasAnIdOfAnyUsualLength) {
  const auto with = [](std::size_t size) { return R"({"inputs":[],"id":")" + std::string(size, 'i') + R"("})"; };
  EXPECT_EQ(parse(with(64 * 1024))->id().size(), 64u * 1024);
  EXPECT_FALSE(parse(with(64 * 1024 + 1)));
  EXPECT_EQ(parse(R"({"inputs":[],"id":"a\u0000b"})")->id(), std::string("a\0b", 3));
}

// The caller's mistake, whatever the shape would take: nothing is set aside before the elements are counted.
TEST(AShape, OfMoreElementsThanTheDataHasIsRefused) {
  for (const char* shape : {"[1,1000000000000]", "[2147483648,2147483648]", "[4611686018427387904,4]",
                            "[9223372036854775807,9223372036854775807]", "[4294967296,4294967296]"}) {
    for (const char* data : {R"("data":[])", R"("data":[1])", R"("parameters":{"binary_data_size":0})"}) {
      const auto request = parse(input("FP32", shape, data));
      ASSERT_FALSE(request) << shape << data;
      EXPECT_EQ(request.error().code, Code::invalid_argument) << shape << data;
    }
  }
  EXPECT_TRUE(parse(input("FP32", "[0,9223372036854775807]", R"("data":[])")));
}

TEST(ABinaryPart, MayHaveALengthThatIsNotKnownYet) {
  const std::string json = input("FP32", "[2,3]", R"("parameters":{"binary_data_size":24})");
  const auto request = InferRequest::parse(as_bytes(json), std::nullopt, {});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->binary_bytes(), 24u);
}

TEST(ARequest, IsBounded) {
  Limits limits;
  limits.request_bytes = 8;
  EXPECT_TRUE(parse(input("INT64", "[1]", R"("parameters":{"binary_data_size":8})"), 8, limits));
  EXPECT_FALSE(parse(input("INT64", "[2]", R"("parameters":{"binary_data_size":16})"), 16, limits));
  const auto nested = [](int depth) {
    return R"({"inputs":[],"x":)" + std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']') + "}";
  };
  EXPECT_TRUE(parse(nested(98)));
  EXPECT_FALSE(parse(nested(101)));
  EXPECT_FALSE(parse(nested(100'000)));
  limits.json_bytes = 10;
  EXPECT_FALSE(parse(R"({"inputs":[]})", 0, limits));
  std::string many = R"({"inputs":[)";
  for (int i = 0; i < 65; ++i) {
    many +=
        (i == 0 ? "" : ",") + (R"({"name":"x)" + std::to_string(i)) + R"(","datatype":"INT8","shape":[1],"data":[1]})";
  }
  EXPECT_FALSE(parse(many + "]}"));
}

TEST(AnEncodedRequest, IsUnderstood) {
  const std::string json = encode_request(
      {{"x", DataType::fp32, {1, 2}, 8}, {"y", DataType::int64, {3}, 24}, {"z", DataType::bytes, {2}, 11}}, {"out"},
      std::chrono::microseconds(5));
  const auto request = parse(json, 8 + 24 + 11);
  ASSERT_TRUE(request) << request.error().message.str();
  EXPECT_EQ(request->inputs()[1].name, "y");
  EXPECT_TRUE((*request->outputs())[0].binary);
  EXPECT_EQ(request->timeout(), std::chrono::microseconds(5));
}

}  // namespace
}  // namespace blindai::v2
