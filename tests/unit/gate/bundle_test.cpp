#include <gtest/gtest.h>

#include "base/cbor.h"
#include "crypto/crypto.h"
#include "gate/gate.h"

namespace blindai::gate {
namespace {

const Digest digest = crypto::sha256(as_bytes("file"));

cbor::Value file(const std::string& name, std::int64_t size) { return cbor::Array{name, size, digest}; }

bool accepted(const std::vector<cbor::Value>& files, std::uint64_t payload, const char* context = "blindai model v1") {
  const Bytes head = cbor::encode(cbor::Map{{"ctx", context}, {"files", files}});
  return parse_bundle_index(head, 4 + head.size() + payload).has_value();
}

TEST(ABundle, PlacesItsFilesOneBehindTheOther) {
  const Bytes head =
      cbor::encode(cbor::Map{{"ctx", "blindai model v1"}, {"files", cbor::Array{file("z.onnx", 10), file("a", 5)}}});
  const auto index = parse_bundle_index(head, 4 + head.size() + 15);
  ASSERT_TRUE(index);
  EXPECT_EQ(index->files[0].file.offset, 4 + head.size());
  EXPECT_EQ(index->files[1].file.offset, 4 + head.size() + 10);
  EXPECT_EQ(index->files[1].sha256, digest);
}

TEST(ABundle, IsRefusedUnlessItsSizesAddUp) {
  EXPECT_TRUE(accepted({file("m.onnx", 10)}, 10));
  EXPECT_FALSE(accepted({file("m.onnx", 10)}, 9));
  EXPECT_FALSE(accepted({file("m.onnx", 10)}, 11));
  EXPECT_FALSE(accepted({file("m.onnx", INT64_MAX), file("a", INT64_MAX), file("b", INT64_MAX)}, 10));
  EXPECT_FALSE(accepted({file("m.onnx", -1)}, 0));
  // Together 2^64 more than there is.
  EXPECT_FALSE(accepted({file("m.onnx", INT64_MAX), file("a", INT64_MAX), file("b", 12)}, 10));
}

TEST(ABundle, IsRefusedWithFilesOutOfOrderTwiceOrWithPaths) {
  EXPECT_TRUE(accepted({file("m.onnx", 1), file("a", 1), file("b", 1)}, 3));
  EXPECT_FALSE(accepted({file("m.onnx", 1), file("b", 1), file("a", 1)}, 3));
  EXPECT_FALSE(accepted({file("m.onnx", 1), file("a", 1), file("a", 1)}, 3));
  EXPECT_FALSE(accepted({file("m.onnx", 1), file("m.onnx", 1)}, 2));
  for (const char* name : {"", "/etc/passwd", "../x", "a/../b", "a\\b"}) {
    EXPECT_FALSE(accepted({file(name, 1)}, 1)) << name;
  }
  EXPECT_FALSE(accepted({file(std::string("a\0b", 3), 1)}, 1));
  EXPECT_TRUE(accepted({file(std::string(1024, 'n'), 1)}, 1));
  EXPECT_FALSE(accepted({file(std::string(1025, 'n'), 1)}, 1));
  EXPECT_FALSE(accepted({}, 0));
  EXPECT_FALSE(accepted({file("m.onnx", 1)}, 1, "blindai model v2"));
}

TEST(ABundle, HasAClosedForm) {
  const auto judge = [](const cbor::Map& head) {
    const Bytes bytes = cbor::encode(head);
    return parse_bundle_index(bytes, 4 + bytes.size() + 1).has_value();
  };
  const auto with = [&](cbor::Array entry) {
    return judge({{"ctx", "blindai model v1"}, {"files", cbor::Array(1, std::move(entry))}});
  };
  EXPECT_TRUE(with({"m.onnx", 1, digest}));
  EXPECT_FALSE(with({"m.onnx", 1}));
  EXPECT_FALSE(with({"m.onnx", 1, digest, 1}));
  EXPECT_FALSE(with({"m.onnx", 1, Bytes(31)}));
  EXPECT_FALSE(with({"m.onnx", 1, "digest"}));
  EXPECT_FALSE(judge({{"ctx", "blindai model v1"}, {"files", cbor::Array{file("m.onnx", 1)}}, {"more", 1}}));
}

TEST(ABundle, HasAHeadOfAtMostAMebibyte) {
  const auto with = [](std::size_t count) {
    cbor::Array files;
    for (std::size_t i = 0; i < count; ++i) {
      std::string name = std::to_string(100'000 + i);
      files.emplace_back(file(name + std::string(1024 - name.size(), 'n'), 1));
    }
    return accepted(files, count);
  };
  EXPECT_TRUE(with(980));
  EXPECT_FALSE(with(1000));
}

TEST(ABundle, HasAtMostAThousandAndTwentyFourFiles) {
  const auto many = [](int count) {
    cbor::Array files;
    for (int i = 0; i < count; ++i) {
      std::string name = std::to_string(i);
      files.emplace_back(file("f" + std::string(6 - name.size(), '0') + name, 1));
    }
    return accepted(files, static_cast<std::uint64_t>(count));
  };
  EXPECT_TRUE(many(1024));
  EXPECT_FALSE(many(1025));
}

}  // namespace
}  // namespace blindai::gate
