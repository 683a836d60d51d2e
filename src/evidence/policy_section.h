// Private to this folder: a reader of TOML tables that forgets nothing.
#pragma once

#include <toml++/toml.h>

#include <set>
#include <string>

#include "base/error.h"
#include "evidence/policy.h"

namespace blindai::evidence {

template <typename T>
using Read = std::expected<T, PolicyError>;

// Reads a table with a closed schema: take() marks a key as known, finish() refuses the others by name. Errors name the
// key with its section.
class Section {
 public:
  Section(const toml::table& table, std::string path) : table_(table), path_(std::move(path)) {}

  const toml::node* take(std::string_view key);          // nullptr where absent
  Read<const toml::table*> table(std::string_view key);  // nullptr where absent
  Read<bool> boolean(std::string_view key, bool absent);
  // Nothing where absent.
  Read<std::optional<std::int64_t>> integer(std::string_view key, std::int64_t low, std::int64_t high);
  Read<std::string> text(std::string_view key);  // mandatory
  Read<void> finish() const;

  std::string path_of(std::string_view key) const;  // "accept.sgx.mrenclave"
  Disclosed name(std::string_view key) const { return Disclosed(path_of(key)); }
  std::unexpected<PolicyError> missing(std::string_view key) const;
  // The key is there, and not as it must be.
  std::unexpected<PolicyError> wrong(std::string_view key, PublicText message, Detail detail = {}) const;
  std::unexpected<PolicyError> empty(std::string_view key) const;

 private:
  const toml::table& table_;
  std::string path_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace blindai::evidence
