// Weights by reference. AddExternalInitializers would copy each of them before the graph is optimised and free the copies
// afterwards: the whole model twice in memory. The model editor adds an initialiser where it lies, but to a model that
// has been read already and must hold together without it; so the weights are inputs of the graph at first. See
// docs/adr/0006-weights-by-the-model-editor.md.
#include "engine/onnxruntime_weights.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/protobuf.h"

// What version 22 of the interface has and the header, of version 21, lacks. The interface only grows: a function keeps its
// place for ever. (onnxruntime_c_api.h of 1.22: the end of OrtApi, and OrtModelEditorApi.)
struct OrtValueInfo;
struct OrtGraph;
struct OrtModel;

namespace blindai::engine {
namespace {

using Untold = void (*)();  // a function that is not called here

struct ModelEditor {
  std::array<Untold, 5> type_infos;
  OrtStatusPtr (*create_value_info)(const char* name, const OrtTypeInfo*, OrtValueInfo** out);
  Untold create_node;
  OrtStatusPtr (*create_graph)(OrtGraph** out);
  OrtStatusPtr (*set_graph_inputs)(OrtGraph*, OrtValueInfo** taken, std::size_t count);
  Untold set_graph_outputs;
  OrtStatusPtr (*add_initializer_to_graph)(OrtGraph*, const char* name, OrtValue* taken, bool by_reference);
  Untold add_node_to_graph;
  OrtStatusPtr (*create_model)(const char* const* domains, const int* versions, std::size_t count, OrtModel** out);
  OrtStatusPtr (*add_graph_to_model)(OrtModel*, OrtGraph* taken);
  Untold create_session_from_model;
  Untold create_model_editor_session;
  OrtStatusPtr (*create_model_editor_session_from_array)(const OrtEnv*, const void* model, std::size_t size,
                                                         const OrtSessionOptions*, OrtSession** out);
  Untold session_get_opset_for_domain;
  OrtStatusPtr (*apply_model_to_model_editor_session)(OrtSession*, OrtModel*);
  OrtStatusPtr (*finalize_model_editor_session)(OrtSession*, const OrtSessionOptions*, OrtPrepackedWeightsContainer*);
};

constexpr std::uint32_t editor_version = 22;
struct Api {
  OrtApi version_21;
  void (*release_value_info)(OrtValueInfo*);
  Untold release_node;
  void (*release_graph)(OrtGraph*);
  void (*release_model)(OrtModel*);
  Untold get_value_info_name;
  Untold get_value_info_type_info;
  const ModelEditor* (*get_model_editor_api)();
};
static_assert(ORT_API_VERSION == 21, "the header has the model editor itself: take it from there");

const Api* api_of(const OrtApiBase& library) {
  return reinterpret_cast<const Api*>(library.GetApi(editor_version));  // NOLINT: of which OrtApi is the beginning
}

void check(OrtStatusPtr status) { Ort::ThrowOnError(status); }

template <typename T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

// A session that exists and lacks its last step. Ort::Session has no constructor for one.
struct EditedSession : Ort::Session {
  explicit EditedSession(OrtSession* session) : Ort::Session(nullptr) { p_ = session; }
};

// ValueInfoProto, TypeProto, TypeProto.Tensor, TensorShapeProto (onnx.proto).
Bytes value_info(const WeightView& weight) {
  Bytes shape;
  for (const std::int64_t dimension : weight.shape) {
    Bytes value;
    protobuf::put_number(value, 1, static_cast<std::uint64_t>(dimension));
    protobuf::put_bytes(shape, 1, value);
  }
  Bytes tensor;
  protobuf::put_number(tensor, 1, static_cast<std::uint64_t>(element_type(weight.datatype)));
  protobuf::put_bytes(tensor, 2, shape);
  Bytes type;
  protobuf::put_bytes(type, 1, tensor);
  Bytes info;
  protobuf::put_bytes(info, 1, as_bytes(weight.name));
  protobuf::put_bytes(info, 2, type);
  return info;
}

std::unexpected<Error> damaged() { return fail(Code::model_rejected, {"the model is cut off or damaged"}); }

// The text of a field, of a ValueInfoProto (1) or a TensorProto (8).
Result<std::string_view> name_in(ByteView message, std::uint32_t number) {
  std::string_view name;
  for (protobuf::Reader reader(message); !reader.done();) {
    const auto field = reader.next();
    if (!field) {
      return damaged();
    }
    if (field->number == number) {
      name = as_text(field->bytes);
    }
  }
  return name;
}

constexpr std::uint32_t initializer_field = 5;  // of GraphProto
constexpr std::uint32_t input_field = 11;
constexpr std::uint32_t graph_field = 7;  // of ModelProto

// A model in which the weights are inputs, and which of them were not before.
struct Opened {
  Bytes model;
  std::set<std::string, std::less<>> added;
};

Result<Bytes> open_graph(ByteView graph, const std::map<std::string_view, const WeightView*>& weights,
                         std::set<std::string, std::less<>>& added) {
  Bytes out;
  std::set<std::string_view> inputs;
  for (protobuf::Reader reader(graph); !reader.done();) {
    const auto field = reader.next();
    if (!field) {
      return damaged();
    }
    if (field->number == initializer_field) {
      BLINDAI_TRY(const std::string_view name, name_in(field->bytes, 8));
      if (weights.contains(name)) {
        added.emplace(name);
        continue;
      }
    } else if (field->number == input_field) {
      BLINDAI_TRY(const std::string_view name, name_in(field->bytes, 1));
      inputs.insert(name);
    }
    append(out, field->whole);
  }
  // Old files name their initialisers among the inputs. So may new ones, which makes a default value of a constant.
  std::erase_if(added, [&](const std::string& name) { return inputs.contains(name); });
  for (const std::string& name : added) {
    protobuf::put_bytes(out, input_field, value_info(*weights.find(name)->second));
  }
  return out;
}

Result<Opened> open_model(ByteView model, const std::vector<WeightView>& weights) {
  std::map<std::string_view, const WeightView*> by_name;
  for (const WeightView& weight : weights) {
    by_name.emplace(weight.name, &weight);
  }
  Opened opened;
  for (protobuf::Reader reader(model); !reader.done();) {
    const auto field = reader.next();
    if (!field) {
      return damaged();
    }
    if (field->number == graph_field) {
      BLINDAI_TRY(const Bytes graph, open_graph(field->bytes, by_name, opened.added));
      protobuf::put_bytes(opened.model, graph_field, graph);
    } else {
      append(opened.model, field->whole);
    }
  }
  return opened;
}

// What shapes are inferred from must be the engine's own; it refuses to refer to so little.
constexpr std::size_t copied_below_bytes = 128;

void add_weight(const ModelEditor& editor, OrtGraph* changes, const WeightView& weight) {
  const bool by_reference = weight.data.size() >= copied_below_bytes;
  Ort::Value value = tensor_over(weight.data, weight.datatype, weight.shape);
  if (!by_reference) {
    Ort::AllocatorWithDefaultOptions allocator;
    value =
        Ort::Value::CreateTensor(allocator, weight.shape.data(), weight.shape.size(), element_type(weight.datatype));
    std::ranges::copy(weight.data, static_cast<std::uint8_t*>(value.GetTensorMutableRawData()));
  }
  check(editor.add_initializer_to_graph(changes, weight.name.c_str(), value, by_reference));
  static_cast<void>(value.release());
}

// Takes the weights that were added out of the inputs again: what is no input is a constant.
void keep_inputs(const Api& api, const ModelEditor& editor, const Ort::Session& session,
                 const std::set<std::string, std::less<>>& added, OrtGraph* changes) {
  Ort::AllocatorWithDefaultOptions allocator;
  std::vector<Owned<OrtValueInfo>> kept;
  for (std::size_t i = 0; i < session.GetInputCount(); ++i) {
    const auto name = session.GetInputNameAllocated(i, allocator);
    if (!added.contains(name.get())) {
      OrtValueInfo* info = nullptr;
      check(editor.create_value_info(name.get(), session.GetInputTypeInfo(i), &info));
      kept.emplace_back(info, api.release_value_info);
    }
  }
  std::vector<OrtValueInfo*> inputs;
  for (const auto& info : kept) {
    inputs.push_back(info.get());
  }
  check(editor.set_graph_inputs(changes, inputs.data(), inputs.size()));
  for (auto& info : kept) {
    static_cast<void>(info.release());
  }
}

}  // namespace

std::optional<DataType> datatype_of(ONNXTensorElementDataType type) {
  switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL:
      return DataType::boolean;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8:
      return DataType::uint8;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16:
      return DataType::uint16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32:
      return DataType::uint32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64:
      return DataType::uint64;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8:
      return DataType::int8;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING:
      return DataType::bytes;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16:
      return DataType::int16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
      return DataType::int32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
      return DataType::int64;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16:
      return DataType::fp16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16:
      return DataType::bf16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
      return DataType::fp32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE:
      return DataType::fp64;
    default:
      return std::nullopt;
  }
}

