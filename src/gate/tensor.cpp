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
    {21, 4, std::nullopt},      {22, 4, std::nullopt},    {23, 4, std::nullopt},    {24, 8, std::nullopt},
    {25, 2, std::nullopt},      {26, 2, std::nullopt},
};

const ElementType* element_type(std::uint64_t code) {
  const auto found = std::ranges::find_if(
      element_types, [&](const ElementType& type) { return static_cast<std::uint64_t>(type.code) == code; });
  return found == std::end(element_types) ? nullptr : found;
}

// The field that holds data of a type where it is not raw.
std::uint32_t typed_field(int code) {
  switch (code) {
    case 1:   // float
    case 14:  // complex64
      return 4;
    case 8:  // text
      return 6;
    case 7:  // int64
      return 7;
    case 11:  // double
    case 15:  // complex128
      return 10;
    case 12:  // uint32
    case 13:  // uint64
      return 11;
    default:
      return 5;
  }
}

struct ExternalData {
  std::string_view location;
  std::optional<std::uint64_t> offset;
  std::optional<std::uint64_t> length;
  std::set<std::string_view> keys;
};

struct Tensor {
  Shape dims;
  std::uint64_t type = 0;
  std::optional<ByteView> raw;
  std::uint64_t typed_bytes = 0;     // of the typed fields
  std::uint64_t typed_elements = 0;  // at most
  std::set<std::uint32_t> typed_fields;
  bool external = false;
  ExternalData data;
};

bool is_typed(std::uint32_t field) {
  return field == 4 || field == 5 || field == 6 || field == 7 || field == 10 || field == 11;
}

Result<std::uint64_t> number_of(const Walk& walk, std::string_view text) {
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) {
    return fail(Code::model_rejected,
                {"{}: the external data reference has an offset or length that is not a number", here(walk)});
  }
  return value;
}

Result<void> read_external_entry(const Walk& walk, ByteView message, ExternalData& data) {
  std::string_view key;
  std::string_view value;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    (field.number == 1 ? key : value) = as_text(field.bytes);
  }
  if (!data.keys.insert(key).second) {
    return fail(Code::model_rejected,
                {"{}: the external data reference says its '{}' twice", here(walk), Disclosed(key)});
  }
  if (key == "location") {
    if (value.size() > max_name_bytes) {
      return fail(Code::model_rejected,
                  {"{}: the name of an external data file is over {} bytes", here(walk), max_name_bytes});
    }
    data.location = value;
  } else if (key == "offset") {
    BLINDAI_TRY(data.offset, number_of(walk, value));
  } else if (key == "length") {
    BLINDAI_TRY(data.length, number_of(walk, value));
  } else if (key != "checksum") {
    return fail(Code::model_rejected, {"{}: the external data reference has '{}', which is unknown or not taken",
                                       here(walk), Disclosed(key)});
  }
  return {};
}

Result<void> read_typed(Walk& walk, const Field& field, Tensor& tensor) {
  std::uint64_t elements = 1;
  if (field.wire == Wire::bytes) {
    switch (field.number) {
      case 4:  // float_data, packed
        elements = field.bytes.size() / sizeof(float);
        break;
      case 10:  // double_data, packed
        elements = field.bytes.size() / sizeof(double);
        break;
      case 6:  // string_data, one by one
        break;
      default:
        elements = count_varints(field.bytes).value_or(0);  // whole: the form was checked
    }
  }
  tensor.typed_elements += elements;
  tensor.typed_bytes += field.whole.size();
  tensor.typed_fields.insert(field.number);
  return count_embedded(walk, field.whole.size());
}

Result<Tensor> read_tensor(Walk& walk, ByteView message) {
  Tensor tensor;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    switch (field.number) {
      case 1:
        BLINDAI_CHECK(read_dims(walk, field, tensor.dims));
        break;
      case 2:
        tensor.type = field.number_value;
        break;
      case 9:
        tensor.raw = field.bytes;
        break;
      case 13:
        BLINDAI_CHECK(read_external_entry(walk, field.bytes, tensor.data));
        break;
      case 14:
        tensor.external = field.number_value != 0;
        break;
      default:
        if (is_typed(field.number)) {
          BLINDAI_CHECK(read_typed(walk, field, tensor));
        }
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
    return fail(Code::model_rejected, {"{}: refers to file '{}', outside the model's own files: that is never read",
                                       here(walk), Disclosed(tensor.data.location)});
  }
  if (file == walk.files.end()) {
    return fail(Code::model_rejected, {"{}: its data is in file '{}', which was not uploaded with the model; upload "
                                       "both, or export to one file (external_data=False)",
                                       here(walk), Disclosed(tensor.data.location)});
  }
  const std::uint64_t offset = tensor.data.offset.value_or(0);
  const std::uint64_t length = tensor.data.length.value_or(size);
  const auto end = checked_add(offset, length);
  if (!end || *end > file->size) {
    return fail(Code::model_rejected, {"{}: its data lies outside its file '{}', which has {} bytes", here(walk),
                                       Disclosed(file->name), file->size});
  }
  if (length != size) {
    return fail(Code::model_rejected,
                {"{}: has {} bytes of data, its type and shape make {}", here(walk), length, size});
  }
  return walk.body.subspan(file->offset + offset, size);
}

