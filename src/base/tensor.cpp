#include "base/tensor.h"

#include <array>
#include <cstring>

#include "base/checked.h"

namespace blindai {
namespace {

struct Row {
  DataType type;
  std::string_view name;
  std::size_t size;
};

constexpr std::array table{
    Row{DataType::boolean, "BOOL", 1},  Row{DataType::uint8, "UINT8", 1},   Row{DataType::uint16, "UINT16", 2},
    Row{DataType::uint32, "UINT32", 4}, Row{DataType::uint64, "UINT64", 8}, Row{DataType::int8, "INT8", 1},
    Row{DataType::int16, "INT16", 2},   Row{DataType::int32, "INT32", 4},   Row{DataType::int64, "INT64", 8},
    Row{DataType::fp16, "FP16", 2},     Row{DataType::bf16, "BF16", 2},     Row{DataType::fp32, "FP32", 4},
    Row{DataType::fp64, "FP64", 8},     Row{DataType::bytes, "BYTES", 0},
};

const Row& row(DataType type) { return table.at(std::to_underlying(type)); }

}  // namespace

std::string_view name(DataType type) { return row(type).name; }
std::size_t element_size(DataType type) { return row(type).size; }

std::optional<DataType> datatype_from_name(std::string_view text) {
  for (const auto& candidate : table) {
    if (candidate.name == text) {
      return candidate.type;
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> element_count(std::span<const std::int64_t> shape) {
  if (shape.size() > max_rank) {
    return std::nullopt;
  }
  bool empty = false;
  std::uint64_t count = 1;
  for (const std::int64_t dimension : shape) {
    if (dimension < 0) {
      return std::nullopt;
    }
    empty = empty || dimension == 0;
    // The product of the dimensions other than zero must fit too: engines multiply in any order.
    const auto factor = dimension == 0 ? std::uint64_t{1} : static_cast<std::uint64_t>(dimension);
    const auto product = checked_mul(count, factor);
    if (!product || *product > static_cast<std::uint64_t>(INT64_MAX)) {
      return std::nullopt;
    }
    count = *product;
  }
  return empty ? 0 : count;
}

std::optional<std::uint64_t> byte_size(DataType type, std::span<const std::int64_t> shape) {
  const auto count = element_count(shape);
  const std::size_t size = element_size(type);
  if (!count || size == 0) {
    return std::nullopt;
  }
  return checked_mul(*count, std::uint64_t{size});
}

bool size_fits(DataType type, std::span<const std::int64_t> shape, std::uint64_t size) {
  if (type != DataType::bytes) {
    return byte_size(type, shape) == size;
  }
  const auto count = element_count(shape);
  const auto lengths = count ? checked_mul(*count, std::uint64_t{length_bytes}) : std::nullopt;
  return lengths && size >= *lengths && (*count != 0 || size == 0);
}

std::optional<ByteView> take_element(ByteView& rest) {
  std::uint32_t size = 0;
  if (rest.size() < length_bytes) {
    return std::nullopt;
  }
  std::memcpy(&size, rest.data(), length_bytes);
  if (size > rest.size() - length_bytes) {
    return std::nullopt;
  }
  const ByteView element = rest.subspan(length_bytes, size);
  rest = rest.subspan(length_bytes + size);
  return element;
}

void put_element(Bytes& out, ByteView element) {
  std::array<std::uint8_t, length_bytes> length{};
  const auto size = static_cast<std::uint32_t>(element.size());
  std::memcpy(length.data(), &size, length_bytes);
  append(out, length);
  append(out, element);
}

bool holds_elements(ByteView data, std::uint64_t count) {
  for (; count > 0; --count) {
    if (!take_element(data)) {
      return false;
    }
  }
  return data.empty();
}

bool fits(std::span<const std::int64_t> shape, const TensorSpec& spec) {
  if (shape.size() != spec.shape.size()) {
    return false;
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (spec.shape[i] >= 0 && spec.shape[i] != shape[i]) {
      return false;
    }
  }
  return true;
}

std::string to_text(std::span<const std::int64_t> shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    out += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return out + "]";
}

}  // namespace blindai
