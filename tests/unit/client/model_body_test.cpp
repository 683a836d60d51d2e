#include "client/model_body.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/cbor.h"

namespace blindai::client {
namespace {

class ModelBodyTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "model_body_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  ModelFile file(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << text;
    return {name, folder_ + "/" + name};
  }
  static Bytes all(ModelBody& body, std::size_t step) {
    Bytes out;
    Bytes chunk(step);
    while (true) {
      const auto got = body.read(chunk);
      EXPECT_TRUE(got);
      if (!got || *got == 0) {
        return out;
      }
      append(out, ByteView(chunk).first(*got));
    }
  }
  std::string folder_;
};

TEST_F(ModelBodyTest, OneFileIsSentAsItIsAndHashedMeanwhile) {
  const std::string text(100'000, 'x');
  auto body = ModelBody::open({file("m.onnx", text)}, {});
  ASSERT_TRUE(body);
  EXPECT_FALSE(body->is_bundle());
  EXPECT_TRUE(body->head().empty());
  EXPECT_EQ(body->total_bytes(), text.size());
  EXPECT_EQ(body->digest().error().code, Code::internal) << "too early";
  EXPECT_EQ(all(*body, 777), copy(as_bytes(text)));
  EXPECT_EQ(*body->digest(), crypto::sha256(as_bytes(text)));
}

TEST_F(ModelBodyTest, ABundleHasTheModelFirstAndTheRestByName) {
  auto body = ModelBody::open({file("m.onnx", "model"), file("z", "zz"), file("a", "aaa"), file("e", "")}, {});
  ASSERT_TRUE(body);
  cbor::Array files;
  for (const auto& [name, text] :
       std::vector<std::pair<std::string, std::string>>{{"m.onnx", "model"}, {"a", "aaa"}, {"e", ""}, {"z", "zz"}}) {
    files.emplace_back(
        cbor::Array{name, static_cast<std::int64_t>(text.size()), cbor::Value(crypto::sha256(as_bytes(text)))});
  }
  const Bytes index = cbor::encode(cbor::Map{{"ctx", "blindai model v1"}, {"files", files}});
  Bytes head = {0, 0, static_cast<std::uint8_t>(index.size() >> 8U), static_cast<std::uint8_t>(index.size())};
  append(head, index);
  EXPECT_EQ(copy(body->head()), head);
  EXPECT_EQ(*body->digest(), crypto::sha256(index));
  EXPECT_EQ(all(*body, 4), copy(as_bytes("modelaaazz")));
  EXPECT_EQ(body->total_bytes(), head.size() + 10);
}

TEST_F(ModelBodyTest, ANameTwiceIsRefused) {
  const auto m = file("m.onnx", "m");
  const auto a = file("a", "a");
  EXPECT_FALSE(ModelBody::open({m, a, a}, {}));
  EXPECT_FALSE(ModelBody::open({m, a, m}, {}));
  EXPECT_TRUE(ModelBody::open({m, a}, {}));
}

TEST_F(ModelBodyTest, TheCountOfFilesIsLimited) {
  EXPECT_FALSE(ModelBody::open({}, {}));
  std::vector<ModelFile> files = {file("m.onnx", "m")};
  const auto empty = file("e", "");
  while (files.size() < max_model_files) {
    files.push_back({std::to_string(files.size()), empty.path});
  }
  EXPECT_TRUE(ModelBody::open(files, {}));
  files.push_back({"one more", empty.path});
  EXPECT_EQ(ModelBody::open(files, {}).error().code, Code::invalid_argument);
  files.resize(100'000, files.back());
  EXPECT_EQ(ModelBody::open(files, {}).error().code, Code::invalid_argument);
}

TEST_F(ModelBodyTest, WhatIsNoFileIsRefused) {
  EXPECT_EQ(ModelBody::open({{"m", folder_ + "/none"}}, {}).error().code, Code::not_found);
  EXPECT_EQ(ModelBody::open({{"m", folder_}}, {}).error().code, Code::model_rejected);
  EXPECT_EQ(ModelBody::open({file("m", "")}, {}).error().code, Code::model_rejected);
  ASSERT_EQ(::mkfifo((folder_ + "/pipe").c_str(), 0600), 0);
  EXPECT_EQ(ModelBody::open({{"m", folder_ + "/pipe"}}, {}).error().code, Code::model_rejected);
}

TEST_F(ModelBodyTest, AFileThatBecameShorterIsAnError) {
  const auto m = file("m.onnx", std::string(1000, 'x'));
  auto body = ModelBody::open({m}, {});
  ASSERT_TRUE(body);
  std::filesystem::resize_file(m.path, 10);
  Bytes chunk(100);
  ASSERT_TRUE(body->read(chunk));
  const auto next = body->read(chunk);
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, Code::model_rejected);
}

TEST_F(ModelBodyTest, HashingStopsWhenItIsAskedTo) {
  const auto body = ModelBody::open({file("m.onnx", "m"), file("a", "a")}, [] { return true; });
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code, Code::cancelled);
}

}  // namespace
}  // namespace blindai::client
