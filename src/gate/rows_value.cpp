#include "gate/rows_value.h"

#include <algorithm>

#include "base/checked.h"

namespace blindai::gate::rows {

std::optional<Size> product(const std::optional<Size>& a, const std::optional<Size>& b) {
  if (!a || !b || (a->batch && b->batch)) {
    return std::nullopt;
  }
  const auto factor = checked_mul(a->factor, b->factor);
  const bool both_known = a->known() && b->known();
  if (!factor || (!both_known && (a->factor < 0 || b->factor < 0))) {
    return std::nullopt;
  }
  if (*factor == 0) {
    return known(0);
  }
  Size out{*factor, a->symbols, a->count, a->batch || b->batch};
  if (std::size_t{a->count} + b->count > out.symbols.size()) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < b->count; ++i) {
    std::size_t place = out.count++;
    for (; place > 0 && out.symbols.at(place - 1) > b->symbols.at(i); --place) {
      out.symbols.at(place) = out.symbols.at(place - 1);
    }
    out.symbols.at(place) = b->symbols.at(i);
  }
  return out;
}

std::optional<Size> quotient(const std::optional<Size>& a, const std::optional<Size>& b) {
  if (!a || !b || b->factor <= 0 || a->factor < 0 || a->factor % b->factor != 0 || (b->batch && !a->batch)) {
    return std::nullopt;
  }
  Size out{a->factor / b->factor, {}, 0, a->batch && !b->batch};
  std::size_t next = 0;  // of b's symbols, each of which must be one of a's
  for (std::size_t i = 0; i < a->count; ++i) {
    if (next < b->count && b->symbols.at(next) == a->symbols.at(i)) {
      ++next;
    } else {
      out.symbols.at(out.count++) = a->symbols.at(i);
    }
  }
  return next == b->count ? std::optional(out) : std::nullopt;
}

std::optional<Size> product(const Sizes& sizes, std::size_t from, std::size_t to) {
  std::optional<Size> out = known(1);
  for (std::size_t i = from; i < to; ++i) {
    out = product(out, sizes[i]);
  }
  return out;
}

std::optional<std::size_t> batch_axis(const Sizes& shape) {
  const auto found = std::ranges::find(shape, true, &Size::batch);
  return found == shape.end() ? std::nullopt : std::optional(static_cast<std::size_t>(found - shape.begin()));
}

bool sound(const Sizes& shape) { return std::ranges::count(shape, true, &Size::batch) <= 1; }

}  // namespace blindai::gate::rows
