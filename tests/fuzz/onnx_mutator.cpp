#include "fuzz/onnx_mutator.h"

#include <array>
#include <optional>
#include <random>
#include <vector>

#include "base/protobuf.h"
#include "gate/schema.h"

namespace blindai::fuzz {
namespace {

using gate::FieldRule;
using gate::Kind;
using gate::MessageType;
using protobuf::Wire;

constexpr int most_depth = 40;
constexpr std::size_t most_parts = 100'000;
constexpr std::array<std::uint64_t, 16> numbers = {
    0, 1, 2, 3, 7, 8, 17, 26, 64, 4096, 0x7fffffff, 0x80000000, 1ULL << 40U, INT64_MAX, 1ULL << 63U, UINT64_MAX};

struct Message;

struct Part {
  std::uint32_t number = 0;
  Wire wire{};
  std::uint64_t value = 0;
  Bytes data;
  std::vector<Message> message;  // one, where the field is a message that the schema knows
  const FieldRule* rule = nullptr;
};

struct Message {
  const MessageType* type = nullptr;
  std::vector<Part> parts;
};

const FieldRule* rule_of(const MessageType& type, std::uint32_t number) {
  for (const FieldRule& rule : type.rules) {
    if (rule.number == number) {
      return &rule;
    }
  }
  return nullptr;
}

std::optional<Message> parse(ByteView bytes, const MessageType& type, int depth, std::size_t& left) {
  Message out{&type, {}};
  for (protobuf::Reader reader(bytes); !reader.done();) {
    const auto field = reader.next();
    if (!field || left == 0) {
      return std::nullopt;
    }
    --left;
    Part part{field->number, field->wire, field->number_value, {}, {}, rule_of(type, field->number)};
    if (field->wire == Wire::bytes) {
      part.data.assign(field->bytes.begin(), field->bytes.end());
      if (part.rule != nullptr && part.rule->of != nullptr && depth > 0) {
        if (auto inner = parse(field->bytes, *part.rule->of, depth - 1, left)) {
          part.message.push_back(std::move(*inner));
          part.data.clear();
        }
      }
    }
    out.parts.push_back(std::move(part));
  }
  return out;
}

void put_fixed(Bytes& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
}

Bytes written(const Message& message) {
  Bytes out;
  for (const Part& part : message.parts) {
    switch (part.wire) {
      case Wire::varint:
        protobuf::put_number(out, part.number, part.value);
        break;
      case Wire::bytes:
        protobuf::put_bytes(out, part.number, part.message.empty() ? part.data : written(part.message.front()));
        break;
      case Wire::fixed32:
      case Wire::fixed64:
        protobuf::put_varint(out, std::uint64_t{part.number} << 3U | static_cast<unsigned>(part.wire));
        put_fixed(out, part.value, part.wire == Wire::fixed32 ? 4 : 8);
        break;
    }
  }
  return out;
}

class Mutator {
 public:
  Mutator(Message& model, unsigned seed) : model_(model), random_(seed) {}

  void change() {
    messages_.clear();
    texts_.clear();
    gather(model_);
    Message& message = *messages_[below(messages_.size())];
    switch (below(8)) {
      case 0:
        drop(message);
        break;
      case 1:
        copy_into(message, message);
        break;
      case 2:
        swap(message);
        break;
      case 3:
        take_from_another(message);
        break;
      case 4:
        add(message);
        break;
      default:
        edit(message);
    }
  }

 private:
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }

  // Graphs and nodes and what is in them; how many tells how often each is chosen.
  void gather(Message& message) {
    messages_.push_back(&message);
    for (Part& part : message.parts) {
      if (!part.message.empty()) {
        gather(part.message.front());
      } else if (part.rule != nullptr && part.rule->kind == Kind::text) {
        texts_.push_back(part.data);
      }
    }
  }

