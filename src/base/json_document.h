// JSON that is read once and not kept: a document of texts and integers, as views. It takes what json::parse() takes (its
// bounds too: depth, no member twice in one object), for a few allocations in all instead of some for each value.
//
//   const auto document = json::Document::parse(text);
//   const auto name = document->root().find("name");
//
// Thread rule: values; const members may be called from any thread.
#pragma once

#include <memory>

#include "base/json.h"

namespace blindai::json {

struct Entry;  // json_document.cpp

// A value of a Document, which must outlive it.
class Node {
 public:
  Node();  // null
  bool is_object() const;
  bool is_array() const;
  std::optional<std::int64_t> integer() const;            // nothing where it is none, or does not fit
  std::optional<std::string_view> text() const;           // nothing where it is no string
  std::size_t size() const;                               // items of an array; else 0
  std::optional<Node> find(std::string_view name) const;  // the member of that name of an object that has it

  // The items of an array, in their order; nothing in any other value.
  class Iterator {
   public:
    Node operator*() const;
    Iterator& operator++();
    bool operator==(const Iterator&) const = default;

   private:
    friend class Node;
    explicit Iterator(const Entry* at) : at_(at) {}
    const Entry* at_;
  };
  Iterator begin() const;
  Iterator end() const;

 private:
  friend class Document;
  explicit Node(const Entry* entry) : entry_(entry) {}
  const Entry* entry_;
};

class Document {
 public:
  Document();  // null
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();
  // Errors: those of json::parse().
  static Result<Document> parse(std::string_view text, int depth_limit = max_depth);
  Node root() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace blindai::json
