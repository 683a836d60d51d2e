#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "v2/infer.h"

namespace blindai::v2 {
namespace {

template <typename T>
Bytes memory(const std::vector<T>& values) {
  Bytes out(values.size() * sizeof(T));
  if (!values.empty()) {
    std::memcpy(out.data(), values.data(), out.size());
  }
  return out;
}

std::string encode(DataType type, const Bytes& data, bool binary, const Shape& shape) {
  const auto answer = encode_answer("m", "1", "7", {{"y", type, shape, data, binary}});
  return answer ? answer->json : "";
}

TEST(AnAnswer, IsJsonWhereThatWasAskedFor) {
  EXPECT_EQ(encode(DataType::int64, memory<std::int64_t>({INT64_MIN, INT64_MAX}), false, {2}),
            R"({"model_name":"m","model_version":"1","id":"7","outputs":[{"name":"y","datatype":"INT64","shape":[2],)"
            R"("data":[-9223372036854775808,9223372036854775807]}]})");
  EXPECT_NE(encode(DataType::fp32, memory<float>({0.1F}), false, {1}).find("\"data\":[0.1]"), std::string::npos);
  EXPECT_NE(encode(DataType::boolean, {1, 0}, false, {2}).find("[true,false]"), std::string::npos);
  EXPECT_NE(encode(DataType::fp32, {}, false, {0}).find("\"data\":[]"), std::string::npos);
}

TEST(AnAnswer, CannotHoldNanOrHalvesAsJson) {
  EXPECT_EQ(encode(DataType::fp32, memory<float>({std::nanf("")}), false, {1}), "");
  EXPECT_EQ(encode(DataType::fp64, memory<double>({HUGE_VAL}), false, {1}), "");
  EXPECT_EQ(encode(DataType::fp16, {0, 0}, false, {1}), "");
  EXPECT_NE(encode(DataType::fp16, {0, 0}, true, {1}), "");
}

TEST(AnAnswer, HoldsTextsWhereTheyAreUtf8) {
  Bytes data;
  put_element(data, as_bytes("a\"b"));
  put_element(data, as_bytes(std::string("\0\n", 2)));
  EXPECT_NE(encode(DataType::bytes, data, false, {2}).find(R"("data":["a\"b","\u0000\u000a"])"), std::string::npos);
  EXPECT_NE(encode(DataType::bytes, {}, false, {0, 2}).find(R"("data":[])"), std::string::npos);
  put_element(data, as_bytes("\xff"));
  EXPECT_EQ(encode(DataType::bytes, data, false, {3}), "");
  EXPECT_NE(encode(DataType::bytes, data, true, {3}).find(R"("binary_data_size":)" + std::to_string(data.size())),
            std::string::npos);
  data.pop_back();  // as a worker would that changes its answer meanwhile
  EXPECT_EQ(encode(DataType::bytes, data, false, {3}), "");
}

TEST(AnAnswer, SurvivesTheClient) {
  const Bytes a = memory<float>({1, 2});
  const Bytes b = memory<std::int64_t>({3});
  const auto encoded =
      encode_answer("m", "1", "", {{"a", DataType::fp32, {2}, a, true}, {"b", DataType::int64, {1}, b, true}});
  ASSERT_TRUE(encoded);
  EXPECT_TRUE(encoded->any_binary);
  const auto answer = parse_answer(as_bytes(encoded->json), 16, {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->outputs[1].offset, 8u);
  EXPECT_EQ(answer->outputs[1].size, 8u);
  EXPECT_FALSE(parse_answer(as_bytes(encoded->json), 15, {}));
  EXPECT_FALSE(parse_answer(as_bytes(encoded->json), 17, {}));
}

TEST(AnAnswer, ThatLiesAboutSizesIsRefused) {
  const auto refused = [](const std::string& output) {
    return !parse_answer(as_bytes(R"({"outputs":[)" + output + "]}"), 8, {});
  };
  EXPECT_FALSE(refused(R"({"name":"y","datatype":"INT64","shape":[1],"parameters":{"binary_data_size":8}})"));
  EXPECT_TRUE(refused(R"({"name":"y","datatype":"INT64","shape":[2],"parameters":{"binary_data_size":8}})"));
  EXPECT_TRUE(refused(R"({"name":"y","datatype":"INT64","shape":[-1],"parameters":{"binary_data_size":8}})"));
  EXPECT_TRUE(refused(R"({"name":"y","datatype":"INT64","shape":[1],"data":[1]})"));
  EXPECT_FALSE(refused(R"({"name":"y","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":8}})"));
  EXPECT_TRUE(refused(R"({"name":"y","datatype":"BYTES","shape":[3],"parameters":{"binary_data_size":8}})"));
  EXPECT_TRUE(refused(
      R"({"name":"y","datatype":"INT64","shape":[9223372036854775807,9],"parameters":{"binary_data_size":8}})"));
}

}  // namespace
}  // namespace blindai::v2
