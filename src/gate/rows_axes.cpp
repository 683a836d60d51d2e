// Rules: what works along axes. It keeps rows apart where none of those is the batch axis.
#include <algorithm>

#include "base/checked.h"
#include "gate/rows_rules.h"

namespace blindai::gate::rows {
namespace {

constexpr std::string_view no_operand = "an operand is missing";
constexpr std::string_view rank_unknown = "the shape of its input is not known, so nor is its axis";
constexpr std::string_view along = "it works along the batch axis";
constexpr std::string_view chosen_by_rows = "what it does to all rows depends on rows";
constexpr std::string_view as_data = "the number of rows in the batch is used as data";

// The rows' own input and the axis of an operator; `whole`: the first input has a known shape.
struct Place {
  Sizes shape;
  std::size_t axis = 0;
  std::optional<std::size_t> batch;
};
std::expected<Place, std::string_view> place_of(const Call& call, std::int64_t axis) {
  const Value* in = call.input(0);
  if (in == nullptr || !in->shape) {
    return mixes(rank_unknown);
  }
  const auto where = axis_of(axis, in->shape->size());
  if (!where) {
    return mixes("its axis is not one of its input");
  }
  return Place{*in->shape, *where, batch_axis(*in)};
}

bool others_follow(const Call& call) {
  return std::any_of(call.inputs.begin() + (call.inputs.empty() ? 0 : 1), call.inputs.end(), follows_rows);
}

// Where nothing depends on rows and the shape is not known, nor is that of the output.
bool is_idle(const Call& call) { return !any_follows(call) && (call.input(0) == nullptr || !call.input(0)->shape); }

}  // namespace

Answer reduce(const Call& call) {
  const Value* in = call.input(0);
  if (is_idle(call)) {
    return all_plain(call, std::nullopt);
  }
  if (in == nullptr || !in->shape || others_follow(call)) {
    return mixes(rank_unknown);
  }
  const List axes = list_of(call, "axes", 1);
  const bool keep = call.number("keepdims", 1) != 0;
  const bool follows = batch_axis(*in).has_value();
  if (axes.there && !axes.values) {
    return follows ? Answer(mixes("its axes are not known")) : all_plain(call, std::nullopt);
  }
  const bool none = !axes.values || axes.values->empty();
  if (none && call.number("noop_with_empty_axes", 0) != 0) {
    return all_plain(call, in->shape);
  }
  std::vector<bool> gone(in->shape->size(), none);
  for (const std::int64_t axis : none ? std::vector<std::int64_t>() : *axes.values) {
    const auto place = axis_of(axis, gone.size());
    if (!place) {
      return mixes("its axis is not one of its input");
    }
    gone[*place] = true;
  }
  Sizes out;
  for (std::size_t i = 0; i < gone.size(); ++i) {
    if (gone[i] && (*in->shape)[i].batch) {
      return mixes(along);
    }
    if (!gone[i]) {
      out.push_back((*in->shape)[i]);
    } else if (keep) {
      out.push_back(known(1));
    }
  }
  return all_plain(call, std::move(out));
}

Answer arg(const Call& call) {
  if (is_idle(call)) {
    return all_plain(call, std::nullopt);
  }
  auto place = place_of(call, call.number("axis", 0));
  if (!place) {
    return mixes(place.error());
  }
  if (place->batch == place->axis) {
    return mixes(along);
  }
  place->shape[place->axis] = known(1);
  if (call.number("keepdims", 1) == 0) {
    place->shape.erase(place->shape.begin() + static_cast<std::ptrdiff_t>(place->axis));
  }
  return all_plain(call, std::move(place->shape));
}

Answer top_k(const Call& call) {
  if (is_idle(call)) {
    return all_plain(call, std::nullopt);
  }
  auto place = place_of(call, call.number("axis", -1));
  if (!place) {
    return mixes(place.error());
  }
  if (place->batch == place->axis) {
    return mixes(along);
  }
  if (others_follow(call)) {
    return mixes(chosen_by_rows);
  }
  const List count = list_of(call, "k", 1);
  place->shape[place->axis] = count.values && count.values->size() == 1 && count.values->front() >= 0
                                  ? known(count.values->front())
                                  : call.fresh();
  return all_plain(call, std::move(place->shape));
}

Answer cumulative(const Call& call) {
  if (is_idle(call)) {
    return all_plain(call, std::nullopt);
  }
  const List axis = list_of(call, "axis", 1);
  if (!axis.values || axis.values->size() != 1) {
    return any_follows(call) ? Answer(mixes("its axis is not known")) : all_plain(call, std::nullopt);
  }
  auto place = place_of(call, axis.values->front());
  if (!place) {
    return mixes(place.error());
  }
  return place->batch == place->axis ? Answer(mixes(along)) : all_plain(call, std::move(place->shape));
}

// Before opset 13 all axes from that one on were one.
Answer softmax(const Call& call) {
  if (is_idle(call)) {
    return all_plain(call, std::nullopt);
  }
  const bool old = call.opset < 13;
  auto place = place_of(call, call.number("axis", old ? 1 : -1));
  if (!place) {
    return mixes(place.error());
  }
  const bool apart = !place->batch || (old ? *place->batch < place->axis : *place->batch != place->axis);
  return apart ? all_plain(call, std::move(place->shape)) : Answer(mixes(along));
}

Answer layer_norm(const Call& call) {
  if (is_idle(call)) {
    return all_plain(call, std::nullopt);
  }
  auto place = place_of(call, call.number("axis", -1));
  if (!place) {
    return mixes(place.error());
  }
  if (!place->batch) {
    return any_follows(call) ? Answer(mixes(chosen_by_rows)) : all_plain(call, std::nullopt);
  }
  if (*place->batch >= place->axis) {
    return mixes(along);
  }
  for (std::size_t i = 1; i < call.inputs.size(); ++i) {
    const Value* scale = call.inputs[i];
    if (scale != nullptr && (follows_rows(scale) || !same_for_all_rows(*scale, *place->batch, place->shape.size()))) {
      return mixes("its scale or bias may differ from row to row");
    }
  }
  Sizes statistics = place->shape;
  std::fill(statistics.begin() + static_cast<std::ptrdiff_t>(place->axis), statistics.end(), known(1));
  std::vector<Value> out(call.node.outputs.size(), plain(std::move(statistics)));
  if (!out.empty()) {
    out.front() = plain(std::move(place->shape));
  }
  return out;
}

Answer lp_norm(const Call& call) {
  if (is_idle(call)) {
    return all_plain(call, std::nullopt);
  }
  auto place = place_of(call, call.number("axis", -1));
  if (!place) {
    return mixes(place.error());
  }
  return place->batch == place->axis ? Answer(mixes(along)) : all_plain(call, std::move(place->shape));
}

Answer mean_variance(const Call& call) {
  const Value* in = call.input(0);
  if (is_idle(call)) {
    return all_plain(call, std::nullopt);
  }
  const Attribute* axes = call.attribute("axes");
  if (in == nullptr || !in->shape || axes == nullptr || !axes->list) {
    return any_follows(call) ? Answer(mixes(along)) : all_plain(call, std::nullopt);
  }
  for (const std::int64_t axis : *axes->list) {
    const auto place = axis_of(axis, in->shape->size());
    if (!place || (*in->shape)[*place].batch) {
      return mixes(along);
    }
  }
  return all_plain(call, in->shape);
}

Answer concat(const Call& call) {
  const Value* first = call.input(0);
  if (first == nullptr || std::ranges::find(call.inputs, nullptr) != call.inputs.end()) {
    return mixes(no_operand);
  }
  const auto numeric = [](const Value* value) { return value->numbers && value->shape->size() == 1; };
  if (std::ranges::all_of(call.inputs, numeric)) {
    Numbers all;
    for (const Value* value : call.inputs) {
      all.insert(all.end(), value->numbers->begin(), value->numbers->end());
    }
    if (all.size() <= most_numbers) {
      return one(of_list(std::move(all)));
    }
  }
  if (!any_follows(call) && std::ranges::any_of(call.inputs, [](const Value* value) { return !value->shape; })) {
    return one(plain(std::nullopt));
  }
  auto place = place_of(call, call.number("axis", 0));
  if (!place) {
    return mixes(place.error());
  }
  if (place->batch == place->axis) {
    return mixes("it joins rows along the batch axis");
  }
  const bool places = first->kind == Kind::places;
  std::optional<Size> length = known(0);
  for (const Value* value : call.inputs) {
    if (value->kind == Kind::sized || (value != first && value->kind != Kind::plain)) {
      return mixes(as_data);
    }
    if (!value->shape || value->shape->size() != place->shape.size() || batch_axis(*value) != place->batch ||
        (place->batch && (*value->shape)[*place->batch] != place->shape[*place->batch])) {
      return mixes("its inputs have their rows at different places");
    }
    const Size& more = (*value->shape)[place->axis];
    const auto sum = length && more.known() ? checked_add(length->factor, more.factor) : std::nullopt;
    length = sum ? std::optional(known(*sum)) : std::nullopt;
  }
  Value out = *first;
  out.numbers.reset();
  out.below.reset();
  if (places) {
    const bool alone = !first->first_alone && place->shape[place->axis].is(1) && place->axis + 1 == place->shape.size();
    if (!alone) {
      return mixes("the place of a row in the batch is used as data");
    }
    out.first_alone = true;
  }
  place->shape[place->axis] = length ? *length : call.fresh();
  out.shape = std::move(place->shape);
  return one(std::move(out));
}

Answer split(const Call& call) {
  if (is_idle(call)) {
    return all_plain(call, std::nullopt);
  }
  auto place = place_of(call, call.number("axis", 0));
  if (!place) {
    return mixes(place.error());
  }
  if (place->batch == place->axis) {
    return mixes(along);
  }
  if (others_follow(call)) {
    return mixes(chosen_by_rows);
  }
  const List sizes = list_of(call, "split", 1);
  std::vector<Value> out;
  for (std::size_t i = 0; i < call.node.outputs.size(); ++i) {
    Sizes shape = place->shape;
    const bool said = sizes.values && sizes.values->size() == call.node.outputs.size() && (*sizes.values)[i] >= 0;
    const auto even = quotient(shape[place->axis], known(static_cast<std::int64_t>(call.node.outputs.size())));
    shape[place->axis] = said ? known((*sizes.values)[i]) : !sizes.there && even ? *even : call.fresh();
    out.push_back(plain(std::move(shape)));
  }
  return out;
}

namespace {

// Of a Slice along one axis.
struct Bounds {
  std::size_t axis = 0;
  const Number* start = nullptr;  // null: not known
  const Number* end = nullptr;
  bool step_one = false;
};

// Small integers that become part of a shape.
std::optional<Value> sliced_numbers(const Value& in, const std::vector<Bounds>& cuts) {
  if (!in.numbers || in.shape->size() != 1 || cuts.size() != 1) {
    return std::nullopt;
  }
  const Bounds& cut = cuts.front();
  const auto is_known = [](const Number* number) {
    return number != nullptr && number->kind == Number::Kind::size && number->size.known();
  };
  if (!is_known(cut.start) || !is_known(cut.end) || !cut.step_one) {
    return std::nullopt;
  }
  const auto length = static_cast<std::int64_t>(in.numbers->size());
  const auto bound = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + length : at, 0, length); };
  const std::int64_t from = bound(cut.start->size.factor);
  const std::int64_t to = std::max(from, bound(cut.end->size.factor));
  return of_numbers({known(to - from)}, Numbers(in.numbers->begin() + from, in.numbers->begin() + to));
}

