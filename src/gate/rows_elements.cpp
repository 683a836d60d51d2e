// Rules: what works element by element, small integers that become shapes, and what all rules share.
#include <algorithm>

#include "base/checked.h"
#include "gate/rows_rules.h"

namespace blindai::gate::rows {

const Attribute* Call::attribute(std::string_view name) const {
  const auto found = std::ranges::find(node.attributes, name, &Attribute::name);
  return found == node.attributes.end() ? nullptr : &*found;
}

std::int64_t Call::number(std::string_view name, std::int64_t otherwise) const {
  const Attribute* found = attribute(name);
  return found == nullptr ? otherwise : found->number.value_or(otherwise);
}

Value plain(std::optional<Sizes> shape) {
  Value value;
  value.shape = std::move(shape);
  return value;
}

Value of_numbers(Sizes shape, Numbers numbers) {
  Value value = plain(std::move(shape));
  value.kind = std::ranges::any_of(numbers, &Number::depends) ? Kind::sized : Kind::plain;
  value.numbers = std::move(numbers);
  return value;
}

Value of_list(Numbers numbers) {
  const Size length = known(static_cast<std::int64_t>(numbers.size()));
  return of_numbers({length}, std::move(numbers));
}

Answer one(Value value) {
  std::vector<Value> out;
  out.push_back(std::move(value));
  return out;
}

Answer all_plain(const Call& call, std::optional<Sizes> shape) {
  return std::vector<Value>(call.node.outputs.size(), plain(std::move(shape)));
}

bool follows_rows(const Value* value) {
  return value != nullptr && (value->kind != Kind::plain || batch_axis(*value).has_value());
}

bool any_follows(const Call& call) { return std::ranges::any_of(call.inputs, follows_rows); }

std::optional<std::size_t> axis_of(std::int64_t axis, std::size_t rank) {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  axis = axis < 0 ? axis + signed_rank : axis;
  return axis < 0 || axis >= signed_rank ? std::nullopt : std::optional(static_cast<std::size_t>(axis));
}

List list_of(const Call& call, std::string_view name, std::size_t index) {
  if (const Attribute* found = call.attribute(name)) {
    return {true, found->list};
  }
  const Value* value = call.input(index);
  if (value == nullptr) {
    return {};
  }
  List list{true, std::nullopt};
  if (value->numbers && std::ranges::all_of(*value->numbers, [](const Number& number) {
        return number.kind == Number::Kind::size && number.size.known();
      })) {
    list.values.emplace();
    for (const Number& number : *value->numbers) {
      list.values->push_back(number.size.factor);
    }
  }
  return list;
}

Value of_constant(const gate::Value& constant) {
  Value value;
  const auto& shape = constant.shape;
  if (!shape || shape->size() > most_rank || std::ranges::any_of(*shape, [](auto size) { return size < 0; })) {
    return value;
  }
  value.shape.emplace();
  for (const std::int64_t size : *shape) {
    value.shape->push_back(known(size));
  }
  if (constant.numbers) {
    value.numbers.emplace();
    for (const std::int64_t one : *constant.numbers) {
      value.numbers->push_back(number(known(one)));
    }
  }
  return value;
}

bool one_element(const Value& value) {
  return value.shape && std::ranges::all_of(*value.shape, [](const Size& size) { return size.is(1); });
}

bool same_for_all_rows(const Value& operand, std::size_t axis, std::size_t rank) {
  if (!operand.shape || operand.shape->size() > rank) {
    return false;
  }
  const std::size_t missing = rank - operand.shape->size();
  return axis < missing || (*operand.shape)[axis - missing].is(1);
}

std::expected<std::optional<Sizes>, std::string_view> broadcast(const Call& call,
                                                                const std::vector<const Value*>& values) {
  const bool follows = std::ranges::any_of(values, follows_rows);
  std::size_t rank = 0;
  for (const Value* value : values) {
    if (!value->shape) {
      return follows ? std::expected<std::optional<Sizes>, std::string_view>(
                           mixes("the shape of an operand is not known, so it may differ from row to row"))
                     : std::optional<Sizes>();
    }
    rank = std::max(rank, value->shape->size());
  }
  Sizes out(rank, known(1));
  for (const Value* value : values) {
    const std::size_t missing = rank - value->shape->size();
    for (std::size_t axis = missing; axis < rank; ++axis) {
      const Size& next = (*value->shape)[axis - missing];
      Size& there = out[axis];
      if (next == there || next.is(1)) {
        continue;
      }
      if (there.is(1)) {
        there = next;
      } else if (there.batch || next.batch) {
        return mixes("an operand has another length along the batch axis, so it may differ from row to row");
      } else if (next.known() && !there.known()) {
        there = next;  // the other is 1 or this
      } else if (!there.known()) {
        there = call.fresh();
      }
    }
  }
  if (!sound(out)) {
    return mixes("the operands have their batch axes at different places");
  }
  return out;
}

Answer constants_only(const Call& call) {
  return any_follows(call) ? Answer(mixes("it may mix rows")) : all_plain(call, std::nullopt);
}

Answer elementwise(const Call& call) {
  std::vector<const Value*> operands;
  for (const Value* value : call.inputs) {
    if (value == nullptr) {
      return mixes("an operand is missing");
    }
    operands.push_back(value);
  }
  auto shape = broadcast(call, operands);
  return shape ? all_plain(call, std::move(*shape)) : Answer(mixes(shape.error()));
}

// Works on each element of the first input, and the others are the same for all of them.
Answer first_only(const Call& call) {
  const Value* first = call.input(0);
  if (first == nullptr || std::any_of(call.inputs.begin() + 1, call.inputs.end(), follows_rows)) {
    return mixes("what holds for all elements depends on rows");
  }
  return all_plain(call, first->shape);
}

Answer identity(const Call& call) {
  const Value* first = call.input(0);
  return first == nullptr ? Answer(mixes("an operand is missing")) : one(*first);
}

Answer constant(const Call& call) {
  const Attribute* tensor = call.attribute("value");
  const Attribute* number_value = call.attribute("value_int");
  const Attribute* list = call.attribute("value_ints");
  if (number_value != nullptr && number_value->number) {
    return one(of_numbers({}, {number(known(*number_value->number))}));
  }
  if (list != nullptr && list->list) {
    Numbers numbers;
    for (const std::int64_t value : *list->list) {
      numbers.push_back(number(known(value)));
    }
    return one(of_list(std::move(numbers)));
  }
  if (call.attribute("value_float") != nullptr) {
    return one(plain(Sizes()));
  }
  const auto value = tensor != nullptr && tensor->tensor ? read_constant(*tensor->tensor) : Result<gate::Value>();
  return one(value ? of_constant(*value) : Value());
}

// Inference, where it gives its input. Its mask is the same for all.
Answer dropout(const Call& call) {
  if (call.input(2) != nullptr) {
    return mixes("it may be in training, where it draws random numbers");
  }
  return first_only(call);
}

namespace {

Number calculate(std::string_view type, const Number& a, const Number& b) {
  const Number unknown{a.depends() || b.depends() ? Number::Kind::varies : Number::Kind::fixed, {}};
  if (a.kind != Number::Kind::size || b.kind != Number::Kind::size) {
    return unknown;
  }
  const bool both_known = a.size.known() && b.size.known();
  const auto given = [&](std::optional<Size> size) { return size ? number(*size) : unknown; };
  if (type == "Mul") {
    return given(product(a.size, b.size));
  }
  if (type == "Equal") {
    const bool never = (a.size.factor < 0) != (b.size.factor < 0);  // one of them is at least 0
    return a.size == b.size ? number(known(1)) : both_known || never ? number(known(0)) : unknown;
  }
  if (type == "Div") {
    return given(quotient(a.size, b.size));
  }
  if (type == "Add" && (a.is(0) || b.is(0))) {
    return a.is(0) ? b : a;
  }
  if (type == "Sub" && b.is(0)) {
    return a;
  }
  if (!both_known || (type == "Sub" && b.size.factor == INT64_MIN)) {
    return unknown;
  }
  const auto sum = checked_add(a.size.factor, type == "Sub" ? -b.size.factor : b.size.factor);
  return sum ? number(known(*sum)) : unknown;
}

std::optional<Value> calculated(const Call& call) {
  const Value* a = call.input(0);
  const Value* b = call.input(1);
  if (call.inputs.size() != 2 || !a->numbers || !b->numbers || a->numbers->empty() || b->numbers->empty()) {
    return std::nullopt;
  }
  const std::size_t count = std::max(a->numbers->size(), b->numbers->size());
  if ((a->numbers->size() != count && a->numbers->size() != 1) ||
      (b->numbers->size() != count && b->numbers->size() != 1) || a->shape->size() > 1 || b->shape->size() > 1) {
    return std::nullopt;
  }
  Numbers out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(calculate(call.node.type, (*a->numbers)[a->numbers->size() == 1 ? 0 : i],
                            (*b->numbers)[b->numbers->size() == 1 ? 0 : i]));
  }
  return of_numbers(a->shape->size() < b->shape->size() || b->numbers->size() == count ? *b->shape : *a->shape,
                    std::move(out));
}

// The place of a row times a length, or with a place inside of the row added.
Answer place(const Call& call) {
  const Value* places = call.input(0);
  const Value* other = call.input(1);
  if (places->kind != Kind::places) {
    std::swap(places, other);
  }
  if (call.inputs.size() != 2 || other->kind != Kind::plain || places->first_alone) {
    return mixes("the place of a row in the batch is used as data");
  }
  auto shape = broadcast(call, {places, other});
  if (!shape) {
    return mixes(shape.error());
  }
  Value out = *places;
  out.shape = std::move(*shape);
  if (call.node.type == "Mul" && other->numbers && other->numbers->size() == 1 && places->extent.is(1) &&
      other->numbers->front().kind == Number::Kind::size && other->numbers->front().size.factor >= 0) {
    const auto stride = product(places->stride, other->numbers->front().size);
    if (stride) {
      out.stride = *stride;
      return one(std::move(out));
    }
  }
  if (call.node.type == "Add" && other->below && places->extent.is(1)) {
    out.extent = *other->below;
    return one(std::move(out));
  }
  return mixes("the place of a row in the batch is used as data");
}

}  // namespace

