#include "base/json_document.h"

#include <algorithm>

#include "base/json_dom.h"

namespace blindai::json {

enum class Kind : std::uint8_t { other, object, array, integer, text };

// A value, followed by those inside it. 32 bytes, since a text of a quarter of a MiB can hold 128 Ki of them.
struct Entry {
  // The parser takes no more than 4 GiB, so that 32 bits hold every size.
  const char* name = nullptr;  // of a member
  union {
    const char* text;
    std::int64_t integer = 0;
  };
  std::uint32_t name_size = 0;
  std::uint32_t size = 0;  // bytes of a text, items, members
  std::uint32_t span = 1;  // entries, with those inside
  Kind kind = Kind::other;
};
static_assert(sizeof(Entry) == 32);

namespace {

namespace dom = simdjson::dom;

constexpr std::size_t first_room = 256;
constexpr std::size_t few = 16;  // names that are compared each with each

constexpr Entry null_entry{};

std::string_view name_of(const Entry& entry) { return {entry.name, entry.name_size}; }

// The first entry after one and all inside it.
const Entry* after(const Entry* entry) { return entry + entry->span; }

bool has_a_name_twice(const Entry& object) {
  const Entry* const first = &object + 1;
  const Entry* const end = after(&object);
  if (object.size <= few) {
    for (const Entry* member = first; member != end; member = after(member)) {
      for (const Entry* other = first; other != member; other = after(other)) {
        if (name_of(*other) == name_of(*member)) {
          return true;
        }
      }
    }
    return false;
  }
  std::vector<std::string_view> names;
  names.reserve(object.size);
  for (const Entry* member = first; member != end; member = after(member)) {
    names.push_back(name_of(*member));
  }
  std::ranges::sort(names);
  return std::ranges::adjacent_find(names) != names.end();
}

enum class Flaw : std::uint8_t { none, depth, member_twice };

class Flattener {
 public:
  std::vector<Entry> entries;

  Flaw add(const dom::element& element, std::string_view name, int depth) {
    if (depth < 0) {
      return Flaw::depth;
    }
    const std::size_t at = entries.size();
    Entry& entry = entries.emplace_back();
    entry.name = name.data();
    entry.name_size = static_cast<std::uint32_t>(name.size());
    switch (element.type()) {
      case dom::element_type::ARRAY:
        return add_items(dom::array(element), at, depth - 1);
      case dom::element_type::OBJECT:
        return add_members(dom::object(element), at, depth - 1);
      case dom::element_type::INT64:
        entry.kind = Kind::integer;
        entry.integer = std::int64_t(element);
        return Flaw::none;
      case dom::element_type::STRING: {
        const std::string_view text(element);
        entry.kind = Kind::text;
        entry.text = text.data();
        entry.size = static_cast<std::uint32_t>(text.size());
        return Flaw::none;
      }
      default:
        return Flaw::none;
    }
  }

 private:
  Flaw add_items(const dom::array& items, std::size_t at, int depth) {
    std::uint32_t count = 0;
    for (const dom::element item : items) {
      if (const Flaw flaw = add(item, {}, depth); flaw != Flaw::none) {
        return flaw;
      }
      ++count;
    }
    close(at, Kind::array, count);
    return Flaw::none;
  }

  Flaw add_members(const dom::object& members, std::size_t at, int depth) {
    std::uint32_t count = 0;
    for (const auto& [name, value] : members) {
      if (const Flaw flaw = add(value, name, depth); flaw != Flaw::none) {
        return flaw;
      }
      ++count;
    }
    close(at, Kind::object, count);
    return has_a_name_twice(entries[at]) ? Flaw::member_twice : Flaw::none;
  }

  void close(std::size_t at, Kind kind, std::uint32_t count) {
    entries[at].kind = kind;
    entries[at].size = count;
    entries[at].span = static_cast<std::uint32_t>(entries.size() - at);
  }
};

}  // namespace

Node::Node() : entry_(&null_entry) {}
bool Node::is_object() const { return entry_->kind == Kind::object; }
bool Node::is_array() const { return entry_->kind == Kind::array; }

std::optional<std::int64_t> Node::integer() const {
  return entry_->kind == Kind::integer ? std::optional(entry_->integer) : std::nullopt;
}

std::optional<std::string_view> Node::text() const {
  return entry_->kind == Kind::text ? std::optional(std::string_view(entry_->text, entry_->size)) : std::nullopt;
}

std::size_t Node::size() const { return is_array() ? entry_->size : 0; }

std::optional<Node> Node::find(std::string_view name) const {
  if (!is_object()) {
    return std::nullopt;
  }
  for (const Entry* member = entry_ + 1; member != after(entry_); member = after(member)) {
    if (name_of(*member) == name) {
      return Node(member);
    }
  }
  return std::nullopt;
}

Node Node::Iterator::operator*() const { return Node(at_); }
Node::Iterator& Node::Iterator::operator++() {
  at_ = after(at_);
  return *this;
}
Node::Iterator Node::begin() const { return Iterator(entry_ + 1); }
Node::Iterator Node::end() const { return Iterator(is_array() ? after(entry_) : entry_ + 1); }

struct Document::Impl {
  dom::parser parser;  // keeps the texts
  std::vector<Entry> entries;
};

Document::Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Result<Document> Document::parse(std::string_view text, int depth_limit) {
  Document document;
  document.impl_ = std::make_unique<Impl>();
  BLINDAI_TRY(const dom::element root, parse_with(document.impl_->parser, text, depth_limit));
  Flattener flattener;
  flattener.entries.reserve(first_room);
  if (const Flaw flaw = flattener.add(root, {}, depth_limit); flaw != Flaw::none) {
    return flaw == Flaw::depth ? nested_too_deep() : member_twice();
  }
  document.impl_->entries = std::move(flattener.entries);
  return document;
}

Node Document::root() const { return impl_ == nullptr ? Node() : Node(impl_->entries.data()); }

}  // namespace blindai::json
