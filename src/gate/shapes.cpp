// What operators give, as far as shapes go. An operator that is not here gives what is not known.
#include <algorithm>
#include <numeric>
#include <set>

#include "base/checked.h"
#include "gate/values.h"

namespace blindai::gate {
namespace {

using Values = std::vector<Value>;
using Numbers = std::vector<std::int64_t>;

constexpr std::size_t most_numbers = 32;

const std::set<std::string_view> same_shape = {"Abs",
                                               "Acos",
                                               "Asin",
                                               "Atan",
                                               "BatchNormalization",
                                               "BiasGelu",
                                               "Cast",
                                               "CastLike",
                                               "Ceil",
                                               "Celu",
                                               "Clip",
                                               "Cos",
                                               "CumSum",
                                               "DequantizeLinear",
                                               "Dropout",
                                               "DynamicQuantizeLinear",
                                               "Elu",
                                               "Erf",
                                               "Exp",
                                               "FastGelu",
                                               "Floor",
                                               "Gelu",
                                               "GroupNorm",
                                               "GroupNormalization",
                                               "HardSigmoid",
                                               "HardSwish",
                                               "Hardmax",
                                               "Identity",
                                               "InstanceNormalization",
                                               "IsInf",
                                               "IsNaN",
                                               "LRN",
                                               "LayerNormalization",
                                               "LeakyRelu",
                                               "Log",
                                               "LogSoftmax",
                                               "LpNormalization",
                                               "MeanVarianceNormalization",
                                               "Mish",
                                               "Neg",
                                               "Not",
                                               "PRelu",
                                               "QuantizeLinear",
                                               "QuickGelu",
                                               "RMSNormalization",
                                               "Reciprocal",
                                               "Relu",
                                               "ReverseSequence",
                                               "Round",
                                               "ScatterElements",
                                               "ScatterND",
                                               "Selu",
                                               "Shrink",
                                               "Sigmoid",
                                               "Sign",
                                               "SimplifiedLayerNormalization",
                                               "Sin",
                                               "SkipLayerNormalization",
                                               "Softmax",
                                               "Softplus",
                                               "Softsign",
                                               "Sqrt",
                                               "Swish",
                                               "Tan",
                                               "Tanh",
                                               "ThresholdedRelu",
                                               "Trilu"};
const std::set<std::string_view> broadcasting = {
    "Add",  "And",         "BitShift", "BitwiseAnd", "Div", "Equal", "Greater", "GreaterOrEqual",
    "Less", "LessOrEqual", "Max",      "Mean",       "Min", "Mod",   "Mul",     "Or",
    "Pow",  "Sub",         "Sum",      "Where",      "Xor"};
const std::set<std::string_view> pools = {"MaxPool", "AveragePool", "LpPool"};

const Shape* shape_of(const Values& values, std::size_t index) {
  return index < values.size() && values[index].shape ? &*values[index].shape : nullptr;
}
const Numbers* numbers_of(const Values& values, std::size_t index) {
  return index < values.size() && values[index].numbers ? &*values[index].numbers : nullptr;
}
std::int64_t attribute(const NodeView& node, std::string_view name, std::int64_t otherwise) {
  const auto found = node.ints.find(name);
  return found == node.ints.end() ? otherwise : found->second;
}
// Of an attribute, in old opsets, or of an input.
const Numbers* list_of(const NodeView& node, const Values& inputs, std::string_view name, std::size_t index) {
  const auto found = node.lists.find(name);
  return found == node.lists.end() ? numbers_of(inputs, index) : &found->second;
}
std::optional<std::size_t> axis_of(std::int64_t axis, std::size_t rank) {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  axis = axis < 0 ? axis + signed_rank : axis;
  return axis < 0 || axis >= signed_rank ? std::nullopt : std::optional(static_cast<std::size_t>(axis));
}

Value of_shape(std::optional<Shape> shape) {
  if (shape && !element_count(*shape)) {
    shape.reset();  // negative, too many dimensions, or more than can be counted
  }
  return {std::move(shape), {}};
}

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  Shape out(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t left = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::int64_t right = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (left != right && left != 1 && right != 1) {
      return std::nullopt;
    }
    out[out.size() - 1 - i] = left == 1 ? right : left;
  }
  return out;
}

std::optional<Shape> broadcast_all(const Values& inputs) {
  std::optional<Shape> out = Shape();
  for (std::size_t i = 0; out && i < inputs.size(); ++i) {
    const Shape* next = shape_of(inputs, i);
    out = next == nullptr ? std::nullopt : broadcast(*out, *next);
  }
  return out;
}

std::optional<Shape> matrix_product(Shape a, Shape b, bool turn_a, bool turn_b) {
  if (a.size() < 2 || b.size() < 2) {
    return std::nullopt;
  }
  if (turn_a) {
    std::swap(a[a.size() - 1], a[a.size() - 2]);
  }
  if (turn_b) {
    std::swap(b[b.size() - 1], b[b.size() - 2]);
  }
  const std::int64_t rows = a[a.size() - 2];
  const std::int64_t columns = b.back();
  a.resize(a.size() - 2);
  b.resize(b.size() - 2);
  auto out = broadcast(a, b);
  if (out) {
    out->insert(out->end(), {rows, columns});
  }
  return out;
}

// A window over the last axes: convolutions and pools.
std::optional<Shape> windows(const NodeView& node, const Shape& in, std::int64_t channels, const Numbers& kernel) {
  const std::size_t axes = kernel.size();
  const auto list = [&](std::string_view name, std::size_t index, std::int64_t otherwise) {
    const auto found = node.lists.find(name);
    return found == node.lists.end() || index >= found->second.size() ? otherwise : found->second[index];
  };
  if (in.size() != axes + 2 || node.ints.contains("auto_pad")) {
    return std::nullopt;
  }
  Shape out{in[0], channels};
  for (std::size_t i = 0; i < axes; ++i) {
    const std::int64_t stride = list("strides", i, 1);
    const auto reach = checked_mul(list("dilations", i, 1), kernel[i] - 1);
    const auto pads = checked_add(list("pads", i, 0), list("pads", i + axes, 0));
    const auto room = reach && pads ? checked_add(in[i + 2], *pads) : std::nullopt;
    if (!room || stride < 1 || *reach < 0 || *room - 1 < *reach) {
      return std::nullopt;
    }
    std::int64_t span = *room - 1 - *reach;
    span += attribute(node, "ceil_mode", 0) != 0 ? stride - 1 : 0;
    out.push_back(span / stride + 1);
  }
  return out;
}

std::optional<Shape> convolution(const NodeView& node, const Values& inputs, std::size_t weights_index) {
  const Shape* in = shape_of(inputs, 0);
  const Shape* weights = shape_of(inputs, weights_index);
  if (in == nullptr || weights == nullptr || weights->size() < 3) {
    return std::nullopt;
  }
  return windows(node, *in, (*weights)[0], Numbers(weights->begin() + 2, weights->end()));
}

std::optional<Shape> pool(const NodeView& node, const Values& inputs) {
  const Shape* in = shape_of(inputs, 0);
  const auto kernel = node.lists.find("kernel_shape");
  return in == nullptr || in->size() < 2 || kernel == node.lists.end() ? std::nullopt
                                                                       : windows(node, *in, (*in)[1], kernel->second);
}

std::optional<Shape> reshape(const Shape& in, const Numbers& wanted) {
  Shape out;
  std::optional<std::size_t> open;
  std::uint64_t known = 1;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    std::int64_t size = wanted[i];
    if (size == 0) {
      size = i < in.size() ? in[i] : 0;
    }
    if (size == -1) {
      open = i;
      size = 1;
    }
    if (size < 0) {
      return std::nullopt;
    }
    known = times(known, static_cast<std::uint64_t>(size));
    out.push_back(size);
  }
  if (open) {
    out[*open] = known == 0 ? 0 : static_cast<std::int64_t>(elements_of(in) / known);
  }
  return out;
}

