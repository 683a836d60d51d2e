// FunctionProto: an operator that the model brings itself.
#include <utility>

#include "gate/operators.h"
#include "gate/walk.h"

namespace blindai::gate {
namespace {

struct Signature {
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> outputs;
  Opsets opsets;
};

Result<Signature> read_signature(ByteView message) {
  Signature signature;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 4) {
      signature.inputs.push_back(as_text(field.bytes));
    } else if (field.number == 5) {
      signature.outputs.push_back(as_text(field.bytes));
    } else if (field.number == 9) {
      BLINDAI_CHECK(read_opset(field.bytes, signature.opsets));
    }
  }
  return signature;
}

// What stands in a function sees the function alone.
Result<Bytes> walk_body(Walk& walk, ByteView message, const Signature& signature) {
  for (const std::string_view name : signature.inputs) {
    BLINDAI_CHECK(define_name(walk, name, "input"));
  }
  Bytes out;
  std::uint64_t nodes = 0;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    switch (field.number) {
      case 7: {
        BLINDAI_TRY(const Bytes node, walk_node(walk, field.bytes, nodes++));
        put_bytes(out, 7, node);
        break;
      }
      case 11: {
        BLINDAI_TRY(const Bytes attribute, walk_attribute(walk, field.bytes));
        put_bytes(out, 11, attribute);
        break;
      }
      case 8:   // doc_string
      case 14:  // metadata_props
        break;
      default:
        append(out, field.whole);
    }
  }
  for (const std::string_view name : signature.outputs) {
    if (!walk.scopes.innermost(walk.names.id(name))) {
      return fail(Code::model_rejected, {"{}: nothing in it gives its output '{}'", here(walk), Disclosed(name)});
    }
  }
  return out;
}

}  // namespace

Result<FunctionKey> read_function_key(ByteView message) {
  FunctionKey key;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1) {
      key.name = as_text(field.bytes);
    } else if (field.number == 10) {
      key.domain = plain_domain(as_text(field.bytes));
    } else if (field.number == 13) {
      key.overload = as_text(field.bytes);
    }
  }
  if (key.name.empty() || engine_opsets(key.domain, key.name)) {
    return fail(Code::model_rejected,
                {"function '{}' of the model has no name, or that of an operator of the engine", Disclosed(key.name)});
  }
  return key;
}

Result<Bytes> walk_function(Walk& walk, ByteView message, FunctionBody& body) {
  BLINDAI_TRY(const FunctionKey key, read_function_key(message));
  BLINDAI_TRY(const Signature signature, read_signature(message));
  const Inside inside(walk, {"function", key.name, {}, {}});
  const std::uint64_t nodes_before = walk.out.nodes;
  const std::uint64_t written_before = walk.written;
  auto operators_before = std::exchange(walk.operators, {});
  const Opsets* opsets_before = std::exchange(walk.opsets, &signature.opsets);
  walk.in_function = true;
  walk.scopes.open();
  auto out = walk_body(walk, message, signature);
  walk.scopes.close();
  walk.in_function = false;
  walk.opsets = opsets_before;
  body.nodes = walk.out.nodes - nodes_before;
  body.bytes = walk.written - written_before;
  body.operators = std::exchange(walk.operators, std::move(operators_before));
  for (const auto& [name, count] : body.operators) {
    walk.operators[name] += count;
  }
  return out;
}

}  // namespace blindai::gate
