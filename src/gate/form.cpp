#include "gate/form.h"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "base/protobuf.h"
#include "base/utf8.h"
#include "gate/schema.h"

namespace blindai::gate {
namespace {

using protobuf::Field;
using protobuf::Wire;

constexpr std::size_t frames_beside_graphs = 32;  // types within types, above all
constexpr std::size_t frames_of_a_graph = 3;      // graph, node, attribute
constexpr std::size_t path_bytes = 120;           // of an error, its end: what Disclosed keeps

struct Frame {
  const MessageType* type = nullptr;
  protobuf::Reader reader;
  const FieldRule* rule = nullptr;  // of the field that is being looked at
  std::array<std::uint32_t, max_rules> counts{};
  bool has_alternative = false;
};

std::size_t varint_size(std::uint64_t value) {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7U) {
    ++size;
  }
  return size;
}

// Whether tag, length and number take the bytes that they need and no more.
bool is_shortest(const Field& field) {
  std::size_t size = varint_size(std::uint64_t{field.number} << 3U);
  switch (field.wire) {
    case Wire::varint:
      size += varint_size(field.number_value);
      break;
    case Wire::bytes:
      size += varint_size(field.bytes.size()) + field.bytes.size();
      break;
    default:
      size += field.bytes.size();
  }
  return field.whole.size() == size;
}

// Numbers one behind the other, each whole, of 64 bits at most, and as short as it can be.
bool are_numbers(ByteView packed) {
  constexpr int most = 10;
  int length = 0;
  for (const std::uint8_t byte : packed) {
    ++length;
    if (length > most || (length == most && byte > 1) || (length > 1 && byte == 0)) {
      return false;
    }
    if (byte < 0x80) {
      length = 0;
    }
  }
  return length == 0;
}

// What follows says of a field that it is wrong, or nothing.
bool has_wire_type(const FieldRule& rule, Wire wire) {
  switch (rule.kind) {
    case Kind::number:
      return wire == Wire::varint;
    case Kind::float32:
      return wire == Wire::fixed32;
    case Kind::text:
    case Kind::bytes:
    case Kind::message:
      return wire == Wire::bytes;
    case Kind::numbers:
      return wire == Wire::varint || wire == Wire::bytes;
    case Kind::floats:
      return wire == Wire::fixed32 || wire == Wire::bytes;
    case Kind::doubles:
      return wire == Wire::fixed64 || wire == Wire::bytes;
  }
  return false;
}

bool is_whole(const FieldRule& rule, const Field& field) {
  if (field.wire != Wire::bytes) {
    return true;
  }
  switch (rule.kind) {
    case Kind::numbers:
      return are_numbers(field.bytes);
    case Kind::floats:
      return field.bytes.size() % sizeof(float) == 0;
    case Kind::doubles:
      return field.bytes.size() % sizeof(double) == 0;
    default:
      return true;
  }
}

bool is_note(std::string_view name) { return name == "doc_string" || name == "value" || name == "key"; }

class Checker {
 public:
  Checker(ByteView model, const Limits& limits) : limits_(limits) { open(model_type, model); }

  Result<void> run() {
    while (!stack_.empty()) {
      Frame& frame = stack_.back();
      if (frame.reader.done()) {
        graphs_ -= frame.type == &graph_type ? 1 : 0;
        stack_.pop_back();
        continue;
      }
      frame.rule = nullptr;
      const auto field = frame.reader.next();
      if (!field) {
        return fail(Code::model_rejected, {"the file is not an ONNX model, or it is cut off or damaged,, in {} (a {})",
                                           place(), Disclosed(frame.type->name)});
      }
      BLINDAI_CHECK(check(frame, *field));
    }
    return {};
  }

 private:
  void open(const MessageType& type, ByteView message) {
    graphs_ += &type == &graph_type ? 1 : 0;
    stack_.push_back({&type, protobuf::Reader(message), nullptr, {}, false});
  }