std::optional<Shape> with_axes(const Shape& in, const Numbers& axes) {
  std::set<std::size_t> places;
  for (const std::int64_t axis : axes) {
    const auto place = axis_of(axis, in.size() + axes.size());
    if (!place || !places.insert(*place).second) {
      return std::nullopt;
    }
  }
  Shape out;
  auto next = in.begin();
  for (std::size_t i = 0; i < in.size() + axes.size(); ++i) {
    out.push_back(places.contains(i) ? 1 : *next++);
  }
  return out;
}

// Without those axes, or with 1 in their place; all of them where there are none.
std::optional<Shape> reduced(const Shape& in, const Numbers* axes, bool keep) {
  std::set<std::size_t> places;
  for (std::size_t i = 0; axes == nullptr && i < in.size(); ++i) {
    places.insert(i);
  }
  for (const std::int64_t axis : axes == nullptr ? Numbers() : *axes) {
    const auto place = axis_of(axis, in.size());
    if (!place) {
      return std::nullopt;
    }
    places.insert(*place);
  }
  Shape out;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!places.contains(i)) {
      out.push_back(in[i]);
    } else if (keep) {
      out.push_back(1);
    }
  }
  return out;
}

std::optional<Shape> concatenated(const NodeView& node, const Values& inputs) {
  std::optional<Shape> out;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Shape* next = shape_of(inputs, i);
    const auto axis = next == nullptr ? std::nullopt : axis_of(attribute(node, "axis", 0), next->size());
    if (!axis || (out && out->size() != next->size())) {
      return std::nullopt;
    }
    if (!out) {
      out = *next;
    } else {
      (*out)[*axis] = checked_add((*out)[*axis], (*next)[*axis]).value_or(-1);
    }
  }
  return out;
}

