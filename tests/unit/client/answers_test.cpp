#include "client/answers.h"

#include <gtest/gtest.h>

namespace blindai::client {
namespace {

TEST(Printable, KeepsSentencesAndDropsControls) {
  EXPECT_EQ(printable("all is well"), "all is well");
  EXPECT_EQ(printable("a\x1b[31mb\nc\x7f"), "a [31mb c ");
  EXPECT_EQ(printable("na\xc3\xafve"), "na\xc3\xafve");
  EXPECT_EQ(printable(std::string(4096, 'x')).size(), 4096U);
  EXPECT_EQ(printable(std::string(4097, 'x')).size(), 4096U);
  EXPECT_EQ(printable(std::string(1'000'000, 'x')).size(), 4096U);
}

TEST(Metadata, IsReadWithinBounds) {
  const auto parse = [](std::string_view json) { return parse_metadata(as_bytes(json)); };
  const auto good = parse(R"({"inputs": [{"name": "x", "datatype": "INT64", "shape": [-1, 8]}]})");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->inputs, (std::vector<TensorSpec>{{"x", DataType::int64, {-1, 8}}}));
  for (const auto* bad :
       {"", "[]", "{}", R"({"inputs": 3})", R"({"inputs": [3]})", R"({"inputs": [{"name": "x", "datatype": "INT64"}]})",
        R"({"inputs": [{"name": "x", "datatype": "INT65", "shape": []}]})",
        R"({"inputs": [{"name": "x", "datatype": "INT64", "shape": [-2]}]})",
        R"({"inputs": [{"name": "x", "datatype": "INT64", "shape": [1.5]}]})",
        R"({"inputs": [{"name": "x", "datatype": "INT64", "shape": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}]})"}) {
    EXPECT_FALSE(parse(bad)) << bad;
  }
}

TEST(Metadata, CountOfInputsIsLimited) {
  const auto with = [](int count) {
    std::string list;
    for (int i = 0; i < count; ++i) {
      list += std::string(i ? "," : "") + R"({"name": "x", "datatype": "INT64", "shape": [1]})";
    }
    return parse_metadata(as_bytes("{\"inputs\": [" + list + "]}"));
  };
  EXPECT_TRUE(with(64));
  EXPECT_FALSE(with(65));
  EXPECT_FALSE(with(10'000));
}

TEST(UploadedDigest, MustBeThere) {
  EXPECT_TRUE(uploaded_digest(R"({"digest": "sha256:)" + std::string(64, 'a') + "\"}"));
  for (const auto* bad : {"", "{}", R"({"digest": 3})", R"({"digest": "sha256:00"})"}) {
    EXPECT_FALSE(uploaded_digest(bad)) << bad;
  }
}

}  // namespace
}  // namespace blindai::client
