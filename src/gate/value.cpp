// ValueInfoProto: what a model says of its inputs and outputs.
#include <algorithm>

#include "base/checked.h"
#include "gate/walk.h"

namespace blindai::gate {
namespace {

std::optional<DataType> datatype_of(std::uint64_t element_type) {
  constexpr std::pair<std::uint64_t, DataType> types[] = {
      {1, DataType::fp32},    {2, DataType::uint8}, {3, DataType::int8},  {4, DataType::uint16},
      {5, DataType::int16},   {6, DataType::int32}, {7, DataType::int64}, {8, DataType::bytes},
      {9, DataType::boolean}, {10, DataType::fp16}, {11, DataType::fp64}, {12, DataType::uint32},
      {13, DataType::uint64}, {16, DataType::bf16}};
  const auto* found = std::ranges::find(types, element_type, &std::pair<std::uint64_t, DataType>::first);
  return found == std::end(types) ? std::nullopt : std::optional(found->second);
}

// The submessage of that number, or nothing.
Result<std::optional<ByteView>> submessage(ByteView message, std::uint32_t number) {
  std::optional<ByteView> found;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == number) {
      found = field.bytes;
    }
  }
  return found;
}

// Some exporters write -1 for a dimension that is free.
Result<std::int64_t> read_dimension(ByteView message, std::string_view name) {
  std::int64_t value = -1;  // named, or nothing said
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1) {
      value = static_cast<std::int64_t>(field.number_value);
    }
  }
  if (value < -1) {
    return fail(Code::model_rejected,
                {"'{}' has the dimension {}; leave a free dimension out or name it", Disclosed(name), value});
  }
  return value;
}

}  // namespace

Result<Shape> read_shape(ByteView message, std::string_view name) {
  Shape shape;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (shape.size() == max_rank) {
      return fail(Code::model_rejected, {"'{}' has more than {} dimensions", Disclosed(name), max_rank});
    }
    BLINDAI_TRY(const std::int64_t dimension, read_dimension(field.bytes, name));
    shape.push_back(dimension);
  }
  return shape;
}

Result<TensorSpec> read_value(ByteView message, Direction direction) {
  TensorSpec spec;
  std::optional<ByteView> type;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1) {
      spec.name = as_text(field.bytes);
    } else if (field.number == 2) {
      type = field.bytes;
    }
  }
  BLINDAI_TRY(const auto tensor, submessage(type.value_or(ByteView()), 1));
  if (spec.name.empty() || !tensor) {
    return fail(
        Code::model_rejected,
        {"input or output '{}' is not a tensor: sequences, maps and optionals are not served; export it as a tensor "
         "(skl2onnx: options={{'zipmap': False}})",
         Disclosed(spec.name)});
  }
  std::uint64_t element_type = 0;
  std::optional<ByteView> shape;
  for (Fields fields(*tensor); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1) {
      element_type = field.number_value;
    } else if (field.number == 2) {
      shape = field.bytes;
    }
  }
  const auto datatype = datatype_of(element_type);
  if (!datatype) {
    return fail(Code::model_rejected, {"input or output '{}' has an element type that is not served ({})",
                                       Disclosed(spec.name), element_type});
  }
  if (!shape && direction == Direction::input) {
    return fail(Code::model_rejected,
                {"input '{}' has no declared shape; export the model with one", Disclosed(spec.name)});
  }
  spec.datatype = *datatype;
  BLINDAI_TRY(spec.shape, read_shape(shape.value_or(ByteView()), spec.name));
  return spec;
}

}  // namespace blindai::gate
