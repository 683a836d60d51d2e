// ONNX models made by hand, byte by byte: for what no exporter writes.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "gate/wire.h"

namespace blindai::gate {

inline Bytes message(const std::vector<std::pair<std::uint32_t, Bytes>>& fields) {
  Bytes out;
  for (const auto& [number, bytes] : fields) {
    put_bytes(out, number, bytes);
  }
  return out;
}
inline Bytes text(std::string_view value) { return copy(as_bytes(value)); }
inline Bytes number(std::uint32_t field, std::uint64_t value) {
  Bytes out;
  put_number(out, field, value);
  return out;
}
inline Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) {
    append(out, part);
  }
  return out;
}

inline Bytes value_info(const std::string& name, std::uint64_t type, const std::vector<std::uint64_t>& shape) {
  Bytes dims;
  for (const std::uint64_t dimension : shape) {
    Bytes value;
    put_number(value, 1, dimension);
    put_bytes(dims, 1, value);
  }
  Bytes tensor;
  put_number(tensor, 1, type);
  put_bytes(tensor, 2, dims);
  return message({{1, text(name)}, {2, message({{1, tensor}})}});
}

inline Bytes node(const std::string& type, const std::string& input, const std::string& output,
                  const std::vector<Bytes>& attributes = {}, const std::string& domain = "") {
  Bytes out = message({{1, text(input)}, {2, text(output)}, {4, text(type)}});
  for (const Bytes& attribute : attributes) {
    put_bytes(out, 5, attribute);
  }
  if (!domain.empty()) {
    put_bytes(out, 7, text(domain));
  }
  return out;
}

// The values of an attribute by the numbers of their fields, and its type.
inline Bytes attribute(const std::string& name, std::uint64_t type,
                       const std::vector<std::pair<std::uint32_t, Bytes>>& values) {
  Bytes out = message({{1, text(name)}});
  append(out, message(values));
  put_number(out, 20, type);
  return out;
}
inline constexpr std::uint64_t of_tensor = 4;
inline constexpr std::uint64_t of_graph = 5;
inline constexpr std::uint64_t of_ints = 7;

inline Bytes opset(const std::string& domain, std::uint64_t version) {
  Bytes out = message({{1, text(domain)}});
  put_number(out, 2, version);
  return out;
}

// A function of domain "d" from a to b, with these nodes.
inline Bytes function(const std::string& name, const std::vector<Bytes>& nodes = {}) {
  Bytes out = message({{1, text(name)}, {4, text("a")}, {5, text("b")}});
  for (const Bytes& node : nodes) {
    put_bytes(out, 7, node);
  }
  put_bytes(out, 9, opset("", 17));
  put_bytes(out, 9, opset("d", 1));
  put_bytes(out, 10, text("d"));
  return out;
}

inline Bytes tensor(const std::string& name, std::uint64_t type, const std::vector<std::uint64_t>& dims,
                    const Bytes& raw) {
  Bytes out;
  for (const std::uint64_t dimension : dims) {
    put_number(out, 1, dimension);
  }
  put_number(out, 2, type);
  put_bytes(out, 8, text(name));
  put_bytes(out, 9, raw);
  return out;
}

inline Bytes external(const std::string& name, const std::vector<std::uint64_t>& dims, const std::string& location,
                      const std::string& offset, const std::string& length) {
  Bytes out;
  for (const std::uint64_t dimension : dims) {
    put_number(out, 1, dimension);
  }
  put_number(out, 2, 1);
  put_bytes(out, 8, text(name));
  for (const auto& [key, value] :
       {std::pair(std::string("location"), location), {"offset", offset}, {"length", length}}) {
    if (!value.empty()) {
      put_bytes(out, 13, message({{1, text(key)}, {2, text(value)}}));
    }
  }
  put_number(out, 14, 1);
  return out;
}

// An Identity from x to y, and whatever else is wanted in the graph or the model.
inline Bytes model(const std::vector<std::pair<std::uint32_t, Bytes>>& graph_fields = {},
                   const std::vector<std::pair<std::uint32_t, Bytes>>& model_fields = {}) {
  Bytes graph = message(
      {{1, node("Identity", "x", "y")}, {2, text("g")}, {11, value_info("x", 1, {1})}, {12, value_info("y", 1, {1})}});
  append(graph, message(graph_fields));
  Bytes opset;
  put_number(opset, 2, 17);
  Bytes out;
  put_number(out, 1, 8);
  put_bytes(out, 8, opset);
  put_bytes(out, 7, graph);
  append(out, message(model_fields));
  return out;
}

}  // namespace blindai::gate
