#include "grpc/contents.h"

#include <bit>
#include <cstring>
#include <limits>

#include "base/protobuf.h"

namespace blindai::grpc {
namespace {

using protobuf::Wire;
static_assert(std::endian::native == std::endian::little);

// Fields of InferTensorContents: bool 1, int 2, int64 3, uint 4, uint64 5, fp32 6, fp64 7, bytes 8.
struct Form {
  std::uint32_t field = 0;
  Wire wire{};  // of one element that is not packed
};

std::optional<Form> form_of(DataType type) {
  switch (type) {
    case DataType::boolean:
      return Form{1, Wire::varint};
    case DataType::int8:
    case DataType::int16:
    case DataType::int32:
      return Form{2, Wire::varint};
    case DataType::int64:
      return Form{3, Wire::varint};
    case DataType::uint8:
    case DataType::uint16:
    case DataType::uint32:
      return Form{4, Wire::varint};
    case DataType::uint64:
      return Form{5, Wire::varint};
    case DataType::fp32:
      return Form{6, Wire::fixed32};
    case DataType::fp64:
      return Form{7, Wire::fixed64};
    case DataType::bytes:
      return Form{8, Wire::bytes};
    default:
      return std::nullopt;
  }
}

std::unexpected<Error> damaged(const Disclosed& tensor) {
  return fail(Code::invalid_argument, {"the contents of input '{}' are damaged", tensor});
}

// Calls take(bytes) for each part of the one field: packed elements, or one of them; of BYTES always one.
template <typename Take>
Result<void> each_part(const Form& form, std::span<const ByteView> contents, const Disclosed& tensor,
                       const Take& take) {
  constexpr std::uint32_t last_field = 8;
  for (const ByteView part : contents) {
    for (protobuf::Reader reader(part); !reader.done();) {
      const auto field = reader.next();
      if (!field) {
        return damaged(tensor);
      }
      if (field->number > last_field) {
        continue;
      }
      const bool packed = field->wire == Wire::bytes;
      if (field->number != form.field) {
        if (packed && field->bytes.empty() && field->number != last_field) {
          continue;  // no element at all
        }
        return fail(Code::invalid_argument, {"input '{}' has contents of another datatype than its own", tensor});
      }
      if (!packed && field->wire != form.wire) {
        return damaged(tensor);
      }
      BLINDAI_CHECK(take(*field, packed));
    }
  }
  return {};
}

// The number, if the datatype holds it. Of 32 bits count those alone, as any reader of these fields has it.
template <typename Whole>
Result<Whole> whole_number(std::uint64_t value, std::uint64_t index, const Disclosed& tensor) {
  std::int64_t number = 0;
  if constexpr (std::is_same_v<Whole, std::uint64_t>) {
    return value;
  } else if constexpr (std::is_same_v<Whole, std::int64_t>) {
    return static_cast<std::int64_t>(value);
  } else if constexpr (std::is_signed_v<Whole>) {
    number = static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
  } else {
    number = static_cast<std::uint32_t>(value);
  }
  if (!std::in_range<Whole>(number)) {
    return fail(Code::invalid_argument, {"element {} of input '{}' is outside of its datatype", index, tensor});
  }
  return static_cast<Whole>(number);
}

template <typename T>
struct Writer {
  MutableBytes out;
  const Disclosed& tensor;
  std::uint64_t index = 0;