std::optional<Shape> gathered(const NodeView& node, const Values& inputs) {
  const Shape* in = shape_of(inputs, 0);
  const Shape* indices = shape_of(inputs, 1);
  const auto axis = in == nullptr ? std::nullopt : axis_of(attribute(node, "axis", 0), in->size());
  if (!axis || indices == nullptr) {
    return std::nullopt;
  }
  Shape out(in->begin(), in->begin() + static_cast<std::ptrdiff_t>(*axis));
  out.insert(out.end(), indices->begin(), indices->end());
  out.insert(out.end(), in->begin() + static_cast<std::ptrdiff_t>(*axis) + 1, in->end());
  return out;
}

std::optional<Shape> sliced(const NodeView& node, const Values& inputs) {
  const Shape* in = shape_of(inputs, 0);
  const Numbers* starts = list_of(node, inputs, "starts", 1);
  const Numbers* ends = list_of(node, inputs, "ends", 2);
  const Numbers* axes = list_of(node, inputs, "axes", 3);
  const Numbers* steps = numbers_of(inputs, 4);
  if (in == nullptr || starts == nullptr || ends == nullptr || starts->size() != ends->size()) {
    return std::nullopt;
  }
  Shape out = *in;
  for (std::size_t i = 0; i < starts->size(); ++i) {
    const std::int64_t which = axes != nullptr && i < axes->size() ? (*axes)[i] : static_cast<std::int64_t>(i);
    const auto axis = axis_of(which, out.size());
    const std::int64_t step = steps != nullptr && i < steps->size() ? (*steps)[i] : 1;
    if (!axis || step < 1) {
      return std::nullopt;
    }
    const std::int64_t size = (*in)[*axis];
    const auto bound = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size); };
    const std::int64_t length = std::max<std::int64_t>(bound((*ends)[i]) - bound((*starts)[i]), 0);
    out[*axis] = length / step + (length % step != 0 ? 1 : 0);
  }
  return out;
}

std::optional<Shape> recurrent(const NodeView& node, const Values& inputs) {
  const Shape* in = shape_of(inputs, 0);
  const Shape* again = shape_of(inputs, 2);
  if (in == nullptr || again == nullptr || in->size() != 3 || again->size() != 3 || attribute(node, "layout", 0) != 0) {
    return std::nullopt;
  }
  return Shape{(*in)[0], (*again)[0], (*in)[1], (*again)[2]};
}

std::optional<Shape> transposed(const NodeView& node, const Shape& in) {
  const auto order = node.lists.find("perm");
  if (order == node.lists.end()) {
    return Shape(in.rbegin(), in.rend());
  }
  Shape out;
  for (const std::int64_t axis : order->second) {
    const auto place = axis_of(axis, in.size());
    if (!place) {
      return std::nullopt;
    }
    out.push_back(in[*place]);
  }
  return out.size() == in.size() ? std::optional(out) : std::nullopt;
}

std::optional<Shape> padded(const NodeView& node, const Values& inputs, const Shape& in) {
  const Numbers* pads = list_of(node, inputs, "pads", 1);
  if (pads == nullptr || pads->size() != 2 * in.size() || inputs.size() > 3) {
    return std::nullopt;
  }
  Shape out;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const auto both = checked_add((*pads)[i], (*pads)[i + in.size()]);
    out.push_back(both ? checked_add(in[i], *both).value_or(-1) : -1);
  }
  return out;
}

