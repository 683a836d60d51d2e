// ONNX models made by hand, byte by byte.
#pragma once

#include <bit>
#include <string>
#include <vector>

#include "base/protobuf.h"
#include "base/tensor.h"

namespace blindai::engine::build {

using protobuf::put_bytes;
using protobuf::put_number;
using Strings = std::vector<std::string>;

// onnx.proto, TensorProto.DataType.
inline std::uint64_t code_of(DataType type) {
  constexpr std::array<std::uint64_t, 13> codes{9, 2, 4, 12, 13, 3, 5, 6, 7, 10, 16, 1, 11};
  return codes.at(static_cast<std::size_t>(type));
}

inline void put_text(Bytes& out, std::uint32_t field, std::string_view text) { put_bytes(out, field, as_bytes(text)); }

inline Bytes tensor(const std::string& name, DataType type, const Shape& shape, ByteView raw) {
  Bytes out;
  for (const std::int64_t dimension : shape) {
    put_number(out, 1, static_cast<std::uint64_t>(dimension));
  }
  put_number(out, 2, code_of(type));
  put_text(out, 8, name);
  put_bytes(out, 9, raw);
  return out;
}

// An initialiser that the gate has lifted out: its bytes are given beside the file.
inline Bytes lifted(const std::string& name, DataType type, const Shape& shape) {
  Bytes out;
  for (const std::int64_t dimension : shape) {
    put_number(out, 1, static_cast<std::uint64_t>(dimension));
  }
  put_number(out, 2, code_of(type));
  put_text(out, 8, name);
  put_number(out, 14, 1);
  return out;
}

// An input or output; a dimension of -1 is free, and may have a name; without `ranked` nothing is said about the shape.
inline Bytes value(const std::string& name, DataType type, const Shape& shape, bool ranked = true,
                   const Strings& names = {}) {
  Bytes dims;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    Bytes one;
    if (shape[axis] >= 0) {
      put_number(one, 1, static_cast<std::uint64_t>(shape[axis]));
    } else if (axis < names.size()) {
      put_text(one, 2, names[axis]);
    }
    put_bytes(dims, 1, one);
  }
  Bytes inner;
  put_number(inner, 1, code_of(type));
  if (ranked) {
    put_bytes(inner, 2, dims);
  }
  Bytes kind;
  put_bytes(kind, 1, inner);
  Bytes out;
  put_text(out, 1, name);
  put_bytes(out, 2, kind);
  return out;
}

// AttributeProto: its types and where their values stand.
inline Bytes attribute(const std::string& name, std::uint64_t type) {
  Bytes out;
  put_text(out, 1, name);
  put_number(out, 20, type);
  return out;
}
inline Bytes number(const std::string& name, std::int64_t v) {
  Bytes out = attribute(name, 2);
  put_number(out, 3, static_cast<std::uint64_t>(v));
  return out;
}
inline Bytes real(const std::string& name, float v) {
  Bytes out = attribute(name, 1);
  const auto bits = std::bit_cast<std::array<std::uint8_t, 4>>(v);
  out.push_back(2U << 3U | 5U);
  append(out, bits);
  return out;
}
inline Bytes text(const std::string& name, const std::string& v) {
  Bytes out = attribute(name, 3);
  put_text(out, 4, v);
  return out;
}
inline Bytes numbers(const std::string& name, const std::vector<std::int64_t>& list) {
  Bytes out = attribute(name, 7);
  for (const std::int64_t v : list) {
    put_number(out, 8, static_cast<std::uint64_t>(v));
  }
  return out;
}
inline Bytes with_tensor(const std::string& name, ByteView proto) {
  Bytes out = attribute(name, 4);
  put_bytes(out, 5, proto);
  return out;
}
inline Bytes with_graph(const std::string& name, ByteView proto) {
  Bytes out = attribute(name, 5);
  put_bytes(out, 6, proto);
  return out;
}

inline Bytes node(const std::string& type, const Strings& inputs, const Strings& outputs,
                  const std::vector<Bytes>& attributes = {}, const std::string& domain = "") {
  Bytes out;
  for (const std::string& name : inputs) {
    put_text(out, 1, name);
  }
  for (const std::string& name : outputs) {
    put_text(out, 2, name);
  }
  put_text(out, 4, type);
  for (const Bytes& one : attributes) {
    put_bytes(out, 5, one);
  }
  put_text(out, 7, domain);
  return out;
}

inline Bytes graph(const std::vector<Bytes>& nodes, const std::vector<Bytes>& inputs, const std::vector<Bytes>& outputs,
                   const std::vector<Bytes>& initialisers = {}) {
  Bytes out;
  for (const auto& [field, list] : {std::pair(1U, &nodes), {5U, &initialisers}, {11U, &inputs}, {12U, &outputs}}) {
    for (const Bytes& one : *list) {
      put_bytes(out, field, one);
    }
  }
  put_text(out, 2, "g");
  return out;
}

inline Bytes file(ByteView graph_bytes, std::int64_t opset = 17) {
  Bytes imported;
  put_text(imported, 1, "");
  put_number(imported, 2, static_cast<std::uint64_t>(opset));
  Bytes out;
  put_number(out, 1, 8);
  put_bytes(out, 8, imported);
  put_bytes(out, 7, graph_bytes);
  return out;
}

}  // namespace blindai::engine::build
