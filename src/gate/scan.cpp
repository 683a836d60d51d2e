// ModelProto, and the order of the walk.
#include "gate/walk.h"

namespace blindai::gate {
namespace {

Result<void> check_files(ByteView body, const std::vector<File>& files) {
  if (files.empty()) {
    return fail(Code::model_rejected, {"there is no model"});
  }
  for (const File& file : files) {
    if (file.offset > body.size() || file.size > body.size() - file.offset) {
      return fail(Code::model_rejected, {"file '{}' lies outside the body", Disclosed(file.name)});
    }
  }
  return {};
}

Result<void> read_opset(ByteView message, Admitted& out) {
  std::pair<std::string, std::int64_t> opset;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1) {
      BLINDAI_TRY(opset.first, read_name(field));
    } else if (field.number == 2 && field.number_value <= 1'000'000) {
      opset.second = static_cast<std::int64_t>(field.number_value);
    } else {
      return unknown_field("OperatorSetIdProto", field.number);
    }
  }
  if (out.opsets.size() >= 64) {
    return fail(Code::model_rejected, {"the model imports more than {} operator sets", 64});
  }
  out.opsets.push_back(std::move(opset));
  return {};
}

struct Parts {
  std::optional<ByteView> graph;
  std::vector<ByteView> functions;
};

Result<Parts> read_model(ByteView message, Walk& walk, Bytes& out) {
  Parts parts;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    switch (field.number) {
      case 1:
        if (field.wire != Wire::varint || field.number_value > 1'000'000) {
          return unknown_field("ModelProto", field.number);
        }
        walk.out.ir_version = static_cast<std::int64_t>(field.number_value);
        append(out, field.whole);
        break;
      case 7:
        if (parts.graph || field.wire != Wire::bytes) {
          return fail(Code::model_rejected, {"the file is not an ONNX model: it must have exactly one graph"});
        }
        parts.graph = field.bytes;
        break;
      case 8:
        BLINDAI_CHECK(read_opset(field.bytes, walk.out));
        append(out, field.whole);
        break;
      case 25:
        if (parts.functions.size() >= walk.limits.nodes) {
          return fail(Code::too_large, {"the model has more than {} functions", walk.limits.nodes});
        }
        parts.functions.push_back(field.bytes);
        break;
      case 2:   // producer_name
      case 3:   // producer_version
      case 4:   // domain
      case 5:   // model_version
      case 6:   // doc_string
      case 14:  // metadata_props
      case 20:  // training_info
      case 26:  // configuration
        break;
      default:
        return unknown_field("ModelProto", field.number);
    }
  }
  if (!parts.graph || walk.out.opsets.empty() || walk.out.ir_version == 0) {
    return fail(Code::model_rejected,
                {"the file is not an ONNX model: it lacks a version, an operator set or a graph"});
  }
  return parts;
}

Result<void> check_boundary(const Walk& walk) {
  if (walk.out.inputs.size() > walk.limits.tensors || walk.out.outputs.size() > walk.limits.tensors) {
    return fail(Code::too_large, {"the model has more than {} inputs or outputs", walk.limits.tensors});
  }
  if (walk.out.outputs.empty()) {
    return fail(Code::model_rejected, {"the model has no output"});
  }
  return {};
}

}  // namespace

Result<Admitted> scan(ByteView body, const std::vector<File>& files, const Limits& limits) {
  BLINDAI_CHECK(check_files(body, files));
  Admitted admitted;
  Walk walk{body, files, limits, admitted, {}, {}, {}, 0, 0};
  Bytes& out = admitted.graph;
  BLINDAI_TRY(const Parts parts, read_model(body.subspan(files.front().offset, files.front().size), walk, out));
  BLINDAI_TRY(const Bytes graph, walk_graph(walk, *parts.graph, 1, true));
  put_bytes(out, 7, graph);
  const std::uint64_t graph_nodes = admitted.nodes;
  const auto calls = walk.operators;
  std::map<FunctionKey, FunctionBody> functions;
  for (const ByteView message : parts.functions) {
    FunctionKey key;
    FunctionBody function;
    BLINDAI_TRY(const Bytes bytes, walk_function(walk, message, key, function));
    if (!functions.emplace(key, std::move(function)).second) {
      return fail(Code::model_rejected, {"function '{}' stands twice", Disclosed(key.second)});
    }
    put_bytes(out, 25, bytes);
  }
  BLINDAI_CHECK(check_expansion(functions, calls, graph_nodes, limits.nodes));
  BLINDAI_CHECK(check_boundary(walk));
  if (out.size() > limits.graph_bytes) {
    return fail(Code::too_large,
                {"the graph without its large weights is over the limit of {} bytes", limits.graph_bytes});
  }
  for (const auto& [name, count] : walk.operators) {
    admitted.operators.push_back({name.first, name.second, count});
  }
  return admitted;
}

}  // namespace blindai::gate
