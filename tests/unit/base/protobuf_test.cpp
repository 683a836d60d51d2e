#include "base/protobuf.h"

#include <gtest/gtest.h>

namespace blindai::protobuf {
namespace {

Bytes sample() {
  Bytes out;
  put_number(out, 1, 300);
  put_bytes(out, 2, as_bytes("text"));
  append(out, Bytes{0x1d, 1, 0, 0, 0x80});              // field 3, 32 bits
  append(out, Bytes{0x21, 1, 0, 0, 0, 0, 0, 0, 0x80});  // field 4, 64 bits
  put_number(out, 0x1fffffff, ~std::uint64_t{0});
  return out;
}

TEST(Protobuf, ReadsWhatItWrites) {
  const Bytes bytes = sample();
  Reader reader(bytes);
  std::vector<Field> fields;
  std::size_t size = 0;
  while (!reader.done()) {
    const auto field = reader.next();
    ASSERT_TRUE(field);
    size += field->whole.size();
    fields.push_back(*field);
  }
  ASSERT_EQ(fields.size(), 5u);
  EXPECT_EQ(fields[0].number_value, 300u);
  EXPECT_EQ(as_text(fields[1].bytes), "text");
  EXPECT_EQ(fields[2].number_value, 0x80000001u);
  EXPECT_EQ(fields[3].number_value, 0x8000000000000001u);
  EXPECT_EQ(fields[4].number, 0x1fffffffu);
  EXPECT_EQ(fields[4].number_value, ~std::uint64_t{0});
  EXPECT_EQ(size, bytes.size());
}

TEST(Protobuf, RefusesWhatIsCutOffAnywhere) {
  const Bytes whole = sample();
  std::size_t fields_left = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Reader reader(ByteView(whole).first(size));
    std::optional<Field> field;
    std::size_t end = 0;
    while (!reader.done() && (field = reader.next())) {
      end += field->whole.size();
    }
    EXPECT_TRUE(end == size || !field) << size;
    fields_left += end == size ? 1 : 0;
  }
  EXPECT_EQ(fields_left, 5u);  // nothing at all, and each end of a field but the last
}

TEST(Protobuf, RefusesGroupsUnknownWireTypesAndBadNumbers) {
  for (const Bytes& bytes :
       {Bytes{0x0b, 0x0c}, Bytes{0x0e, 0}, Bytes{0x0f, 0}, Bytes{0x00, 1}, Bytes{0x80, 0x80, 0x80, 0x80, 0x10, 1},
        Bytes{0x0a, 2, 1}, Bytes{0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}}) {
    EXPECT_FALSE(Reader(bytes).next()) << to_hex(bytes);
  }
}

TEST(Protobuf, TakesVarintsOfSixtyFourBitsAndNoMore) {
  Bytes most(9, 0xff);
  most.push_back(1);
  ByteView rest = most;
  EXPECT_EQ(take_varint(rest), ~std::uint64_t{0});
  EXPECT_TRUE(rest.empty());
  most.back() = 2;
  rest = most;
  EXPECT_FALSE(take_varint(rest));
  rest = ByteView(most).first(9);
  EXPECT_FALSE(take_varint(rest));
  rest = {};
  EXPECT_FALSE(take_varint(rest));
}

TEST(Protobuf, CountsPackedVarints) {
  EXPECT_EQ(count_varints({}), 0u);
  EXPECT_EQ(count_varints(Bytes{1, 0x80, 1, 2}), 3u);
  EXPECT_FALSE(count_varints(Bytes{1, 0x80}));
  EXPECT_FALSE(count_varints(Bytes(11, 0x80)));
}

}  // namespace
}  // namespace blindai::protobuf
