// Rules: what gives the same elements in another shape.
#include <algorithm>

#include "gate/rows_rules.h"

namespace blindai::gate::rows {
namespace {

constexpr std::string_view no_operand = "an operand is missing";
constexpr std::string_view rank_unknown = "the shape of its input is not known";
constexpr std::string_view as_data = "the number of rows in the batch is used as data";

// Elements in one order keep their row where as many stand before the batch axis as before, and the axis has a multiple of
// B. `in` has its batch axis at `axis`. `out`: nothing for a length that is not known. `open`: one that follows from the
// others.
struct Regrouped {
  std::vector<std::optional<Size>> out;
  std::optional<std::size_t> open;
};
std::optional<Size> product_of(const Regrouped& shape, std::size_t from, std::size_t to) {
  std::optional<Size> all = known(1);
  for (std::size_t i = from; i < to; ++i) {
    all = product(all, shape.out[i]);
  }
  return all;
}

std::expected<Sizes, std::string_view> regroup(const Call& call, const Sizes& in, std::size_t axis, Regrouped shape) {
  constexpr std::string_view folded = "the new shape does not keep the rows apart";
  const std::size_t rank = shape.out.size();
  const auto before = product(in, 0, axis);
  const auto row = product(quotient(in[axis], batch_size), product(in, axis + 1, in.size()));  // elements of one
  if (!row || row->is(0)) {
    return mixes("the shape of its input is not known well enough");
  }
  std::optional<std::size_t> place;
  for (std::size_t i = 0; i < rank; ++i) {
    if (shape.out[i] && shape.out[i]->batch) {
      if (place) {
        return mixes(folded);
      }
      place = i;
    }
  }
  if (place) {
    const auto after = product(quotient(shape.out[*place], batch_size), product_of(shape, *place + 1, rank));
    const auto ahead = product_of(shape, 0, *place);
    if (!(before && ahead && *ahead == *before) && !(after && *after == *row)) {
      return mixes(folded);
    }
    if (shape.open) {
      auto others = shape;
      others.out[*shape.open] = known(1);
      shape.out[*shape.open] = quotient(product(in, 0, in.size()), product_of(others, 0, rank));
    }
  } else if (shape.open) {
    place = shape.open;
    const auto length = quotient(row, product_of(shape, *place + 1, rank));
    const auto ahead = product_of(shape, 0, *place);
    if (!before || !ahead || *ahead != *before || !length) {
      return mixes(folded);
    }
    shape.out[*place] = product(length, batch_size);
  }
  if (!place || !shape.out[*place]) {
    return mixes(folded);
  }
  Sizes out;
  for (const auto& size : shape.out) {
    out.push_back(size ? *size : call.fresh());
  }
  return sound(out) ? std::expected<Sizes, std::string_view>(std::move(out)) : mixes(folded);
}

// Small integers stay what they are, whatever their shape.
std::optional<Value> numbers_in(const Value& in, const Sizes& shape) {
  if (!in.numbers || !std::ranges::all_of(shape, &Size::known)) {
    return std::nullopt;
  }
  return of_numbers(shape, *in.numbers);
}

// `wanted`: lengths of Reshape; -1 follows from the others, 0 is that of the input unless `zero`.
std::expected<Regrouped, std::string_view> wanted_shape(const Value& in, const Numbers& wanted, bool zero) {
  Regrouped shape;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Number& number = wanted[i];
    if (number.kind == Number::Kind::varies) {
      return mixes("the new shape depends on the number of rows in a way that is not understood");
    }
    if (number.kind == Number::Kind::fixed) {
      shape.out.emplace_back();
    } else if (number.is(-1)) {
      if (shape.open) {
        return mixes("the new shape leaves two lengths open");
      }
      shape.open = i;
      shape.out.emplace_back();
    } else if (number.is(0) && !zero) {
      if (!in.shape || i >= in.shape->size()) {
        return mixes("the new shape takes a length from a place that is not known");
      }
      shape.out.emplace_back((*in.shape)[i]);
    } else if (number.size.factor < 0) {
      return mixes("the new shape has a negative length");
    } else {
      shape.out.emplace_back(number.size);
    }
  }
  return shape;
}

Answer regrouped(const Call& call, const Value& in, Regrouped shape) {
  if (const auto axis = batch_axis(in)) {
    auto out = regroup(call, *in.shape, *axis, std::move(shape));
    return out ? one(plain(std::move(*out))) : Answer(mixes(out.error()));
  }
  if (std::ranges::any_of(shape.out, [](const auto& size) { return size && size->batch; })) {
    return mixes("the same elements for all would be dealt out to rows");
  }
  if (shape.open && in.shape) {
    auto others = shape;
    others.out[*shape.open] = known(1);
    shape.out[*shape.open] =
        quotient(product(*in.shape, 0, in.shape->size()), product_of(others, 0, others.out.size()));
  }
  Sizes out;
  for (const auto& size : shape.out) {
    out.push_back(size ? *size : call.fresh());
  }
  if (auto value = numbers_in(in, out)) {
    return one(std::move(*value));
  }
  Value value = plain(std::move(out));
  value.below = in.below;
  return in.kind == Kind::plain ? one(std::move(value)) : Answer(mixes(as_data));
}

}  // namespace

