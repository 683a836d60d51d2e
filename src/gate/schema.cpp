#include "gate/schema.h"

namespace blindai::gate {
namespace {

constexpr std::uint64_t max_int32 = 0x7fffffff;
constexpr std::uint64_t max_version = 1'000'000;

// Types refer to each other, so all are declared before their rules.
extern const MessageType entry_type;
extern const MessageType opset_type;
extern const MessageType attribute_type;
extern const MessageType tensor_type;
extern const MessageType sparse_type;
extern const MessageType value_type;
extern const MessageType type_type;
extern const MessageType tensor_type_type;
extern const MessageType element_type_type;
extern const MessageType map_type;
extern const MessageType opaque_type;
extern const MessageType shape_type;
extern const MessageType dimension_type;
extern const MessageType function_type;
extern const MessageType training_type;

constexpr FieldRule text(std::uint32_t number, std::string_view name) { return {number, name, Kind::text}; }
constexpr FieldRule texts(std::uint32_t number, std::string_view name) { return {number, name, Kind::text, true}; }
constexpr FieldRule one(std::uint32_t number, std::string_view name, const MessageType& of) {
  return {number, name, Kind::message, false, &of};
}
constexpr FieldRule many(std::uint32_t number, std::string_view name, const MessageType& of) {
  return {number, name, Kind::message, true, &of};
}
constexpr FieldRule either(std::uint32_t number, std::string_view name, const MessageType& of) {
  return {number, name, Kind::message, false, &of, true};
}
// About devices: not looked into, and not passed on.
constexpr FieldRule left_out(std::uint32_t number, std::string_view name) {
  return {number, name, Kind::message, true};
}
constexpr FieldRule number(std::uint32_t number, std::string_view name, std::uint64_t most = UINT64_MAX) {
  return {number, name, Kind::number, false, nullptr, false, most};
}
constexpr FieldRule data(std::uint32_t number, std::string_view name, Kind kind, bool repeated) {
  return {number, name, kind, repeated, nullptr, false, UINT64_MAX, true};
}

constexpr FieldRule model_rules[] = {number(1, "ir_version", max_version),
                                     text(2, "producer_name"),
                                     text(3, "producer_version"),
                                     text(4, "domain"),
                                     number(5, "model_version"),
                                     text(6, "doc_string"),
                                     one(7, "graph", graph_type),
                                     many(8, "opset_import", opset_type),
                                     many(14, "metadata_props", entry_type),
                                     many(20, "training_info", training_type),
                                     many(25, "functions", function_type),
                                     left_out(26, "configuration")};
constexpr FieldRule entry_rules[] = {text(1, "key"), text(2, "value")};
constexpr FieldRule opset_rules[] = {text(1, "domain"), number(2, "version", max_version)};
constexpr FieldRule graph_rules[] = {many(1, "node", node_type),
                                     text(2, "name"),
                                     many(5, "initializer", tensor_type),
                                     text(10, "doc_string"),
                                     many(11, "input", value_type),
                                     many(12, "output", value_type),
                                     many(13, "value_info", value_type),
                                     left_out(14, "quantization_annotation"),
                                     many(15, "sparse_initializer", sparse_type),
                                     many(16, "metadata_props", entry_type)};
constexpr FieldRule node_rules[] = {texts(1, "input"),
                                    texts(2, "output"),
                                    text(3, "name"),
                                    text(4, "op_type"),
                                    many(5, "attribute", attribute_type),
                                    text(6, "doc_string"),
                                    text(7, "domain"),
                                    text(8, "overload"),
                                    many(9, "metadata_props", entry_type),
                                    left_out(10, "device_configurations")};
constexpr FieldRule attribute_rules[] = {text(1, "name"),
                                         {2, "f", Kind::float32},
                                         number(3, "i"),
                                         {4, "s", Kind::bytes},
                                         one(5, "t", tensor_type),
                                         one(6, "g", graph_type),
                                         {7, "floats", Kind::floats, true},
                                         {8, "ints", Kind::numbers, true},
                                         {9, "strings", Kind::bytes, true},
                                         many(10, "tensors", tensor_type),
                                         many(11, "graphs", graph_type),
                                         text(13, "doc_string"),
                                         one(14, "tp", type_type),
                                         many(15, "type_protos", type_type),
                                         number(20, "type", 14),
                                         text(21, "ref_attr_name"),
                                         one(22, "sparse_tensor", sparse_type),
                                         many(23, "sparse_tensors", sparse_type)};
static_assert(std::size(attribute_rules) == max_rules);
constexpr FieldRule tensor_rules[] = {{1, "dims", Kind::numbers, true},
                                      number(2, "data_type", max_int32),
                                      data(4, "float_data", Kind::floats, true),
                                      data(5, "int32_data", Kind::numbers, true),
                                      data(6, "string_data", Kind::bytes, true),
                                      data(7, "int64_data", Kind::numbers, true),
                                      text(8, "name"),
                                      data(9, "raw_data", Kind::bytes, false),
                                      data(10, "double_data", Kind::doubles, true),
                                      data(11, "uint64_data", Kind::numbers, true),
                                      text(12, "doc_string"),
                                      many(13, "external_data", entry_type),
                                      number(14, "data_location", 1),
                                      many(16, "metadata_props", entry_type)};
constexpr FieldRule sparse_rules[] = {
    one(1, "values", tensor_type), one(2, "indices", tensor_type), {3, "dims", Kind::numbers, true}};
constexpr FieldRule value_rules[] = {text(1, "name"), one(2, "type", type_type), text(3, "doc_string"),
                                     many(4, "metadata_props", entry_type)};
constexpr FieldRule type_rules[] = {either(1, "tensor_type", tensor_type_type),
                                    either(4, "sequence_type", element_type_type),
                                    either(5, "map_type", map_type),
                                    text(6, "denotation"),
                                    either(7, "opaque_type", opaque_type),
                                    either(8, "sparse_tensor_type", tensor_type_type),
                                    either(9, "optional_type", element_type_type)};
constexpr FieldRule tensor_type_rules[] = {number(1, "elem_type", max_int32), one(2, "shape", shape_type)};
constexpr FieldRule element_type_rules[] = {one(1, "elem_type", type_type)};
constexpr FieldRule map_rules[] = {number(1, "key_type", max_int32), one(2, "value_type", type_type)};
constexpr FieldRule opaque_rules[] = {text(1, "domain"), text(2, "name")};
constexpr FieldRule shape_rules[] = {many(1, "dim", dimension_type)};
constexpr FieldRule dimension_rules[] = {{1, "dim_value", Kind::number, false, nullptr, true},
                                         {2, "dim_param", Kind::text, false, nullptr, true},
                                         text(3, "denotation")};
constexpr FieldRule function_rules[] = {text(1, "name"),
                                        texts(4, "input"),
                                        texts(5, "output"),
                                        texts(6, "attribute"),
                                        many(7, "node", node_type),
                                        text(8, "doc_string"),
                                        many(9, "opset_import", opset_type),
                                        text(10, "domain"),
                                        many(11, "attribute_proto", attribute_type),
                                        many(12, "value_info", value_type),
                                        text(13, "overload"),
                                        many(14, "metadata_props", entry_type)};
constexpr FieldRule training_rules[] = {one(1, "initialization", graph_type), one(2, "algorithm", graph_type),
                                        many(3, "initialization_binding", entry_type),
                                        many(4, "update_binding", entry_type)};

constinit const MessageType entry_type{"StringStringEntryProto", entry_rules};
constinit const MessageType opset_type{"OperatorSetIdProto", opset_rules};
constinit const MessageType attribute_type{"AttributeProto", attribute_rules};
constinit const MessageType tensor_type{"TensorProto", tensor_rules};
constinit const MessageType sparse_type{"SparseTensorProto", sparse_rules};
constinit const MessageType value_type{"ValueInfoProto", value_rules};
constinit const MessageType type_type{"TypeProto", type_rules};
constinit const MessageType tensor_type_type{"TypeProto.Tensor", tensor_type_rules};
constinit const MessageType element_type_type{"TypeProto.Sequence", element_type_rules};
constinit const MessageType map_type{"TypeProto.Map", map_rules};
constinit const MessageType opaque_type{"TypeProto.Opaque", opaque_rules};
constinit const MessageType shape_type{"TensorShapeProto", shape_rules};
constinit const MessageType dimension_type{"Dimension", dimension_rules};
constinit const MessageType function_type{"FunctionProto", function_rules};
constinit const MessageType training_type{"TrainingInfoProto", training_rules};

}  // namespace

constinit const MessageType model_type{"ModelProto", model_rules};
constinit const MessageType graph_type{"GraphProto", graph_rules};
constinit const MessageType node_type{"NodeProto", node_rules};

}  // namespace blindai::gate
