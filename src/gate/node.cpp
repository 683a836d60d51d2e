// NodeProto and AttributeProto.
#include <algorithm>

#include "gate/operators.h"
#include "gate/walk.h"

namespace blindai::gate {
namespace {

// onnx.proto, AttributeProto.AttributeType: which field holds the value.
struct AttributeKind {
  std::uint64_t type;
  std::uint32_t field;
};
constexpr AttributeKind attribute_kinds[] = {{1, 2}, {2, 3},  {3, 4},   {4, 5},   {5, 6},   {6, 7},   {7, 8},
                                             {8, 9}, {9, 10}, {10, 11}, {11, 22}, {12, 23}, {13, 14}, {14, 15}};

const AttributeKind* kind_of_type(std::uint64_t type) {
  const auto* found = std::ranges::find(attribute_kinds, type, &AttributeKind::type);
  return found == std::end(attribute_kinds) ? nullptr : found;
}

struct AttributeHead {
  std::string_view name;
  std::string_view refers_to;
  std::uint64_t type = 0;
};

Result<AttributeHead> read_head(ByteView message) {
  AttributeHead head;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1) {
      head.name = as_text(field.bytes);
    } else if (field.number == 20) {
      head.type = field.number_value;
    } else if (field.number == 21) {
      head.refers_to = as_text(field.bytes);
    }
  }
  return head;
}

Result<const AttributeKind*> check_head(const Walk& walk, const AttributeHead& head) {
  const AttributeKind* kind = kind_of_type(head.type);
  if (head.name.empty() || kind == nullptr) {
    return fail(Code::model_rejected, {"{}: the attribute has no name or no type", here(walk)});
  }
  if (!head.refers_to.empty() && !walk.in_function) {
    return fail(Code::model_rejected,
                {"{}: the attribute refers to one of a function, but stands in none", here(walk)});
  }
  return kind;
}

struct NodeHead {
  std::string_view name;
  FunctionKey key;
};

Result<NodeHead> read_node_head(ByteView message) {
  NodeHead head;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 3) {
      head.name = as_text(field.bytes);
    } else if (field.number == 4) {
      head.key.name = as_text(field.bytes);
    } else if (field.number == 7) {
      head.key.domain = plain_domain(as_text(field.bytes));
    } else if (field.number == 8) {
      head.key.overload = as_text(field.bytes);
    }
  }
  return head;
}

Result<void> check_operator(const Walk& walk, const FunctionKey& key) {
  if (walk.functions.contains(key)) {
    return {};
  }
  const auto opset = std::ranges::find(*walk.opsets, key.domain, &Opsets::value_type::first);
  if (opset == walk.opsets->end()) {
    return fail(Code::model_rejected, {"{}: the operator is of domain '{}', which the model does not import",
                                       here(walk), Disclosed(domain_name(key.domain))});
  }
  if (engine_has(key.domain, key.name, opset->second)) {
    return {};
  }
  if (const auto known = engine_opsets(key.domain, key.name)) {
    return fail(Code::model_rejected,
                {"{}: the engine lacks operator '{}' in opset {} of '{}'; it has it from opset {} to {}: export with "
                 "another opset",
                 here(walk), Disclosed(key.name), opset->second, Disclosed(domain_name(key.domain)), known->first,
                 known->second});
  }
  return fail(Code::model_rejected, {"{}: the engine lacks operator '{}' of domain '{}'; export without it", here(walk),
                                     Disclosed(key.name), Disclosed(domain_name(key.domain))});
}

// An input of an operator of the engine that no caller may choose.
Result<void> check_fixed_input(const Walk& walk, const FunctionKey& key, std::size_t index, NameId name) {
  if (!walk.passes_on || walk.functions.contains(key) || input_to_fix(key.domain, key.name) != index ||
      walk.constants.contains(name)) {
    return {};
  }
  return fail(Code::model_rejected,
              {"{}: input {} must be a constant of the model: the engine does not check it; export "
               "with a fixed value",
               here(walk), index});
}

// Whether the node is a ZipMap that makes an output of the model.
bool is_zipped(const Walk& walk, const FunctionKey& key, const std::vector<std::string_view>& outputs) {
  return walk.passes_on && !walk.in_function && walk.scopes.outermost() && key == FunctionKey{"ai.onnx.ml", "ZipMap"} &&
         outputs.size() == 1 && zipped(walk, outputs.front()) != nullptr;
}

