#include "gate/rows.h"

#include <algorithm>

#include "gate/operators.h"
#include "gate/rows_rules.h"
#include "gate/values.h"

namespace blindai::gate {
namespace {

using rows::Kind;

constexpr std::size_t most_numbers_kept = 1'000'000;  // of all values together
constexpr std::size_t longest_name = 100;             // in a sentence

std::string_view name_of(ByteView message, std::uint32_t number) {
  std::string_view name;
  for (Fields fields(message); !fields.done();) {
    if (const auto field = fields.next(); field && field->number == number) {
      name = as_text(field->bytes);
    }
  }
  return name;
}

std::string shortened(std::string_view name) {
  if (name.size() <= longest_name) {
    return std::string(name);
  }
  std::size_t end = longest_name;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0U) == 0x80U) {
    --end;  // not inside of a character
  }
  return std::string(name.substr(0, end)) + "...";
}
std::string quoted(std::string_view name) { return "'" + shortened(name) + "'"; }

Result<rows::Attribute> read_attribute(ByteView message) {
  constexpr std::uint64_t ints_type = 7;
  rows::Attribute out;
  std::vector<std::int64_t> list;
  std::uint64_t type = 0;
  const auto take = [&](std::uint64_t value) {
    if (list.size() <= rows::most_numbers) {
      list.push_back(static_cast<std::int64_t>(value));
    }
  };
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number == 1) {
      out.name = as_text(field.bytes);
    } else if (field.number == 3) {
      out.number = static_cast<std::int64_t>(field.number_value);
    } else if (field.number == 5) {
      out.tensor = field.bytes;
    } else if (field.number == 20) {
      type = field.number_value;
    } else if (field.number == 8 && field.wire == Wire::varint) {
      take(field.number_value);
    } else if (field.number == 8) {
      for (ByteView rest = field.bytes; !rest.empty() && list.size() <= rows::most_numbers;) {
        take(protobuf::take_varint(rest).value_or(0));
      }
    }
  }
  if (type == ints_type && list.size() <= rows::most_numbers) {
    out.list = std::move(list);
  }
  return out;
}

Result<rows::Node> read_rows_node(ByteView message) {
  rows::Node node;
  for (Fields fields(message); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    switch (field.number) {
      case 1:
        node.inputs.push_back(as_text(field.bytes));
        break;
      case 2:
        node.outputs.push_back(as_text(field.bytes));
        break;
      case 3:
        node.name = as_text(field.bytes);
        break;
      case 4:
        node.type = as_text(field.bytes);
        break;
      case 5: {
        BLINDAI_TRY(auto attribute, read_attribute(field.bytes));
        node.attributes.push_back(std::move(attribute));
        break;
      }
      case 7:
        node.domain = plain_domain(as_text(field.bytes));
        break;
      case 8:
        node.overload = as_text(field.bytes);
        break;
      default:
        break;
    }
  }
  while (!node.outputs.empty() && node.outputs.back().empty()) {
    node.outputs.pop_back();  // left out
  }
  return node;
}

bool names_attribute(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(' '), list.size());
    if (list.substr(0, end) == name) {
      return true;
    }
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

class Prover {
 public:
  explicit Prover(const Walk& walk) : walk_(walk), values_(walk.names.size()) {}

  Result<Rows> run(ByteView graph) {
    for (const TensorSpec& input : walk_.out.inputs) {
      if (input.shape.size() > rows::most_rank) {
        return Rows{false, "input " + quoted(input.name) + " has more dimensions than the proof looks at"};
      }
    }
    for (Fields fields(graph); !fields.done();) {
      BLINDAI_TRY(const Field field, fields.next());
      if (field.number == 5) {
        BLINDAI_TRY(const gate::Value constant, read_constant(field.bytes));
        keep(name_of(field.bytes, 8), rows::of_constant(constant));
      }
    }
    for (const TensorSpec& input : walk_.out.inputs) {
      rows::Sizes shape;
      for (const std::int64_t size : input.shape) {
        shape.push_back(size < 0 ? rows::symbol(++symbols_) : rows::known(size));
      }
      shape.front() = rows::batch_size;
      keep(input.name, rows::plain(std::move(shape)));
    }
    std::uint64_t index = 0;
    for (Fields fields(graph); !fields.done();) {
      BLINDAI_TRY(const Field field, fields.next());
      if (field.number == 1) {
        BLINDAI_TRY(const rows::Node node, read_rows_node(field.bytes));
        if (const auto reason = step(node)) {
          return ended(node, index, *reason);
        }
        ++index;
      }
    }
    return verdict();
  }

 private:
  void keep(std::string_view name, rows::Value value) {
    const auto id = name.empty() ? std::nullopt : walk_.names.find(name);
    if (id) {
      values_[*id] = std::move(value);
    }
  }

