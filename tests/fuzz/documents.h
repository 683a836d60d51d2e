// What the targets of Intel's documents share: the outer object, read in both ways.
#pragma once

#include <algorithm>

#include "base/json.h"
#include "evidence/dcap/documents.h"
#include "fuzz/fuzz.h"

namespace blindai::fuzz {

// The signed text of a document, or, so that the inside is reached without the outside, the input itself.
inline evidence::dcap::SignedText signed_text_of(ByteView input, std::string_view member) {
  evidence::Effort effort;
  const auto found = evidence::dcap::read_signed(input, member, "item", effort);
  promise(effort.signature_checks == 0 && effort.bytes_read <= input.size(), "the work is counted");
  if (!found) {
    return {std::string(as_text(input)), Bytes(64)};
  }
  promise(found->signature.size() == 64, "a signature has its size");
  promise(as_text(input).contains(found->text), "the text is the document's own");
  if (const auto whole = json::parse(as_text(input))) {
    const auto* object = whole->as<json::Object>();
    promise(object != nullptr && object->size() == 2, "the parser finds the same members");
    const auto inner = json::parse(found->text);
    promise(inner && *inner == object->find(member)->second, "and the same inner object");
  }
  return *found;
}

inline void promise_order(const std::vector<evidence::dcap::SvnLevel>& levels) {
  using evidence::dcap::SvnLevel;
  promise(!levels.empty() && levels.size() <= evidence::dcap::max_levels, "levels are some, and not too many");
  promise(std::ranges::is_sorted(levels, std::greater{}, &SvnLevel::isv_svn), "levels are sorted");
}

}  // namespace blindai::fuzz
