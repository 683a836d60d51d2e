#include "evidence/policy.h"

#include <algorithm>

#include "base/fd.h"
#include "crypto/crypto.h"
#include "evidence/policy_schema.h"

namespace blindai::evidence {
namespace {

constexpr std::size_t max_policy_bytes = 1024 * 1024;
constexpr std::size_t max_pem_bytes = 1024 * 1024;

Result<Identity> parse_identity(const toml::table& table, const std::string& base_path) {
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
  } else {
    const std::string path = ca.front() == '/' || base_path.empty() ? ca : base_path + "/" + ca;
    auto pem = read_file(path.c_str(), max_pem_bytes);
    if (!pem) {
      return fail(Code::invalid_argument, {"the file that 'identity.ca' names cannot be read"}, pem.error().detail);
    }
    identity.ca = std::string(as_text(*pem));
  }
  return identity;
}

// "sha256:..." as bytes where the member of `config` holds digests; other text stays text.
Result<cbor::Value> config_value(const toml::node& node, bool digests, const Disclosed& name) {
  const auto wrong = [&] {
    return fail(Code::invalid_argument, {"a value of '{}' in the policy is not of the form that it needs", name});
  };
  if (const auto text = node.value_exact<std::string>()) {
    if (!digests) {
      return cbor::Value(*text);
    }
    const auto digest = Digest::from_text(*text);
    return digest ? Result<cbor::Value>(cbor::Value(*digest)) : wrong();
  }
  if (const auto number = node.value_exact<std::int64_t>()) {
    return cbor::Value(*number);
  }
  if (const auto* table = node.as_table()) {
    cbor::Map map;
    for (const auto& [key, member] : *table) {
      if (member.is_table() || member.is_array()) {
        return wrong();
      }
      BLINDAI_TRY(auto value, config_value(member, digests, name));
      map.emplace(std::string(key.str()), std::move(value));
    }
    return cbor::Value(std::move(map));
  }
  return wrong();
}

Result<Allowed> parse_allowed(Section& section, std::string_view key, const toml::node& node) {
  if (node.value_exact<std::string>() == "any") {
    return Any{};
  }
  const auto* array = node.as_array();
  if (array == nullptr || array->empty()) {
    return fail(Code::invalid_argument,
                {"'{}' in the policy must be a list with at least one value, or the word \"any\"", section.name(key)});
  }
  const bool digests = key == "code" || key == "metrics" || key == "models";
  std::vector<cbor::Value> values;
  for (const toml::node& item : *array) {
    BLINDAI_TRY(auto value, config_value(item, digests, section.name(key)));
    values.push_back(std::move(value));
  }
  return values;
}

Result<std::map<std::string, Allowed>> parse_config(const toml::table* table) {
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

Result<SimulatedAcceptance> parse_simulated_acceptance(const toml::table& table) {
  Section section(table, "accept.simulated");
  SimulatedAcceptance accepted;
  BLINDAI_TRY(const std::string root, section.text("root"));
  const auto bytes = from_hex(root);
  const auto digest = bytes ? Digest::from(*bytes) : std::nullopt;
  if (!digest) {
    return fail(Code::invalid_argument, {"'accept.simulated.root' must be 64 hexadecimal digits"});
  }
  accepted.root = *digest;
  const toml::node* node = section.take("measurement");
  if (node == nullptr) {
    return section.missing("measurement");
  }
  BLINDAI_CHECK(section.finish());
  if (node->value_exact<std::string>() == "any") {
    return accepted;
  }
  const auto* array = node->as_array();
  if (array == nullptr || array->empty()) {
    return fail(Code::invalid_argument,
                {"'accept.simulated.measurement' must be a list with at least one value, or the word \"any\""});
  }
  std::vector<Digest> list;
  for (const toml::node& item : *array) {
    const auto hex = from_hex(item.value_exact<std::string>().value_or(""));
    const auto value = hex ? Digest::from(*hex) : std::nullopt;
    if (!value) {
      return fail(Code::invalid_argument, {"a value of 'accept.simulated.measurement' is not 64 hexadecimal digits"});
    }
    list.push_back(*value);
  }
  accepted.measurement = std::move(list);
  return accepted;
}

Result<void> parse_accept(const toml::table* table, Policy& policy) {
  if (table == nullptr || table->empty()) {
    return fail(Code::invalid_argument, {"the policy accepts nothing: it needs a section such as [accept.simulated]"});
  }
  Section section(*table, "accept");
  for (const std::string kind : {"sgx", "tdx", "snp"}) {
    BLINDAI_TRY(const toml::table* hardware, section.table(kind));
    if (hardware != nullptr) {
      BLINDAI_TRY(auto acceptance, parse_hardware(kind, *hardware));
      policy.hardware.push_back(std::move(acceptance));
    }
  }
  BLINDAI_TRY(const toml::table* simulated, section.table("simulated"));
  if (simulated != nullptr) {
    BLINDAI_TRY(policy.simulated, parse_simulated_acceptance(*simulated));
  }
  BLINDAI_CHECK(section.finish());
  if (policy.simulated && !policy.hardware.empty()) {
    return fail(Code::invalid_argument,
                {"a policy with [accept.simulated] may have no other accept section: simulation proves nothing"});
  }
  return {};
}

Result<void> parse_freshness(const toml::table* table, Freshness& freshness) {
  if (table == nullptr) {
    return {};
  }
  Section section(*table, "freshness");
  BLINDAI_TRY(freshness.fresh_evidence, section.boolean("fresh_evidence", true));
  BLINDAI_TRY(freshness.recheck_seconds, section.integer("recheck_seconds", 3600, 1, 86400));
  constexpr std::int64_t highest = std::int64_t{1} << 32;
  BLINDAI_CHECK(section.integer("min_tcb_evaluation_number", 0, 0, highest));
  BLINDAI_CHECK(section.integer("max_tcb_age_days", 0, 1, 36500));
  return section.finish();
}

Result<void> parse_models(const toml::table* table, Policy& policy) {
  if (table == nullptr) {
    return {};
  }
  const Section section(*table, "models");
  for (const auto& [key, node] : *table) {
    const auto text = node.value_exact<std::string>().value_or("");
    if (key.str() == "unpinned") {
      if (text != "refuse" && text != "allow") {
        return fail(Code::invalid_argument, {"'models.unpinned' in the policy must be \"refuse\" or \"allow\""});
      }
      policy.unpinned_models_allowed = text == "allow";
      continue;
    }
    const auto digest = Digest::from_text(text);
    if (!digest) {
      return fail(Code::invalid_argument,
                  {"'{}' in the policy must be \"sha256:\" and 64 hexadecimal digits", section.name(key.str())});
    }
    policy.model_pins.emplace(std::string(key.str()), *digest);
  }
  return {};
}

Result<Policy> read(const toml::table& root, Purpose purpose, const std::string& base_path) {
  Section section(root, "");
  Policy policy;
  BLINDAI_TRY(const std::int64_t version, section.integer("version", 0, 0, 1'000'000));
  if (version != 1) {
    return fail(Code::invalid_argument, {"the policy must say 'version = 1'"});
  }
  BLINDAI_TRY(policy.name, section.text("name"));
  BLINDAI_TRY(const toml::table* identity, section.table("identity"));
  if (identity != nullptr) {
    BLINDAI_TRY(policy.identity, parse_identity(*identity, base_path));
  } else if (purpose == Purpose::session) {
    return section.missing("identity");
  }
  BLINDAI_TRY(const toml::table* config, section.table("config"));
  BLINDAI_TRY(policy.config, parse_config(config));
  BLINDAI_TRY(const toml::table* accept, section.table("accept"));
  BLINDAI_CHECK(parse_accept(accept, policy));
  BLINDAI_TRY(const toml::table* freshness, section.table("freshness"));
  BLINDAI_CHECK(parse_freshness(freshness, policy.freshness));
  BLINDAI_TRY(const toml::table* models, section.table("models"));
  BLINDAI_CHECK(parse_models(models, policy));
  BLINDAI_CHECK(section.finish());
  return policy;
}

}  // namespace

Result<Policy> parse_policy(std::string_view toml, Purpose purpose, const std::string& base_path) {
  if (toml.size() > max_policy_bytes) {
    return fail(Code::too_large, {"a policy has at most {} bytes", max_policy_bytes});
  }
  toml::table root;
  try {
    root = toml::parse(toml);
  } catch (const toml::parse_error& error) {
    return fail(Code::invalid_argument, {"the policy is not TOML: see line {}", error.source().begin.line},
                {std::string(error.description())});
  }
  BLINDAI_TRY(Policy policy, read(root, purpose, base_path));
  policy.digest = crypto::sha256(as_bytes(toml));
  return policy;
}

}  // namespace blindai::evidence
