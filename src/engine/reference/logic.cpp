// Comparisons, truth, choice, and change of datatype.
#include <array>
#include <cmath>

#include "engine/reference/operators.h"
#include "engine/reference/read.h"

namespace blindai::engine::reference {
namespace {

bool truth(const Tensor& tensor, std::size_t index) { return tensor.at<std::uint8_t>(index) != 0; }

Result<void> want_bool(const Call& call, const Tensor& tensor) {
  if (tensor.datatype != DataType::boolean) {
    return no_such_datatype(call, tensor.datatype);
  }
  return {};
}

// A BOOL tensor of both shapes together; decide() gets the offsets in each.
template <typename Decide>
Result<Tensor> decide_each(const Call& call, const Tensor& a, const Tensor& b, const Decide& decide) {
  BLINDAI_TRY(const Shape shape, broadcast(call, a.shape, b.shape));
  BLINDAI_TRY(Draft out, call.run.make(DataType::boolean, shape));
  std::size_t next = 0;
  const std::array strides{broadcast_strides(a.shape, shape), broadcast_strides(b.shape, shape)};
  BLINDAI_CHECK(for_each<2>(call, shape, strides, {}, [&](const auto& offsets) {
    out.set<std::uint8_t>(next++, decide(offsets[0], offsets[1]) ? 1 : 0);
  }));
  return std::move(out).finish();
}

template <typename F>
Result<std::vector<Tensor>> compare(const Call& call) {
  const Tensor& a = call.input(0);
  const Tensor& b = call.input(1);
  if (a.datatype != b.datatype) {
    return no_such_datatype(call, b.datatype);
  }
  if (a.datatype == DataType::boolean) {
    return single(decide_each(call, a, b, [&](std::size_t i, std::size_t j) { return F()(truth(a, i), truth(b, j)); }));
  }
  return single(with_number(call, a.datatype, [&]<typename T>() {
    return decide_each(call, a, b, [&](std::size_t i, std::size_t j) { return F()(a.at<T>(i), b.at<T>(j)); });
  }));
}

template <typename F>
Result<std::vector<Tensor>> both(const Call& call) {
  const Tensor& a = call.input(0);
  const Tensor& b = call.input(1);
  BLINDAI_CHECK(want_bool(call, a));
  BLINDAI_CHECK(want_bool(call, b));
  return single(decide_each(call, a, b, [&](std::size_t i, std::size_t j) { return F()(truth(a, i), truth(b, j)); }));
}

Result<std::vector<Tensor>> negate(const Call& call) {
  const Tensor& x = call.input(0);
  BLINDAI_CHECK(want_bool(call, x));
  return single(decide_each(call, x, x, [&](std::size_t i, std::size_t) { return !truth(x, i); }));
}

Result<std::vector<Tensor>> is_nan(const Call& call) {
  const Tensor& x = call.input(0);
  return single(with_real(call, x.datatype, [&]<typename T>() {
    return decide_each(call, x, x, [&](std::size_t i, std::size_t) { return std::isnan(x.at<T>(i)); });
  }));
}

Result<std::vector<Tensor>> where(const Call& call) {
  const Tensor& condition = call.input(0);
  const Tensor& yes = call.input(1);
  const Tensor& no = call.input(2);
  BLINDAI_CHECK(want_bool(call, condition));
  if (yes.datatype != no.datatype) {
    return no_such_datatype(call, no.datatype);
  }
  BLINDAI_TRY(Shape shape, broadcast(call, yes.shape, no.shape));
  BLINDAI_TRY(shape, broadcast(call, condition.shape, shape));
  BLINDAI_TRY(Draft out, call.run.make(yes.datatype, shape));
  const std::size_t size = element_size(yes.datatype);
  const std::array strides{broadcast_strides(condition.shape, shape), broadcast_strides(yes.shape, shape),
                           broadcast_strides(no.shape, shape)};
  std::size_t next = 0;
  BLINDAI_CHECK(for_each<3>(call, shape, strides, {}, [&](const auto& offsets) {
    const bool chosen = truth(condition, offsets[0]);
    const ByteView from = chosen ? yes.data.subspan(offsets[1] * size, size) : no.data.subspan(offsets[2] * size, size);
    std::memcpy(out.bytes().subspan(size * next++, size).data(), from.data(), size);
  }));
  return single(std::move(out).finish());
}

// A real number as a whole one: towards zero; what does not fit, as the processor has it (the lowest number).
std::int64_t whole(double value) {
  constexpr double limit = 0x1p63;
  return value >= -limit && value < limit ? static_cast<std::int64_t>(value) : INT64_MIN;
}

// An element as the two kinds of number that any datatype can be made of.
struct Number {
  double real = 0;
  std::int64_t integer = 0;
};

template <typename T>
Number number_of(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    return {static_cast<double>(value), whole(static_cast<double>(value))};
  } else {
    return {static_cast<double>(value), static_cast<std::int64_t>(value)};
  }
}

Result<Number> take(const Call& call, const Tensor& tensor, std::size_t i) {
  switch (tensor.datatype) {
    case DataType::boolean:
      return number_of<std::uint8_t>(truth(tensor, i) ? 1 : 0);
    case DataType::uint8:
      return number_of(tensor.at<std::uint8_t>(i));
    case DataType::uint16:
      return number_of(tensor.at<std::uint16_t>(i));
    case DataType::uint32:
      return number_of(tensor.at<std::uint32_t>(i));
    case DataType::uint64:
      return number_of(tensor.at<std::uint64_t>(i));
    case DataType::int8:
      return number_of(tensor.at<std::int8_t>(i));
    case DataType::int16:
      return number_of(tensor.at<std::int16_t>(i));
    case DataType::int32:
      return number_of(tensor.at<std::int32_t>(i));
    case DataType::int64:
      return number_of(tensor.at<std::int64_t>(i));
    case DataType::fp32:
      return number_of(tensor.at<float>(i));
    case DataType::fp64:
      return number_of(tensor.at<double>(i));
    default:
      return no_such_datatype(call, tensor.datatype);
  }
}

Result<void> put(const Call& call, DataType to, Draft& out, std::size_t i, const Number& value) {
  switch (to) {
    case DataType::boolean:
      out.set<std::uint8_t>(i, value.real != 0 ? 1 : 0);
      return {};
    case DataType::fp32:
      out.set<float>(i, static_cast<float>(value.real));
      return {};
    case DataType::fp64:
      out.set<double>(i, value.real);
      return {};
    case DataType::fp16:
    case DataType::bf16:
    case DataType::bytes:
      return no_such_datatype(call, to);
    default: {  // whole numbers of any width: the lowest bytes
      const std::size_t size = element_size(to);
      std::memcpy(out.bytes().subspan(i * size, size).data(), &value.integer, size);
      return {};
    }
  }
}

Result<std::vector<Tensor>> cast(const Call& call) {
  const Tensor& x = call.input(0);
  BLINDAI_TRY(const auto code, call.node.attribute<std::int64_t>("to", 0));
  const auto to = datatype_of(static_cast<std::uint64_t>(code));
  if (!to) {
    return fail(refused, {"Cast: the element type {} is not served", code});
  }
  if (*to == x.datatype) {
    return std::vector<Tensor>{x};
  }
  BLINDAI_TRY(Draft out, call.run.make(*to, x.shape));
  for (std::size_t i = 0; i < out.count(); ++i) {
    BLINDAI_TRY(const Number value, take(call, x, i));
    BLINDAI_CHECK(put(call, *to, out, i, value));
  }
  return single(std::move(out).finish());
}

constexpr std::array table{
    Operator{"Equal", 2, 2, 1, compare<std::equal_to<>>},
    Operator{"Less", 2, 2, 1, compare<std::less<>>},
    Operator{"LessOrEqual", 2, 2, 1, compare<std::less_equal<>>},
    Operator{"Greater", 2, 2, 1, compare<std::greater<>>},
    Operator{"GreaterOrEqual", 2, 2, 1, compare<std::greater_equal<>>},
    Operator{"And", 2, 2, 1, both<std::logical_and<>>},
    Operator{"Or", 2, 2, 1, both<std::logical_or<>>},
    Operator{"Not", 1, 1, 1, negate},
    Operator{"IsNaN", 1, 1, 1, is_nan},
    Operator{"Where", 3, 3, 1, where},
    Operator{"Cast", 1, 1, 1, cast},
};

}  // namespace

std::span<const Operator> logic_operators() { return table; }

}  // namespace blindai::engine::reference
