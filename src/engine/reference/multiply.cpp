// Products of matrices, summed up in double precision.
#include <algorithm>
#include <array>

#include "engine/reference/operators.h"

namespace blindai::engine::reference {
namespace {

std::unexpected<Error> do_not_go_together(const Call& call) {
  return fail(refused, {"{}: matrices that do not go together", Disclosed(call.node.op->type)});
}

// A matrix in a tensor: element (i, k) lies at start + i * row + k * column.
struct Matrix {
  const Tensor* tensor = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t row = 0;
  std::size_t column = 1;
  std::size_t start = 0;

  template <typename T>
  double at(std::size_t i, std::size_t k) const {
    return static_cast<double>(tensor->at<T>(start + i * row + k * column));
  }
};

// visit(i, sums): the sums of one row of the product.
template <typename T, typename Visit>
Result<void> multiply(const Call& call, const Matrix& a, const Matrix& b, const Visit& visit) {
  std::vector<double> sums(b.columns);
  for (std::size_t i = 0; i < a.rows; ++i) {
    BLINDAI_CHECK(call.run.keep_going());
    std::ranges::fill(sums, 0);
    for (std::size_t k = 0; k < a.columns; ++k) {
      const double factor = a.at<T>(i, k);
      for (std::size_t j = 0; j < b.columns; ++j) {
        sums[j] += factor * b.at<T>(k, j);
      }
    }
    visit(i, sums);
  }
  return {};
}

Matrix last_two(const Tensor& tensor, const Shape& shape) {
  const auto rows = static_cast<std::size_t>(shape[shape.size() - 2]);
  const auto columns = static_cast<std::size_t>(shape[shape.size() - 1]);
  return {.tensor = &tensor, .rows = rows, .columns = columns, .row = columns};
}

Result<std::vector<Tensor>> mat_mul(const Call& call) {
  const Tensor& a = call.input(0);
  const Tensor& b = call.input(1);
  if (a.datatype != b.datatype || a.shape.empty() || b.shape.empty()) {
    return do_not_go_together(call);
  }
  // A vector is a row on the left and a column on the right, and that axis is left out of the result.
  Shape left = a.shape;
  Shape right = b.shape;
  if (left.size() == 1) {
    left.insert(left.begin(), 1);
  }
  if (right.size() == 1) {
    right.push_back(1);
  }
  Matrix x = last_two(a, left);
  Matrix y = last_two(b, right);
  if (x.columns != y.rows) {
    return do_not_go_together(call);
  }
  const Shape left_batch(left.begin(), left.end() - 2);
  const Shape right_batch(right.begin(), right.end() - 2);
  BLINDAI_TRY(const Shape batch, broadcast(call, left_batch, right_batch));
  Shape shape = batch;
  if (a.shape.size() > 1) {
    shape.push_back(left[left.size() - 2]);
  }
  if (b.shape.size() > 1) {
    shape.push_back(right.back());
  }
  const std::array strides{broadcast_strides(left_batch, batch), broadcast_strides(right_batch, batch)};
  return single(with_real(call, a.datatype, [&]<typename T>() -> Result<Tensor> {
    BLINDAI_TRY(Draft out, call.run.make(a.datatype, shape));
    std::size_t next = 0;
    BLINDAI_CHECK(for_each<2>(call, batch, strides, {}, [&](const auto& offsets) -> Result<void> {
      x.start = offsets[0] * x.rows * x.columns;
      y.start = offsets[1] * y.rows * y.columns;
      return multiply<T>(call, x, y, [&](std::size_t, const std::vector<double>& sums) {
        for (const double sum : sums) {
          out.set<T>(next++, static_cast<T>(sum));
        }
      });
    }));
    return std::move(out).finish();
  }));
}

Matrix maybe_transposed(const Tensor& tensor, bool transposed) {
  Matrix matrix = last_two(tensor, tensor.shape);
  if (transposed) {
    std::swap(matrix.rows, matrix.columns);
    std::swap(matrix.row, matrix.column);
  }
  return matrix;
}

Result<std::vector<Tensor>> gemm(const Call& call) {
  const Tensor& a = call.input(0);
  const Tensor& b = call.input(1);
  BLINDAI_TRY(const auto alpha, call.node.attribute<float>("alpha", 1));
  BLINDAI_TRY(const auto beta, call.node.attribute<float>("beta", 1));
  BLINDAI_TRY(const auto trans_a, call.node.attribute<std::int64_t>("transA", 0));
  BLINDAI_TRY(const auto trans_b, call.node.attribute<std::int64_t>("transB", 0));
  if (a.shape.size() != 2 || b.shape.size() != 2 || a.datatype != b.datatype) {
    return do_not_go_together(call);
  }
  const Matrix x = maybe_transposed(a, trans_a != 0);
  const Matrix y = maybe_transposed(b, trans_b != 0);
  const Shape shape{static_cast<std::int64_t>(x.rows), static_cast<std::int64_t>(y.columns)};
  if (x.columns != y.rows) {
    return do_not_go_together(call);
  }
  Strides added(2, 0);
  if (call.has(2)) {
    BLINDAI_TRY(const Shape both, broadcast(call, call.input(2).shape, shape));
    if (both != shape || call.input(2).datatype != a.datatype) {
      return do_not_go_together(call);
    }
    added = broadcast_strides(call.input(2).shape, shape);
  }
  return single(with_real(call, a.datatype, [&]<typename T>() -> Result<Tensor> {
    BLINDAI_TRY(Draft out, call.run.make(a.datatype, shape));
    std::size_t next = 0;
    BLINDAI_CHECK(multiply<T>(call, x, y, [&](std::size_t i, const std::vector<double>& sums) {
      for (std::size_t j = 0; j < sums.size(); ++j) {
        const std::size_t at = i * static_cast<std::size_t>(added[0]) + j * static_cast<std::size_t>(added[1]);
        const double more = call.has(2) ? static_cast<double>(beta) * static_cast<double>(call.input(2).at<T>(at)) : 0;
        out.set<T>(next++, static_cast<T>(static_cast<double>(alpha) * sums[j] + more));
      }
    }));
    return std::move(out).finish();
  }));
}

constexpr std::array table{
    Operator{"MatMul", 2, 2, 1, mat_mul},
    Operator{"Gemm", 2, 3, 1, gemm},
};

}  // namespace

std::span<const Operator> multiply_operators() { return table; }

}  // namespace blindai::engine::reference
