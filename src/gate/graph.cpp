// GraphProto, NodeProto, AttributeProto, FunctionProto, ValueInfoProto.
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
    if (field.number == number && field.wire == Wire::bytes) {
      found = field.bytes;
    }
  }
  return found;
}

Result<std::int64_t> read_dimension(ByteView message) {
  std::int64_t value = -1;  // named, or nothing said
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1 && field.wire == Wire::varint) {
      value = checked_cast<std::int64_t>(field.number_value).value_or(-1);
    }
  }
  return value;
}

Result<Shape> read_shape(ByteView message, const std::string& name) {
  Shape shape;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number != 1) {
      return unknown_field("TensorShapeProto", field.number);
    }
    if (shape.size() == max_rank) {
      return fail(Code::model_rejected, {"'{}' has more than {} dimensions", Disclosed(name), max_rank});
    }
    BLINDAI_TRY(const std::int64_t dimension, read_dimension(field.bytes));
    shape.push_back(dimension);
  }
  return shape;
}

enum class Direction : std::uint8_t { input, output };

// What a model says of an input or output. An input must have a rank; of an output that may be unknown.
Result<TensorSpec> read_value(ByteView message, Direction direction) {
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
  if (spec.name.empty() || !tensor) {
    return fail(
        Code::model_rejected,
        {"input or output '{}' is not a tensor: sequences, maps and optionals are not served", Disclosed(spec.name)});
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

Result<Bytes> walk_attribute(Walk& walk, ByteView message, int depth) {
  Bytes out;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    switch (field.number) {
      case 5:     // t
      case 10: {  // tensors
        BLINDAI_TRY(const Bytes tensor, walk_tensor(walk, field.bytes, Place::elsewhere, nullptr));
        put_bytes(out, field.number, tensor);
        break;
      }
      case 6:     // g
      case 11: {  // graphs
        BLINDAI_TRY(const Bytes graph, walk_graph(walk, field.bytes, depth + 1, false));
        put_bytes(out, field.number, graph);
        break;
      }
      case 22:    // sparse_tensor
      case 23: {  // sparse_tensors
        BLINDAI_TRY(const Bytes tensor, walk_sparse_tensor(walk, field.bytes));
        put_bytes(out, field.number, tensor);
        break;
      }
      case 13:  // doc_string
        break;
      case 1:
      case 2:
      case 3:
      case 4:
      case 7:
      case 8:
      case 9:
      case 14:
      case 15:
      case 20:
      case 21:
        append(out, field.whole);
        break;
      default:
        return unknown_field("AttributeProto", field.number);
    }
  }
  return out;
}

// Old files name their initialisers among the inputs, so more may stand here than are left in the end.
Result<void> read_boundary(Walk& walk, const Field& field, Direction direction) {
  auto& names = direction == Direction::input ? walk.inputs : walk.outputs;
  auto& specs = direction == Direction::input ? walk.out.inputs : walk.out.outputs;
  if (specs.size() >= walk.limits.initialisers) {
    return fail(Code::too_large, {"the model has more than {} inputs or outputs", walk.limits.initialisers});
  }
  BLINDAI_TRY(auto spec, read_value(field.bytes, direction));
  if (!names.insert(spec.name).second) {
    return fail(Code::model_rejected, {"input or output '{}' stands twice", Disclosed(spec.name)});
  }
  specs.push_back(std::move(spec));
  return {};
}

}  // namespace

std::unexpected<Error> unknown_field(std::string_view message, std::uint32_t number) {
  return fail(Code::model_rejected,
              {"the model has field {} in a {}, which is unknown or not taken", number, Disclosed(message)});
}

Result<std::string> read_name(const Field& field) {
  if (field.wire != Wire::bytes || field.bytes.size() > max_name_bytes) {
    return fail(Code::model_rejected, {"a name in the model is over {} bytes", max_name_bytes});
  }
  return std::string(as_text(field.bytes));
}

