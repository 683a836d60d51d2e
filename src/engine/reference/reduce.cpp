// Sums along axes. All of them add up in double precision, so the order of the elements hardly matters.
#include <array>
#include <cmath>
#include <limits>

#include "engine/reference/operators.h"

namespace blindai::engine::reference {
namespace {

// Which axes of input 0 are reduced: by input 1, or by the attribute that older opsets have.
Result<std::vector<bool>> reduced_axes(const Call& call) {
  const std::size_t rank = call.input(0).shape.size();
  BLINDAI_TRY(auto axes, call.node.attribute<std::vector<std::int64_t>>("axes", {}));
  BLINDAI_TRY(const auto keep_all, call.node.attribute<std::int64_t>("noop_with_empty_axes", 0));
  if (call.has(1)) {
    BLINDAI_TRY(axes, integers(call, call.input(1)));
  }
  std::vector<bool> reduced(rank, axes.empty() && keep_all == 0);
  for (const std::int64_t axis : axes) {
    BLINDAI_TRY(const auto place, axis_of(call, axis, rank));
    reduced[place] = true;
  }
  return reduced;
}

struct Sums {
  Tensor values;    // FP64, in the shape that keeps each reduced axis as 1
  Shape shape;      // of the result
  double each = 1;  // how many elements went into one sum
};

template <typename T>
Result<Sums> sum(const Call& call) {
  const Tensor& x = call.input(0);
  BLINDAI_TRY(const auto reduced, reduced_axes(call));
  BLINDAI_TRY(const auto keep, call.node.attribute<std::int64_t>("keepdims", 1));
  Sums sums;
  Shape whole = x.shape;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (reduced[i]) {
      sums.each *= static_cast<double>(whole[i]);
      whole[i] = 1;
    }
    if (!reduced[i] || keep != 0) {
      sums.shape.push_back(whole[i]);
    }
  }
  BLINDAI_TRY(Draft out, call.run.make(DataType::fp64, whole));
  Strides to = broadcast_strides(whole, x.shape);
  std::vector<double> totals(out.count(), 0);
  BLINDAI_CHECK(for_each<2>(call, x.shape, {strides_of(x.shape), to}, {}, [&](const auto& offsets) {
    totals[offsets[1]] += static_cast<double>(x.at<T>(offsets[0]));
  }));
  for (std::size_t i = 0; i < totals.size(); ++i) {
    out.set(i, totals[i]);
  }
  sums.values = std::move(out).finish();
  return sums;
}

template <bool mean>
Result<std::vector<Tensor>> reduce(const Call& call) {
  const DataType datatype = call.input(0).datatype;
  return single(with_real(call, datatype, [&]<typename T>() -> Result<Tensor> {
    BLINDAI_TRY(const Sums sums, sum<T>(call));
    BLINDAI_TRY(Draft out, call.run.make(datatype, sums.shape));
    for (std::size_t i = 0; i < out.count(); ++i) {
      const auto total = sums.values.at<double>(i);
      out.set<T>(i, static_cast<T>(mean ? total / sums.each : total));
    }
    return std::move(out).finish();
  }));
}

// A tensor cut along one axis: `outer` times `inner` lines of `length` elements, `inner` apart.
struct Lines {
  std::size_t outer = 0;
  std::size_t length = 0;
  std::size_t inner = 0;
  std::size_t at(std::size_t i, std::size_t k, std::size_t j) const { return (i * length + k) * inner + j; }
};

Lines lines_along(const Shape& shape, std::size_t axis) {
  const auto product = [](std::span<const std::int64_t> part) {
    return static_cast<std::size_t>(element_count(part).value_or(0));
  };
  return {product(std::span(shape).first(axis)), static_cast<std::size_t>(shape[axis]),
          product(std::span(shape).subspan(axis + 1))};
}

template <typename T>
void softmax_line(const Tensor& x, Draft& out, const Lines& lines, std::size_t i, std::size_t j) {
  double highest = -std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < lines.length; ++k) {
    highest = std::fmax(highest, static_cast<double>(x.at<T>(lines.at(i, k, j))));
  }
  double total = 0;
  for (std::size_t k = 0; k < lines.length; ++k) {
    total += std::exp(static_cast<double>(x.at<T>(lines.at(i, k, j))) - highest);
  }
  for (std::size_t k = 0; k < lines.length; ++k) {
    const std::size_t place = lines.at(i, k, j);
    out.set<T>(place, static_cast<T>(std::exp(static_cast<double>(x.at<T>(place)) - highest) / total));
  }
}