std::optional<Shape> from_first(const NodeView& node, const Values& inputs, const Shape& in) {
  const std::string_view type = node.type;
  if (type == "Transpose") {
    return transposed(node, in);
  }
  if (type == "Reshape") {
    const Numbers* wanted = list_of(node, inputs, "shape", 1);
    return wanted == nullptr ? std::nullopt : reshape(in, *wanted);
  }
  if (type == "Flatten") {
    const auto axis = attribute(node, "axis", 1);
    const auto middle = in.begin() + std::clamp<std::int64_t>(axis, 0, static_cast<std::int64_t>(in.size()));
    const auto product = [](auto from, auto to) { return static_cast<std::int64_t>(elements_of(Shape(from, to))); };
    return Shape{product(in.begin(), middle), product(middle, in.end())};
  }
  if (type == "Unsqueeze") {
    const Numbers* axes = list_of(node, inputs, "axes", 1);
    return axes == nullptr ? std::nullopt : with_axes(in, *axes);
  }
  if (type == "Squeeze") {
    const Numbers* axes = list_of(node, inputs, "axes", 1);
    return axes == nullptr ? std::nullopt : reduced(in, axes, false);
  }
  if (type.starts_with("Reduce")) {
    const Numbers* axes = list_of(node, inputs, "axes", 1);
    return inputs.size() > 1 && axes == nullptr ? std::nullopt : reduced(in, axes, attribute(node, "keepdims", 1) != 0);
  }
  if (type == "ArgMax" || type == "ArgMin") {
    const Numbers axes{attribute(node, "axis", 0)};
    return reduced(in, &axes, attribute(node, "keepdims", 1) != 0);
  }
  if (type.starts_with("Global") && in.size() > 2) {
    Shape out(in.size(), 1);
    out[0] = in[0];
    out[1] = in[1];
    return out;
  }
  if (type == "Pad") {
    return padded(node, inputs, in);
  }
  if (type == "Expand") {
    const Numbers* wanted = numbers_of(inputs, 1);
    return wanted == nullptr ? std::nullopt : broadcast(in, *wanted);
  }
  return std::nullopt;
}

std::optional<Shape> first_shape(const NodeView& node, const Values& inputs) {
  const std::string_view type = node.type;
  const Shape* in = shape_of(inputs, 0);
  if (same_shape.contains(type)) {
    return in == nullptr ? std::nullopt : std::optional(*in);
  }
  if (broadcasting.contains(type)) {
    return broadcast_all(inputs);
  }
  if (type == "ConstantOfShape") {
    const Numbers* wanted = numbers_of(inputs, 0);
    return wanted == nullptr ? std::nullopt : std::optional(*wanted);
  }
  if (type == "Conv" || type == "ConvInteger" || type == "FusedConv") {
    return convolution(node, inputs, 1);
  }
  if (type == "QLinearConv") {
    return convolution(node, inputs, 3);
  }
  if (pools.contains(type)) {
    return pool(node, inputs);
  }
  const bool gemm = type == "Gemm";
  if (gemm || type == "MatMul" || type == "MatMulInteger" || type == "QLinearMatMul" || type == "FusedMatMul" ||
      type == "DynamicQuantizeMatMul" || type == "MatMulIntegerToFloat") {
    const Shape* second = shape_of(inputs, type == "QLinearMatMul" ? 3 : 1);
    return in == nullptr || second == nullptr
               ? std::nullopt
               : matrix_product(*in, *second, attribute(node, "transA", 0) != 0, attribute(node, "transB", 0) != 0);
  }
  if (type == "Concat") {
    return concatenated(node, inputs);
  }
  if (type == "Gather") {
    return gathered(node, inputs);
  }
  if (type == "Slice") {
    return sliced(node, inputs);
  }
  if (type == "LSTM" || type == "GRU" || type == "RNN") {
    return recurrent(node, inputs);
  }
  return in == nullptr ? std::nullopt : from_first(node, inputs, *in);
}

std::optional<std::int64_t> calculated(std::string_view type, std::int64_t a, std::int64_t b) {
  if (type == "Add") {
    return checked_add(a, b);
  }
  if (type == "Mul") {
    return checked_mul(a, b);
  }
  if (type == "Equal") {
    return a == b ? 1 : 0;
  }
  if (type == "Sub") {
    return b == INT64_MIN ? std::nullopt : checked_add(a, -b);
  }
  return b > 0 ? std::optional(a / b) : std::nullopt;  // Div
}

