#include "base/tensor.h"

#include <gtest/gtest.h>

namespace blindai {
namespace {

TEST(Tensor, NamesAndSizesOfEveryDatatype) {
  for (const char* text : {"BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16",
                           "BF16", "FP32", "FP64", "BYTES"}) {
    const auto type = datatype_from_name(text);
    ASSERT_TRUE(type) << text;
    EXPECT_EQ(name(*type), text);
  }
  EXPECT_FALSE(datatype_from_name("fp32"));
  EXPECT_EQ(element_size(DataType::fp16), 2U);
}

TEST(Tensor, CountsElementsWithoutOverflow) {
  EXPECT_EQ(element_count(Shape{}), 1U);
  EXPECT_EQ(element_count(Shape{2, 3}), 6U);
  EXPECT_EQ(element_count(Shape{2, 0, 3}), 0U);
  EXPECT_FALSE(element_count(Shape{-1}));
  EXPECT_FALSE(element_count(Shape{INT64_MAX, 2}));
  EXPECT_FALSE(element_count(Shape{0, INT64_MAX, 2}));
  EXPECT_TRUE(element_count(Shape(max_rank, 1)));
  EXPECT_FALSE(element_count(Shape(max_rank + 1, 1)));
  EXPECT_FALSE(byte_size(DataType::fp64, Shape{INT64_MAX / 2}));
  EXPECT_FALSE(byte_size(DataType::bytes, Shape{1}));
}

TEST(TextElements, AreTakenOffOneByOne) {
  Bytes data;
  for (const char* element : {"ab", "", "c"}) {
    put_element(data, as_bytes(element));
  }
  EXPECT_EQ(data, (Bytes{2, 0, 0, 0, 'a', 'b', 0, 0, 0, 0, 1, 0, 0, 0, 'c'}));
  ByteView rest = data;
  EXPECT_EQ(as_text(*take_element(rest)), "ab");
  EXPECT_EQ(as_text(*take_element(rest)), "");
  EXPECT_EQ(as_text(*take_element(rest)), "c");
  EXPECT_FALSE(take_element(rest));
  EXPECT_TRUE(holds_elements(data, 3));
  EXPECT_FALSE(holds_elements(data, 2));
  EXPECT_FALSE(holds_elements(data, 4));
  EXPECT_FALSE(holds_elements(ByteView(data).first(data.size() - 1), 3));
  EXPECT_TRUE(holds_elements({}, 0));
  EXPECT_FALSE(holds_elements({}, UINT64_MAX));
  for (const Bytes& cut :
       {Bytes{1, 0, 0}, Bytes{1, 0, 0, 0}, Bytes{0xff, 0xff, 0xff, 0xff, 1}, Bytes{0, 0, 0, 0x80, 1}}) {
    EXPECT_FALSE(holds_elements(cut, 1));
  }
}

TEST(Tensor, HasASizeThatFitsItsShape) {
  EXPECT_TRUE(size_fits(DataType::fp32, Shape{2, 3}, 24));
  EXPECT_FALSE(size_fits(DataType::fp32, Shape{2, 3}, 25));
  EXPECT_FALSE(size_fits(DataType::fp32, Shape{-1}, 4));
  EXPECT_TRUE(size_fits(DataType::bytes, Shape{2, 3}, 24));
  EXPECT_TRUE(size_fits(DataType::bytes, Shape{2, 3}, 25));
  EXPECT_FALSE(size_fits(DataType::bytes, Shape{2, 3}, 23));
  EXPECT_TRUE(size_fits(DataType::bytes, Shape{0, 3}, 0));
  EXPECT_FALSE(size_fits(DataType::bytes, Shape{0, 3}, 4));
  EXPECT_FALSE(size_fits(DataType::bytes, Shape{INT64_MAX}, UINT64_MAX));
}

TEST(Tensor, FitsFixedDimensionsExactlyAndFreeOnesAlways) {
  const TensorSpec spec{.name = "x", .datatype = DataType::fp32, .shape = {-1, 4}};
  EXPECT_TRUE(fits(Shape{9, 4}, spec));
  EXPECT_FALSE(fits(Shape{9, 5}, spec));
  EXPECT_FALSE(fits(Shape{4}, spec));
}

}  // namespace
}  // namespace blindai
