// Reading nodes and small constants, and how much a node multiplies.
#include "gate/values.h"

#include <algorithm>

#include "gate/operators.h"

namespace blindai::gate {
namespace {

constexpr std::size_t most_numbers = 32;
constexpr std::uint64_t int64_code = 7;
constexpr std::uint64_t int32_code = 6;

std::int64_t little_endian(ByteView bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8U | bytes[i];
  }
  return bytes.size() == 4 ? static_cast<std::int32_t>(static_cast<std::uint32_t>(value))
                           : static_cast<std::int64_t>(value);
}

void take_numbers(const Field& field, std::vector<std::int64_t>& out) {
  if (field.wire == Wire::varint) {
    if (out.size() <= most_numbers) {
      out.push_back(static_cast<std::int64_t>(field.number_value));
    }
    return;
  }
  for (ByteView rest = field.bytes; !rest.empty() && out.size() <= most_numbers;) {
    out.push_back(static_cast<std::int64_t>(protobuf::take_varint(rest).value_or(0)));
  }
}

Result<void> read_attribute(ByteView message, NodeView& node) {
  std::string_view name;
  std::vector<std::int64_t> list;
  std::optional<std::int64_t> one;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1) {
      name = as_text(field.bytes);
    } else if (field.number == 3) {
      one = static_cast<std::int64_t>(field.number_value);
    } else if (field.number == 8) {
      take_numbers(field, list);
    } else if (field.number == 5 && (node.type == "Constant" || node.type == "ConstantOfShape")) {
      BLINDAI_TRY(node.constant, read_constant(field.bytes));
    }
  }
  if (one) {
    node.ints[name] = *one;
  } else if (!list.empty() && list.size() <= most_numbers) {
    node.lists[name] = std::move(list);
  }
  return {};
}

// Of a convolution: what each element of the output takes.
std::uint64_t kernel_elements(const Shape& weights) {
  std::uint64_t product = 1;
  for (std::size_t axis = 1; axis < weights.size(); ++axis) {
    product = times(product, static_cast<std::uint64_t>(weights[axis]));
  }
  return product;
}

struct Multiplier {
  std::string_view type;
  std::size_t first;   // input
  std::size_t second;  // weights
};
constexpr Multiplier matrix_products[] = {
    {"MatMul", 0, 1}, {"MatMulInteger", 0, 1}, {"QLinearMatMul", 0, 3},         {"FusedMatMul", 0, 1},
    {"Gemm", 0, 1},   {"QGemm", 0, 3},         {"DynamicQuantizeMatMul", 0, 1}, {"MatMulIntegerToFloat", 0, 1}};
constexpr Multiplier convolutions[] = {
    {"Conv", 0, 1}, {"ConvInteger", 0, 1}, {"QLinearConv", 0, 3}, {"FusedConv", 0, 1}};
constexpr std::pair<std::string_view, std::uint64_t> recurrent[] = {{"LSTM", 4}, {"GRU", 3}, {"RNN", 1}};
// Which multiply too, in ways that are not worked out here.
constexpr std::string_view not_worked_out[] = {
    "Einsum", "Attention", "MultiHeadAttention", "QAttention", "MatMulNBits", "GroupQueryAttention",
    "DFT",    "STFT",      "DeformConv",         "Loop",       "Scan",        "If"};

const Shape* shape_of(const std::vector<Value>& values, std::size_t index) {
  return index < values.size() && values[index].shape ? &*values[index].shape : nullptr;
}

}  // namespace

std::uint64_t times(std::uint64_t a, std::uint64_t b) {
  std::uint64_t out = 0;
  return __builtin_mul_overflow(a, b, &out) ? UINT64_MAX : out;
}

std::uint64_t elements_of(const Shape& shape) { return element_count(shape).value_or(UINT64_MAX); }

Result<Value> read_constant(ByteView tensor) {
  Value value;
  value.shape.emplace();
  std::vector<std::int64_t> numbers;
  std::uint64_t type = 0;
  std::optional<ByteView> raw;
  for (Fields fields(tensor); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1) {
      take_numbers(field, *value.shape);
    } else if (field.number == 2) {
      type = field.number_value;
    } else if (field.number == 9) {
      raw = field.bytes;
    } else if (field.number == 7 || field.number == 5) {
      take_numbers(field, numbers);
    }
  }
  const std::uint64_t count = elements_of(*value.shape);
  if (count > most_numbers || (type != int64_code && type != int32_code)) {
    return value;
  }
  const std::size_t size = type == int64_code ? 8 : 4;
  for (std::size_t at = 0; raw && at + size <= raw->size(); at += size) {
    numbers.push_back(little_endian(raw->subspan(at, size)));
  }
  if (numbers.size() == count) {
    value.numbers = std::move(numbers);
  }
  return value;
}

Result<NodeView> read_node(ByteView message) {
  NodeView node;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1) {
      node.inputs.push_back(as_text(field.bytes));
    } else if (field.number == 2) {
      node.outputs.push_back(as_text(field.bytes));
    } else if (field.number == 4) {
      node.type = as_text(field.bytes);
    }
  }
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 5) {
      BLINDAI_CHECK(read_attribute(field.bytes, node));
    }
  }
  return node;
}

std::optional<std::uint64_t> multiplications(const NodeView& node, const std::vector<Value>& inputs,
                                             const std::vector<Value>& outputs) {
  const auto find = [&](const auto& table) {
    const auto* found = std::ranges::find(table, node.type, &Multiplier::type);
    return found == std::end(table) ? nullptr : found;
  };
  const Shape* out = shape_of(outputs, 0);
  if (const auto* product = find(matrix_products)) {
    const Shape* a = shape_of(inputs, product->first);
    if (out == nullptr || a == nullptr || a->empty()) {
      return std::nullopt;
    }
    const auto transposed = node.ints.find("transA");
    const bool across = transposed != node.ints.end() && transposed->second != 0 && a->size() > 1;
    return times(elements_of(*out), static_cast<std::uint64_t>((*a)[across ? a->size() - 2 : a->size() - 1]));
  }
  if (const auto* convolution = find(convolutions)) {
    const Shape* weights = shape_of(inputs, convolution->second);
    return out == nullptr || weights == nullptr ? std::nullopt
                                                : std::optional(times(elements_of(*out), kernel_elements(*weights)));
  }
  if (node.type == "ConvTranspose") {
    const Shape* in = shape_of(inputs, 0);
    const Shape* weights = shape_of(inputs, 1);
    return in == nullptr || weights == nullptr ? std::nullopt
                                               : std::optional(times(elements_of(*in), kernel_elements(*weights)));
  }
  if (const auto* gates = std::ranges::find(recurrent, node.type, &std::pair<std::string_view, std::uint64_t>::first);
      gates != std::end(recurrent)) {
    const Shape* in = shape_of(inputs, 0);
    const Shape* weights = shape_of(inputs, 1);
    const Shape* again = shape_of(inputs, 2);
    if (in == nullptr || weights == nullptr || again == nullptr || in->size() != 3) {
      return std::nullopt;
    }
    const std::uint64_t steps = times(static_cast<std::uint64_t>((*in)[0]), static_cast<std::uint64_t>((*in)[1]));
    return times(steps, std::max(elements_of(*weights), elements_of(*again))) +
           times(steps, std::min(elements_of(*weights), elements_of(*again)));
  }
  return std::ranges::find(not_worked_out, node.type) == std::end(not_worked_out) ? std::optional<std::uint64_t>(0)
                                                                                  : std::nullopt;
}

}  // namespace blindai::gate
