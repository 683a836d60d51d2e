#include "evidence/policy_section.h"

namespace blindai::evidence {

const toml::node* Section::take(std::string_view key) {
  known_.emplace(key);
  return table_.get(key);
}

std::string Section::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

std::unexpected<PolicyError> Section::wrong(std::string_view key, PublicText message, Detail detail) const {
  return std::unexpected(PolicyError{{Code::invalid_argument, std::move(message), std::move(detail)},
                                     {Reason::policy_invalid, name(key).text}});
}

std::unexpected<PolicyError> Section::missing(std::string_view key) const {
  return wrong(key, {"the policy lacks '{}', which has no default", name(key)});
}

std::unexpected<PolicyError> Section::empty(std::string_view key) const {
  return std::unexpected(
      PolicyError{{Code::invalid_argument, {"'{}' in the policy is empty: it would accept nothing", name(key)}},
                  {Reason::policy_empty, name(key).text}});
}

Read<const toml::table*> Section::table(std::string_view key) {
  const toml::node* node = take(key);
  if (node == nullptr) {
    return nullptr;
  }
  const toml::table* table = node->as_table();
  if (!BLINDAI_HOLDS(table != nullptr)) {
    return wrong(key, {"'{}' in the policy must be a table", name(key)});
  }
  return table;
}

Read<bool> Section::boolean(std::string_view key, bool absent) {
  const toml::node* node = take(key);
  if (node == nullptr) {
    return absent;
  }
  const auto value = node->value_exact<bool>();
  if (!BLINDAI_HOLDS(value.has_value())) {
    return wrong(key, {"'{}' in the policy must be true or false", name(key)});
  }
  return value.value_or(absent);
}

Read<std::optional<std::int64_t>> Section::integer(std::string_view key, std::int64_t low, std::int64_t high) {
  const toml::node* node = take(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  const auto value = node->value_exact<std::int64_t>();
  if (!BLINDAI_HOLDS(value && *value >= low && *value <= high)) {
    return wrong(key, {"'{}' in the policy must be an integer from {} to {}", name(key), low, high});
  }
  return value;
}

Read<std::string> Section::text(std::string_view key) {
  const toml::node* node = take(key);
  if (node == nullptr) {
    return missing(key);
  }
  const auto value = node->value_exact<std::string>();
  if (!BLINDAI_HOLDS(value && !value->empty() && value->size() <= 1024)) {
    return wrong(key, {"'{}' in the policy must be text of 1 to 1024 bytes", name(key)});
  }
  return value.value_or("");
}

Read<void> Section::finish() const {
  for (const auto& [key, node] : table_) {
    if (!BLINDAI_HOLDS(known_.contains(key.str()))) {
      return wrong(key.str(), {"unknown key '{}' in the policy", name(key.str())});
    }
  }
  return {};
}

}  // namespace blindai::evidence