// Names of attributes of one node: few, so a list does.
Result<void> check_attribute_names(const Walk& walk, ByteView message) {
  std::set<std::string_view> names;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 5) {
      BLINDAI_TRY(const AttributeHead head, read_head(field.bytes));
      if (!names.insert(head.name).second) {
        return fail(Code::model_rejected, {"{}: attribute '{}' stands twice", here(walk), Disclosed(head.name)});
      }
    }
  }
  return {};
}

}  // namespace

Result<Bytes> walk_attribute(Walk& walk, ByteView message) {
  BLINDAI_TRY(const AttributeHead head, read_head(message));
  const Inside inside(walk, {"attribute", head.name, {}, {}});
  BLINDAI_TRY(const AttributeKind* kind, check_head(walk, head));
  Bytes out;
  bool has_value = false;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    const bool is_value = std::ranges::any_of(
        attribute_kinds, [&](const AttributeKind& candidate) { return candidate.field == field.number; });
    if (is_value && (field.number != kind->field || !head.refers_to.empty())) {
      return fail(Code::model_rejected, {"{}: the attribute has a value that is not of its type", here(walk)});
    }
    has_value = has_value || is_value;
    switch (field.number) {
      case 5:     // t
      case 10: {  // tensors
        BLINDAI_TRY(const Bytes tensor, walk_tensor(walk, field.bytes, Place::elsewhere));
        put_bytes(out, field.number, tensor);
        break;
      }
      case 6:     // g
      case 11: {  // graphs
        BLINDAI_TRY(const Bytes graph, walk_graph(walk, field.bytes, false));
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
      default:
        append(out, field.whole);
    }
  }
  const bool may_be_empty = kind->type != 4 && kind->type != 5 && kind->type != 11 && kind->type != 13;
  if (!has_value && !may_be_empty && head.refers_to.empty()) {
    return fail(Code::model_rejected, {"{}: the attribute has no value", here(walk)});
  }
  return out;
}

Result<Bytes> walk_node(Walk& walk, ByteView message, std::uint64_t index) {
  BLINDAI_TRY(const NodeHead head, read_node_head(message));
  const Inside inside(walk, {"node", head.name, head.key.name, index});
  if (++walk.out.nodes > walk.limits.nodes) {
    return fail(Code::too_large, {"the model has more than {} nodes", walk.limits.nodes});
  }
  if (walk.passes_on) {
    BLINDAI_CHECK(check_operator(walk, head.key));
    if (!head.name.empty() && !walk.scopes.name_node(walk.names.id(head.name))) {
      return fail(Code::model_rejected, {"{}: two nodes of the graph have this name", here(walk)});
    }
  }
  BLINDAI_CHECK(check_attribute_names(walk, message));
  Bytes out;
  std::size_t inputs = 0;
  std::vector<std::string_view> outputs;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    switch (field.number) {
      case 5: {
        BLINDAI_TRY(const Bytes attribute, walk_attribute(walk, field.bytes));
        put_bytes(out, 5, attribute);
        break;
      }
      case 1:
        if (!field.bytes.empty()) {
          BLINDAI_CHECK(use_name(walk, as_text(field.bytes)));
          BLINDAI_CHECK(check_fixed_input(walk, head.key, inputs, walk.names.id(as_text(field.bytes))));
        }
        ++inputs;
        append(out, field.whole);
        break;
      case 2:
        if (!field.bytes.empty()) {
          outputs.push_back(as_text(field.bytes));
        }
        append(out, field.whole);
        break;
      case 6:   // doc_string
      case 9:   // metadata_props
      case 10:  // device_configurations
        break;
      default:
        append(out, field.whole);
    }
  }
  for (const std::string_view name : outputs) {  // not visible to the graphs in the node itself
    BLINDAI_CHECK(define_name(walk, name, "output"));
    if (head.key.name == "Constant" && head.key.domain.empty()) {
      walk.constants.insert(walk.names.id(name));
    }
  }
  ++walk.operators[head.key];
  if (is_zipped(walk, head.key, outputs)) {
    BLINDAI_CHECK(check_operator(walk, {"", "Identity"}));
    return without_zipmap(message);
  }
  if (walk.passes_on && head.key == FunctionKey{"", "StringNormalizer"}) {
    return with_known_locale(walk, out);
  }
  return out;
}

}  // namespace blindai::gate
