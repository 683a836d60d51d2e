#include "gate/wire.h"

namespace blindai::gate {
namespace {

constexpr int max_varint_bytes = 10;

std::unexpected<Error> broken() {
  return fail(Code::model_rejected, {"the file is not an ONNX model, or it is cut off or damaged"});
}

std::uint64_t little_endian(ByteView bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8U | bytes[i];
  }
  return value;
}

}  // namespace

Result<std::uint64_t> Fields::varint() {
  std::uint64_t value = 0;
  for (int i = 0; i < max_varint_bytes && !rest_.empty(); ++i) {
    const std::uint8_t byte = rest_.front();
    rest_ = rest_.subspan(1);
    if (i == max_varint_bytes - 1 && byte > 1) {
      break;
    }
    value |= std::uint64_t{byte & 0x7fU} << (7 * i);
    if (byte < 0x80) {
      return value;
    }
  }
  return broken();
}

Result<Field> Fields::next() {
  const ByteView start = rest_;
  BLINDAI_TRY(const std::uint64_t tag, varint());
  const std::uint64_t number = tag >> 3U;
  if (number == 0 || number > 0x1fffffff) {
    return broken();
  }
  Field field{static_cast<std::uint32_t>(number), static_cast<Wire>(tag & 7U), 0, {}, {}};
  std::uint64_t size = 0;
  switch (field.wire) {
    case Wire::varint: {
      BLINDAI_TRY(field.number_value, varint());
      break;
    }
    case Wire::fixed64:
      size = 8;
      break;
    case Wire::fixed32:
      size = 4;
      break;
    case Wire::bytes: {
      BLINDAI_TRY(size, varint());
      break;
    }
    default:
      return broken();
  }
  if (size > rest_.size()) {
    return broken();
  }
  field.bytes = rest_.first(size);
  rest_ = rest_.subspan(size);
  if (field.wire == Wire::fixed64 || field.wire == Wire::fixed32) {
    field.number_value = little_endian(field.bytes);
  }
  field.whole = start.first(start.size() - rest_.size());
  return field;
}

std::optional<std::uint64_t> count_varints(ByteView packed) {
  std::uint64_t count = 0;
  int length = 0;
  for (const std::uint8_t byte : packed) {
    ++length;
    if (length > max_varint_bytes) {
      return std::nullopt;
    }
    if (byte < 0x80) {
      ++count;
      length = 0;
    }
  }
  return length == 0 ? std::optional(count) : std::nullopt;
}

void put_varint(Bytes& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::uint8_t>(value | 0x80U));
    value >>= 7U;
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

void put_number(Bytes& out, std::uint32_t field, std::uint64_t value) {
  put_varint(out, std::uint64_t{field} << 3U);
  put_varint(out, value);
}

void put_bytes(Bytes& out, std::uint32_t field, ByteView bytes) {
  put_varint(out, std::uint64_t{field} << 3U | 2U);
  put_varint(out, bytes.size());
  append(out, bytes);
}

}  // namespace blindai::gate