Answer arithmetic(const Call& call) {
  if (std::ranges::find(call.inputs, nullptr) != call.inputs.end() || call.inputs.empty()) {
    return mixes("an operand is missing");
  }
  if (std::ranges::any_of(call.inputs, [](const Value* value) { return value->kind == Kind::places; })) {
    return place(call);
  }
  if (auto value = calculated(call)) {
    return one(std::move(*value));
  }
  if (std::ranges::any_of(call.inputs, [](const Value* value) { return value->kind == Kind::sized; })) {
    return mixes("the number of rows in the batch is used as data");
  }
  return elementwise(call);
}

Answer where(const Call& call) {
  const Value* condition = call.input(0);
  const Value* yes = call.input(1);
  const Value* no = call.input(2);
  if (condition == nullptr || yes == nullptr || no == nullptr) {
    return mixes("an operand is missing");
  }
  const auto decided = [](const Number& number) { return number.kind == Number::Kind::size && number.size.known(); };
  if (condition->numbers && yes->numbers && no->numbers && condition->shape == yes->shape &&
      condition->shape == no->shape && std::ranges::all_of(*condition->numbers, decided)) {
    Numbers out;
    for (std::size_t i = 0; i < condition->numbers->size(); ++i) {
      out.push_back((*condition->numbers)[i].is(0) ? (*no->numbers)[i] : (*yes->numbers)[i]);
    }
    return one(of_numbers(*condition->shape, std::move(out)));
  }
  if (std::ranges::any_of(call.inputs, [](const Value* value) { return value->kind == Kind::sized; })) {
    return mixes("the number of rows in the batch is used as data");
  }
  return elementwise(call);
}

