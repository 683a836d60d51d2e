// What moves elements and never looks at them: every datatype goes.
#include <algorithm>
#include <array>
#include <numeric>

#include "base/checked.h"
#include "engine/reference/operators.h"

namespace blindai::engine::reference {
namespace {

std::unexpected<Error> wrong(const Call& call) {
  return fail(refused, {"{}: shapes, axes or indices that do not go together", Disclosed(call.node.op->type)});
}

// The same bytes under another shape.
Result<std::vector<Tensor>> reshaped(const Call& call, const Tensor& x, Shape shape) {
  if (byte_size(x.datatype, shape) != x.data.size()) {
    return wrong(call);
  }
  Tensor out = x;
  out.shape = std::move(shape);
  return std::vector<Tensor>{std::move(out)};
}

// A new tensor of that shape whose elements lie at these strides in x, from `start` on.
Result<std::vector<Tensor>> picked(const Call& call, const Tensor& x, const Shape& shape, const Strides& strides,
                                   std::int64_t start = 0) {
  BLINDAI_TRY(Draft out, call.run.make(x.datatype, shape));
  const std::size_t size = element_size(x.datatype);
  std::size_t next = 0;
  BLINDAI_CHECK(for_each<1>(call, shape, {strides}, {start}, [&](const auto& offsets) {
    std::memcpy(out.bytes().subspan(size * next++, size).data(), x.data.subspan(offsets[0] * size, size).data(), size);
  }));
  return single(std::move(out).finish());
}

Result<std::vector<Tensor>> identity(const Call& call) { return std::vector<Tensor>{call.input(0)}; }

Result<std::vector<Tensor>> reshape(const Call& call) {
  const Tensor& x = call.input(0);
  BLINDAI_TRY(Shape shape, integers(call, call.input(1)));
  BLINDAI_TRY(const auto allow_zero, call.node.attribute<std::int64_t>("allowzero", 0));
  if (shape.size() > max_rank) {
    return wrong(call);
  }
  std::optional<std::size_t> inferred;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && allow_zero == 0) {
      if (i >= x.shape.size()) {
        return wrong(call);
      }
      shape[i] = x.shape[i];
    } else if (shape[i] == -1 && !inferred) {
      inferred = i;
      shape[i] = 1;
    }
  }
  if (inferred) {
    const auto others = element_count(shape);
    if (!others || *others == 0 || x.count() % *others != 0) {
      return wrong(call);
    }
    shape[*inferred] = static_cast<std::int64_t>(x.count() / *others);
  }
  return reshaped(call, x, std::move(shape));
}

Result<std::vector<Tensor>> flatten(const Call& call) {
  const Tensor& x = call.input(0);
  BLINDAI_TRY(const auto given, call.node.attribute<std::int64_t>("axis", 1));
  const auto rank = static_cast<std::int64_t>(x.shape.size());
  if (given < -rank || given > rank) {
    return wrong(call);
  }
  const auto axis = static_cast<std::size_t>(given < 0 ? given + rank : given);
  const auto rows = element_count(std::span(x.shape).first(axis));
  const auto columns = element_count(std::span(x.shape).subspan(axis));
  if (!rows || !columns) {
    return wrong(call);
  }
  return reshaped(call, x, {static_cast<std::int64_t>(*rows), static_cast<std::int64_t>(*columns)});
}

// Which of `rank` axes are named by input 1.
Result<std::vector<bool>> axes_of_input(const Call& call, std::size_t rank) {
  BLINDAI_TRY(const auto axes, integers(call, call.input(1)));
  std::vector<bool> named(rank, false);
  for (const std::int64_t axis : axes) {
    BLINDAI_TRY(const auto place, axis_of(call, axis, rank));
    if (named[place]) {
      return wrong(call);
    }
    named[place] = true;
  }
  return named;
}

Result<std::vector<Tensor>> squeeze(const Call& call) {
  const Tensor& x = call.input(0);
  std::vector<bool> gone(x.shape.size());
  if (call.has(1)) {
    BLINDAI_TRY(gone, axes_of_input(call, x.shape.size()));
  } else {
    for (std::size_t i = 0; i < gone.size(); ++i) {
      gone[i] = x.shape[i] == 1;
    }
  }
  Shape shape;
  for (std::size_t i = 0; i < x.shape.size(); ++i) {
    if (!gone[i]) {
      shape.push_back(x.shape[i]);
    }
  }
  return reshaped(call, x, std::move(shape));
}

Result<std::vector<Tensor>> unsqueeze(const Call& call) {
  const Tensor& x = call.input(0);
  const std::size_t rank = x.shape.size() + call.input(1).count();
  if (rank > max_rank) {
    return wrong(call);
  }
  BLINDAI_TRY(const auto added, axes_of_input(call, rank));
  Shape shape;
  auto next = x.shape.begin();
  for (std::size_t i = 0; i < rank; ++i) {
    shape.push_back(added[i] ? 1 : *next++);
  }
  return reshaped(call, x, std::move(shape));
}