ONNXTensorElementDataType element_type(DataType type) {
  for (int value = 0; value <= ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16; ++value) {
    if (datatype_of(static_cast<ONNXTensorElementDataType>(value)) == type) {
      return static_cast<ONNXTensorElementDataType>(value);
    }
  }
  return ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
}

Ort::Value tensor_over(ByteView data, DataType type, const Shape& shape) {
  static const auto memory = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
  static std::uint64_t nothing = 0;
  void* address = data.empty() ? static_cast<void*>(&nothing) : const_cast<std::uint8_t*>(data.data());  // NOLINT
  return Ort::Value::CreateTensor(memory, address, data.size(), shape.data(), shape.size(), element_type(type));
}

bool can_edit_models(const OrtApiBase& library) {
  const Api* api = api_of(library);
  return api != nullptr && api->get_model_editor_api() != nullptr;
}

Result<Ort::Session> session_over(const OrtApiBase& library, const Ort::Env& env, const Ort::SessionOptions& options,
                                  ByteView graph, const std::vector<WeightView>& weights) {
  if (weights.empty()) {
    return Ort::Session(env, graph.data(), graph.size(), options);
  }
  const Api& api = *api_of(library);
  const ModelEditor& editor = *api.get_model_editor_api();
  OrtSession* raw = nullptr;
  std::set<std::string, std::less<>> added;
  {
    BLINDAI_TRY(Opened opened, open_model(graph, weights));
    added = std::move(opened.added);
    check(editor.create_model_editor_session_from_array(env, opened.model.data(), opened.model.size(), options, &raw));
  }
  EditedSession session(raw);

  OrtGraph* changes = nullptr;
  check(editor.create_graph(&changes));
  Owned<OrtGraph> owned_changes(changes, api.release_graph);
  keep_inputs(api, editor, session, added, changes);
  for (const WeightView& weight : weights) {
    add_weight(editor, changes, weight);
  }
  OrtModel* update = nullptr;
  check(editor.create_model(nullptr, nullptr, 0, &update));
  const Owned<OrtModel> owned_update(update, api.release_model);
  check(editor.add_graph_to_model(update, changes));
  static_cast<void>(owned_changes.release());
  check(editor.apply_model_to_model_editor_session(session, update));
  check(editor.finalize_model_editor_session(session, options, nullptr));
  return Ort::Session(std::move(session));
}

}  // namespace blindai::engine
