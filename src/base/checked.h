// Arithmetic on numbers from outside: a result, or nothing where it would overflow.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <utility>

namespace blindai {

template <std::integral T>
constexpr std::optional<T> checked_add(T a, T b) {
  T out{};
  return __builtin_add_overflow(a, b, &out) ? std::nullopt : std::optional(out);
}

template <std::integral T>
constexpr std::optional<T> checked_mul(T a, T b) {
  T out{};
  return __builtin_mul_overflow(a, b, &out) ? std::nullopt : std::optional(out);
}

// The same number in another type, or nothing where it does not fit.
template <std::integral To, std::integral From>
constexpr std::optional<To> checked_cast(From value) {
  return std::in_range<To>(value) ? std::optional(static_cast<To>(value)) : std::nullopt;
}

}  // namespace blindai