Result<std::vector<Tensor>> transpose(const Call& call) {
  const Tensor& x = call.input(0);
  std::vector<std::int64_t> fallback(x.shape.size());
  std::iota(fallback.rbegin(), fallback.rend(), 0);
  BLINDAI_TRY(const auto order, call.node.attribute<std::vector<std::int64_t>>("perm", std::move(fallback)));
  if (order.size() != x.shape.size()) {
    return wrong(call);
  }
  const Strides own = strides_of(x.shape);
  std::vector<bool> seen(order.size(), false);
  Shape shape;
  Strides strides;
  for (const std::int64_t axis : order) {
    BLINDAI_TRY(const auto place, axis_of(call, axis, order.size()));
    if (seen[place]) {
      return wrong(call);
    }
    seen[place] = true;
    shape.push_back(x.shape[place]);
    strides.push_back(own[place]);
  }
  return picked(call, x, shape, strides);
}

Result<std::vector<Tensor>> expand(const Call& call) {
  const Tensor& x = call.input(0);
  BLINDAI_TRY(const Shape wanted, integers(call, call.input(1)));
  if (wanted.size() > max_rank || !element_count(wanted)) {
    return wrong(call);
  }
  BLINDAI_TRY(const Shape shape, broadcast(call, x.shape, wanted));
  return picked(call, x, shape, broadcast_strides(x.shape, shape));
}

struct Cut {
  std::int64_t start = 0;
  std::int64_t count = 0;
};
// The part of an axis of that length, by the rules of Slice: what is out of range is cut to what there is.
Cut cut(std::int64_t start, std::int64_t end, std::int64_t step, std::int64_t length) {
  const auto clamped = [length](std::int64_t value, std::int64_t low, std::int64_t high) {
    return std::clamp(value < 0 ? value + length : value, low, high);
  };
  if (length == 0) {
    return {};
  }
  if (step > 0) {
    start = clamped(start, 0, length);
    end = clamped(end, 0, length);
    return {start, end <= start ? 0 : (end - start - 1) / step + 1};
  }
  start = clamped(start, 0, length - 1);
  end = clamped(end, -1, length - 1);
  return {start, start <= end ? 0 : (start - end - 1) / -step + 1};
}

Result<std::vector<Tensor>> slice(const Call& call) {
  const Tensor& x = call.input(0);
  BLINDAI_TRY(const auto starts, integers(call, call.input(1)));
  BLINDAI_TRY(const auto ends, integers(call, call.input(2)));
  std::vector<std::int64_t> axes(starts.size());
  std::iota(axes.begin(), axes.end(), 0);
  std::vector<std::int64_t> steps(starts.size(), 1);
  if (call.has(3)) {
    BLINDAI_TRY(axes, integers(call, call.input(3)));
  }
  if (call.has(4)) {
    BLINDAI_TRY(steps, integers(call, call.input(4)));
  }
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size()) {
    return wrong(call);
  }
  const Strides own = strides_of(x.shape);
  Shape shape = x.shape;
  Strides strides = own;
  std::int64_t offset = 0;
  std::vector<bool> seen(shape.size(), false);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    BLINDAI_TRY(const auto axis, axis_of(call, axes[i], shape.size()));
    if (steps[i] == 0 || steps[i] == INT64_MIN || seen[axis]) {
      return wrong(call);
    }
    seen[axis] = true;
    const Cut part = cut(starts[i], ends[i], steps[i], x.shape[axis]);
    shape[axis] = part.count;
    if (part.count > 0) {
      offset += part.start * own[axis];
      strides[axis] = part.count == 1 ? 0 : own[axis] * steps[i];  // a step past the end cannot overflow so
    }
  }
  return picked(call, x, shape, strides, offset);
}

Result<std::vector<Tensor>> concat(const Call& call) {
  const Tensor& first = call.input(0);
  BLINDAI_TRY(const auto given, call.node.attribute<std::int64_t>("axis", 0));
  BLINDAI_TRY(const auto axis, axis_of(call, given, first.shape.size()));
  Shape shape = first.shape;
  shape[axis] = 0;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    if (!call.has(i) || call.input(i).datatype != first.datatype || call.input(i).shape.size() != shape.size()) {
      return wrong(call);
    }
    Shape others = call.input(i).shape;
    const auto sum = checked_add(shape[axis], others[axis]);
    others[axis] = shape[axis];
    if (!sum || others != shape) {
      return wrong(call);
    }
    shape[axis] = *sum;
  }
  BLINDAI_TRY(Draft out, call.run.make(first.datatype, shape));
  const std::size_t rows = element_count(std::span(shape).first(axis)).value_or(0);
  std::size_t at = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    for (const Tensor* part : call.inputs) {
      const std::size_t size = part->data.size() / rows;
      const ByteView from = part->data.subspan(row * size, size);
      std::ranges::copy(from, out.bytes().subspan(at, size).begin());
      at += size;
    }
  }
  return single(std::move(out).finish());
}