  // What was measured has room for each: more cannot come.
  Result<void> put(std::uint64_t value) {
    T element{};
    if constexpr (std::is_same_v<T, bool>) {
      element = value != 0;
    } else {
      BLINDAI_TRY(element, whole_number<T>(value, index, tensor));
    }
    if (out.size() < sizeof element) {
      return damaged(tensor);
    }
    std::memcpy(out.data(), &element, sizeof element);
    out = out.subspan(sizeof element);
    ++index;
    return {};
  }
};

template <typename T>
Result<void> write_varints(const Form& form, std::span<const ByteView> contents, MutableBytes out,
                           const Disclosed& tensor) {
  Writer<T> writer{out, tensor};
  return each_part(form, contents, tensor, [&](const protobuf::Field& field, bool packed) -> Result<void> {
    if (!packed) {
      return writer.put(field.number_value);
    }
    for (ByteView rest = field.bytes; !rest.empty();) {
      const auto value = protobuf::take_varint(rest);
      if (!value) {
        return damaged(tensor);
      }
      BLINDAI_CHECK(writer.put(*value));
    }
    return {};
  });
}

// Elements of a fixed size stand in the message as they do in memory.
Result<void> write_fixed(const Form& form, std::span<const ByteView> contents, MutableBytes out,
                         const Disclosed& tensor) {
  return each_part(form, contents, tensor, [&](const protobuf::Field& field, bool) -> Result<void> {
    if (out.size() < field.bytes.size()) {
      return damaged(tensor);
    }
    if (!field.bytes.empty()) {
      std::memcpy(out.data(), field.bytes.data(), field.bytes.size());
    }
    out = out.subspan(field.bytes.size());
    return {};
  });
}

Result<void> write_texts(const Form& form, std::span<const ByteView> contents, MutableBytes out,
                         const Disclosed& tensor) {
  return each_part(form, contents, tensor, [&](const protobuf::Field& field, bool) -> Result<void> {
    const auto size = static_cast<std::uint32_t>(field.bytes.size());
    if (out.size() < length_bytes || out.size() - length_bytes < field.bytes.size()) {
      return damaged(tensor);
    }
    std::memcpy(out.data(), &size, length_bytes);
    if (size > 0) {
      std::memcpy(out.data() + length_bytes, field.bytes.data(), size);
    }
    out = out.subspan(length_bytes + size);
    return {};
  });
}

}  // namespace

Result<Measure> measure_contents(DataType type, std::span<const ByteView> contents, const Disclosed& tensor) {
  const auto form = form_of(type);
  if (!form) {
    return fail(Code::invalid_argument, {"input '{}': FP16 and BF16 must be sent as raw contents", tensor});
  }
  Measure measure;
  BLINDAI_CHECK(each_part(*form, contents, tensor, [&](const protobuf::Field& field, bool packed) -> Result<void> {
    if (type == DataType::bytes) {
      measure.elements += 1;
      measure.bytes += length_bytes + field.bytes.size();
      return {};
    }
    std::uint64_t count = 1;
    if (packed && form->wire == Wire::varint) {
      const auto counted = protobuf::count_varints(field.bytes);
      if (!counted) {
        return damaged(tensor);
      }
      count = *counted;
    } else if (packed) {
      if (field.bytes.size() % element_size(type) != 0) {
        return damaged(tensor);
      }
      count = field.bytes.size() / element_size(type);
    }
    measure.elements += count;
    measure.bytes += count * element_size(type);
    return {};
  }));
  return measure;
}

Result<void> write_contents(DataType type, std::span<const ByteView> contents, MutableBytes out,
                            const Disclosed& tensor) {
  const auto form = form_of(type);
  if (!form) {
    return damaged(tensor);
  }
  switch (type) {
    case DataType::boolean:
      return write_varints<bool>(*form, contents, out, tensor);
    case DataType::int8:
      return write_varints<std::int8_t>(*form, contents, out, tensor);
    case DataType::int16:
      return write_varints<std::int16_t>(*form, contents, out, tensor);
    case DataType::int32:
      return write_varints<std::int32_t>(*form, contents, out, tensor);
    case DataType::int64:
      return write_varints<std::int64_t>(*form, contents, out, tensor);
    case DataType::uint8:
      return write_varints<std::uint8_t>(*form, contents, out, tensor);
    case DataType::uint16:
      return write_varints<std::uint16_t>(*form, contents, out, tensor);
    case DataType::uint32:
      return write_varints<std::uint32_t>(*form, contents, out, tensor);
    case DataType::uint64:
      return write_varints<std::uint64_t>(*form, contents, out, tensor);
    case DataType::bytes:
      return write_texts(*form, contents, out, tensor);
    default:
      return write_fixed(*form, contents, out, tensor);
  }
}

}  // namespace blindai::grpc