std::expected<std::vector<Bounds>, std::string_view> cuts_of(const Call& call, const Sizes& shape, Numbers& starts,
                                                             Numbers& ends) {
  const auto take = [&](std::string_view name, std::size_t index, Numbers& out) {
    if (const Attribute* found = call.attribute(name)) {
      for (const std::int64_t value : found->list ? *found->list : std::vector<std::int64_t>()) {
        out.push_back(number(known(value)));
      }
      return found->list.has_value();
    }
    const Value* value = call.input(index);
    if (value != nullptr && value->numbers) {
      out = *value->numbers;
      return true;
    }
    if (value != nullptr && value->shape && value->shape->size() == 1 && (*value->shape)[0].known() &&
        (*value->shape)[0].factor >= 0 && (*value->shape)[0].factor <= static_cast<std::int64_t>(most_rank)) {
      out.resize(static_cast<std::size_t>((*value->shape)[0].factor));
      return true;
    }
    return false;
  };
  const List axes = list_of(call, "axes", 3);
  const List steps = list_of(call, "steps", 4);
  if (!take("starts", 1, starts) || !take("ends", 2, ends) || starts.size() != ends.size() ||
      (axes.there && (!axes.values || axes.values->size() != starts.size()))) {
    return mixes("which part of its input it takes is not known");
  }
  std::vector<Bounds> cuts;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const auto axis = axis_of(axes.there ? (*axes.values)[i] : static_cast<std::int64_t>(i), shape.size());
    if (!axis) {
      return mixes("its axis is not one of its input");
    }
    const bool step_one = !steps.there || (steps.values && i < steps.values->size() && (*steps.values)[i] == 1);
    cuts.push_back({*axis, &starts[i], &ends[i], step_one});
  }
  return cuts;
}

