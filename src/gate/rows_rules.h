// Private to this folder: the rules of operators for the proof that rows stay apart (rows.h), each a judgement over what is
// known of the inputs of one node. Which operator has which rule stands in the table (rows_table.cpp).
//
// A rule answers with what is known of the outputs, or with the reason why the rows may be mixed. It may trust that an
// input which is sized or places is one that its entry in the table takes.
//
// Thread rule: pure functions, but for the symbols that a call makes.
#pragma once

#include <expected>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "gate/rows_value.h"
#include "gate/values.h"

namespace blindai::gate::rows {

struct Attribute {
  std::string_view name;
  std::optional<std::int64_t> number;
  std::optional<std::vector<std::int64_t>> list;  // of at most `most_numbers`
  std::optional<ByteView> tensor;
};

inline constexpr std::size_t most_rank = 8;
inline constexpr std::size_t most_numbers = 32;

struct Node {
  std::string_view name;
  std::string_view domain;  // "" is ai.onnx
  std::string_view type;
  std::string_view overload;
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> outputs;
  std::vector<Attribute> attributes;
};

struct Call {
  const Node& node;
  std::int64_t opset = 0;
  std::vector<const Value*> inputs;  // null where one is left out
  std::uint32_t& symbols;            // so many were made

  const Value* input(std::size_t index) const { return index < inputs.size() ? inputs[index] : nullptr; }
  const Attribute* attribute(std::string_view name) const;
  std::int64_t number(std::string_view name, std::int64_t otherwise) const;
  Size fresh() const { return symbol(++symbols); }
};

using Answer = std::expected<std::vector<Value>, std::string_view>;
using Rule = Answer (*)(const Call&);

// The entry of the table for an operator.
struct Entry {
  std::string_view domain;
  std::string_view type;
  std::int64_t since;  // the oldest opset whose meaning the rule has
  Rule rule;
  std::string_view attributes;  // that it may have, separated by spaces
  std::string_view why;         // what it does with rows
  bool takes_sizes = false;
  bool takes_places = false;
};
std::span<const Entry> table();
const Entry* find_entry(std::string_view domain, std::string_view type);
inline constexpr std::int64_t newest_checked_opset = 27;       // of ai.onnx
inline constexpr std::int64_t newest_checked_other_opset = 5;  // of ai.onnx.ml and com.microsoft
// More rows than a batch ever has.
inline constexpr std::int64_t beyond_all_rows = 1'000'000;

// Shared by the rules.
inline std::unexpected<std::string_view> mixes(std::string_view why) { return std::unexpected(why); }
Value plain(std::optional<Sizes> shape);
Value of_constant(const gate::Value& constant);
// Sized if one of them depends on B.
Value of_numbers(Sizes shape, Numbers numbers);
Value of_list(Numbers numbers);  // of one dimension
Answer one(Value value);
// As many as the node has outputs, all with that shape.
Answer all_plain(const Call& call, std::optional<Sizes> shape);
// Whether an input depends on rows, or on B.
bool follows_rows(const Value* value);
bool any_follows(const Call& call);
std::optional<std::size_t> axis_of(std::int64_t axis, std::size_t rank);
// Of an attribute, or of an input that holds known numbers.
struct List {
  bool there = false;
  std::optional<std::vector<std::int64_t>> values;  // nothing where it is there and not known
};
List list_of(const Call& call, std::string_view attribute, std::size_t input);
// The shape of operands that are broadcast together.
std::expected<std::optional<Sizes>, std::string_view> broadcast(const Call& call,
                                                                const std::vector<const Value*>& values);
// Whether an operand that is broadcast against `to` leaves the axis `axis` of it alone: one element there, or none.
bool same_for_all_rows(const Value& operand, std::size_t axis, std::size_t rank);
bool one_element(const Value& value);

// The rules.
Answer constants_only(const Call& call);
Answer elementwise(const Call& call);
Answer first_only(const Call& call);
Answer arithmetic(const Call& call);
Answer where(const Call& call);
Answer cast(const Call& call);
Answer range(const Call& call);
Answer constant_of_shape(const Call& call);
Answer shape_of(const Call& call);
Answer size_of(const Call& call);
Answer reshape(const Call& call);
Answer flatten(const Call& call);
Answer squeeze(const Call& call);
Answer unsqueeze(const Call& call);
Answer transpose(const Call& call);
Answer expand(const Call& call);
Answer tile(const Call& call);
Answer concat(const Call& call);
Answer split(const Call& call);
Answer slice(const Call& call);
Answer gather(const Call& call);
Answer gather_nd(const Call& call);
Answer gather_elements(const Call& call);
Answer reduce(const Call& call);
Answer arg(const Call& call);
Answer top_k(const Call& call);
Answer cumulative(const Call& call);
Answer softmax(const Call& call);
Answer layer_norm(const Call& call);
Answer lp_norm(const Call& call);
Answer mean_variance(const Call& call);
Answer one_hot(const Call& call);
Answer pad(const Call& call);
Answer trilu(const Call& call);
Answer matmul(const Call& call);
Answer gemm(const Call& call);
Answer matmul_integer(const Call& call);
Answer qlinear_matmul(const Call& call);
Answer conv(const Call& call);
Answer qlinear_conv(const Call& call);
Answer conv_integer(const Call& call);
Answer pool(const Call& call);
Answer global_pool(const Call& call);
Answer batch_norm(const Call& call);
Answer channel_norm(const Call& call);
Answer first_axis(const Call& call);
Answer quantize(const Call& call);
Answer recurrent(const Call& call);
Answer per_sample(const Call& call);
Answer labels(const Call& call);
Answer parametric(const Call& call);
Answer dropout(const Call& call);
Answer identity(const Call& call);
Answer constant(const Call& call);

}  // namespace blindai::gate::rows
