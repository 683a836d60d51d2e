// Rules: matrix products, convolutions and layers whose weights are the same for all rows.
#include <algorithm>

#include "gate/rows_rules.h"

namespace blindai::gate::rows {
namespace {

constexpr std::string_view rank_unknown = "the shape of its input is not known";
constexpr std::string_view weights_follow = "its weights depend on rows";
constexpr std::string_view not_first = "the batch axis of its input is not the first one";

bool follow(const Call& call, std::initializer_list<std::size_t> inputs) {
  return std::ranges::any_of(inputs, [&](std::size_t index) { return follows_rows(call.input(index)); });
}
bool follow_from(const Call& call, std::size_t from) {
  for (std::size_t i = from; i < call.inputs.size(); ++i) {
    if (follows_rows(call.inputs[i])) {
      return true;
    }
  }
  return false;
}
// One scale, or one zero point, for all of a tensor; absent ones do too.
bool one_for_all(const Call& call, std::initializer_list<std::size_t> inputs) {
  return std::ranges::all_of(inputs, [&](std::size_t index) {
    const Value* value = call.input(index);
    return value == nullptr || (value->kind == Kind::plain && one_element(*value));
  });
}

// numpy.matmul of these two.
Answer product_of(const Call& call, const Value* a, const Value* b) {
  if (a == nullptr || b == nullptr) {
    return mixes("an operand is missing");
  }
  const auto axis_a = batch_axis(*a);
  const auto axis_b = batch_axis(*b);
  if (!a->shape || !b->shape || a->shape->empty() || b->shape->empty()) {
    return axis_a || axis_b ? Answer(mixes(rank_unknown)) : one(plain(std::nullopt));
  }
  const std::size_t rank_a = a->shape->size();
  const std::size_t rank_b = b->shape->size();
  if (axis_a == rank_a - 1 || axis_b == (rank_b == 1 ? 0 : rank_b - 2)) {
    return mixes("it sums over the batch axis");
  }
  // The axes before the matrices are broadcast; those of the matrices stand by themselves.
  Value ahead_a =
      plain(Sizes(a->shape->begin(), a->shape->end() - static_cast<std::ptrdiff_t>(std::min<std::size_t>(2, rank_a))));
  Value ahead_b =
      plain(Sizes(b->shape->begin(), b->shape->end() - static_cast<std::ptrdiff_t>(std::min<std::size_t>(2, rank_b))));
  auto ahead = broadcast(call, {&ahead_a, &ahead_b});
  if (!ahead) {
    return mixes(ahead.error());
  }
  Sizes out = std::move(**ahead);
  if (rank_a > 1) {
    out.push_back((*a->shape)[rank_a - 2]);
  }
  if (rank_b > 1) {
    out.push_back(b->shape->back());
  }
  return sound(out) ? one(plain(std::move(out))) : Answer(mixes("rows of both operands meet each other"));
}

}  // namespace

Answer matmul(const Call& call) { return product_of(call, call.input(0), call.input(1)); }

Answer matmul_integer(const Call& call) {
  if (any_follows(call) && !one_for_all(call, {2, 3})) {
    return mixes("its zero points may differ from row to row");
  }
  return product_of(call, call.input(0), call.input(1));
}

Answer qlinear_matmul(const Call& call) {
  const bool weights_alone = !follow(call, {1, 2, 3, 4, 5, 6, 7});
  if (any_follows(call) && !(weights_alone ? one_for_all(call, {1, 2, 6, 7}) : one_for_all(call, {1, 2, 4, 5, 6, 7}))) {
    return mixes("its scales may differ from row to row");
  }
  return product_of(call, call.input(0), call.input(3));
}

Answer gemm(const Call& call) {
  const Value* a = call.input(0);
  const Value* b = call.input(1);
  const Value* c = call.input(2);
  if (!any_follows(call)) {
    return one(plain(std::nullopt));
  }
  const std::size_t row_axis = call.number("transA", 0) != 0 ? 1 : 0;
  if (a == nullptr || b == nullptr || !a->shape || a->shape->size() != 2 || batch_axis(*a) != row_axis) {
    return mixes("it sums over the batch axis, or its rows are not those of its first operand");
  }
  if (follows_rows(b)) {
    return mixes(weights_follow);
  }
  if (!b->shape || b->shape->size() != 2) {
    return mixes("the shape of its weights is not known");
  }
  Sizes out{(*a->shape)[row_axis], (*b->shape)[call.number("transB", 0) != 0 ? 0 : 1]};
  if (c != nullptr) {
    const bool aligned = batch_axis(*c) == 0U && c->shape->size() == 2 && (*c->shape)[0] == out[0];
    if (!aligned && (follows_rows(c) || !same_for_all_rows(*c, 0, 2))) {
      return mixes("what it adds may differ from row to row");
    }
  }
  return one(plain(std::move(out)));
}

namespace {

// Of an input [B, channels, ...]: the same axes, of lengths that are not worked out.
Answer like_image(const Call& call, const Value* in) {
  if (!any_follows(call)) {
    return all_plain(call, std::nullopt);
  }
  if (in == nullptr || !in->shape || in->shape->size() < 3) {
    return mixes(rank_unknown);
  }
  if (batch_axis(*in) != 0U) {
    return mixes(not_first);
  }
  Sizes out{in->shape->front()};
  while (out.size() < in->shape->size()) {
    out.push_back(call.fresh());
  }
  return all_plain(call, std::move(out));
}

Answer convolution(const Call& call, const Value* weights) {
  auto out = like_image(call, call.input(0));
  const bool turned = call.node.type == "ConvTranspose";
  if (out && !turned && !out->empty() && out->front().shape && weights != nullptr && weights->shape &&
      !weights->shape->empty()) {
    (*out->front().shape)[1] = weights->shape->front();
  }
  return out;
}

}  // namespace

Answer conv(const Call& call) {
  return follow_from(call, 1) ? Answer(mixes(weights_follow)) : convolution(call, call.input(1));
}
Answer qlinear_conv(const Call& call) {
  return follow_from(call, 1)              ? Answer(mixes(weights_follow))
         : one_for_all(call, {1, 2, 6, 7}) ? convolution(call, call.input(3))
                                           : Answer(mixes("its scales may differ from row to row"));
}
Answer conv_integer(const Call& call) {
  return follow_from(call, 1)     ? Answer(mixes(weights_follow))
         : one_for_all(call, {2}) ? convolution(call, call.input(1))
                                  : Answer(mixes("its zero points may differ from row to row"));
}

// The second output of MaxPool counts through the whole batch.
Answer pool(const Call& call) {
  const Value* in = call.input(0);
  if (call.node.outputs.size() > 1 && any_follows(call)) {
    return mixes("its indices count through all rows");
  }
  auto out = like_image(call, in);
  if (out && !out->empty() && out->front().shape && in->shape) {
    (*out->front().shape)[1] = (*in->shape)[1];
  }
  return out;
}

Answer global_pool(const Call& call) {
  const Value* in = call.input(0);
  auto out = like_image(call, in);
  if (out && !out->empty() && out->front().shape) {
    Sizes& shape = *out->front().shape;
    shape[1] = (*in->shape)[1];
    std::fill(shape.begin() + 2, shape.end(), known(1));
  }
  return out;
}

// Inference: its statistics are those of the model.
Answer batch_norm(const Call& call) {
  if (call.number("training_mode", 0) != 0 || call.node.outputs.size() > 1) {
    return mixes("it is in training, where its statistics are those of all rows");
  }
  return channel_norm(call);
}

// [B, channels, ...]: each channel of a row, or each row, by itself.
Answer channel_norm(const Call& call) {
  const Value* in = call.input(0);
  if (!any_follows(call)) {
    return all_plain(call, std::nullopt);
  }
  if (follow_from(call, 1)) {
    return mixes(weights_follow);
  }
  if (in == nullptr || !in->shape || in->shape->size() < 2) {
    return mixes(rank_unknown);
  }
  return batch_axis(*in) == 0U ? all_plain(call, in->shape) : Answer(mixes(not_first));
}

// [B, channels, height, width], blocks of which become channels, or the other way round.
Answer first_axis(const Call& call) { return like_image(call, call.input(0)); }

Answer quantize(const Call& call) {
  const Value* in = call.input(0);
  if (in == nullptr || !follows_rows(in)) {
    return any_follows(call) || in == nullptr ? Answer(mixes("its scale depends on rows")) : all_plain(call, in->shape);
  }
  if (follow_from(call, 1)) {
    return mixes("its scale depends on rows");
  }
  const auto axis = axis_of(call.number("axis", 1), in->shape->size());
  for (std::size_t i = 1; i < call.inputs.size(); ++i) {
    const Value* scale = call.inputs[i];
    const bool along = scale != nullptr && scale->shape && scale->shape->size() == 1 && axis &&
                       axis != batch_axis(*in) && call.number("block_size", 0) == 0;
    if (scale != nullptr && !one_element(*scale) && !along) {
      return mixes("its scale may differ from row to row");
    }
  }
  return all_plain(call, in->shape);
}

// [time, B, features], with the state [directions, B, hidden].
Answer recurrent(const Call& call) {
  const Value* in = call.input(0);
  if (!any_follows(call)) {
    return all_plain(call, std::nullopt);
  }
  if (call.number("layout", 0) != 0 || call.input(4) != nullptr) {
    return mixes("a layout with the batch first, or lengths of each row, are not understood");
  }
  if (in == nullptr || !in->shape || in->shape->size() != 3 || batch_axis(*in) != 1U) {
    return mixes("the batch axis of its input is not the second one");
  }
  if (follow(call, {1, 2, 3, 7})) {
    return mixes(weights_follow);
  }
  const Size rows = (*in->shape)[1];
  for (const std::size_t state : {std::size_t{5}, std::size_t{6}}) {
    const Value* value = call.input(state);
    if (value != nullptr &&
        (!value->shape || value->shape->size() != 3 || (*value->shape)[1] != rows || value->kind != Kind::plain)) {
      return mixes("its first state may differ from row to row");
    }
  }
  const Value* again = call.input(2);
  const bool said = again != nullptr && again->shape && again->shape->size() == 3;
  const Size directions = said ? (*again->shape)[0] : call.fresh();
  const Size hidden = said ? (*again->shape)[2] : call.fresh();
  std::vector<Value> out(call.node.outputs.size(), plain(Sizes{directions, rows, hidden}));
  if (!out.empty()) {
    out.front() = plain(Sizes{(*in->shape)[0], directions, rows, hidden});
  }
  return out;
}

namespace {

// [B, features] of classical models.
std::expected<Size, std::string_view> rows_of(const Call& call) {
  const Value* in = call.input(0);
  if (in == nullptr || !in->shape || in->shape->size() != 2 || batch_axis(*in) != 0U || follow_from(call, 1)) {
    return mixes("its input is not one of rows and features");
  }
  return in->shape->front();
}

}  // namespace

// A row of features to as many features.
Answer per_sample(const Call& call) {
  if (!any_follows(call)) {
    return all_plain(call, std::nullopt);
  }
  const auto rows = rows_of(call);
  return rows ? all_plain(call, call.input(0)->shape) : Answer(mixes(rows.error()));
}

// A row of features to some numbers; a classifier's first output is one label for each.
Answer labels(const Call& call) {
  if (!any_follows(call)) {
    return all_plain(call, std::nullopt);
  }
  const auto rows = rows_of(call);
  if (!rows) {
    return mixes(rows.error());
  }
  std::vector<Value> out(call.node.outputs.size(), plain(Sizes{*rows, call.fresh()}));
  if (!out.empty() && call.node.type.ends_with("Classifier")) {
    out.front() = plain(Sizes{*rows});
  }
  return out;
}

// A slope that is broadcast to the input.
Answer parametric(const Call& call) {
  const Value* in = call.input(0);
  const Value* slope = call.input(1);
  if (in == nullptr || slope == nullptr) {
    return mixes("an operand is missing");
  }
  if (!any_follows(call)) {
    return all_plain(call, in->shape);
  }
  auto shape = broadcast(call, {in, slope});
  return shape && *shape == in->shape ? all_plain(call, in->shape)
                                      : Answer(mixes("its slope may differ from row to row"));
}

}  // namespace blindai::gate::rows
