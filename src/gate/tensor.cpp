// TensorProto: types, shapes, where the data lies.
#include <algorithm>
#include <charconv>

#include "base/checked.h"
#include "gate/walk.h"

namespace blindai::gate {
namespace {

// onnx.proto, TensorProto.DataType: bits of an element, 0 for text. Types that are not here are refused.
struct ElementType {
  int code;
  unsigned bits;
  std::optional<DataType> datatype;
};
constexpr ElementType element_types[] = {
    {1, 32, DataType::fp32},    {2, 8, DataType::uint8},  {3, 8, DataType::int8},   {4, 16, DataType::uint16},
    {5, 16, DataType::int16},   {6, 32, DataType::int32}, {7, 64, DataType::int64}, {8, 0, std::nullopt},
    {9, 8, DataType::boolean},  {10, 16, DataType::fp16}, {11, 64, DataType::fp64}, {12, 32, DataType::uint32},
    {13, 64, DataType::uint64}, {14, 64, std::nullopt},   {15, 128, std::nullopt},  {16, 16, DataType::bf16},
    {17, 8, std::nullopt},      {18, 8, std::nullopt},    {19, 8, std::nullopt},    {20, 8, std::nullopt},
    {21, 4, std::nullopt},      {22, 4, std::nullopt},    {23, 4, std::nullopt},
};

const ElementType* element_type(std::uint64_t code) {
  const auto found = std::ranges::find_if(
      element_types, [&](const ElementType& type) { return static_cast<std::uint64_t>(type.code) == code; });
  return found == std::end(element_types) ? nullptr : found;
}

struct ExternalData {
  std::string location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

struct Tensor {
  std::string name;
  Shape dims;
  std::uint64_t type = 0;
  std::optional<ByteView> raw;
  std::uint64_t typed_bytes = 0;     // of the typed fields
  std::uint64_t typed_elements = 0;  // at most
  std::vector<ByteView> typed_fields;
  bool external = false;
  ExternalData data;
};

Disclosed label(const Tensor& tensor) { return Disclosed(tensor.name.empty() ? "(without a name)" : tensor.name); }

Result<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) {
    return fail(Code::model_rejected, {"an external data reference has an offset or length that is not a number"});
  }
  return value;
}

Result<void> read_external_entry(ByteView message, ExternalData& data) {
  std::string_view key;
  std::string_view value;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.wire != Wire::bytes || field.number > 2) {
      return unknown_field("external data", field.number);
    }
    (field.number == 1 ? key : value) = as_text(field.bytes);
  }
  if (key == "location") {
    if (value.size() > max_name_bytes) {
      return fail(Code::model_rejected, {"the name of an external data file is over {} bytes", max_name_bytes});
    }
    data.location = value;
  } else if (key == "offset") {
    BLINDAI_TRY(data.offset, number_of(value));
  } else if (key == "length") {
    BLINDAI_TRY(data.length, number_of(value));
  }
  return {};  // "checksum" and later keys say nothing about where the bytes lie
}

Result<void> read_dims(const Field& field, Shape& dims) {
  const auto add = [&](std::uint64_t value) -> Result<void> {
    const auto dimension = checked_cast<std::int64_t>(value);
    if (!dimension || dims.size() >= max_rank) {
      return fail(Code::model_rejected, {"a tensor has more than {} dimensions, or one that is negative", max_rank});
    }
    dims.push_back(*dimension);
    return {};
  };
  if (field.wire == Wire::varint) {
    return add(field.number_value);
  }
  // Packed: the varints one after another.
  if (field.wire != Wire::bytes) {
    return unknown_field("TensorProto", field.number);
  }
  for (ByteView rest = field.bytes; !rest.empty();) {
    const auto value = protobuf::take_varint(rest);
    if (!value) {
      return fail(Code::model_rejected, {"a tensor has a dimension that is cut off or not a number"});
    }
    BLINDAI_CHECK(add(*value));
  }
  return {};
}