// What is left of an axis, or nothing where that is not known.
std::optional<Size> left_of(const Size& size, const Bounds& cut) {
  if (!cut.step_one || cut.start->kind != Number::Kind::size || cut.end->kind != Number::Kind::size) {
    return std::nullopt;
  }
  if (cut.start->is(0) && (cut.end->size == size || cut.end->is(INT64_MAX))) {
    return size;
  }
  if (!size.known() || !cut.start->size.known() || !cut.end->size.known()) {
    return std::nullopt;
  }
  const auto bound = [&](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + size.factor : at, 0, size.factor);
  };
  return known(std::max<std::int64_t>(0, bound(cut.end->size.factor) - bound(cut.start->size.factor)));
}

}  // namespace

Answer slice(const Call& call) {
  const Value* in = call.input(0);
  if (is_idle(call)) {
    return all_plain(call, std::nullopt);
  }
  if (in == nullptr || !in->shape) {
    return mixes(rank_unknown);
  }
  Numbers starts;
  Numbers ends;
  auto cuts = cuts_of(call, *in->shape, starts, ends);
  if (!cuts) {
    return any_follows(call) ? Answer(mixes(cuts.error())) : all_plain(call, std::nullopt);
  }
  if (auto value = sliced_numbers(*in, *cuts)) {
    return one(std::move(*value));
  }
  if (in->kind == Kind::sized) {
    return mixes(as_data);
  }
  for (std::size_t i = 1; i < call.inputs.size(); ++i) {
    if (call.inputs[i] != nullptr && batch_axis(*call.inputs[i])) {
      return mixes(chosen_by_rows);
    }
  }
  Sizes out = *in->shape;
  for (const Bounds& cut : *cuts) {
    Size& size = out[cut.axis];
    if (size.batch) {
      const bool to_the_end =
          cut.end->kind == Number::Kind::size &&
          (cut.end->size == size || (cut.end->size.known() && cut.end->size.factor >= beyond_all_rows));
      if (!cut.start->is(0) || !to_the_end || !cut.step_one || size != batch_size) {
        return mixes("it takes some of the rows");
      }
    } else if (cut.start->depends() || cut.end->depends()) {
      return mixes(as_data);
    } else {
      const auto left = left_of(size, cut);
      size = left ? *left : call.fresh();
    }
  }
  return one(plain(std::move(out)));
}

