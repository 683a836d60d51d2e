// Private to this folder: the messages of onnx.proto (version 1.23) with their fields, as one table.
//
// Thread rule: constants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace blindai::gate {

// What stands in a field. The packed kinds are repeated numbers, in one piece or one by one.
enum class Kind : std::uint8_t { number, float32, text, bytes, message, numbers, floats, doubles };

struct MessageType;

struct FieldRule {
  std::uint32_t number = 0;
  std::string_view name;
  Kind kind{};
  bool repeated = false;
  const MessageType* of = nullptr;  // the message in it; null: not looked into, and never passed on
  bool alternative = false;         // one of a oneof: the message has at most one of these
  std::uint64_t most = UINT64_MAX;  // the largest number
  bool weight = false;              // data of tensors, which does not count as part of the graph
};

struct MessageType {
  std::string_view name;
  std::span<const FieldRule> rules;  // by number
};

inline constexpr std::size_t max_rules = 18;

extern const MessageType model_type;
extern const MessageType graph_type;
extern const MessageType node_type;

}  // namespace blindai::gate