Result<std::vector<Tensor>> softmax(const Call& call) {
  const Tensor& x = call.input(0);
  BLINDAI_TRY(const auto given, call.node.attribute<std::int64_t>("axis", -1));
  BLINDAI_TRY(const auto axis, axis_of(call, given, x.shape.size()));
  const Lines lines = lines_along(x.shape, axis);
  return single(with_real(call, x.datatype, [&]<typename T>() -> Result<Tensor> {
    BLINDAI_TRY(Draft out, call.run.make(x.datatype, x.shape));
    for (std::size_t i = 0; i < lines.outer; ++i) {
      BLINDAI_CHECK(call.run.keep_going());
      for (std::size_t j = 0; j < lines.inner; ++j) {
        softmax_line<T>(x, out, lines, i, j);
      }
    }
    return std::move(out).finish();
  }));
}

template <typename T>
void normalise_row(const Call& call, Draft& out, std::size_t begin, std::size_t length, double epsilon) {
  const Tensor& x = call.input(0);
  double mean = 0;
  for (std::size_t k = 0; k < length; ++k) {
    mean += static_cast<double>(x.at<T>(begin + k)) / static_cast<double>(length);
  }
  double variance = 0;
  for (std::size_t k = 0; k < length; ++k) {
    const double distance = static_cast<double>(x.at<T>(begin + k)) - mean;
    variance += distance * distance / static_cast<double>(length);
  }
  const double scale = 1 / std::sqrt(variance + epsilon);
  for (std::size_t k = 0; k < length; ++k) {
    const double value = (static_cast<double>(x.at<T>(begin + k)) - mean) * scale;
    const double shift = call.has(2) ? static_cast<double>(call.input(2).at<T>(k)) : 0;
    out.set<T>(begin + k, static_cast<T>(value * static_cast<double>(call.input(1).at<T>(k)) + shift));
  }
}

Result<std::vector<Tensor>> layer_normalization(const Call& call) {
  const Tensor& x = call.input(0);
  BLINDAI_TRY(const auto given, call.node.attribute<std::int64_t>("axis", -1));
  BLINDAI_TRY(const auto epsilon, call.node.attribute<float>("epsilon", 1e-5F));
  BLINDAI_TRY(const auto axis, axis_of(call, given, x.shape.size()));
  const Shape row(x.shape.begin() + static_cast<std::ptrdiff_t>(axis), x.shape.end());
  for (std::size_t i = 1; i < call.inputs.size(); ++i) {
    if (call.has(i) && (call.input(i).datatype != x.datatype || call.input(i).shape != row)) {
      return fail(refused, {"LayerNormalization: scale or bias of another shape or datatype than a row"});
    }
  }
  const std::size_t length = element_count(row).value_or(0);
  return single(with_real(call, x.datatype, [&]<typename T>() -> Result<Tensor> {
    BLINDAI_TRY(Draft out, call.run.make(x.datatype, x.shape));
    for (std::size_t begin = 0; begin < out.count(); begin += length) {
      BLINDAI_CHECK(call.run.keep_going());
      normalise_row<T>(call, out, begin, length, static_cast<double>(epsilon));
    }
    return std::move(out).finish();
  }));
}

constexpr std::array table{
    Operator{"ReduceMean", 1, 2, 1, reduce<true>},
    Operator{"ReduceSum", 1, 2, 1, reduce<false>},
    Operator{"Softmax", 1, 1, 1, softmax},
    Operator{"LayerNormalization", 2, 3, 1, layer_normalization},
};

}  // namespace

std::span<const Operator> reduce_operators() { return table; }

}  // namespace blindai::engine::reference