// Where the data stands: in one place.
Result<void> check_form_of_data(const Walk& walk, const Tensor& tensor, const ElementType& type) {
  const int places = (tensor.raw ? 1 : 0) + (tensor.typed_bytes != 0 ? 1 : 0) + (tensor.external ? 1 : 0);
  if (places > 1) {
    return fail(Code::model_rejected, {"{}: has its data twice", here(walk)});
  }
  if (!tensor.external && !tensor.data.keys.empty()) {
    return fail(Code::model_rejected,
                {"{}: has an external data reference, but says that its data is not external", here(walk)});
  }
  if (type.bits == 0 && places != 0 && tensor.typed_bytes == 0) {
    return fail(Code::model_rejected, {"{}: texts stand in string_data, and nowhere else", here(walk)});
  }
  for (const std::uint32_t field : tensor.typed_fields) {
    if (field != typed_field(type.code)) {
      return fail(Code::model_rejected,
                  {"{}: its data stands in the field of another element type ({})", here(walk), field});
    }
  }
  return {};
}

// Bytes of the data by type and shape; nothing for text.
Result<std::optional<std::uint64_t>> check_shape(Walk& walk, const Tensor& tensor, const ElementType& type) {
  const auto elements = element_count(tensor.dims);
  const auto bits = elements ? checked_mul(*elements, std::uint64_t{type.bits}) : std::nullopt;
  if (!bits) {
    return fail(Code::model_rejected, {"{}: has more elements than can be counted", here(walk)});
  }
  walk.out.parameters = checked_add(walk.out.parameters, *elements).value_or(UINT64_MAX);
  if (type.bits == 0) {
    if (tensor.typed_elements != *elements) {
      return fail(Code::model_rejected,
                  {"{}: has {} texts, its shape makes {}", here(walk), tensor.typed_elements, *elements});
    }
    return std::nullopt;
  }
  const std::uint64_t size = *bits / 8 + (*bits % 8 != 0 ? 1 : 0);
  if (!tensor.external && !tensor.raw) {
    // Halves and small integers stand one to a varint; complex numbers take two; what is smaller than a byte shares one.
    const std::uint64_t wanted = type.code == 14 || type.code == 15 ? *elements * 2 : type.bits < 8 ? size : *elements;
    if (tensor.typed_elements != wanted) {
      return fail(Code::model_rejected,
                  {"{}: holds {} elements, its shape makes {}", here(walk), tensor.typed_elements, *elements});
    }
  }
  if (tensor.raw && tensor.raw->size() != size) {
    return fail(Code::model_rejected,
                {"{}: has {} bytes of data, its type and shape make {}", here(walk), tensor.raw->size(), size});
  }
  return size;
}

// A body may use bytes for more than one weight, but not without end: the engine keeps a copy of each that it packs.
Result<void> lift(Walk& walk, std::string_view name, DataType datatype, const Tensor& tensor, ByteView data) {
  walk.lifted += data.size();  // at most limits.initialisers times a body
  if (walk.lifted / walk.limits.sharing > walk.body.size()) {
    return fail(Code::model_rejected, {"{}: the model's weights are the same bytes more than {} times over", here(walk),
                                       walk.limits.sharing});
  }
  const auto offset = static_cast<std::uint64_t>(data.data() - walk.body.data());
  walk.out.weights.push_back({std::string(name), datatype, tensor.dims, offset, data.size()});
  return {};
}

std::string_view tensor_name(ByteView message) {
  std::string_view name;
  for (Fields fields(message); !fields.done();) {
    if (const auto field = fields.next(); field && field->number == 8) {
      name = as_text(field->bytes);
    }
  }
  return name;
}

}  // namespace

Result<void> count_embedded(Walk& walk, std::uint64_t size) {
  walk.written += size;  // each tensor lies inside the body, so this cannot overflow before the limit
  if (walk.written > walk.limits.graph_bytes) {
    return fail(Code::too_large, {"{}: the graph without its large weights is over the limit of {} bytes", here(walk),
                                  walk.limits.graph_bytes});
  }
  return {};
}

Result<void> read_dims(const Walk& walk, const Field& field, Shape& dims) {
  const auto add = [&](std::uint64_t value) -> Result<void> {
    const auto dimension = checked_cast<std::int64_t>(value);
    if (!dimension || dims.size() >= max_rank) {
      return fail(Code::model_rejected,
                  {"{}: has more than {} dimensions, or one that is negative", here(walk), max_rank});
    }
    dims.push_back(*dimension);
    return {};
  };
  if (field.wire == Wire::varint) {
    return add(field.number_value);
  }
  for (ByteView rest = field.bytes; !rest.empty();) {
    BLINDAI_CHECK(add(protobuf::take_varint(rest).value_or(UINT64_MAX)));
  }
  return {};
}

Result<Bytes> walk_tensor(Walk& walk, ByteView message, Place place) {
  const std::string_view name = tensor_name(message);
  const Inside inside(walk, {"tensor", name, {}, {}});
  if (++walk.initialisers > walk.limits.initialisers) {
    return fail(Code::too_large, {"the model has more than {} tensors", walk.limits.initialisers});
  }
  BLINDAI_TRY(const Tensor tensor, read_tensor(walk, message));
  const ElementType* type = element_type(tensor.type);
  if (type == nullptr) {
    return fail(Code::model_rejected, {"{}: has the unknown element type {}", here(walk), tensor.type});
  }
  BLINDAI_CHECK(check_form_of_data(walk, tensor, *type));
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
  if (!name.empty()) {
    put_bytes(out, 8, as_bytes(name));
  }
  if (data && place == Place::outer_initialiser && type->datatype && data->size() >= embedded_below_bytes) {
    BLINDAI_CHECK(lift(walk, name, *type->datatype, tensor, *data));
    Bytes location;
    put_bytes(location, 1, as_bytes("location"));
    put_bytes(location, 2, as_bytes("body"));
    put_bytes(out, 13, location);
    put_number(out, 14, 1);
    return out;
  }
  if (data) {
    BLINDAI_CHECK(count_embedded(walk, data->size()));
    put_bytes(out, 9, *data);
    return out;
  }
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (is_typed(field.number)) {
      append(out, field.whole);
    }
  }
  return out;
}

}  // namespace blindai::gate