Answer gather(const Call& call) {
  const Value* in = call.input(0);
  const Value* indices = call.input(1);
  if (in == nullptr || indices == nullptr) {
    return mixes(no_operand);
  }
  if (!any_follows(call) && (!in->shape || !indices->shape)) {
    return one(plain(std::nullopt));
  }
  if (!indices->shape) {
    return mixes("the shape of its indices is not known");
  }
  auto place = place_of(call, call.number("axis", 0));
  if (!place) {
    return mixes(place.error());
  }
  if (in->numbers && place->shape.size() == 1 && indices->numbers) {
    Numbers out;
    for (const Number& index : *indices->numbers) {
      const auto at = index.kind == Number::Kind::size && index.size.known()
                          ? axis_of(index.size.factor, in->numbers->size())
                          : std::nullopt;
      if (!at) {
        return follows_rows(in) ? Answer(mixes(as_data)) : one(plain(indices->shape));
      }
      out.push_back((*in->numbers)[*at]);
    }
    return one(of_numbers(*indices->shape, std::move(out)));
  }
  if (in->kind != Kind::plain || indices->kind == Kind::sized) {
    return mixes(as_data);
  }
  if (indices->kind == Kind::places) {
    const auto length = place->batch == place->axis ? quotient(place->shape[place->axis], batch_size) : std::nullopt;
    if (indices->first_alone || !length || indices->stride != *length ||
        (indices->extent != *length && !indices->extent.is(1))) {
      return mixes("the place of a row in the batch is used as an index of something else than its own row");
    }
  } else if (place->batch == place->axis) {
    return mixes("it picks rows along the batch axis");
  } else if (place->batch && batch_axis(*indices)) {
    return mixes("what depends on rows is picked from what depends on rows");
  }
  Sizes out(place->shape.begin(), place->shape.begin() + static_cast<std::ptrdiff_t>(place->axis));
  out.insert(out.end(), indices->shape->begin(), indices->shape->end());
  out.insert(out.end(), place->shape.begin() + static_cast<std::ptrdiff_t>(place->axis) + 1, place->shape.end());
  return sound(out) ? one(plain(std::move(out))) : Answer(mixes("the batch axis stands twice in what it gives"));
}

