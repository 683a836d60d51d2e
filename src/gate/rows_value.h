// Private to this folder: what the proof that rows stay apart (rows.h) knows of a value of the graph.
//
// B is the number of rows that ran together. Everything said here holds for every B and for every length of the other free
// dimensions, which are equal for all requests of a batch.
//
// Thread rule: values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace blindai::gate::rows {

// A length, or another number at least 0: factor * symbols * B. A symbol is a length that does not depend on B. A negative
// factor stands alone.
struct Size {
  std::int64_t factor = 1;
  std::array<std::uint32_t, 4> symbols{};  // rising, the first `count`
  std::uint8_t count = 0;
  bool batch = false;

  bool operator==(const Size&) const = default;
  bool known() const { return count == 0 && !batch; }
  bool is(std::int64_t number) const { return known() && factor == number; }
};
inline Size known(std::int64_t number) { return {number, {}, 0, false}; }
inline Size symbol(std::uint32_t id) { return {1, {id}, 1, false}; }
inline constexpr Size batch_size{1, {}, 0, true};
// Nothing where it cannot be written so.
std::optional<Size> product(const std::optional<Size>& a, const std::optional<Size>& b);
// Nothing where b is not known to divide a.
std::optional<Size> quotient(const std::optional<Size>& a, const std::optional<Size>& b);

using Sizes = std::vector<Size>;
// Of those from `from` to before `to`.
std::optional<Size> product(const Sizes& sizes, std::size_t from, std::size_t to);

// An element of a small tensor of integers.
struct Number {
  enum class Kind : std::uint8_t {
    size,    // this one
    fixed,   // not known, does not depend on B
    varies,  // not known, depends on B
  };
  Kind kind = Kind::fixed;
  Size size{};

  bool depends() const { return kind == Kind::varies || (kind == Kind::size && size.batch); }
  bool is(std::int64_t number) const { return kind == Kind::size && size.is(number); }
};
inline Number number(Size size) { return {Number::Kind::size, size}; }
using Numbers = std::vector<Number>;

enum class Kind : std::uint8_t {
  plain,  // depends on no row; or, where a dimension has B in it, each slice along that one on the row of its index alone
  sized,   // small integers that depend on B, on no row: of use for shapes alone
  places,  // integers of slice b: b * stride + something from 0 to below extent
};

struct Value {
  Kind kind = Kind::plain;
  std::optional<Sizes> shape;      // always known where B is in it
  std::optional<Numbers> numbers;  // where the shape is known; row-major
  std::optional<Size> below;       // of plain integers: they are from 0 to below this
  Size stride{};                   // of places
  Size extent{};
  bool first_alone = false;  // of places: only the first along the last axis is one, the others are as in plain
};

// The axis with B in its length, if there is one.
std::optional<std::size_t> batch_axis(const Sizes& shape);
inline std::optional<std::size_t> batch_axis(const Value& value) {
  return value.shape ? batch_axis(*value.shape) : std::nullopt;
}
// Whether B stands at most once in it.
bool sound(const Sizes& shape);

}  // namespace blindai::gate::rows