Answer reshape(const Call& call) {
  const Value* in = call.input(0);
  const Value* wanted = call.input(1);
  if (in == nullptr || wanted == nullptr) {
    return mixes(no_operand);
  }
  if (!wanted->numbers) {
    return any_follows(call) ? Answer(mixes("the new shape is not known")) : one(plain(std::nullopt));
  }
  if (in->kind == Kind::places || (wanted->shape->size() != 1)) {
    return mixes(as_data);
  }
  auto shape = wanted_shape(*in, *wanted->numbers, call.number("allowzero", 0) != 0);
  return shape ? regrouped(call, *in, std::move(*shape)) : Answer(mixes(shape.error()));
}

Answer flatten(const Call& call) {
  const Value* in = call.input(0);
  if (in == nullptr || !in->shape) {
    return in != nullptr && !follows_rows(in) ? one(plain(std::nullopt)) : Answer(mixes(rank_unknown));
  }
  const std::size_t rank = in->shape->size();
  const std::int64_t axis = call.number("axis", 1);
  const auto middle = axis == static_cast<std::int64_t>(rank) ? std::optional(rank) : axis_of(axis, rank);
  if (!middle) {
    return mixes("its axis is not one of its input");
  }
  Regrouped shape;
  shape.out = {product(*in->shape, 0, *middle), product(*in->shape, *middle, rank)};
  return regrouped(call, *in, std::move(shape));
}

Answer shape_of(const Call& call) {
  const Value* in = call.input(0);
  if (in == nullptr || !in->shape) {
    return in == nullptr || follows_rows(in) ? Answer(mixes(rank_unknown)) : one(plain(std::nullopt));
  }
  const auto rank = static_cast<std::int64_t>(in->shape->size());
  const auto bound = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank); };
  const std::int64_t start = bound(call.number("start", 0));
  const std::int64_t end = bound(call.number("end", rank));
  Numbers numbers;
  for (std::int64_t i = start; i < end; ++i) {
    numbers.push_back(number((*in->shape)[static_cast<std::size_t>(i)]));
  }
  return one(of_list(std::move(numbers)));
}

Answer size_of(const Call& call) {
  const Value* in = call.input(0);
  if (in == nullptr || !in->shape) {
    return in == nullptr || follows_rows(in) ? Answer(mixes(rank_unknown)) : one(plain(std::nullopt));
  }
  const auto all = product(*in->shape, 0, in->shape->size());
  const Number unknown{follows_rows(in) ? Number::Kind::varies : Number::Kind::fixed, {}};
  return one(of_numbers({}, {all ? number(*all) : unknown}));
}

Answer squeeze(const Call& call) {
  const Value* in = call.input(0);
  List axes = list_of(call, "axes", 1);
  if (in != nullptr && in->shape && !axes.there && std::ranges::all_of(*in->shape, &Size::known)) {
    axes.values.emplace();
    for (std::size_t i = 0; i < in->shape->size(); ++i) {
      if ((*in->shape)[i].is(1)) {
        axes.values->push_back(static_cast<std::int64_t>(i));
      }
    }
  }
  if (in == nullptr || !in->shape || !axes.values) {
    return in != nullptr && !any_follows(call)
               ? one(plain(std::nullopt))
               : Answer(mixes("which axes it removes is not known, so the batch axis of one row may be among them"));
  }
  std::vector<bool> gone(in->shape->size());
  for (const std::int64_t axis : *axes.values) {
    const auto place = axis_of(axis, gone.size());
    if (!place || (*in->shape)[*place].batch) {
      return mixes("it removes the batch axis");
    }
    gone[*place] = true;
  }
  if (in->first_alone && gone.back()) {
    return mixes("the place of a row in the batch is used as data");
  }
  Value out = *in;
  out.shape = Sizes();
  for (std::size_t i = 0; i < gone.size(); ++i) {
    if (!gone[i]) {
      out.shape->push_back((*in->shape)[i]);
    }
  }
  return one(std::move(out));
}

Answer unsqueeze(const Call& call) {
  const Value* in = call.input(0);
  const List axes = list_of(call, "axes", 1);
  if (in == nullptr || !in->shape || !axes.values) {
    return in != nullptr && !any_follows(call) ? one(plain(std::nullopt))
                                               : Answer(mixes("which axes it adds is not known"));
  }
  std::vector<bool> fresh(in->shape->size() + axes.values->size());
  for (const std::int64_t axis : *axes.values) {
    const auto place = axis_of(axis, fresh.size());
    if (!place || fresh[*place]) {
      return mixes("its axes are not those of its output");
    }
    fresh[*place] = true;
  }
  if (in->first_alone && (fresh.empty() || fresh.back())) {
    return mixes("the place of a row in the batch is used as data");
  }
  Value out = *in;
  out.shape = Sizes();
  auto next = in->shape->begin();
  for (const bool is_fresh : fresh) {
    out.shape->push_back(is_fresh ? known(1) : *next++);
  }
  return one(std::move(out));
}