// Of rows, by indices whose first element is the place of the row itself.
Answer gather_nd(const Call& call) {
  const Value* in = call.input(0);
  const Value* indices = call.input(1);
  if (!any_follows(call)) {
    return all_plain(call, std::nullopt);
  }
  const bool own = in != nullptr && indices != nullptr && in->kind == Kind::plain && batch_axis(*in) == 0U &&
                   in->shape->front() == batch_size && indices->kind == Kind::places && indices->first_alone &&
                   indices->stride.is(1) && indices->extent.is(1) && call.number("batch_dims", 0) == 0;
  if (!own || !indices->shape->back().known()) {
    return mixes("its indices may pick other rows");
  }
  const std::int64_t depth = indices->shape->back().factor;
  if (depth < 1 || static_cast<std::size_t>(depth) > in->shape->size()) {
    return mixes("its indices may pick other rows");
  }
  Sizes out(indices->shape->begin(), indices->shape->end() - 1);
  out.insert(out.end(), in->shape->begin() + depth, in->shape->end());
  return sound(out) ? one(plain(std::move(out))) : Answer(mixes("the batch axis stands twice in what it gives"));
}

Answer gather_elements(const Call& call) {
  const Value* indices = call.input(1);
  if (!any_follows(call)) {
    return all_plain(call, std::nullopt);
  }
  auto place = place_of(call, call.number("axis", 0));
  if (!place) {
    return mixes(place.error());
  }
  const bool aligned = place->batch && place->batch != place->axis && indices != nullptr && indices->shape &&
                       indices->shape->size() == place->shape.size() && batch_axis(*indices) == place->batch &&
                       (*indices->shape)[*place->batch] == place->shape[*place->batch];
  return aligned ? one(plain(indices->shape)) : Answer(mixes("its indices may pick other rows"));
}

Answer one_hot(const Call& call) {
  const Value* indices = call.input(0);
  if (is_idle(call)) {
    return all_plain(call, std::nullopt);
  }
  if (indices == nullptr || !indices->shape || others_follow(call)) {
    return mixes(chosen_by_rows);
  }
  const auto axis = axis_of(call.number("axis", -1), indices->shape->size() + 1);
  if (!axis) {
    return mixes("its axis is not one of its output");
  }
  Sizes out = *indices->shape;
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(*axis), call.fresh());
  return one(plain(std::move(out)));
}

Answer pad(const Call& call) {
  const Value* in = call.input(0);
  if (is_idle(call)) {
    return all_plain(call, std::nullopt);
  }
  if (in == nullptr || !in->shape || others_follow(call)) {
    return mixes(chosen_by_rows);
  }
  const List pads = list_of(call, "pads", 1);
  const List axes = list_of(call, "axes", 3);
  const std::size_t rank = in->shape->size();
  const std::size_t count = axes.there ? (axes.values ? axes.values->size() : 0) : rank;
  if (!pads.values || pads.values->size() != 2 * count || (axes.there && !axes.values)) {
    return any_follows(call) ? Answer(mixes("how much it adds to which axis is not known"))
                             : all_plain(call, std::nullopt);
  }
  Sizes out = *in->shape;
  for (std::size_t i = 0; i < count; ++i) {
    const auto axis = axis_of(axes.there ? (*axes.values)[i] : static_cast<std::int64_t>(i), rank);
    if (!axis) {
      return mixes("its axis is not one of its input");
    }
    const std::int64_t before = (*pads.values)[i];
    const std::int64_t after = (*pads.values)[i + count];
    if (before == 0 && after == 0) {
      continue;
    }
    if (out[*axis].batch) {
      return mixes(along);
    }
    out[*axis] = call.fresh();
  }
  return one(plain(std::move(out)));
}

Answer trilu(const Call& call) {
  const Value* in = call.input(0);
  if (is_idle(call)) {
    return all_plain(call, std::nullopt);
  }
  if (in == nullptr || !in->shape || others_follow(call)) {
    return mixes(chosen_by_rows);
  }
  const auto batch = batch_axis(*in);
  return batch && *batch + 2 >= in->shape->size() ? Answer(mixes(along)) : all_plain(call, in->shape);
}

}  // namespace blindai::gate::rows
