// NodeProto and AttributeProto.
#include <bit>

#include "engine/reference/operators.h"
#include "engine/reference/read.h"

namespace blindai::engine::reference {
namespace {

constexpr std::size_t max_integers = 1'000'000;

Result<Tensor> embedded_tensor(Reading& reading, ByteView message) {
  if (++reading.tensors > max_tensors) {
    return fail(Code::model_rejected, {"the model has more than {} tensors", max_tensors});
  }
  BLINDAI_TRY(NamedTensor named, read_tensor(message));
  if (named.external) {
    return fail(Code::model_rejected,
                {"tensor '{}' has its data in another file, and no file is ever read", Disclosed(named.name)});
  }
  return std::move(named.tensor);
}

Result<void> read_floats(const Field& field, std::vector<float>& out) {
  const ByteView bytes = field.bytes;
  for (std::size_t i = 0; i + sizeof(float) <= bytes.size(); i += sizeof(float)) {
    float value = 0;
    std::memcpy(&value, bytes.data() + i, sizeof(value));
    out.push_back(value);
  }
  return {};
}

// A list that is empty has nothing but its type to show for it.
enum AttributeType : std::uint64_t { attribute_floats = 6, attribute_ints = 7 };

struct AttributeParts {
  std::string name;
  Attribute value;
  std::vector<float> floats;
  std::vector<std::int64_t> integers;
  std::uint64_t type = 0;
};

Result<void> read_simple(const Field& field, AttributeParts& parts) {
  switch (field.number) {
    case 1: {
      BLINDAI_TRY(parts.name, read_name(field));
      return {};
    }
    case 2:
      parts.value = std::bit_cast<float>(static_cast<std::uint32_t>(field.number_value));
      return {};
    case 3:
      parts.value = static_cast<std::int64_t>(field.number_value);
      return {};
    case 4: {
      BLINDAI_TRY(parts.value, read_name(field));
      return {};
    }
    case 7:
      return read_floats(field, parts.floats);
    case 8:
      return read_integers(field, parts.integers, max_integers);
    case 13:  // doc_string
      return {};
    case 20:
      parts.type = field.number_value;
      return {};
    default:
      return not_taken("AttributeProto", field);
  }
}

// `names`: what the graph around the node has written so far, for subgraphs to read.
Result<void> read_attribute(Reading& reading, ByteView message, const Names& names, int depth, Node& node) {
  AttributeParts parts;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 5) {
      BLINDAI_TRY(parts.value, embedded_tensor(reading, field.bytes));
    } else if (field.number == 6) {
      BLINDAI_TRY(Graph graph, read_graph(reading, field.bytes, &names, depth + 1));
      parts.value = std::make_shared<const Graph>(std::move(graph));
    } else {
      BLINDAI_CHECK(read_simple(field, parts));
    }
  }
  if (parts.type == attribute_floats || !parts.floats.empty()) {
    parts.value = std::move(parts.floats);
  } else if (parts.type == attribute_ints || !parts.integers.empty()) {
    parts.value = std::move(parts.integers);
  }
  if (node.attributes.size() >= max_names ||
      !node.attributes.emplace(std::move(parts.name), std::move(parts.value)).second) {
    return fail(Code::model_rejected, {"a node has an attribute twice, or too many"});
  }
  return {};
}

std::unexpected<Error> lacks(std::string_view type) {
  return fail(Code::model_rejected,
              {"the engine lacks operator '{}' in the version that the model asks for; export with another opset",
               Disclosed(type)});
}

// What a run relies on: known operator, known names, fitting counts.
Result<void> check_node(const Node& node, const Names& names) {
  const Operator& op = *node.op;
  if (node.inputs.size() < op.min_inputs || node.inputs.size() > op.max_inputs ||
      node.outputs.size() > op.max_outputs || node.outputs.empty()) {
    return fail(Code::model_rejected,
                {"operator '{}' is given {} inputs and {} outputs, which the engine does not take", Disclosed(op.type),
                 node.inputs.size(), node.outputs.size()});
  }
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const std::string& name = node.inputs[i];
    if (name.empty() ? i < op.min_inputs : !names.contains(name)) {
      return fail(Code::model_rejected,
                  {"operator '{}' reads '{}', which nothing before it writes", Disclosed(op.type), Disclosed(name)});
    }
  }
  return {};
}

}  // namespace

Result<Node> read_node(Reading& reading, ByteView message, const Names& names, int depth) {
  if (++reading.nodes > max_nodes) {
    return fail(Code::model_rejected, {"the model has more than {} nodes", max_nodes});
  }
  Node node;
  std::string type;
  std::string domain;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    switch (field.number) {
      case 1:
      case 2: {
        auto& list = field.number == 1 ? node.inputs : node.outputs;
        BLINDAI_TRY(auto name, read_name(field));
        list.push_back(std::move(name));
        if (list.size() > max_names) {
          return fail(Code::model_rejected, {"a node has more than {} inputs or outputs", max_names});
        }
        break;
      }
      case 4: {
        BLINDAI_TRY(type, read_name(field));
        break;
      }
      case 5:
        BLINDAI_CHECK(read_attribute(reading, field.bytes, names, depth, node));
        break;
      case 7: {
        BLINDAI_TRY(domain, read_name(field));
        break;
      }
      case 3:   // name
      case 6:   // doc_string
      case 8:   // overload
      case 9:   // metadata_props
      case 10:  // device_configurations
        break;
      default:
        return not_taken("NodeProto", field);
    }
  }
  node.op = domain.empty() || domain == "ai.onnx" ? find_operator(type) : nullptr;
  if (node.op == nullptr) {
    return lacks(type);
  }
  BLINDAI_CHECK(check_node(node, names));
  return node;
}

}  // namespace blindai::engine::reference