  void drop(Message& message) {
    if (!message.parts.empty()) {
      message.parts.erase(message.parts.begin() + static_cast<std::ptrdiff_t>(below(message.parts.size())));
    }
  }

  void copy_into(Message& to, const Message& from) {
    if (!from.parts.empty()) {
      Part copy = from.parts[below(from.parts.size())];
      to.parts.insert(to.parts.begin() + static_cast<std::ptrdiff_t>(below(to.parts.size() + 1)), std::move(copy));
    }
  }

  void swap(Message& message) {
    if (message.parts.size() > 1) {
      std::swap(message.parts[below(message.parts.size())], message.parts[below(message.parts.size())]);
    }
  }

  void take_from_another(Message& message) {
    std::vector<const Message*> alike;
    for (const Message* other : messages_) {
      if (other->type == message.type && other != &message && other->parts.size() < most_copied) {
        alike.push_back(other);
      }
    }
    if (alike.empty()) {
      return;
    }
    const Message from = *alike[below(alike.size())];
    if (below(2) == 0) {
      drop(message);
    }
    copy_into(message, from);
  }

  // A field that the schema knows, empty or with a number.
  void add(Message& message) {
    const FieldRule& rule = message.type->rules[below(message.type->rules.size())];
    Part part{rule.number, Wire::bytes, 0, {}, {}, &rule};
    if (rule.kind == Kind::number || rule.kind == Kind::numbers) {
      part.wire = Wire::varint;
      part.value = number(rule);
    } else if (rule.kind == Kind::float32) {
      part.wire = Wire::fixed32;
      part.value = numbers[below(numbers.size())];
    } else if (rule.kind == Kind::text) {
      part.data = text();
    } else if (rule.of != nullptr) {
      part.message.push_back({rule.of, {}});
    }
    message.parts.push_back(std::move(part));
  }

  std::uint64_t number(const FieldRule& rule) {
    const std::uint64_t value = numbers[below(numbers.size())];
    return rule.most < UINT64_MAX && below(8) != 0 ? value % (rule.most + 1) : value;
  }

  Bytes text() {
    if (texts_.empty() || below(8) == 0) {
      const Bytes odd[] = {{}, {'.', '.', '/'}, {0xff}, Bytes(5000, 'n')};
      return odd[below(std::size(odd))];
    }
    return texts_[below(texts_.size())];
  }

  void edit(Message& message) {
    if (message.parts.empty()) {
      return;
    }
    Part& part = message.parts[below(message.parts.size())];
    if (part.wire != Wire::bytes) {
      part.value = part.rule != nullptr && below(4) != 0 ? number(*part.rule) : part.value + below(3) - 1;
    } else if (part.rule != nullptr && part.rule->kind == Kind::text) {
      part.data = text();
    } else if (part.message.empty() && part.data.empty()) {
      part.data.push_back(static_cast<std::uint8_t>(below(256)));
    } else if (part.message.empty()) {
      edit_bytes(part.data);
    }
  }

  void edit_bytes(Bytes& data) {
    switch (below(3)) {
      case 0:
        data[below(data.size())] = static_cast<std::uint8_t>(below(256));
        break;
      case 1:
        data.pop_back();
        break;
      default:
        data.insert(data.end(), 1 + below(8), 0);
    }
  }

  static constexpr std::size_t most_copied = 1000;

  Message& model_;
  std::minstd_rand random_;
  std::vector<Message*> messages_;
  std::vector<Bytes> texts_;
};

}  // namespace

Bytes mutate_model(ByteView model, unsigned seed) {
  std::size_t left = most_parts;
  auto parsed = parse(model, gate::model_type, most_depth, left);
  if (!parsed) {
    return {};
  }
  Mutator mutator(*parsed, seed + 1);  // minstd_rand takes 0 as 1
  for (unsigned i = 0; i <= seed % 3; ++i) {
    mutator.change();
  }
  return written(*parsed);
}

}  // namespace blindai::fuzz