Result<void> read_typed(const Field& field, Tensor& tensor) {
  std::uint64_t elements = 1;
  if (field.wire == Wire::bytes) {
    switch (field.number) {
      case 4:  // float_data, packed
        elements = field.bytes.size() / 4;
        break;
      case 10:  // double_data, packed
        elements = field.bytes.size() / 8;
        break;
      case 6:  // string_data, one by one
        break;
      default: {
        const auto count = count_varints(field.bytes);
        if (!count) {
          return fail(Code::model_rejected, {"tensor '{}' has data that is cut off", label(tensor)});
        }
        elements = *count;
      }
    }
  }
  tensor.typed_elements += elements;
  tensor.typed_bytes += field.whole.size();
  tensor.typed_fields.push_back(field.whole);
  return {};
}

Result<Tensor> read_tensor(ByteView message) {
  Tensor tensor;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    switch (field.number) {
      case 1:
        BLINDAI_CHECK(read_dims(field, tensor.dims));
        break;
      case 2:
        tensor.type = field.number_value;
        break;
      case 4:
      case 5:
      case 6:
      case 7:
      case 10:
      case 11:
        BLINDAI_CHECK(read_typed(field, tensor));
        break;
      case 8: {
        BLINDAI_TRY(tensor.name, read_name(field));
        break;
      }
      case 9:
        tensor.raw = field.bytes;
        break;
      case 12:  // doc_string
      case 16:  // metadata_props
        break;
      case 13:
        BLINDAI_CHECK(read_external_entry(field.bytes, tensor.data));
        break;
      case 14:
        tensor.external = field.number_value != 0;
        break;
      default:  // segment among them
        return unknown_field("TensorProto", field.number);
    }
  }
  return tensor;
}

// Names in a bundle are plain; exporters may write "./m.onnx.data".
std::string_view plain_name(std::string_view location) {
  while (location.starts_with("./")) {
    location.remove_prefix(2);
  }
  return location;
}

Result<ByteView> resolve(const Walk& walk, const Tensor& tensor, std::uint64_t size) {
  const std::string_view name = plain_name(tensor.data.location);
  const auto file = std::ranges::find_if(walk.files, [&](const File& candidate) { return candidate.name == name; });
  if (name.starts_with('/') || name.contains("..") || name.contains('\\')) {
    return fail(Code::model_rejected,
                {"tensor '{}' refers to file '{}', outside the model's own files: that is never read", label(tensor),
                 Disclosed(tensor.data.location)});
  }
  if (file == walk.files.end()) {
    return fail(Code::model_rejected, {"tensor '{}' has its data in file '{}', which was not uploaded with the model",
                                       label(tensor), Disclosed(tensor.data.location)});
  }
  const std::uint64_t length = tensor.data.length.value_or(size);
  const auto end = checked_add(tensor.data.offset, length);
  if (!end || *end > file->size) {
    return fail(Code::model_rejected, {"tensor '{}' lies outside its file '{}', which has {} bytes", label(tensor),
                                       Disclosed(file->name), file->size});
  }
  if (length != size) {
    return fail(Code::model_rejected,
                {"tensor '{}' has {} bytes of data, its type and shape make {}", label(tensor), length, size});
  }
  return walk.body.subspan(file->offset + tensor.data.offset, size);
}

// Bytes of the data by type and shape; nothing for text.
Result<std::optional<std::uint64_t>> check_shape(Walk& walk, const Tensor& tensor, const ElementType& type) {
  const auto elements = element_count(tensor.dims);
  const auto bits = elements ? checked_mul(*elements, std::uint64_t{type.bits}) : std::nullopt;
  if (!bits) {
    return fail(Code::model_rejected, {"tensor '{}' has more elements than can be counted", label(tensor)});
  }
  walk.out.parameters = checked_add(walk.out.parameters, *elements).value_or(UINT64_MAX);
  if (type.bits == 0) {
    if (tensor.typed_elements != *elements || tensor.raw || tensor.external) {
      return fail(Code::model_rejected,
                  {"tensor '{}' has {} texts, its shape makes {}", label(tensor), tensor.typed_elements, *elements});
    }
    return std::nullopt;
  }
  const std::uint64_t size = *bits / 8 + (*bits % 8 != 0 ? 1 : 0);
  if (!tensor.external && !tensor.raw) {
    // Halves and small integers stand one to a varint; complex numbers take two; packed nibbles share one.
    const std::uint64_t wanted = type.code == 14 || type.code == 15 ? *elements * 2 : type.bits < 8 ? size : *elements;
    if (tensor.typed_elements != wanted) {
      return fail(Code::model_rejected, {"tensor '{}' holds {} elements, its shape makes {}", label(tensor),
                                         tensor.typed_elements, *elements});
    }
  }
  if (tensor.raw && tensor.raw->size() != size) {
    return fail(Code::model_rejected, {"tensor '{}' has {} bytes of data, its type and shape make {}", label(tensor),
                                       tensor.raw->size(), size});
  }
  return size;
}

