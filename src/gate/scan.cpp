// ModelProto, and the order of the walk.
#include <algorithm>

#include "gate/estimate.h"
#include "gate/operators.h"
#include "gate/rows.h"
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

struct Parts {
  std::optional<ByteView> graph;
  std::vector<ByteView> functions;
  std::vector<ByteView> training;
};

Result<Parts> read_model(ByteView message, Walk& walk, Bytes& out) {
  Parts parts;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    switch (field.number) {
      case 1:
        walk.out.ir_version = static_cast<std::int64_t>(field.number_value);
        append(out, field.whole);
        break;
      case 7:
        parts.graph = field.bytes;
        break;
      case 8:
        BLINDAI_CHECK(read_opset(field.bytes, walk.out.opsets));
        append(out, field.whole);
        break;
      case 20:
        parts.training.push_back(field.bytes);
        break;
      case 25:
        if (parts.functions.size() >= walk.limits.nodes) {
          return fail(Code::too_large, {"the model has more than {} functions", walk.limits.nodes});
        }
        parts.functions.push_back(field.bytes);
        break;
      default:  // producer, domain, version, notes, metadata, configuration
        break;
    }
  }
  if (!parts.graph || walk.out.opsets.empty() || walk.out.ir_version == 0) {
    return fail(Code::model_rejected,
                {"the file is not an ONNX model: it lacks a version, an operator set or a graph"});
  }
  return parts;
}

Result<void> read_function_names(Walk& walk, const std::vector<ByteView>& functions) {
  for (const ByteView message : functions) {
    BLINDAI_TRY(const FunctionKey key, read_function_key(message));
    if (!walk.functions.insert(key).second) {
      return fail(Code::model_rejected, {"function '{}' stands twice", Disclosed(key.name)});
    }
  }
  return {};
}

// The engine never sees training, so its names and operators are not followed; its tensors keep the rules of all.
Result<void> walk_training(Walk& walk, ByteView message) {
  const Inside inside(walk, {"training", {}, {}, {}});
  const std::uint64_t nodes = walk.out.nodes;
  const std::uint64_t parameters = walk.out.parameters;
  const auto operators = walk.operators;
  walk.passes_on = false;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1 || field.number == 2) {
      BLINDAI_CHECK(walk_graph(walk, field.bytes, false));
    }
  }
  walk.passes_on = true;
  walk.out.nodes = nodes;
  walk.out.parameters = parameters;
  walk.operators = operators;
  walk.out.has_training = true;
  return {};
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

Result<void> read_opset(ByteView message, Opsets& out) {
  std::pair<std::string, std::int64_t> opset;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1) {
      opset.first = plain_domain(as_text(field.bytes));
    } else if (field.number == 2) {
      opset.second = static_cast<std::int64_t>(field.number_value);
    }
  }
  const Disclosed name(domain_name(opset.first));
  if (out.size() >= max_opsets) {
    return fail(Code::model_rejected, {"the model imports more than {} operator sets", max_opsets});
  }
  if (const auto known = std::ranges::find(out, opset.first, &Opsets::value_type::first); known != out.end()) {
    if (known->second == opset.second) {  // as skl2onnx writes it
      return {};
    }
    return fail(Code::model_rejected,
                {"the model imports operator set '{}' in versions {} and {}", name, known->second, opset.second});
  }
  const auto newest = newest_opset(opset.first);
  if (opset.second < 1 || (newest && opset.second > *newest)) {
    return fail(
        Code::model_rejected,
        {"the model imports operator set '{}' in version {}; the engine knows 1 to {}: export with another opset", name,
         opset.second, newest.value_or(INT32_MAX)});
  }
  out.push_back(std::move(opset));
  return {};
}

Result<Admitted> scan(ByteView body, const std::vector<File>& files, const Limits& limits) {
  BLINDAI_CHECK(check_files(body, files));
  const ByteView model = body.subspan(files.front().offset, files.front().size);
  BLINDAI_CHECK(check_form(model, limits));
  Admitted admitted;
  Walk walk{body, files, limits, admitted};
  Bytes& out = admitted.graph;
  BLINDAI_TRY(const Parts parts, read_model(model, walk, out));
  BLINDAI_CHECK(read_function_names(walk, parts.functions));
  walk.opsets = &admitted.opsets;
  BLINDAI_TRY(const Bytes graph, walk_graph(walk, *parts.graph, true));
  BLINDAI_TRY(admitted.rows, prove_rows(walk, *parts.graph));
  if (admitted.rows.proved) {
    BLINDAI_TRY(const Bytes unclaimed, without_claims(graph));
    put_bytes(out, 7, unclaimed);
  } else {
    put_bytes(out, 7, graph);
  }
  const std::uint64_t graph_nodes = admitted.nodes;
  const auto calls = walk.operators;
  std::map<FunctionKey, FunctionBody> functions;
  for (const ByteView message : parts.functions) {
    BLINDAI_TRY(const FunctionKey key, read_function_key(message));
    BLINDAI_TRY(const Bytes bytes, walk_function(walk, message, functions[key]));
    put_bytes(out, 25, bytes);
  }
  BLINDAI_CHECK(check_expansion(functions, calls, graph_nodes, limits));
  BLINDAI_CHECK(check_boundary(walk));
  for (const ByteView message : parts.training) {
    BLINDAI_CHECK(walk_training(walk, message));
  }
  if (out.size() > limits.graph_bytes) {
    return fail(Code::too_large,
                {"the graph without its large weights is over the limit of {} bytes", limits.graph_bytes});
  }
  for (const auto& [key, count] : walk.operators) {
    auto& operators = admitted.operators;
    if (!operators.empty() && operators.back().domain == key.domain && operators.back().type == key.name) {
      operators.back().count += count;  // another overload
    } else {
      operators.push_back({std::string(key.domain), std::string(key.name), count});
    }
  }
  BLINDAI_TRY(admitted.estimate, estimate(*parts.graph, walk.names));
  return admitted;
}

}  // namespace blindai::gate
