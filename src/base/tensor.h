// Datatypes, shapes and tensor views. Names are those of the Open Inference Protocol; memory is little-endian,
// row-major, without padding.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace blindai {

enum class DataType : std::uint8_t {
  boolean,  // one byte, 0 or 1
  uint8,
  uint16,
  uint32,
  uint64,
  int8,
  int16,
  int32,
  int64,
  fp16,
  bf16,
  fp32,
  fp64,
  bytes,  // each element a 4-byte length and that many bytes
};

std::string_view name(DataType type);                          // "BOOL", "UINT8", ..., "FP32", "BYTES"
std::optional<DataType> datatype_from_name(std::string_view);  // exact, upper case
std::size_t element_size(DataType type);                       // bytes; 0 for BYTES

inline constexpr std::size_t max_rank = 16;
using Shape = std::vector<std::int64_t>;

// Count of elements, or nothing where a dimension is negative, the rank is over max_rank, or the product overflows.
std::optional<std::uint64_t> element_count(std::span<const std::int64_t> shape);
// Size in bytes of a tensor of fixed-size elements; nothing in the cases above, on overflow, and for BYTES.
std::optional<std::uint64_t> byte_size(DataType type, std::span<const std::int64_t> shape);
// Whether a tensor of that datatype and shape may have so many bytes: exactly byte_size(), of BYTES what its lengths need
// or more.
bool size_fits(DataType type, std::span<const std::int64_t> shape, std::uint64_t size);

// BYTES in memory: each element a length of 4 bytes and that many bytes.
inline constexpr std::size_t length_bytes = 4;
// Takes the first element off the front of `rest`; nothing where it is cut off. Reads each byte of a length once.
std::optional<ByteView> take_element(ByteView& rest);
void put_element(Bytes& out, ByteView element);  // of less than 4 GiB
// Whether `data` is exactly so many elements.
bool holds_elements(ByteView data, std::uint64_t count);

// What a model says of an input or an output. A dimension of -1 is free.
struct TensorSpec {
  std::string name;
  DataType datatype{};
  Shape shape;
  bool operator==(const TensorSpec&) const = default;
};

// Whether a tensor of this shape may be given where the spec stands: equal rank, equal fixed dimensions.
bool fits(std::span<const std::int64_t> shape, const TensorSpec& spec);
std::string to_text(std::span<const std::int64_t> shape);  // "[1, 128]"

}  // namespace blindai
