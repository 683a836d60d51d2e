#include "evidence/byte_reader.h"

#include <gtest/gtest.h>

namespace blindai::evidence {
namespace {

constexpr std::array<std::uint8_t, 10> sample{1, 2, 3, 4, 5, 6, 7, 8, 0, 0};

TEST(ByteReader, ReadsNumbersFromTheLowByte) {
  ByteReader reader(sample);
  EXPECT_EQ(reader.number<std::uint8_t>(), 0x01);
  EXPECT_EQ(reader.number<std::uint16_t>(), 0x0302);
  EXPECT_EQ(reader.number<std::uint32_t>(), 0x07060504U);
  EXPECT_EQ(reader.left(), 3U);
  EXPECT_EQ(ByteReader(sample).number<std::uint64_t>(), 0x0807060504030201U);
  EXPECT_TRUE(reader.good());
}

TEST(ByteReader, TakesToTheLastByteAndNotBeyond) {
  ByteReader reader(sample);
  EXPECT_EQ(copy(reader.take(9)), copy(ByteView(sample).first(9)));
  EXPECT_EQ(reader.array<1>(), (std::array<std::uint8_t, 1>{0}));
  EXPECT_TRUE(reader.take(0).empty());
  EXPECT_TRUE(reader.good());
  EXPECT_TRUE(reader.take(1).empty());
  EXPECT_FALSE(reader.good());
}

TEST(ByteReader, ReadsNothingMoreAfterItRanOver) {
  ByteReader reader(sample);
  EXPECT_TRUE(reader.take(SIZE_MAX).empty());
  EXPECT_EQ(reader.left(), 0U);
  EXPECT_EQ(reader.number<std::uint32_t>(), 0U);
  EXPECT_EQ(reader.array<2>(), (std::array<std::uint8_t, 2>{}));
  EXPECT_TRUE(reader.take(0).empty());
  EXPECT_FALSE(reader.good());
}

TEST(ByteReader, SeesZerosOnlyWhereThereAreBytes) {
  ByteReader reader(ByteView(sample).subspan(8));
  EXPECT_TRUE(reader.zeros(2));
  EXPECT_FALSE(reader.zeros(1));
  EXPECT_FALSE(ByteReader(sample).zeros(1));
}

}  // namespace
}  // namespace blindai::evidence