Answer transpose(const Call& call) {
  const Value* in = call.input(0);
  if (in == nullptr || !in->shape) {
    return in == nullptr || follows_rows(in) ? Answer(mixes(rank_unknown)) : one(plain(std::nullopt));
  }
  const Attribute* order = call.attribute("perm");
  if (order == nullptr) {
    return one(plain(Sizes(in->shape->rbegin(), in->shape->rend())));
  }
  Sizes out;
  std::vector<bool> seen(in->shape->size());
  for (const std::int64_t axis : order->list.value_or(std::vector<std::int64_t>())) {
    if (axis < 0 || static_cast<std::size_t>(axis) >= seen.size() || seen[static_cast<std::size_t>(axis)]) {
      return mixes("its order is not one of its axes");
    }
    seen[static_cast<std::size_t>(axis)] = true;
    out.push_back((*in->shape)[static_cast<std::size_t>(axis)]);
  }
  return out.size() == seen.size() ? one(plain(std::move(out))) : Answer(mixes("its order is not one of its axes"));
}

Answer expand(const Call& call) {
  const Value* in = call.input(0);
  const Value* wanted = call.input(1);
  if (in == nullptr || wanted == nullptr || in->kind == Kind::sized) {
    return mixes(as_data);
  }
  if (!wanted->numbers || !in->shape) {
    return any_follows(call) ? Answer(mixes("the new shape is not known")) : one(plain(std::nullopt));
  }
  const std::size_t rank = std::max(in->shape->size(), wanted->numbers->size());
  Value out = *in;
  out.numbers.reset();
  out.shape = Sizes();
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const std::size_t old_missing = rank - in->shape->size();
    const std::size_t new_missing = rank - wanted->numbers->size();
    const Size old_size = axis < old_missing ? known(1) : (*in->shape)[axis - old_missing];
    const Number size = axis < new_missing ? number(known(1)) : (*wanted->numbers)[axis - new_missing];
    const bool is_size = size.kind == Number::Kind::size && size.size.factor >= 0;
    if (is_size && (size.is(1) || size.size == old_size)) {
      out.shape->push_back(old_size);
    } else if (is_size && old_size.is(1)) {
      out.shape->push_back(size.size);
    } else if (old_size.batch || size.depends() || (in->first_alone && axis + 1 == rank)) {
      return mixes("the new shape has another length along the batch axis");
    } else {
      out.shape->push_back(call.fresh());
    }
  }
  if (in->first_alone && !(out.shape->back() == in->shape->back())) {
    return mixes("the place of a row in the batch is used as data");
  }
  return sound(*out.shape) ? one(std::move(out)) : Answer(mixes("the new shape has the batch axis twice"));
}

Answer constant_of_shape(const Call& call) {
  const Value* wanted = call.input(0);
  if (wanted == nullptr || !wanted->numbers) {
    return wanted == nullptr || follows_rows(wanted) ? Answer(mixes("the new shape is not known"))
                                                     : one(plain(std::nullopt));
  }
  Sizes shape;
  for (const Number& number : *wanted->numbers) {
    if (number.kind == Number::Kind::varies || (number.kind == Number::Kind::size && number.size.factor < 0)) {
      return mixes("the new shape depends on the number of rows in a way that is not understood");
    }
    shape.push_back(number.kind == Number::Kind::size ? number.size : call.fresh());
  }
  if (!sound(shape)) {
    return mixes("the new shape has the batch axis twice");
  }
  const auto count = product(shape, 0, shape.size());
  const Attribute* fill = call.attribute("value");
  const auto element = fill != nullptr && fill->tensor ? read_constant(*fill->tensor) : Result<gate::Value>();
  if (element && element->numbers && element->numbers->size() == 1 && count && count->known() &&
      count->factor <= static_cast<std::int64_t>(most_numbers)) {
    const Number each = number(known(element->numbers->front()));
    return one(of_numbers(shape, Numbers(static_cast<std::size_t>(count->factor), each)));
  }
  return one(plain(std::move(shape)));
}

Answer tile(const Call& call) {
  const Value* in = call.input(0);
  const Value* repeats = call.input(1);
  if (in == nullptr || repeats == nullptr || in->kind != Kind::plain) {
    return mixes(as_data);
  }
  if (!in->shape || !repeats->numbers || repeats->numbers->size() != in->shape->size()) {
    return any_follows(call) ? Answer(mixes("how often it repeats what is not known")) : one(plain(std::nullopt));
  }
  Sizes out;
  for (std::size_t axis = 0; axis < in->shape->size(); ++axis) {
    const Size& size = (*in->shape)[axis];
    const Number& times = (*repeats->numbers)[axis];
    const bool is_size = times.kind == Number::Kind::size && times.size.factor >= 0;
    if (times.is(1)) {
      out.push_back(size);
    } else if (is_size && size.is(1)) {
      out.push_back(times.size);
    } else if (size.batch || times.depends()) {
      return mixes("it repeats rows along the batch axis");
    } else {
      out.push_back(call.fresh());
    }
  }
  return sound(out) ? one(plain(std::move(out))) : Answer(mixes("the new shape has the batch axis twice"));
}

}  // namespace blindai::gate::rows