  Result<void> check(Frame& frame, const Field& field) {
    const FieldRule* rule = nullptr;
    for (const FieldRule& candidate : frame.type->rules) {
      if (candidate.number == field.number) {
        rule = &candidate;
      }
    }
    if (rule == nullptr) {
      return fail(Code::model_rejected, {"{}: the model has field {} in a {}, which is unknown or not taken; export it "
                                         "again with a version of onnx that this server knows",
                                         place(), field.number, Disclosed(frame.type->name)});
    }
    frame.rule = rule;
    const std::uint32_t before = frame.counts[static_cast<std::size_t>(rule - frame.type->rules.data())]++;
    if (++fields_ > limits_.fields) {
      return fail(Code::too_large, {"the model has more than {} fields; keep its data in raw_data", limits_.fields});
    }
    if (!has_wire_type(*rule, field.wire)) {
      return fail(Code::model_rejected,
                  {"{}: the field has a wire type that is not its own ({})", place(), static_cast<int>(field.wire)});
    }
    if (!is_shortest(field) || !is_whole(*rule, field)) {
      return fail(Code::model_rejected, {"{}: a number is cut off, or longer than it needs to be", place()});
    }
    if (!rule->repeated && before > 0) {
      return fail(Code::model_rejected,
                  {"{}: the field stands twice; readers do not agree on what that means", place()});
    }
    if (rule->alternative && std::exchange(frame.has_alternative, true)) {
      return fail(Code::model_rejected, {"{}: only one of this field and another may stand here", place()});
    }
    if (rule->kind == Kind::number && field.number_value > rule->most) {
      return fail(Code::model_rejected,
                  {"{}: the number {} is none of those that it may be", place(), field.number_value});
    }
    return descend(*rule, field);
  }

  Result<void> descend(const FieldRule& rule, const Field& field) {
    if (rule.kind == Kind::text) {
      return check_text(rule, field.bytes);
    }
    if (rule.kind != Kind::message || rule.of == nullptr) {
      return rule.weight ? Result<void>() : count(field.whole.size());
    }
    BLINDAI_CHECK(count(field.whole.size() - field.bytes.size()));
    if (rule.of == &graph_type && graphs_ >= limits_.nesting) {
      return fail(Code::too_large,
                  {"{}: the model's graphs are nested deeper than {} levels", place(), limits_.nesting});
    }
    if (stack_.size() >= frames_of_a_graph * static_cast<std::size_t>(limits_.nesting) + frames_beside_graphs) {
      return fail(Code::too_large, {"{}: the model's messages are nested too deep", place()});
    }
    open(*rule.of, field.bytes);
    return {};
  }

  Result<void> check_text(const FieldRule& rule, ByteView text) {
    if (text.size() > max_name_bytes && !is_note(rule.name)) {
      return fail(Code::model_rejected,
                  {"{}: a name in the model is over {} bytes; shorten it", place(), max_name_bytes});
    }
    if (!is_utf8(text) || as_text(text).contains('\0')) {
      return fail(Code::model_rejected, {"{}: the text is not UTF-8, or holds a zero byte", place()});
    }
    return count(text.size());
  }

  Result<void> count(std::uint64_t bytes) {
    graph_bytes_ += bytes;  // of parts of one body: far below 2^64
    if (graph_bytes_ > limits_.graph_bytes) {
      return fail(Code::too_large,
                  {"{}: all that is not data of tensors is over the limit of {} bytes", place(), limits_.graph_bytes});
    }
    return {};
  }

  // "graph.node[3].attribute[0].t": cut at its front where it is long.
  Disclosed place() const {
    std::string path;
    for (const Frame& frame : stack_) {
      if (frame.rule == nullptr) {
        continue;
      }
      path += path.empty() ? "" : ".";
      path += frame.rule->name;
      if (frame.rule->repeated) {
        path += fmt::format("[{}]", frame.counts[static_cast<std::size_t>(frame.rule - frame.type->rules.data())] - 1);
      }
    }
    if (path.size() > path_bytes) {
      path = "..." + path.substr(path.size() - path_bytes);
    }
    return Disclosed(path.empty() ? "the model" : path);
  }

  const Limits& limits_;
  std::vector<Frame> stack_;
  int graphs_ = 0;
  std::uint64_t fields_ = 0;
  std::uint64_t graph_bytes_ = 0;
};

}  // namespace

Result<void> check_form(ByteView model, const Limits& limits) { return Checker(model, limits).run(); }

}  // namespace blindai::gate
