#include "evidence/policy_schema.h"

#include <algorithm>
#include <span>

namespace blindai::evidence {
namespace {

enum class Kind : std::uint8_t { hex_list, words, texts, boolean, count, counts };
enum class Presence : std::uint8_t { mandatory, optional };
enum class AnyWord : std::uint8_t { allowed, refused };

struct Field {
  std::string_view key;
  Kind kind;
  Presence presence = Presence::optional;
  AnyWord any = AnyWord::refused;
  std::size_t bytes = 0;                      // of each hexadecimal value; 0: 1 to 64
  std::span<const std::string_view> words{};  // allowed ones, or keys of a table of counts
  bool may_be_empty = false;
};

// "Revoked" is not among them: no policy may accept it.
constexpr std::string_view tcb_words[] = {"UpToDate",
                                          "SWHardeningNeeded",
                                          "ConfigurationNeeded",
                                          "OutOfDate",
                                          "ConfigurationAndSWHardeningNeeded",
                                          "OutOfDateConfigurationNeeded"};
constexpr std::string_view product_words[] = {"Milan", "Genoa", "Turin"};
constexpr std::string_view key_words[] = {"vcek", "vlek"};
constexpr std::string_view tcb_parts[] = {"bootloader", "tee", "snp", "microcode", "fmc"};

constexpr Field advisories{"allowed_advisories", Kind::texts, Presence::mandatory, AnyWord::allowed, 0, {}, true};
constexpr Field denied{"denied_advisories", Kind::texts, Presence::optional, AnyWord::refused, 0, {}, true};
constexpr Field tcb_status{"tcb_status", Kind::words, Presence::mandatory, AnyWord::refused, 0, tcb_words};
constexpr Field platform_ids{"platform_ids", Kind::hex_list, Presence::mandatory, AnyWord::allowed};

constexpr Field measurement(std::string_view key, std::size_t bytes) {
  return {key, Kind::hex_list, Presence::mandatory, AnyWord::allowed, bytes};
}

constexpr Field sgx_fields[] = {measurement("mrenclave", 32),
                                measurement("mrsigner", 32),
                                {"product_id", Kind::count},
                                {"min_isv_svn", Kind::count},
                                tcb_status,
                                advisories,
                                platform_ids,
                                denied,
                                {"allow_debug", Kind::boolean},
                                {"require_crl", Kind::boolean},
                                {"min_crl_number", Kind::count}};
constexpr Field tdx_fields[] = {measurement("mr_td", 48),
                                measurement("rtmr0", 48),
                                measurement("rtmr1", 48),
                                measurement("rtmr2", 48),
                                measurement("rtmr3", 48),
                                tcb_status,
                                advisories,
                                platform_ids,
                                denied,
                                {"allow_debug", Kind::boolean},
                                {"require_crl", Kind::boolean},
                                {"min_crl_number", Kind::count},
                                {"min_tee_tcb_svn", Kind::hex_list, Presence::optional, AnyWord::refused, 16},
                                {"allow_migratable", Kind::boolean},
                                {"allow_service_td", Kind::boolean}};
constexpr Field snp_fields[] = {measurement("measurement", 48),
                                {"products", Kind::words, Presence::mandatory, AnyWord::refused, 0, product_words},
                                platform_ids,
                                {"vmpl", Kind::count},
                                {"signing_key", Kind::words, Presence::optional, AnyWord::refused, 0, key_words},
                                {"allow_debug", Kind::boolean},
                                {"allow_migration", Kind::boolean},
                                {"allow_smt", Kind::boolean},
                                {"allow_provisional", Kind::boolean},
                                {"min_tcb", Kind::counts, Presence::optional, AnyWord::refused, 0, tcb_parts},
                                {"min_launch_tcb", Kind::counts, Presence::optional, AnyWord::refused, 0, tcb_parts},
                                {"require_crl", Kind::boolean},
                                {"min_crl_number", Kind::count},
                                {"required_mitigations", Kind::count},
                                {"required_platform_info", Kind::count}};

bool is_count(const toml::node& node) {
  const auto value = node.value_exact<std::int64_t>();
  return value && *value >= 0;
}

bool contains(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

bool is_item(const Field& field, const toml::node& node) {
  const auto text = node.value_exact<std::string>();
  if (!text) {
    return false;
  }
  switch (field.kind) {
    case Kind::hex_list: {
      const auto bytes = from_hex(*text);
      return bytes && (field.bytes == 0 ? !bytes->empty() && bytes->size() <= 64 : bytes->size() == field.bytes);
    }
    case Kind::words:
      return contains(field.words, *text);
    default:
      return !text->empty();
  }
}

bool is_list(const Field& field, const toml::node& node) {
  if (field.any == AnyWord::allowed && node.value_exact<std::string>() == "any") {
    return true;
  }
  const auto* array = node.as_array();
  return array != nullptr && (field.may_be_empty || !array->empty()) &&
         std::ranges::all_of(*array, [&](const toml::node& item) { return is_item(field, item); });
}

bool is_counts(const Field& field, const toml::node& node) {
  const auto* table = node.as_table();
  if (table == nullptr || table->empty()) {
    return false;
  }
  return std::ranges::all_of(
      *table, [&](const auto& entry) { return contains(field.words, entry.first.str()) && is_count(entry.second); });
}

bool has_form(const Field& field, const toml::node& node) {
  switch (field.kind) {
    case Kind::boolean:
      return node.is_boolean();
    case Kind::count:
      return is_count(node);
    case Kind::counts:
      return is_counts(field, node);
    default:
      return is_list(field, node);
  }
}

std::span<const Field> fields_of(std::string_view kind) {
  if (kind == "sgx") {
    return sgx_fields;
  }
  return kind == "tdx" ? std::span<const Field>(tdx_fields) : std::span<const Field>(snp_fields);
}

}  // namespace

const toml::node* Section::take(std::string_view key) {
  known_.emplace(key);
  return table_.get(key);
}

Disclosed Section::name(std::string_view key) const {
  return Disclosed(path_.empty() ? std::string(key) : path_ + "." + std::string(key));
}

std::unexpected<Error> Section::missing(std::string_view key) const {
  return fail(Code::invalid_argument, {"the policy lacks '{}', which has no default", name(key)});
}

Result<const toml::table*> Section::table(std::string_view key) {
  const toml::node* node = take(key);
  if (node != nullptr && !node->is_table()) {
    return fail(Code::invalid_argument, {"'{}' in the policy must be a table", name(key)});
  }
  return node == nullptr ? nullptr : node->as_table();
}

Result<bool> Section::boolean(std::string_view key, bool absent) {
  const toml::node* node = take(key);
  if (node == nullptr) {
    return absent;
  }
  if (!node->is_boolean()) {
    return fail(Code::invalid_argument, {"'{}' in the policy must be true or false", name(key)});
  }
  return *node->value_exact<bool>();
}

Result<std::int64_t> Section::integer(std::string_view key, std::int64_t absent, std::int64_t low, std::int64_t high) {
  const toml::node* node = take(key);
  if (node == nullptr) {
    return absent;
  }
  const auto value = node->value_exact<std::int64_t>();
  if (!value || *value < low || *value > high) {
    return fail(Code::invalid_argument, {"'{}' in the policy must be an integer from {} to {}", name(key), low, high});
  }
  return *value;
}

Result<std::string> Section::text(std::string_view key) {
  const toml::node* node = take(key);
  if (node == nullptr) {
    return missing(key);
  }
  auto value = node->value_exact<std::string>();
  if (!value || value->empty() || value->size() > 1024) {
    return fail(Code::invalid_argument, {"'{}' in the policy must be text of 1 to 1024 bytes", name(key)});
  }
  return std::move(*value);
}

Result<void> Section::finish() const {
  for (const auto& [key, node] : table_) {
    if (!known_.contains(key.str())) {
      return fail(Code::invalid_argument, {"unknown key '{}' in the policy", name(key.str())});
    }
  }
  return {};
}

Result<HardwareAcceptance> parse_hardware(const std::string& kind, const toml::table& table) {
  Section section(table, "accept." + kind);
  for (const Field& field : fields_of(kind)) {
    const toml::node* node = section.take(field.key);
    if (node == nullptr) {
      if (field.presence == Presence::mandatory) {
        return section.missing(field.key);
      }
      continue;
    }
    if (!has_form(field, *node)) {
      return fail(Code::invalid_argument,
                  {"'{}' in the policy is not of the form that it needs", section.name(field.key)});
    }
  }
  BLINDAI_CHECK(section.finish());
  return HardwareAcceptance{kind};
}

}  // namespace blindai::evidence
