#include "gate/names.h"

#include <bit>
#include <cstring>
#include <random>

namespace blindai::gate {
namespace {

constexpr std::size_t first_slots = 64;

struct State {
  std::uint64_t a, b, c, d;

  void round() {
    a += b;
    b = std::rotl(b, 13) ^ a;
    a = std::rotl(a, 32);
    c += d;
    d = std::rotl(d, 16) ^ c;
    a += d;
    d = std::rotl(d, 21) ^ a;
    c += b;
    b = std::rotl(b, 17) ^ c;
    c = std::rotl(c, 32);
  }
  void take(std::uint64_t word) {
    d ^= word;
    round();
    a ^= word;
  }
};

std::uint64_t random_word(std::random_device& device) {
  const std::uint64_t high = device();
  return high << 32U | device();
}

}  // namespace

std::uint64_t keyed_hash(HashKey key, std::string_view text) {
  State state{key.low ^ 0x736f6d6570736575U, key.high ^ 0x646f72616e646f6dU, key.low ^ 0x6c7967656e657261U,
              key.high ^ 0x7465646279746573U};
  std::uint64_t word = 0;
  std::size_t at = 0;
  for (; at + sizeof(word) <= text.size(); at += sizeof(word)) {
    std::memcpy(&word, text.data() + at, sizeof(word));
    state.take(word);
  }
  word = 0;
  if (at < text.size()) {  // a name that is not there has no address
    std::memcpy(&word, text.data() + at, text.size() - at);
  }
  state.take(word | std::uint64_t{text.size()} << 56U);
  state.c ^= 0xffU;
  state.round();
  state.round();
  state.round();
  return state.a ^ state.b ^ state.c ^ state.d;
}

Names::Names() : slots_(first_slots) {
  std::random_device device;  // getrandom(2)
  key_ = {random_word(device), random_word(device)};
}

std::size_t Names::slot_of(std::string_view name, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t place = hash & mask;; place = (place + 1) & mask) {
    const Slot slot = slots_[place];
    if (slot.entry == 0 || (slot.tag == hash >> 32U && entries_[slot.entry - 1].text == name)) {
      return place;
    }
  }
}

void Names::grow() {
  slots_.assign(slots_.size() * 2, {});
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::uint64_t hash = entries_[i].hash;
    std::size_t place = hash & mask;
    while (slots_[place].entry != 0) {
      place = (place + 1) & mask;
    }
    slots_[place] = {static_cast<std::uint32_t>(i + 1), static_cast<std::uint32_t>(hash >> 32U)};
  }
}

NameId Names::id(std::string_view name) {
  const std::uint64_t hash = keyed_hash(key_, name);
  std::size_t place = slot_of(name, hash);
  if (slots_[place].entry == 0) {
    if (entries_.size() * 2 >= slots_.size()) {
      grow();
      place = slot_of(name, hash);
    }
    entries_.push_back({name, hash});
    slots_[place] = {static_cast<std::uint32_t>(entries_.size()), static_cast<std::uint32_t>(hash >> 32U)};
  }
  return slots_[place].entry - 1;
}

std::optional<NameId> Names::find(std::string_view name) const {
  const std::uint32_t entry = slots_[slot_of(name, keyed_hash(key_, name))].entry;
  return entry == 0 ? std::nullopt : std::optional(entry - 1);
}

void Scopes::open() {
  marks_.push_back(defined_.size());
  serials_.push_back(++last_serial_);
}

void Scopes::close() {
  for (std::size_t i = marks_.back(); i < defined_.size(); ++i) {
    depth_[defined_[i]] = 0;
  }
  defined_.resize(marks_.back());
  marks_.pop_back();
  serials_.pop_back();
}

bool Scopes::define(NameId id) {
  if (id >= depth_.size()) {
    depth_.resize(std::max<std::size_t>(std::size_t{id} + 1, depth_.size() * 2));
  }
  if (depth_[id] != 0) {
    return false;
  }
  depth_[id] = static_cast<std::uint32_t>(marks_.size());
  defined_.push_back(id);
  return true;
}

}  // namespace blindai::gate
