#include "gate/estimate.h"

#include <algorithm>

#include "gate/values.h"

namespace blindai::gate {
namespace {

constexpr std::uint64_t element_bytes = 4;     // of most values
constexpr std::size_t most_reads = 2'000'000;  // of values by nodes; a model with more is not worked out to its end
constexpr NameId no_name = UINT32_MAX;

std::uint64_t plus(std::uint64_t a, std::uint64_t b) {
  std::uint64_t out = 0;
  return __builtin_add_overflow(a, b, &out) ? UINT64_MAX : out;
}

std::uint64_t bytes_of(const Value& value) { return value.shape ? times(elements_of(*value.shape), element_bytes) : 0; }

class Estimator {
 public:
  explicit Estimator(const Names& names) : names_(names), entries_(names.size()) {}

  Result<Estimate> run(ByteView graph) {
    std::size_t nodes = 0;
    for (Fields fields(graph); !fields.done();) {
      BLINDAI_TRY(const Field field, fields.next());
      if (field.number == 11 || field.number == 13) {
        read_declared(field.bytes);
      } else if (field.number == 5) {
        BLINDAI_CHECK(read_initialiser(field.bytes));
      } else if (field.number == 12) {
        if (Entry* const entry = entry_of(name_of(field.bytes, 1))) {
          entry->last_use = SIZE_MAX;
        }
      } else if (field.number == 1) {
        count_uses(field.bytes, nodes++);
      }
    }
    std::size_t index = 0;
    for (Fields fields(graph); !fields.done();) {
      BLINDAI_TRY(const Field field, fields.next());
      if (field.number == 1) {
        BLINDAI_CHECK(step(field.bytes, index++));
      }
    }
    return out_;
  }

 private:
  struct Entry {
    Value value;                // of a constant, or once its node has been looked at
    std::optional<Shape> said;  // by the file
    std::size_t last_use = 0;   // by a node
    bool counted = false;       // among what lives
  };

  static std::string_view name_of(ByteView message, std::uint32_t number) {
    std::string_view name;
    for (Fields fields(message); !fields.done();) {
      if (const auto field = fields.next(); field && field->number == number) {
        name = as_text(field->bytes);
      }
    }
    return name;
  }
  Entry* entry_of(std::string_view name) {
    const auto id = names_.find(name);
    return id ? &entries_[*id] : nullptr;
  }

  void read_declared(ByteView message) {
    auto spec = read_value(message, Direction::input);
    if (!spec) {
      return;  // no tensor, or of no known shape
    }
    for (std::int64_t& size : spec->shape) {
      out_.free_dimensions = out_.free_dimensions || size < 0;
      size = size < 0 ? 1 : size;
    }
    Entry* const entry = entry_of(spec->name);
    if (entry != nullptr && element_count(spec->shape)) {
      entry->said = std::move(spec->shape);
    }
  }

  Result<void> read_initialiser(ByteView tensor) {
    BLINDAI_TRY(Value value, read_constant(tensor));
    if (Entry* const entry = entry_of(name_of(tensor, 8))) {
      entry->value = std::move(value);
    }
    return {};
  }

  // Remembers the names of the nodes in their order, as far as nodes will be worked out.
  void count_uses(ByteView message, std::size_t index) {
    for (Fields fields(message); !fields.done();) {
      const auto field = fields.next();
      if (!field || field->number > 2) {
        continue;
      }
      const auto id = field->bytes.empty() ? std::nullopt : names_.find(as_text(field->bytes));
      if (id && field->number == 1) {
        entries_[*id].last_use = std::max(entries_[*id].last_use, index);
      }
      if (read_.size() <= most_reads) {
        read_.push_back(id.value_or(no_name));
      }
    }
  }

  // The next one of them, of an input or output of the node that is worked out.
  Entry* take() {
    const NameId id = next_ < read_.size() ? read_[next_++] : no_name;
    return id == no_name ? nullptr : &entries_[id];
  }

  static Value value_of(const Entry* entry) {
    if (entry == nullptr) {
      return {};
    }
    Value value = entry->value;
    if (!value.shape) {
      value.shape = entry->said;
    }
    return value;
  }

  Result<void> step(ByteView message, std::size_t index) {
    if (next_ + 1 >= most_reads) {
      ++out_.unknown_nodes;
      return {};
    }
    BLINDAI_TRY(const NodeView node, read_node(message));
    std::vector<Entry*> from;
    std::vector<Entry*> to;
    for (Fields fields(message); !fields.done();) {
      const auto field = fields.next();
      if (field && field->number <= 2) {
        (field->number == 1 ? from : to).push_back(take());
      }
    }
    std::vector<Value> inputs;
    for (const Entry* entry : from) {
      inputs.push_back(value_of(entry));
    }
    std::vector<Value> given = values_of(node, inputs);
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (!given[i].shape && to[i] != nullptr) {
        given[i].shape = to[i]->said;
      }
    }
    if (const auto count = multiplications(node, inputs, given)) {
      out_.multiplications = plus(out_.multiplications, *count);
    } else {
      ++out_.unknown_nodes;
    }
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (to[i] != nullptr) {
        keep(*to[i], std::move(given[i]));
      }
    }
    out_.activation_bytes = std::max(out_.activation_bytes, live_);
    for (Entry* entry : from) {
      if (entry != nullptr && entry->last_use == index) {
        drop(*entry);
      }
    }
    return {};
  }

  void keep(Entry& entry, Value value) {
    out_.unknown_values += value.shape ? 0U : 1U;
    live_ = plus(live_, bytes_of(value));
    entry.value = std::move(value);
    entry.counted = true;
  }
  void drop(Entry& entry) {
    if (!std::exchange(entry.counted, false)) {
      return;
    }
    const std::uint64_t bytes = bytes_of(entry.value);
    live_ = live_ == UINT64_MAX ? live_ : live_ - std::min(live_, bytes);
    entry.value = {};
  }

  const Names& names_;
  std::vector<Entry> entries_;  // by NameId
  Estimate out_;
  std::uint64_t live_ = 0;
  std::vector<NameId> read_;
  std::size_t next_ = 0;
};

}  // namespace

Result<Estimate> estimate(ByteView graph, const Names& names) { return Estimator(names).run(graph); }

}  // namespace blindai::gate
