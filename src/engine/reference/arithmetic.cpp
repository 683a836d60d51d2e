// Arithmetic on one or two tensors, element by element.
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <type_traits>

#include "engine/reference/operators.h"

namespace blindai::engine::reference {
namespace {

// Whole numbers wrap around, which C++ leaves undefined for signed ones.
template <typename T, typename F>
T wrapping(T a, T b, const F& compute) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(compute(static_cast<U>(a), static_cast<U>(b)));
  } else {
    return compute(a, b);
  }
}

struct Add {
  template <typename T>
  Result<T> operator()(T a, T b) const {
    return wrapping(a, b, [](auto x, auto y) { return x + y; });
  }
};
struct Sub {
  template <typename T>
  Result<T> operator()(T a, T b) const {
    return wrapping(a, b, [](auto x, auto y) { return x - y; });
  }
};
struct Mul {
  template <typename T>
  Result<T> operator()(T a, T b) const {
    return wrapping(a, b, [](auto x, auto y) { return x * y; });
  }
};
struct Div {
  template <typename T>
  Result<T> operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0 || (b == -1 && a == std::numeric_limits<T>::min())) {
        return fail(refused, {"Div: a division of whole numbers that has no result"});
      }
    }
    return a / b;
  }
};
struct Pow {
  template <typename T>
  Result<T> operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      return fail(Code::unimplemented, {"Pow: the engine does not compute whole numbers"});
    } else {
      return std::pow(a, b);
    }
  }
};
template <typename T>
bool is_nan(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::isnan(value);
  } else {
    return false;
  }
}
struct Min {
  template <typename T>
  Result<T> operator()(T a, T b) const {
    return is_nan(a) || a < b ? a : b;  // a NaN wins
  }
};
struct Max {
  template <typename T>
  Result<T> operator()(T a, T b) const {
    return is_nan(a) || a > b ? a : b;
  }
};

template <typename F>
Result<Tensor> combine(const Call& call, const Tensor& a, const Tensor& b) {
  if (a.datatype != b.datatype) {
    return no_such_datatype(call, b.datatype);
  }
  return with_number(call, a.datatype, [&]<typename T>() -> Result<Tensor> {
    BLINDAI_TRY(const Shape shape, broadcast(call, a.shape, b.shape));
    BLINDAI_TRY(Draft out, call.run.make(a.datatype, shape));
    std::size_t next = 0;
    const std::array strides{broadcast_strides(a.shape, shape), broadcast_strides(b.shape, shape)};
    BLINDAI_CHECK(for_each<2>(call, shape, strides, {}, [&](const auto& offsets) -> Result<void> {
      BLINDAI_TRY(const T value, F()(a.at<T>(offsets[0]), b.at<T>(offsets[1])));
      out.set<T>(next++, value);
      return {};
    }));
    return std::move(out).finish();
  });
}

template <typename F>
Result<std::vector<Tensor>> two(const Call& call) {
  return single(combine<F>(call, call.input(0), call.input(1)));
}

template <typename F>
Result<std::vector<Tensor>> any_number(const Call& call) {
  Tensor out = call.input(0);
  for (std::size_t i = 1; i < call.inputs.size(); ++i) {
    if (!call.has(i)) {
      return fail(refused, {"{}: an input is left out", Disclosed(call.node.op->type)});
    }
    BLINDAI_TRY(out, combine<F>(call, out, call.input(i)));
  }
  return std::vector<Tensor>{std::move(out)};
}

template <typename T, typename F>
Result<Tensor> map(const Call& call, const F& compute) {
  const Tensor& x = call.input(0);
  BLINDAI_TRY(Draft out, call.run.make(x.datatype, x.shape));
  for (std::size_t i = 0; i < out.count(); ++i) {
    out.set<T>(i, compute(x.at<T>(i)));
  }
  return std::move(out).finish();
}

// Functions of real numbers; computed in double precision.
struct Sqrt {
  double operator()(double x) const { return std::sqrt(x); }
};
struct Exp {
  double operator()(double x) const { return std::exp(x); }
};
struct Log {
  double operator()(double x) const { return std::log(x); }
};
struct Reciprocal {
  double operator()(double x) const { return 1 / x; }
};
struct Sigmoid {
  double operator()(double x) const { return 1 / (1 + std::exp(-x)); }
};
struct Tanh {
  double operator()(double x) const { return std::tanh(x); }
};
struct Erf {
  double operator()(double x) const { return std::erf(x); }
};

template <typename F>
Result<std::vector<Tensor>> real(const Call& call) {
  return single(with_real(call, call.input(0).datatype, [&]<typename T>() {
    return map<T>(call, [](T x) { return static_cast<T>(F()(static_cast<double>(x))); });
  }));
}

// Functions of all numbers.
struct Abs {
  template <typename T>
  T operator()(T x) const {
    return x < 0 ? wrapping(T{0}, x, [](auto a, auto b) { return a - b; }) : x;
  }
};
struct Neg {
  template <typename T>
  T operator()(T x) const {
    if constexpr (std::is_integral_v<T>) {
      return wrapping(T{0}, x, [](auto a, auto b) { return a - b; });
    } else {
      return -x;
    }
  }
};
struct Relu {
  template <typename T>
  T operator()(T x) const {
    return x < 0 ? T{0} : x;
  }
};

template <typename F>
Result<std::vector<Tensor>> number(const Call& call) {
  return single(with_number(call, call.input(0).datatype, [&]<typename T>() { return map<T>(call, F()); }));
}

Result<std::vector<Tensor>> gelu(const Call& call) {
  BLINDAI_TRY(const auto approximate, call.node.attribute<std::string>("approximate", "none"));
  if (approximate != "none" && approximate != "tanh") {
    return fail(refused, {"Gelu: the approximation '{}' is not known", Disclosed(approximate)});
  }
  const bool by_tanh = approximate == "tanh";
  const auto compute = [by_tanh](double x) {
    if (by_tanh) {
      return x / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    }
    return x / 2 * (1 + std::erf(x / std::numbers::sqrt2));
  };
  return single(with_real(call, call.input(0).datatype, [&]<typename T>() {
    return map<T>(call, [&](T x) { return static_cast<T>(compute(static_cast<double>(x))); });
  }));
}

constexpr std::array table{
    Operator{"Abs", 1, 1, 1, number<Abs>},
    Operator{"Neg", 1, 1, 1, number<Neg>},
    Operator{"Relu", 1, 1, 1, number<Relu>},
    Operator{"Sqrt", 1, 1, 1, real<Sqrt>},
    Operator{"Exp", 1, 1, 1, real<Exp>},
    Operator{"Log", 1, 1, 1, real<Log>},
    Operator{"Reciprocal", 1, 1, 1, real<Reciprocal>},
    Operator{"Sigmoid", 1, 1, 1, real<Sigmoid>},
    Operator{"Tanh", 1, 1, 1, real<Tanh>},
    Operator{"Erf", 1, 1, 1, real<Erf>},
    Operator{"Gelu", 1, 1, 1, gelu},
    Operator{"Add", 2, 2, 1, two<Add>},
    Operator{"Sub", 2, 2, 1, two<Sub>},
    Operator{"Mul", 2, 2, 1, two<Mul>},
    Operator{"Div", 2, 2, 1, two<Div>},
    Operator{"Pow", 2, 2, 1, two<Pow>},
    Operator{"Min", 1, max_names, 1, any_number<Min>},
    Operator{"Max", 1, max_names, 1, any_number<Max>},
};

}  // namespace

std::span<const Operator> arithmetic_operators() { return table; }

}  // namespace blindai::engine::reference
