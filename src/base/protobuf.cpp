#include "base/protobuf.h"

namespace blindai::protobuf {
namespace {

constexpr int max_varint_bytes = 10;

std::uint64_t little_endian(ByteView bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8U | bytes[i];
  }
  return value;
}

// Bytes that follow the tag, for the wire types whose size is not in the tag itself; takes a length off `rest`.
std::optional<std::uint64_t> size_after_tag(Wire wire, ByteView& rest) {
  switch (wire) {
    case Wire::fixed64:
      return 8;
    case Wire::fixed32:
      return 4;
    case Wire::bytes:
      return take_varint(rest);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::uint64_t> take_varint(ByteView& rest) {
  std::uint64_t value = 0;
  for (int i = 0; i < max_varint_bytes && !rest.empty(); ++i) {
    const std::uint8_t byte = rest.front();
    rest = rest.subspan(1);
    if (i == max_varint_bytes - 1 && byte > 1) {
      break;
    }
    value |= std::uint64_t{byte & 0x7fU} << (7 * i);
    if (byte < 0x80) {
      return value;
    }
  }
  return std::nullopt;
}

std::optional<Field> Reader::next() {
  const ByteView start = rest_;
  const auto tag = take_varint(rest_);
  const std::uint64_t number = tag ? *tag >> 3U : 0;
  if (number == 0 || number > 0x1fffffff) {
    return std::nullopt;
  }
  Field field{static_cast<std::uint32_t>(number), static_cast<Wire>(*tag & 7U), 0, {}, {}};
  if (field.wire == Wire::varint) {
    const auto value = take_varint(rest_);
    if (!value) {
      return std::nullopt;
    }
    field.number_value = *value;
  } else {
    const auto size = size_after_tag(field.wire, rest_);
    if (!size || *size > rest_.size()) {
      return std::nullopt;
    }
    field.bytes = rest_.first(*size);
    rest_ = rest_.subspan(*size);
    if (field.wire != Wire::bytes) {
      field.number_value = little_endian(field.bytes);
    }
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

}  // namespace blindai::protobuf
