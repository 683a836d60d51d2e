// Private to this folder: the closed schema of the [accept.*] sections for real hardware, and a reader of TOML tables
// that forgets nothing.
#pragma once

#include <toml++/toml.h>

#include <set>
#include <string>

#include "base/error.h"
#include "evidence/policy.h"

namespace blindai::evidence {

// Reads a table with a closed schema: take() marks a key as known, finish() refuses the others by name. Errors name the
// key with its section.
class Section {
 public:
  Section(const toml::table& table, std::string path) : table_(table), path_(std::move(path)) {}

  const toml::node* take(std::string_view key);            // nullptr where absent
  Result<const toml::table*> table(std::string_view key);  // nullptr where absent
  Result<bool> boolean(std::string_view key, bool absent);
  Result<std::int64_t> integer(std::string_view key, std::int64_t absent, std::int64_t low, std::int64_t high);
  Result<std::string> text(std::string_view key);  // mandatory
  Result<void> finish() const;

  Disclosed name(std::string_view key) const;
  std::unexpected<Error> missing(std::string_view key) const;
  const toml::table& raw() const { return table_; }

 private:
  const toml::table& table_;
  std::string path_;
  std::set<std::string, std::less<>> known_;
};

// `kind`: "sgx", "tdx", "snp".
Result<HardwareAcceptance> parse_hardware(const std::string& kind, const toml::table& table);

}  // namespace blindai::evidence
