// ModelProto and GraphProto.
#include "engine/reference/read.h"

#include <algorithm>

namespace blindai::engine::reference {
namespace {

constexpr std::size_t max_name_bytes = 4096;

Result<void> add_initialiser(Reading& reading, ByteView message, bool outer, Graph& graph) {
  if (++reading.tensors > max_tensors) {
    return fail(Code::model_rejected, {"the model has more than {} tensors", max_tensors});
  }
  BLINDAI_TRY(NamedTensor named, read_tensor(message));
  if (named.external) {
    const auto weight = std::ranges::find(reading.weights, named.name, &WeightView::name);
    if (!outer || weight == reading.weights.end() || weight->datatype != named.tensor.datatype ||
        weight->shape != named.tensor.shape || byte_size(weight->datatype, weight->shape) != weight->data.size()) {
      return fail(Code::model_rejected,
                  {"tensor '{}' has its data in another file, and no file is ever read", Disclosed(named.name)});
    }
    named.tensor.data = weight->data;
  }
  if (named.name.empty() || !graph.initialisers.emplace(named.name, std::move(named.tensor)).second) {
    return fail(Code::model_rejected, {"initialiser '{}' stands twice or has no name", Disclosed(named.name)});
  }
  return {};
}

// The fields of a graph come in any order; nodes can be read only when all that stands outside them is known.
struct GraphParts {
  std::vector<ByteView> nodes;
  std::vector<TensorSpec> inputs;
};

Result<GraphParts> read_surroundings(Reading& reading, ByteView message, bool outer, Graph& graph) {
  GraphParts parts;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    switch (field.number) {
      case 1:
        parts.nodes.push_back(field.bytes);
        break;
      case 5:
        BLINDAI_CHECK(add_initialiser(reading, field.bytes, outer, graph));
        break;
      case 11:
      case 12: {
        BLINDAI_TRY(auto spec, read_value_info(field.bytes, outer));
        auto& list = field.number == 11 ? parts.inputs : graph.outputs;
        list.push_back(std::move(spec));
        if (list.size() > max_tensors) {
          return fail(Code::model_rejected, {"the model has more than {} tensors", max_tensors});
        }
        break;
      }
      case 2:   // name
      case 10:  // doc_string
      case 13:  // value_info
      case 14:  // quantization_annotation
      case 16:  // metadata_props
        break;
      default:
        return not_taken("GraphProto", field);
    }
  }
  return parts;
}

Result<void> read_opset(ByteView message, Reading& reading) {
  std::string domain;
  std::uint64_t version = 0;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1) {
      BLINDAI_TRY(domain, read_name(field));
    } else if (field.number == 2) {
      version = field.number_value;
    } else {
      return not_taken("OperatorSetIdProto", field);
    }
  }
  if (domain.empty() || domain == "ai.onnx") {
    if (version < first_opset || version > last_opset) {
      return fail(Code::model_rejected, {"the engine takes opsets {} to {}, not {}", first_opset, last_opset, version});
    }
    reading.opset = static_cast<std::int64_t>(version);
  }
  return {};
}

}  // namespace

Result<Field> Fields::next() {
  const auto field = reader_.next();
  if (!field) {
    return fail(Code::model_rejected, {"the file is not an ONNX model, or it is cut off or damaged"});
  }
  return *field;
}

std::unexpected<Error> not_taken(std::string_view message, const Field& field) {
  return fail(Code::model_rejected,
              {"the model has field {} in a {}, which is unknown or not taken", field.number, Disclosed(message)});
}

Result<std::string> read_name(const Field& field) {
  if (field.wire != Wire::bytes || field.bytes.size() > max_name_bytes) {
    return fail(Code::model_rejected, {"a name in the model is over {} bytes", max_name_bytes});
  }
  return std::string(as_text(field.bytes));
}

Result<void> read_integers(const Field& field, std::vector<std::int64_t>& out, std::size_t limit) {
  const auto add = [&](std::uint64_t value) -> Result<void> {
    if (out.size() >= limit) {
      return fail(Code::model_rejected, {"a list in the model has more than {} entries", limit});
    }
    out.push_back(static_cast<std::int64_t>(value));
    return {};
  };
  if (field.wire != Wire::bytes) {
    return add(field.number_value);
  }
  for (ByteView rest = field.bytes; !rest.empty();) {
    const auto value = protobuf::take_varint(rest);
    if (!value) {
      return fail(Code::model_rejected, {"a list in the model is cut off"});
    }
    BLINDAI_CHECK(add(*value));
  }
  return {};
}

Result<Graph> read_graph(Reading& reading, ByteView message, const Names* outer, int depth) {
  if (depth > max_nesting) {
    return fail(Code::model_rejected, {"the model's graphs are nested deeper than {} levels", max_nesting});
  }
  Graph graph;
  BLINDAI_TRY(GraphParts parts, read_surroundings(reading, message, depth == 0, graph));
  Names names{.own = {}, .outer = outer};
  const auto add = [&](const std::string& name) -> Result<void> {
    if (name.empty() || names.contains(name)) {
      return fail(Code::model_rejected, {"'{}' is written twice, or has no name", Disclosed(name)});
    }
    names.own.insert(name);
    return {};
  };
  for (const auto& [name, tensor] : graph.initialisers) {
    BLINDAI_CHECK(add(name));
  }
  for (TensorSpec& spec : parts.inputs) {
    if (!graph.initialisers.contains(spec.name)) {  // old files name their initialisers among the inputs
      BLINDAI_CHECK(add(spec.name));
      graph.inputs.push_back(std::move(spec));
    }
  }
  for (const ByteView bytes : parts.nodes) {
    BLINDAI_TRY(Node node, read_node(reading, bytes, names, depth));
    for (const std::string& name : node.outputs) {
      BLINDAI_CHECK(name.empty() ? Result<void>() : add(name));
    }
    graph.nodes.push_back(std::move(node));
  }
  for (const TensorSpec& spec : graph.outputs) {
    if (!names.contains(spec.name)) {
      return fail(Code::model_rejected, {"output '{}' is written by nothing", Disclosed(spec.name)});
    }
  }
  return graph;
}

Result<ModelFile> read_model(ByteView file, const std::vector<WeightView>& weights) {
  Reading reading{.weights = weights};
  std::optional<ByteView> graph;
  for (Fields fields(file); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 7 && field.wire == Wire::bytes && !graph) {
      graph = field.bytes;
    } else if (field.number == 8) {
      BLINDAI_CHECK(read_opset(field.bytes, reading));
    } else if (field.number > 6 && field.number != 14) {  // functions and training are not taken; metadata says nothing
      return not_taken("ModelProto", field);
    }
  }
  if (!graph || reading.opset == 0) {
    return fail(Code::model_rejected, {"the file is not an ONNX model: it must have one graph and say its opset"});
  }
  ModelFile model;
  BLINDAI_TRY(model.graph, read_graph(reading, *graph, nullptr, 0));
  model.opset = reading.opset;
  return model;
}

}  // namespace blindai::engine::reference