Answer cast(const Call& call) {
  const Value* in = call.input(0);
  if (in == nullptr) {
    return mixes("an operand is missing");
  }
  constexpr std::int64_t int32_code = 6;
  constexpr std::int64_t int64_code = 7;
  const std::int64_t to = call.number("to", 0);
  if (to == int64_code || to == int32_code) {
    Value out = *in;
    for (Number& number : out.numbers ? *out.numbers : *(out.numbers = Numbers())) {
      const bool fits = number.size.factor >= INT32_MIN && number.size.factor <= INT32_MAX;
      if (number.kind == Number::Kind::size && to == int32_code && !fits) {
        number.kind = number.depends() ? Number::Kind::varies : Number::Kind::fixed;
      }
    }
    if (!in->numbers) {
      out.numbers.reset();
    }
    return one(std::move(out));
  }
  return in->kind == Kind::plain ? one(plain(in->shape))
                                 : Answer(mixes("the number of rows in the batch is used as data"));
}

Answer range(const Call& call) {
  const auto scalar = [&](std::size_t index) -> const Number* {
    const Value* value = call.input(index);
    return value != nullptr && value->numbers && value->numbers->size() == 1 ? &value->numbers->front() : nullptr;
  };
  const Number* start = scalar(0);
  const Number* limit = scalar(1);
  const Number* delta = scalar(2);
  const bool counts = start != nullptr && limit != nullptr && delta != nullptr && start->is(0) && delta->is(1) &&
                      limit->kind == Number::Kind::size && limit->size.factor >= 0;
  if (counts && limit->size == batch_size) {
    Value out = plain(Sizes{batch_size});
    out.kind = Kind::places;
    out.stride = known(1);
    out.extent = known(1);
    return one(std::move(out));
  }
  if (any_follows(call)) {
    return mixes("the number of rows in the batch is used as data");
  }
  Value out = plain(Sizes{counts ? limit->size : call.fresh()});
  if (counts) {
    out.below = limit->size;
  }
  return one(std::move(out));
}

}  // namespace blindai::gate::rows
