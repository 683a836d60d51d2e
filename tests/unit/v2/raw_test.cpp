// Requests without a JSON part: what a body is, by the model's only input.
#include <gtest/gtest.h>

#include <limits>

#include "v2/infer.h"

namespace blindai::v2 {
namespace {

std::optional<Shape> shape(DataType type, const Shape& wanted, std::uint64_t bytes) {
  const auto input = raw_input({{"x", type, wanted}}, bytes);
  return input ? std::optional(input->shape) : std::nullopt;
}

TEST(ARawRequest, FillsTheOnlyFreeDimension) {
  EXPECT_EQ(shape(DataType::fp32, {-1, 4}, 32), (Shape{2, 4}));
  EXPECT_EQ(shape(DataType::fp32, {3, -1}, 24), (Shape{3, 2}));
  EXPECT_EQ(shape(DataType::bf16, {-1}, 6), Shape{3});
  EXPECT_EQ(shape(DataType::fp32, {2, 4}, 32), (Shape{2, 4}));
  EXPECT_EQ(shape(DataType::fp32, {}, 4), Shape{});
  EXPECT_EQ(shape(DataType::fp32, {-1, 4}, 0), (Shape{0, 4}));
  EXPECT_EQ(shape(DataType::fp32, {-1, 0}, 0), (Shape{1, 0}));
}

TEST(ARawRequest, IsRefusedWhereItsShapeCannotBeTold) {
  EXPECT_EQ(shape(DataType::fp32, {-1, 4}, 33), std::nullopt);
  EXPECT_EQ(shape(DataType::fp32, {2, 4}, 36), std::nullopt);
  EXPECT_EQ(shape(DataType::fp32, {-1, -1}, 16), std::nullopt);
  EXPECT_EQ(shape(DataType::fp32, {-1, 0}, 4), std::nullopt);
  EXPECT_EQ(shape(DataType::fp32, {-1, std::numeric_limits<std::int64_t>::max()}, 4), std::nullopt);
  EXPECT_FALSE(raw_input({}, 0));
  EXPECT_FALSE(raw_input({{"a", DataType::fp32, {-1}}, {"b", DataType::fp32, {-1}}}, 8));
}

TEST(ARawRequest, OfBytesIsOneElement) {
  EXPECT_EQ(shape(DataType::bytes, {-1}, 3), Shape{1});
  EXPECT_EQ(shape(DataType::bytes, {1, -1}, 0), (Shape{1, 1}));
  EXPECT_EQ(raw_input({{"x", DataType::bytes, {-1}}}, 3)->byte_size, 7u);
  EXPECT_EQ(shape(DataType::bytes, {-1, 2}, 3), std::nullopt);
  EXPECT_EQ(shape(DataType::bytes, {-1, -1}, 3), std::nullopt);
  EXPECT_EQ(shape(DataType::bytes, {-1}, std::uint64_t{1} << 32U), std::nullopt);
  EXPECT_EQ(shape(DataType::bytes, {-1}, std::numeric_limits<std::uint64_t>::max()), std::nullopt);
}

TEST(ARawRequest, AsksForAllOutputsInBinary) {
  const auto request = InferRequest::raw(*raw_input({{"x", DataType::fp32, {-1}}}, 8));
  EXPECT_EQ(request.inputs().size(), 1u);
  EXPECT_TRUE(request.inputs()[0].binary);
  EXPECT_EQ(request.binary_bytes(), 8u);
  EXPECT_EQ(request.id(), "");
  const auto chosen = choose_outputs(request, {{"y", DataType::fp16, {-1}}, {"z", DataType::fp32, {-1}}});
  ASSERT_TRUE(chosen);
  ASSERT_EQ(chosen->size(), 2u);
  EXPECT_TRUE((*chosen)[0].binary && (*chosen)[1].binary);
}

}  // namespace
}  // namespace blindai::v2