Result<void> count_embedded(Walk& walk, std::uint64_t size) {
  walk.written += size;  // each tensor lies inside the body, so this cannot overflow before the limit
  if (walk.written > walk.limits.graph_bytes) {
    return fail(Code::too_large,
                {"the graph without its large weights is over the limit of {} bytes", walk.limits.graph_bytes});
  }
  return {};
}

}  // namespace

Result<Bytes> walk_tensor(Walk& walk, ByteView message, Place place, std::set<std::string, std::less<>>* names) {
  if (++walk.initialisers > walk.limits.initialisers) {
    return fail(Code::too_large, {"the model has more than {} tensors", walk.limits.initialisers});
  }
  BLINDAI_TRY(Tensor tensor, read_tensor(message));
  const ElementType* type = element_type(tensor.type);
  if (type == nullptr) {
    return fail(Code::model_rejected, {"tensor '{}' has the unknown element type {}", label(tensor), tensor.type});
  }
  if (tensor.raw && tensor.typed_elements != 0) {
    return fail(Code::model_rejected, {"tensor '{}' has its data twice", label(tensor)});
  }
  if (names != nullptr && (tensor.name.empty() || !names->insert(tensor.name).second)) {
    return fail(Code::model_rejected, {"initialiser '{}' stands twice or has no name", label(tensor)});
  }
  BLINDAI_TRY(const auto size, check_shape(walk, tensor, *type));
  std::optional<ByteView> data = tensor.raw;
  if (tensor.external) {
    BLINDAI_TRY(data, resolve(walk, tensor, *size));
  }
  Bytes out;
  for (const std::int64_t dimension : tensor.dims) {
    put_number(out, 1, static_cast<std::uint64_t>(dimension));
  }
  put_number(out, 2, tensor.type);
  if (!tensor.name.empty()) {
    put_bytes(out, 8, as_bytes(tensor.name));
  }
  if (data && place == Place::outer_initialiser && type->datatype && data->size() >= embedded_below_bytes) {
    const auto offset = static_cast<std::uint64_t>(data->data() - walk.body.data());
    walk.out.weights.push_back({tensor.name, *type->datatype, tensor.dims, offset, data->size()});
    Bytes location;
    put_bytes(location, 1, as_bytes("location"));
    put_bytes(location, 2, as_bytes("body"));
    put_bytes(out, 13, location);
    put_number(out, 14, 1);
    return out;
  }
  BLINDAI_CHECK(count_embedded(walk, data ? data->size() : tensor.typed_bytes));
  if (data) {
    put_bytes(out, 9, *data);
  }
  for (const ByteView field : tensor.typed_fields) {
    append(out, field);
  }
  return out;
}

Result<Bytes> walk_sparse_tensor(Walk& walk, ByteView message) {
  Bytes out;
  Shape dims;  // all fields together
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1 || field.number == 2) {
      BLINDAI_TRY(const Bytes tensor, walk_tensor(walk, field.bytes, Place::elsewhere, nullptr));
      put_bytes(out, field.number, tensor);
    } else if (field.number == 3) {
      BLINDAI_CHECK(read_dims(field, dims));
      append(out, field.whole);
    } else {
      return unknown_field("SparseTensorProto", field.number);
    }
  }
  if (!element_count(dims)) {
    return fail(Code::model_rejected, {"a sparse tensor has more elements than can be counted"});
  }
  return out;
}

}  // namespace blindai::gate