  // What the table says of the node, or why it says nothing.
  rows::Answer judge(const rows::Node& node, const std::vector<const rows::Value*>& inputs) {
    const rows::Entry* entry = node.overload.empty() ? rows::find_entry(node.domain, node.type) : nullptr;
    if (entry == nullptr) {
      return rows::mixes("the operator is not in the table of those that are known to keep rows apart");
    }
    const auto opset = std::ranges::find(walk_.out.opsets, node.domain, &Opsets::value_type::first);
    const std::int64_t newest = node.domain.empty() ? rows::newest_checked_opset : rows::newest_checked_other_opset;
    if (opset == walk_.out.opsets.end() || opset->second < entry->since || opset->second > newest) {
      return rows::mixes("the table does not have the operator in this opset");
    }
    for (const rows::Attribute& attribute : node.attributes) {
      if (!names_attribute(entry->attributes, attribute.name)) {
        return rows::mixes("it has an attribute that the table does not know");
      }
    }
    for (const rows::Value* value : inputs) {
      if (value != nullptr && value->kind == Kind::sized && !entry->takes_sizes) {
        return rows::mixes("the number of rows in the batch is used as data");
      }
      if (value != nullptr && value->kind == Kind::places && !entry->takes_places) {
        return rows::mixes("the place of a row in the batch is used as data");
      }
    }
    if (node.outputs.empty()) {
      return std::vector<rows::Value>();
    }
    return entry->rule({node, opset->second, inputs, symbols_});
  }

  // Nothing is kept of what is larger than the proof looks at.
  std::optional<std::string_view> trim(rows::Value& value) {
    const bool follows = rows::follows_rows(&value);
    if (value.shape && value.shape->size() > rows::most_rank) {
      if (follows) {
        return "it gives more dimensions than the proof looks at";
      }
      value = {};
    }
    if (value.numbers) {
      numbers_kept_ += value.numbers->size();
      if (value.numbers->size() > rows::most_numbers || numbers_kept_ > most_numbers_kept) {
        value.numbers.reset();
        if (value.kind == Kind::sized) {
          return "it gives more numbers than the proof looks at";
        }
      }
    }
    return std::nullopt;
  }

  // Keeps what the node gives. Or the reason why rows may be mixed.
  std::optional<std::string_view> step(const rows::Node& node) {
    std::vector<const rows::Value*> inputs;
    for (const std::string_view name : node.inputs) {
      const auto id = name.empty() ? std::nullopt : walk_.names.find(name);
      inputs.push_back(id ? &values_[*id] : nullptr);
    }
    while (!inputs.empty() && inputs.back() == nullptr) {
      inputs.pop_back();  // left out
    }
    auto answer = judge(node, inputs);
    if (!answer) {
      return answer.error();
    }
    if (answer->size() != node.outputs.size()) {
      return "it gives more than is understood";
    }
    for (std::size_t i = 0; i < answer->size(); ++i) {
      if (const auto reason = trim((*answer)[i])) {
        return reason;
      }
      keep(node.outputs[i], std::move((*answer)[i]));
    }
    return std::nullopt;
  }

  static Rows ended(const rows::Node& node, std::uint64_t index, std::string_view reason) {
    const std::string name = node.name.empty() ? std::string() : " " + quoted(node.name);
    return {false, "node " + std::to_string(index) + name + " (" + shortened(node.type) + "): " + std::string(reason)};
  }

  Rows verdict() const {
    for (const TensorSpec& output : walk_.out.outputs) {
      const auto id = walk_.names.find(output.name);
      const rows::Value value = id ? values_[*id] : rows::Value();
      if (value.kind != Kind::plain || rows::batch_axis(value) != 0U || value.shape->front() != rows::batch_size) {
        return {false,
                "the first dimension of output " + quoted(output.name) + " is not one row for each of the inputs"};
      }
    }
    return {true, "every operator keeps rows apart: each row of an output depends on the same row of the inputs alone"};
  }

  const Walk& walk_;
  std::vector<rows::Value> values_;  // by NameId
  std::uint32_t symbols_ = 0;
  std::size_t numbers_kept_ = 0;
};

}  // namespace

std::optional<std::string> unbatchable(const Admitted& admitted) {
  if (admitted.inputs.empty()) {
    return "the model has no inputs";
  }
  for (const auto* specs : {&admitted.inputs, &admitted.outputs}) {
    for (const TensorSpec& spec : *specs) {
      if (spec.shape.empty()) {
        return "'" + spec.name + "' has no dimensions, or none that are declared";
      }
      if (spec.shape.front() != -1) {
        return "the first dimension of '" + spec.name + "' is fixed: export with a dynamic batch axis";
      }
      if (spec.datatype == DataType::bytes) {
        return "'" + spec.name + "' holds texts";
      }
    }
  }
  return std::nullopt;
}

Result<Rows> prove_rows(const Walk& walk, ByteView graph) {
  if (auto against = unbatchable(walk.out)) {
    return Rows{false, std::move(*against)};
  }
  if (walk.names.size() > most_values_proved) {
    return Rows{false, "the graph has more values than the proof looks at"};
  }
  return Prover(walk).run(graph);
}

Result<Bytes> without_claims(ByteView graph) {
  constexpr std::uint32_t value_info = 13;
  Bytes out;
  out.reserve(graph.size());
  for (Fields fields(graph); !fields.done();) {
    BLINDAI_TRY(const Field field, fields.next());
    if (field.number != value_info) {
      append(out, field.whole);
    }
  }
  return out;
}

}  // namespace blindai::gate
