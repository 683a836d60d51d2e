// ZipMap: how skl2onnx ends a classifier by default. It turns the probabilities, one column for each class, into a list of
// maps, for which V2 has no datatype. The columns are what callers want, so the output becomes the ZipMap's own input, and
// the report names the classes.
#include <algorithm>
#include <string>

#include "base/utf8.h"
#include "gate/walk.h"

namespace blindai::gate {
namespace {

constexpr std::size_t most_labels = 1000;  // that are named
constexpr std::size_t most_label_bytes = 64 * 1024;
constexpr std::uint64_t float_code = 1;

ByteView message_in(ByteView message, std::uint32_t number) {
  ByteView found;
  for (Fields fields(message); !fields.done();) {
    if (const auto field = fields.next(); field && field->number == number) {
      found = field->bytes;
    }
  }
  return found;
}

// type.sequence_type.elem_type.map_type.value_type.tensor_type, of 32-bit floats.
bool is_list_of_maps(ByteView value_info) {
  ByteView type = value_info;
  for (const std::uint32_t number : {2U, 4U, 1U, 5U, 2U, 1U}) {
    type = message_in(type, number);
  }
  for (Fields fields(type); !fields.done();) {
    if (const auto field = fields.next(); field && field->number == 1) {
      return field->number_value == float_code;
    }
  }
  return false;
}

// Of classlabels_int64s or classlabels_strings: whichever has elements.
Result<void> read_labels(ByteView attribute, Classes& classes) {
  std::size_t bytes = 0;
  const auto add = [&](std::string label) {
    ++classes.count;
    bytes += label.size();
    if (classes.labels.size() < most_labels && bytes <= most_label_bytes) {
      classes.labels.push_back(std::move(label));
    }
  };
  const auto add_number = [&](std::uint64_t value) { add(std::to_string(static_cast<std::int64_t>(value))); };
  for (Fields fields(attribute); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 9) {  // strings
      add(is_utf8(field.bytes) ? std::string(as_text(field.bytes)) : "(not UTF-8)");
    } else if (field.number == 8 && field.wire == Wire::varint) {  // ints
      add_number(field.number_value);
    } else if (field.number == 8) {
      for (ByteView rest = field.bytes; !rest.empty();) {
        add_number(protobuf::take_varint(rest).value_or(0));
      }
    }
  }
  return {};
}

struct Node {
  std::string_view type;
  std::string_view domain;
  std::string_view name;
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> outputs;
  std::vector<ByteView> attributes;
  bool is_zipmap() const {
    return type == "ZipMap" && domain == "ai.onnx.ml" && inputs.size() == 1 && outputs.size() == 1;
  }
};

Result<Node> read_node(ByteView message) {
  Node node;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    switch (field.number) {
      case 1:
        node.inputs.push_back(as_text(field.bytes));
        break;
      case 2:
        node.outputs.push_back(as_text(field.bytes));
        break;
      case 3:
        node.name = as_text(field.bytes);
        break;
      case 4:
        node.type = as_text(field.bytes);
        break;
      case 5:
        node.attributes.push_back(field.bytes);
        break;
      case 7:
        node.domain = as_text(field.bytes);
        break;
      default:
        break;
    }
  }
  return node;
}

}  // namespace

Result<void> find_zipped(Walk& walk, ByteView graph) {
  std::unordered_set<NameId> wanted;
  for (Fields fields(graph); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 12 && is_list_of_maps(field.bytes)) {
      wanted.insert(walk.names.id(as_text(message_in(field.bytes, 1))));
    }
  }
  for (Fields fields(graph); !wanted.empty() && !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number != 1) {
      continue;
    }
    BLINDAI_TRY(const Node node, read_node(field.bytes));
    if (!node.is_zipmap() || wanted.erase(walk.names.id(node.outputs.front())) == 0) {
      continue;
    }
    Classes classes{std::string(node.outputs.front()), {}, 0};
    for (const ByteView attribute : node.attributes) {
      BLINDAI_CHECK(read_labels(attribute, classes));
    }
    if (walk.out.classes.size() >= walk.limits.tensors) {
      return fail(Code::too_large, {"the model has more than {} outputs", walk.limits.tensors});
    }
    walk.out.classes.push_back(std::move(classes));
  }
  return {};
}

const Classes* zipped(const Walk& walk, std::string_view output) {
  const auto found = std::ranges::find(walk.out.classes, output, &Classes::output);
  return found == walk.out.classes.end() ? nullptr : &*found;
}

Result<Bytes> without_zipmap(ByteView message) {
  BLINDAI_TRY(const Node node, read_node(message));
  Bytes out;
  put_bytes(out, 1, as_bytes(node.inputs.front()));
  put_bytes(out, 2, as_bytes(node.outputs.front()));
  if (!node.name.empty()) {
    put_bytes(out, 3, as_bytes(node.name));
  }
  put_bytes(out, 4, as_bytes("Identity"));
  return out;
}

Bytes zipped_value(const Classes& classes) {
  Bytes columns;
  put_number(columns, 1, classes.count);
  Bytes shape;
  put_bytes(shape, 1, {});
  put_bytes(shape, 1, columns);
  Bytes tensor;
  put_number(tensor, 1, float_code);
  put_bytes(tensor, 2, shape);
  Bytes type;
  put_bytes(type, 1, tensor);
  Bytes out;
  put_bytes(out, 1, as_bytes(classes.output));
  put_bytes(out, 2, type);
  return out;
}

}  // namespace blindai::gate