Result<Bytes> walk_node(Walk& walk, ByteView message, int depth) {
  if (++walk.out.nodes > walk.limits.nodes) {
    return fail(Code::too_large, {"the model has more than {} nodes", walk.limits.nodes});
  }
  Bytes out;
  std::string type;
  std::string domain;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    switch (field.number) {
      case 5: {
        BLINDAI_TRY(const Bytes attribute, walk_attribute(walk, field.bytes, depth));
        put_bytes(out, 5, attribute);
        break;
      }
      case 4: {
        BLINDAI_TRY(type, read_name(field));
        append(out, field.whole);
        break;
      }
      case 7: {
        BLINDAI_TRY(domain, read_name(field));
        append(out, field.whole);
        break;
      }
      case 1:
      case 2:
      case 3:
      case 8:
        BLINDAI_CHECK(read_name(field));
        append(out, field.whole);
        break;
      case 6:   // doc_string
      case 9:   // metadata_props
      case 10:  // device_configurations
        break;
      default:
        return unknown_field("NodeProto", field.number);
    }
  }
  ++walk.operators[{domain == "ai.onnx" ? "" : domain, type}];
  return out;
}

Result<Bytes> walk_graph(Walk& walk, ByteView message, int depth, bool outer) {
  if (depth > walk.limits.nesting) {
    return fail(Code::too_large, {"the model's graphs are nested deeper than {} levels", walk.limits.nesting});
  }
  Bytes out;
  std::set<std::string, std::less<>> initialisers;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    switch (field.number) {
      case 1: {
        BLINDAI_TRY(const Bytes node, walk_node(walk, field.bytes, depth));
        put_bytes(out, 1, node);
        break;
      }
      case 2:
        BLINDAI_CHECK(read_name(field));
        append(out, field.whole);
        break;
      case 5: {
        const Place place = outer ? Place::outer_initialiser : Place::elsewhere;
        BLINDAI_TRY(const Bytes tensor, walk_tensor(walk, field.bytes, place, &initialisers));
        put_bytes(out, 5, tensor);
        break;
      }
      case 15: {
        BLINDAI_TRY(const Bytes tensor, walk_sparse_tensor(walk, field.bytes));
        put_bytes(out, 15, tensor);
        break;
      }
      case 11:
      case 12:
        if (outer) {
          BLINDAI_CHECK(read_boundary(walk, field, field.number == 11 ? Direction::input : Direction::output));
        }
        append(out, field.whole);
        break;
      case 13:  // value_info
        append(out, field.whole);
        break;
      case 10:  // doc_string
      case 14:  // quantization_annotation
      case 16:  // metadata_props
        break;
      default:
        return unknown_field("GraphProto", field.number);
    }
  }
  if (outer) {
    std::erase_if(walk.out.inputs, [&](const TensorSpec& spec) { return initialisers.contains(spec.name); });
  }
  return out;
}

Result<Bytes> walk_function(Walk& walk, ByteView message, FunctionKey& key, FunctionBody& body) {
  const std::uint64_t nodes_before = walk.out.nodes;
  auto operators_before = std::exchange(walk.operators, {});
  Bytes out;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    switch (field.number) {
      case 7: {
        BLINDAI_TRY(const Bytes node, walk_node(walk, field.bytes, 0));
        put_bytes(out, 7, node);
        break;
      }
      case 11: {
        BLINDAI_TRY(const Bytes attribute, walk_attribute(walk, field.bytes, 0));
        put_bytes(out, 11, attribute);
        break;
      }
      case 1: {
        BLINDAI_TRY(key.second, read_name(field));
        append(out, field.whole);
        break;
      }
      case 10: {
        BLINDAI_TRY(key.first, read_name(field));
        append(out, field.whole);
        break;
      }
      case 4:
      case 5:
      case 6:
      case 9:
      case 12:
      case 13:
        append(out, field.whole);
        break;
      case 8:   // doc_string
      case 14:  // metadata_props
        break;
      default:
        return unknown_field("FunctionProto", field.number);
    }
  }
  body.nodes = walk.out.nodes - nodes_before;
  body.operators = std::exchange(walk.operators, std::move(operators_before));
  for (const auto& [name, count] : body.operators) {
    walk.operators[name] += count;
  }
  return out;
}

}  // namespace blindai::gate
