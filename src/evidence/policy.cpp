#include "evidence/policy.h"

#include <algorithm>

#include "base/fd.h"
#include "crypto/crypto.h"
#include "evidence/policy_schema.h"

namespace blindai::evidence {
namespace {

constexpr std::size_t max_policy_bytes = 1024 * 1024;
constexpr std::size_t max_pem_bytes = 1024 * 1024;

// Where evidence alone is judged, no file is opened: the identity of a service is not looked at.
Read<Identity> parse_identity(const toml::table& table, Purpose purpose, const std::string& base_path) {
  Section section(table, "identity");
  Identity identity;
  BLINDAI_TRY(identity.server_name, section.text("server_name"));
  std::string ca = "system";
  if (table.contains("ca")) {
    BLINDAI_TRY(ca, section.text("ca"));
  }
  BLINDAI_CHECK(section.finish());
  if (ca == "any") {
    identity.ca = Any{};
  } else if (ca == "system") {
    identity.ca = std::monostate{};
  } else if (purpose == Purpose::evidence_only) {
    identity.ca = std::string();
  } else {
    const std::string path = ca.front() == '/' || base_path.empty() ? ca : base_path + "/" + ca;
    auto pem = read_file(path.c_str(), max_pem_bytes);
    if (!pem) {
      return section.wrong("ca", {"the file that 'identity.ca' names cannot be read"}, pem.error().detail);
    }
    identity.ca = std::string(as_text(*pem));
  }
  return identity;
}

// "sha256:..." as bytes where the member of `config` holds digests; other text stays text.
Read<cbor::Value> config_value(const toml::node& node, bool digests, const Section& section, std::string_view key) {
  const auto wrong = [&] {
    return section.wrong(key, {"a value of '{}' in the policy is not of the form that it needs", section.name(key)});
  };
  if (const auto text = node.value_exact<std::string>()) {
    if (!digests) {
      return cbor::Value(*text);
    }
    const auto digest = Digest::from_text(*text);
    return digest ? Read<cbor::Value>(cbor::Value(*digest)) : wrong();
  }
  if (const auto number = node.value_exact<std::int64_t>()) {
    return cbor::Value(*number);
  }
  if (const auto* table = node.as_table()) {
    cbor::Map map;
    for (const auto& [name, member] : *table) {
      if (member.is_table() || member.is_array()) {
        return wrong();
      }
      BLINDAI_TRY(auto value, config_value(member, digests, section, key));
      map.emplace(std::string(name.str()), std::move(value));
    }
    return cbor::Value(std::move(map));
  }
  return wrong();
}

Read<Allowed> parse_allowed(Section& section, std::string_view key, const toml::node& node) {
  if (node.value_exact<std::string>() == "any") {
    return Any{};
  }
  const auto* array = node.as_array();
  if (array == nullptr) {
    return section.wrong(key, {"'{}' in the policy must be a list, or the word \"any\"", section.name(key)});
  }
  if (!BLINDAI_HOLDS(!array->empty())) {
    return section.empty(key);
  }
  const bool digests = key == "code" || key == "metrics" || key == "models";
  std::vector<cbor::Value> values;
  for (const toml::node& item : *array) {
    BLINDAI_TRY(auto value, config_value(item, digests, section, key));
    values.push_back(std::move(value));
  }
  return values;
}

Read<std::map<std::string, Allowed>> parse_config(const toml::table* table) {
  std::map<std::string, Allowed> config{{"engine", std::vector<cbor::Value>{"worker"}},
                                        {"isolation", std::vector<cbor::Value>{"group"}},
                                        {"batch", std::vector<cbor::Value>{"group"}},
                                        {"auth", std::vector<cbor::Value>{"proof"}}};
  if (table == nullptr) {
    return config;
  }
  Section section(*table, "config");
  for (const std::string_view key :
       {"engine", "isolation", "batch", "auth", "code", "store", "sandbox", "sealing", "limits", "metrics", "models"}) {
    if (const toml::node* node = section.take(key)) {
      BLINDAI_TRY(config[std::string(key)], parse_allowed(section, key, *node));
    }
  }
  BLINDAI_CHECK(section.finish());
  return config;
}

Read<void> parse_accept(Section& policy_section, Policy& policy) {
  BLINDAI_TRY(const toml::table* table, policy_section.table("accept"));
  if (!BLINDAI_HOLDS(table != nullptr && !table->empty())) {
    return policy_section.empty("accept");
  }
  Section section(*table, "accept");
  BLINDAI_TRY(const toml::table* sgx, section.table("sgx"));
  if (sgx != nullptr) {
    BLINDAI_TRY(policy.sgx, read_sgx_acceptance(*sgx));
  }
  BLINDAI_TRY(const toml::table* tdx, section.table("tdx"));
  if (tdx != nullptr) {
    BLINDAI_TRY(policy.tdx, read_tdx_acceptance(*tdx));
  }
  BLINDAI_TRY(const toml::table* snp, section.table("snp"));
  if (snp != nullptr) {
    BLINDAI_TRY(policy.snp, read_snp_acceptance(*snp));
  }
  BLINDAI_TRY(const toml::table* simulated, section.table("simulated"));
  if (simulated != nullptr) {
    BLINDAI_TRY(policy.simulated, read_simulated_acceptance(*simulated));
  }
  BLINDAI_CHECK(section.finish());
  if (!BLINDAI_HOLDS(!policy.simulated || (!policy.sgx && !policy.tdx && !policy.snp))) {
    return section.wrong("simulated",
                         {"a policy with [accept.simulated] may have no other accept section: simulation proves "
                          "nothing"});
  }
  return {};
}

Read<void> parse_freshness(const toml::table* table, Freshness& freshness) {
  if (table == nullptr) {
    return {};
  }
  Section section(*table, "freshness");
  BLINDAI_TRY(freshness.fresh_evidence, section.boolean("fresh_evidence", true));
  BLINDAI_TRY(const auto recheck, section.integer("recheck_seconds", 1, 86400));
  freshness.recheck_seconds = recheck.value_or(freshness.recheck_seconds);
  constexpr std::int64_t highest = std::int64_t{1} << 32U;
  BLINDAI_TRY(freshness.min_tcb_evaluation_number, section.integer("min_tcb_evaluation_number", 0, highest));
  BLINDAI_TRY(freshness.max_tcb_age_days, section.integer("max_tcb_age_days", 1, 36500));
  return section.finish();
}

Read<void> parse_models(const toml::table* table, Policy& policy) {
  if (table == nullptr) {
    return {};
  }
  const Section section(*table, "models");
  for (const auto& [key, node] : *table) {
    const auto text = node.value_exact<std::string>().value_or("");
    if (key.str() == "unpinned") {
      if (text != "refuse" && text != "allow") {
        return section.wrong("unpinned", {"'models.unpinned' in the policy must be \"refuse\" or \"allow\""});
      }
      policy.unpinned_models_allowed = text == "allow";
      continue;
    }
    const auto digest = Digest::from_text(text);
    if (!digest) {
      return section.wrong(
          key.str(), {"'{}' in the policy must be \"sha256:\" and 64 hexadecimal digits", section.name(key.str())});
    }
    policy.model_pins.emplace(std::string(key.str()), *digest);
  }
  return {};
}

Read<Policy> read(const toml::table& root, Purpose purpose, const std::string& base_path) {
  Section section(root, "");
  if (!BLINDAI_HOLDS(!root.empty())) {
    return section.empty("accept");
  }
  Policy policy;
  BLINDAI_TRY(const auto version, section.integer("version", 0, 1'000'000));
  if (!BLINDAI_HOLDS(version == 1)) {
    return section.wrong("version", {"the policy must say 'version = 1'"});
  }
  if (purpose == Purpose::session || root.contains("name")) {
    BLINDAI_TRY(policy.name, section.text("name"));
  }
  BLINDAI_TRY(const toml::table* identity, section.table("identity"));
  if (identity != nullptr) {
    BLINDAI_TRY(policy.identity, parse_identity(*identity, purpose, base_path));
  } else if (purpose == Purpose::session) {
    return section.missing("identity");
  }
  BLINDAI_TRY(const toml::table* config, section.table("config"));
  BLINDAI_TRY(policy.config, parse_config(config));
  BLINDAI_CHECK(parse_accept(section, policy));
  BLINDAI_TRY(const toml::table* freshness, section.table("freshness"));
  BLINDAI_CHECK(parse_freshness(freshness, policy.freshness));
  BLINDAI_TRY(const toml::table* models, section.table("models"));
  BLINDAI_CHECK(parse_models(models, policy));
  BLINDAI_CHECK(section.finish());
  return policy;
}

std::unexpected<PolicyError> not_toml(Code code, PublicText message, Detail detail = {}) {
  return std::unexpected(PolicyError{{code, std::move(message), std::move(detail)}, {Reason::policy_invalid, "toml"}});
}

}  // namespace

std::expected<Policy, PolicyError> read_policy(std::string_view toml, Purpose purpose, const std::string& base_path) {
  if (!BLINDAI_HOLDS(toml.size() <= max_policy_bytes)) {
    return not_toml(Code::too_large, {"a policy has at most {} bytes", max_policy_bytes});
  }
  toml::table root;
  try {
    root = toml::parse(toml);
  } catch (const toml::parse_error& error) {
    return not_toml(Code::invalid_argument, {"the policy is not TOML: see line {}", error.source().begin.line},
                    {std::string(error.description())});
  }
  BLINDAI_TRY(Policy policy, read(root, purpose, base_path));
  policy.digest = crypto::sha256(as_bytes(toml));
  return policy;
}

Result<Policy> parse_policy(std::string_view toml, Purpose purpose, const std::string& base_path) {
  auto policy = read_policy(toml, purpose, base_path);
  if (!policy) {
    return std::unexpected(std::move(policy.error().error));
  }
  return std::move(*policy);
}

}  // namespace blindai::evidence
