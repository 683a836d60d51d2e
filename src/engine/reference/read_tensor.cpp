// TensorProto and ValueInfoProto.
#include <algorithm>

#include "base/checked.h"
#include "engine/reference/read.h"

namespace blindai::engine::reference {
namespace {

// onnx.proto, TensorProto.DataType, and the typed field that holds such elements where there is no raw_data.
struct ElementType {
  std::uint64_t code;
  DataType datatype;
  std::uint32_t typed_field;
};
constexpr std::array element_types{
    ElementType{1, DataType::fp32, 4},   ElementType{2, DataType::uint8, 5},    ElementType{3, DataType::int8, 5},
    ElementType{4, DataType::uint16, 5}, ElementType{5, DataType::int16, 5},    ElementType{6, DataType::int32, 5},
    ElementType{7, DataType::int64, 7},  ElementType{9, DataType::boolean, 5},  ElementType{10, DataType::fp16, 5},
    ElementType{11, DataType::fp64, 10}, ElementType{12, DataType::uint32, 11}, ElementType{13, DataType::uint64, 11},
    ElementType{16, DataType::bf16, 5},
};

const ElementType* element_type(std::uint64_t code) {
  const auto* found = std::ranges::find(element_types, code, &ElementType::code);
  return found == element_types.end() ? nullptr : found;
}

struct Parts {
  std::string name;
  Shape dims;
  std::uint64_t type = 0;
  std::optional<ByteView> raw;
  std::vector<Field> typed;
  bool external = false;
};

Result<Parts> read_parts(ByteView message) {
  Parts parts;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    switch (field.number) {
      case 1:
        BLINDAI_CHECK(read_integers(field, parts.dims, max_rank));
        break;
      case 2:
        parts.type = field.number_value;
        break;
      case 4:
      case 5:
      case 7:
      case 10:
      case 11:
        parts.typed.push_back(field);
        break;
      case 8: {
        BLINDAI_TRY(parts.name, read_name(field));
        break;
      }
      case 9:
        parts.raw = field.bytes;
        break;
      case 12:  // doc_string
      case 13:  // external_data: where the bytes would be, which is nobody's business here
      case 16:  // metadata_props
        break;
      case 14:
        parts.external = field.number_value != 0;
        break;
      default:
        return not_taken("TensorProto", field);
    }
  }
  return parts;
}

std::unexpected<Error> wrong_size(const Parts& parts) {
  return fail(Code::model_rejected,
              {"tensor '{}' does not have the data that its type and shape make", Disclosed(parts.name)});
}

// One element out of a packed field: a varint, or the four or eight bytes of a floating-point number.
std::optional<std::uint64_t> take_element(ByteView& packed, std::uint32_t field) {
  if (field != 4 && field != 10) {
    return protobuf::take_varint(packed);
  }
  const std::size_t size = field == 4 ? 4 : 8;
  if (packed.size() < size) {
    return std::nullopt;
  }
  std::uint64_t bits = 0;
  std::memcpy(&bits, packed.data(), size);  // little-endian on both sides
  packed = packed.subspan(size);
  return bits;
}

// The elements of the typed fields as raw bytes. An element takes a byte at least, so this is at most eight times the
// file.
Result<Bytes> gather_typed(const Parts& parts, const ElementType& type, std::uint64_t size) {
  Bytes out;
  const std::size_t width = element_size(type.datatype);
  const auto put = [&](std::uint64_t bits) {
    for (std::size_t i = 0; i < width; ++i) {
      out.push_back(static_cast<std::uint8_t>(bits >> (8 * i)));
    }
  };
  for (const Field& field : parts.typed) {
    if (field.number != type.typed_field) {
      return wrong_size(parts);
    }
    if (field.wire != Wire::bytes) {
      put(field.number_value);
      continue;
    }
    for (ByteView packed = field.bytes; !packed.empty();) {
      const auto bits = take_element(packed, field.number);
      if (!bits || out.size() >= size) {
        return wrong_size(parts);
      }
      put(*bits);
    }
  }
  return out;
}

}  // namespace

std::optional<DataType> datatype_of(std::uint64_t code) {
  constexpr std::uint64_t text = 8;  // of inputs and outputs alone
  if (code == text) {
    return DataType::bytes;
  }
  const auto* type = element_type(code);
  return type == nullptr ? std::nullopt : std::optional(type->datatype);
}

Result<NamedTensor> read_tensor(ByteView message) {
  BLINDAI_TRY(Parts parts, read_parts(message));
  const auto* type = element_type(parts.type);
  if (type == nullptr) {
    return fail(Code::model_rejected, {"tensor '{}' has an element type that is not served", Disclosed(parts.name)});
  }
  const auto size = byte_size(type->datatype, parts.dims);
  if (!size || (parts.raw && !parts.typed.empty())) {
    return wrong_size(parts);
  }
  NamedTensor out;
  if (parts.external) {
    if (parts.raw || !parts.typed.empty()) {
      return wrong_size(parts);
    }
    out.external = true;
  } else {
    Bytes data;
    if (parts.raw) {
      data = copy(*parts.raw);
    } else {
      BLINDAI_TRY(data, gather_typed(parts, *type, *size));
    }
    if (data.size() != *size) {
      return wrong_size(parts);
    }
    const auto owner = std::make_shared<const Bytes>(std::move(data));
    out.tensor.data = *owner;
    out.tensor.owner = owner;
  }
  out.name = std::move(parts.name);
  out.tensor.datatype = type->datatype;
  out.tensor.shape = std::move(parts.dims);
  return out;
}

namespace {

Result<Shape> read_shape(ByteView message) {
  Shape shape;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number != 1 || field.wire != Wire::bytes || shape.size() == max_rank) {
      return not_taken("TensorShapeProto", field);
    }
    std::int64_t dimension = -1;
    for (Fields inner(field.bytes); !inner.done();) {
      BLINDAI_TRY(const Field part, inner.next());
      if (part.number == 1 && part.wire == Wire::varint) {
        dimension = checked_cast<std::int64_t>(part.number_value).value_or(-1);
      }
    }
    shape.push_back(dimension);
  }
  return shape;
}

// The contents of the last field of that number, or nothing.
Result<std::optional<ByteView>> submessage(ByteView message, std::uint32_t number) {
  std::optional<ByteView> found;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == number && field.wire == Wire::bytes) {
      found = field.bytes;
    }
  }
  return found;
}

}  // namespace

Result<TensorSpec> read_value_info(ByteView message, bool strict) {
  TensorSpec spec;
  std::optional<ByteView> type;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1) {
      BLINDAI_TRY(spec.name, read_name(field));
    } else if (field.number == 2) {
      type = field.bytes;
    }
  }
  BLINDAI_TRY(const auto tensor, submessage(type.value_or(ByteView()), 1));
  std::optional<DataType> datatype;
  for (Fields fields(tensor.value_or(ByteView())); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1) {
      datatype = datatype_of(field.number_value);
    } else if (field.number == 2) {
      BLINDAI_TRY(spec.shape, read_shape(field.bytes));
    }
  }
  if (strict && !datatype) {
    return fail(Code::model_rejected, {"'{}' is not a tensor of a type that is served", Disclosed(spec.name)});
  }
  spec.datatype = datatype.value_or(DataType::fp32);
  return spec;
}

}  // namespace blindai::engine::reference