// Of the small integers that shapes are made of.
std::optional<Numbers> numbers(const NodeView& node, const Values& inputs) {
  const std::string_view type = node.type;
  const Numbers* first = numbers_of(inputs, 0);
  if (type == "Shape") {
    const Shape* in = shape_of(inputs, 0);
    return in == nullptr || node.ints.contains("start") || node.ints.contains("end") ? std::nullopt
                                                                                     : std::optional(*in);
  }
  if (type == "Concat") {
    Numbers all;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Numbers* part = numbers_of(inputs, i);
      if (part == nullptr || all.size() + part->size() > most_numbers) {
        return std::nullopt;
      }
      all.insert(all.end(), part->begin(), part->end());
    }
    return all;
  }
  if (first == nullptr) {
    return std::nullopt;
  }
  if (type == "Identity" || type == "Cast" || type == "Unsqueeze" || type == "Squeeze" || type == "Reshape") {
    return *first;
  }
  const Numbers* second = numbers_of(inputs, 1);
  if (type == "Gather" && second != nullptr) {
    Numbers out;
    for (const std::int64_t index : *second) {
      const auto place = axis_of(index, first->size());
      if (!place) {
        return std::nullopt;
      }
      out.push_back((*first)[*place]);
    }
    return out;
  }
  if ((type == "Add" || type == "Sub" || type == "Mul" || type == "Div" || type == "Equal") && second != nullptr &&
      !first->empty() && !second->empty() &&
      (first->size() == second->size() || first->size() == 1 || second->size() == 1)) {
    Numbers out;
    for (std::size_t i = 0; i < std::max(first->size(), second->size()); ++i) {
      const auto one = calculated(type, (*first)[first->size() == 1 ? 0 : i], (*second)[second->size() == 1 ? 0 : i]);
      if (!one) {
        return std::nullopt;
      }
      out.push_back(*one);
    }
    return out;
  }
  if (type == "ConstantOfShape" && node.constant.numbers && node.constant.numbers->size() == 1) {
    const std::uint64_t count = elements_of(*first);
    return count > most_numbers ? std::nullopt : std::optional(Numbers(count, node.constant.numbers->front()));
  }
  const Numbers* third = numbers_of(inputs, 2);
  if (type == "Where" && second != nullptr && third != nullptr && first->size() == second->size() &&
      first->size() == third->size()) {
    Numbers out;
    for (std::size_t i = 0; i < first->size(); ++i) {
      out.push_back((*first)[i] != 0 ? (*second)[i] : (*third)[i]);
    }
    return out;
  }
  const Shape* in = shape_of(inputs, 0);
  if (type == "Slice" && in != nullptr && in->size() == 1 && numbers_of(inputs, 4) == nullptr && inputs.size() < 5) {
    const auto length = sliced(node, inputs);
    const Numbers* starts = list_of(node, inputs, "starts", 1);
    if (!length || starts->size() != 1 || length->size() != 1) {
      return std::nullopt;
    }
    const auto size = static_cast<std::int64_t>(first->size());
    const std::int64_t from = (*starts)[0] < 0 ? (*starts)[0] + size : (*starts)[0];
    if (from < 0 || from > size || (*length)[0] > size - from) {
      return std::nullopt;
    }
    return Numbers(first->begin() + from, first->begin() + from + (*length)[0]);
  }
  return std::nullopt;
}

}  // namespace

std::vector<Value> values_of(const NodeView& node, const std::vector<Value>& inputs) {
  Values out(node.outputs.size());
  if (out.empty()) {
    return out;
  }
  if (node.type == "Constant") {
    out[0] = node.constant;
    return out;
  }
  out[0] = of_shape(first_shape(node, inputs));
  out[0].numbers = numbers(node, inputs);
  if (node.type == "Shape" && out[0].numbers) {
    out[0].shape = Shape{static_cast<std::int64_t>(out[0].numbers->size())};
  }
  const Shape* in = shape_of(inputs, 0);
  const auto axis = in == nullptr ? std::nullopt : axis_of(attribute(node, "axis", 0), in->size());
  if (node.type == "Split" && axis) {
    const Numbers* sizes = list_of(node, inputs, "split", 1);
    for (std::size_t i = 0; i < out.size(); ++i) {
      Shape part = *in;
      part[*axis] =
          sizes != nullptr && i < sizes->size() ? (*sizes)[i] : part[*axis] / static_cast<std::int64_t>(out.size());
      out[i] = of_shape(std::move(part));
    }
  }
  return out;
}

}  // namespace blindai::gate