Result<std::vector<Tensor>> gather(const Call& call) {
  const Tensor& x = call.input(0);
  const Tensor& at = call.input(1);
  BLINDAI_TRY(const auto given, call.node.attribute<std::int64_t>("axis", 0));
  BLINDAI_TRY(const auto axis, axis_of(call, given, x.shape.size()));
  BLINDAI_TRY(const auto indices, integers(call, at));
  const std::int64_t length = x.shape[axis];
  Shape shape(x.shape.begin(), x.shape.begin() + static_cast<std::ptrdiff_t>(axis));
  shape.insert(shape.end(), at.shape.begin(), at.shape.end());
  shape.insert(shape.end(), x.shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1, x.shape.end());
  BLINDAI_TRY(Draft out, call.run.make(x.datatype, shape));
  const std::size_t rows = element_count(std::span(x.shape).first(axis)).value_or(0);
  const std::size_t size = element_count(std::span(x.shape).subspan(axis + 1)).value_or(0) * element_size(x.datatype);
  std::size_t written = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    for (const std::int64_t index : indices) {
      if (index < -length || index >= length) {
        return fail(refused, {"Gather: index {} on an axis of {} elements", index, length});
      }
      const auto place =
          row * static_cast<std::size_t>(length) + static_cast<std::size_t>(index < 0 ? index + length : index);
      std::ranges::copy(x.data.subspan(place * size, size), out.bytes().subspan(written, size).begin());
      written += size;
    }
  }
  return single(std::move(out).finish());
}

Result<Tensor> row_of(const Call& call, std::span<const std::int64_t> values) {
  BLINDAI_TRY(Draft out, call.run.make(DataType::int64, {static_cast<std::int64_t>(values.size())}));
  for (std::size_t i = 0; i < values.size(); ++i) {
    out.set(i, values[i]);
  }
  return std::move(out).finish();
}

Result<std::vector<Tensor>> shape_of(const Call& call) {
  const Shape& shape = call.input(0).shape;
  const auto rank = static_cast<std::int64_t>(shape.size());
  BLINDAI_TRY(const auto start, call.node.attribute<std::int64_t>("start", 0));
  BLINDAI_TRY(const auto end, call.node.attribute<std::int64_t>("end", rank));
  const Cut part = cut(start, end, 1, rank);
  return single(row_of(
      call, std::span(shape).subspan(static_cast<std::size_t>(part.start), static_cast<std::size_t>(part.count))));
}

Result<std::vector<Tensor>> constant(const Call& call) {
  const auto& attributes = call.node.attributes;
  if (attributes.size() != 1) {
    return fail(refused, {"Constant: one value is wanted, {} are given", attributes.size()});
  }
  const Attribute& value = attributes.begin()->second;
  if (const auto* tensor = std::get_if<Tensor>(&value)) {
    return std::vector<Tensor>{*tensor};
  }
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value)) {
    return single(row_of(call, *list));
  }
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    BLINDAI_TRY(Tensor out, row_of(call, std::span(number, 1)));
    return reshaped(call, out, {});
  }
  if (const auto* real = std::get_if<float>(&value)) {
    BLINDAI_TRY(Draft out, call.run.make(DataType::fp32, {}));
    out.set(0, *real);
    return single(std::move(out).finish());
  }
  return fail(refused, {"Constant: a value of a kind that the engine does not take"});
}

Result<std::vector<Tensor>> constant_of_shape(const Call& call) {
  BLINDAI_TRY(const Shape shape, integers(call, call.input(0)));
  BLINDAI_TRY(Draft zero, call.run.make(DataType::fp32, {1}));
  BLINDAI_TRY(const Tensor value, call.node.attribute<Tensor>("value", std::move(zero).finish()));
  if (value.count() != 1 || shape.size() > max_rank) {
    return wrong(call);
  }
  return picked(call, value, shape, Strides(shape.size(), 0));
}

constexpr std::array table{
    Operator{"Identity", 1, 1, 1, identity},
    Operator{"Reshape", 2, 2, 1, reshape},
    Operator{"Flatten", 1, 1, 1, flatten},
    Operator{"Squeeze", 1, 2, 1, squeeze},
    Operator{"Unsqueeze", 2, 2, 1, unsqueeze},
    Operator{"Transpose", 1, 1, 1, transpose},
    Operator{"Expand", 2, 2, 1, expand},
    Operator{"Slice", 3, 5, 1, slice},
    Operator{"Concat", 1, max_names, 1, concat},
    Operator{"Gather", 2, 2, 1, gather},
    Operator{"Shape", 1, 1, 1, shape_of},
    Operator{"Constant", 0, 0, 1, constant},
    Operator{"ConstantOfShape", 1, 1, 1, constant_of_shape},
};

}  // namespace

std::span<const Operator> move_operators() { return table; }

}  // namespace blindai::engine::reference
