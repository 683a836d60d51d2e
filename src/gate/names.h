// Private to this folder: the names of a model, and which of them may be read where.
//
// The names are chosen by a stranger, so they are hashed with a random key (SipHash-1-3): none can be chosen that fall
// together. Memory is linear in the names; a name is a view into the model's body.
//
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace blindai::gate {

// Aumasson and Bernstein, "SipHash: a fast short-input PRF", with one round for each word and three at the end.
struct HashKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};
std::uint64_t keyed_hash(HashKey key, std::string_view text);

using NameId = std::uint32_t;

// A number for each distinct name.
class Names {
 public:
  Names();
  NameId id(std::string_view name);
  std::optional<NameId> find(std::string_view name) const;
  std::size_t size() const { return entries_.size(); }

 private:
  // Its number and 1 (0: empty), and the upper half of its hash, so that few other names are looked at.
  struct Slot {
    std::uint32_t entry = 0;
    std::uint32_t tag = 0;
  };
  struct Entry {
    std::string_view text;
    std::uint64_t hash = 0;
  };
  std::size_t slot_of(std::string_view name, std::uint64_t hash) const;
  void grow();

  HashKey key_;
  std::vector<Entry> entries_;
  std::vector<Slot> slots_;  // a power of two
};

// What is defined in the graphs that are open, the innermost last. A name is defined once in all of them together, as the
// ONNX specification has it: nothing is hidden by a graph inside.
class Scopes {
 public:
  void open();
  void close();
  bool define(NameId id);  // false where it is defined already
  bool visible(NameId id) const { return id < depth_.size() && depth_[id] != 0; }
  bool innermost(NameId id) const { return id < depth_.size() && depth_[id] == marks_.size(); }
  bool outermost() const { return marks_.size() == 1; }
  // Whether the innermost graph has no node of that name yet.
  bool name_node(NameId id) { return nodes_.insert(std::uint64_t{serials_.back()} << 32U | id).second; }

 private:
  std::vector<std::uint32_t> depth_;  // by id: of the graph that defines it, or 0
  std::vector<NameId> defined_;       // in order
  std::vector<std::size_t> marks_;    // where each open graph begins in defined_
  std::vector<std::uint32_t> serials_;
  std::uint32_t last_serial_ = 0;
  std::unordered_set<std::uint64_t> nodes_;
};

}  // namespace blindai::gate
