#include "evidence/policy_schema.h"

#include <algorithm>
#include <limits>
#include <span>

#include "evidence/words.h"

namespace blindai::evidence {
namespace {

enum class Presence : std::uint8_t { mandatory, optional };

// What one key of a section holds, while it is read.
struct Entry {
  const Section& section;
  std::string_view key;
  const toml::node& node;

  Disclosed name() const { return section.name(key); }
  std::unexpected<PolicyError> wrong(PublicText message) const { return section.wrong(key, std::move(message)); }
};

// A line of a section's table: the type of the member that it fills says which form the value must have.
template <typename Owner>
struct Field {
  std::string_view key;
  Presence presence;
  Read<void> (*read)(const Entry& entry, Owner& owner);
};

// Lists that may be empty: nothing in them is a loosening.
template <typename T>
constexpr bool may_be_empty = std::same_as<T, std::string>;

constexpr std::int64_t highest_count = std::int64_t{1} << 62U;

// One item of a list, by type: hexadecimal of a size, an advisory, a word.

template <std::size_t N>
Read<void> item(const Entry& entry, const toml::node& node, std::array<std::uint8_t, N>& out) {
  const auto bytes = from_hex(node.value_exact<std::string>().value_or(""));
  if (!BLINDAI_HOLDS(bytes && bytes->size() == N)) {
    return entry.wrong({"a value of '{}' in the policy is not {} hexadecimal digits", entry.name(), 2 * N});
  }
  std::ranges::copy(bytes->begin(), bytes->begin() + N, out.begin());
  return {};
}

Read<void> item(const Entry& entry, const toml::node& node, Digest& out) { return item(entry, node, out.bytes); }

// The alphabet is closed so that no list names an advisory in a form in which it never occurs.
Read<void> item(const Entry& entry, const toml::node& node, std::string& out) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
  out = node.value_exact<std::string>().value_or("");
  if (!BLINDAI_HOLDS(!out.empty() && out.size() <= 64 && out.find_first_not_of(alphabet) == std::string::npos)) {
    return entry.wrong(
        {"a value of '{}' in the policy is not the id of an advisory, such as \"INTEL-SA-00615\"", entry.name()});
  }
  return {};
}

template <typename T, std::size_t N>
Read<void> item_of_words(const Entry& entry, const toml::node& node, const std::array<T, N>& values, T& out) {
  const auto text = node.value_exact<std::string>();
  const auto* const found =
      std::ranges::find_if(values, [&](const T value) { return text && std::string_view(*text) == word(value); });
  if (!BLINDAI_HOLDS(found != values.end())) {
    return entry.wrong({"a value of '{}' in the policy is none of the words that it may be", entry.name()});
  }
  out = *found;
  return {};
}

Read<void> item(const Entry& entry, const toml::node& node, dcap::TcbStatus& out) {
  using enum dcap::TcbStatus;
  // Not revoked and not not_supported: no policy may accept them.
  constexpr std::array statuses{up_to_date,           sw_hardening_needed,
                                configuration_needed, configuration_and_sw_hardening_needed,
                                td_relaunch_advised,  td_relaunch_advised_configuration_needed,
                                out_of_date,          out_of_date_configuration_needed};
  return item_of_words(entry, node, statuses, out);
}

Read<void> item(const Entry& entry, const toml::node& node, Product& out) {
  return item_of_words(entry, node, std::array{Product::milan, Product::genoa, Product::turin}, out);
}

Read<void> item(const Entry& entry, const toml::node& node, snp::KeyKind& out) {
  return item_of_words(entry, node, std::array{snp::KeyKind::vcek, snp::KeyKind::vlek}, out);
}

// Ids of platforms are of a few sizes; zeros name none.
template <std::size_t... sizes>
struct PlatformId {
  Bytes bytes;
};
template <std::size_t... sizes>
Read<void> item(const Entry& entry, const toml::node& node, PlatformId<sizes...>& out) {
  const auto bytes = from_hex(node.value_exact<std::string>().value_or(""));
  if (!BLINDAI_HOLDS(bytes && ((bytes->size() == sizes) || ...))) {
    return entry.wrong(
        {"a value of '{}' in the policy is not hexadecimal, or not of the size of such an id", entry.name()});
  }
  out.bytes = *bytes;
  if (!BLINDAI_HOLDS(std::ranges::any_of(out.bytes, [](std::uint8_t byte) { return byte != 0; }))) {
    return entry.wrong({"a value of '{}' in the policy is zero, which names no platform", entry.name()});
  }
  return {};
}

// Whole values, by the type of the member.

Read<void> value(const Entry& entry, bool& out) {
  const auto truth = entry.node.value_exact<bool>();
  if (!BLINDAI_HOLDS(truth.has_value())) {
    return entry.wrong({"'{}' in the policy must be true or false", entry.name()});
  }
  out = truth.value_or(false);
  return {};
}

Read<std::int64_t> count(const Entry& entry, std::int64_t highest) {
  const auto number = entry.node.value_exact<std::int64_t>();
  if (!BLINDAI_HOLDS(number && *number >= 0 && *number <= highest)) {
    return entry.wrong({"'{}' in the policy must be an integer from 0 to {}", entry.name(), highest});
  }
  return number.value_or(0);
}

template <typename T>
Read<void> value(const Entry& entry, std::vector<T>& out) {
  const toml::array* array = entry.node.as_array();
  if (!BLINDAI_HOLDS(array != nullptr)) {
    return entry.wrong({"'{}' in the policy must be a list", entry.name()});
  }
  if (!BLINDAI_HOLDS(may_be_empty<T> || !array->empty())) {
    return entry.section.empty(entry.key);
  }
  out.clear();
  for (const toml::node& node : *array) {
    T read{};
    BLINDAI_CHECK(item(entry, node, read));
    out.push_back(std::move(read));
  }
  return {};
}

template <typename T>
Read<void> value(const Entry& entry, AnyOf<T>& out) {
  if (entry.node.value_exact<std::string>() == "any") {
    out = Any{};
    return {};
  }
  std::vector<T> list;
  BLINDAI_CHECK(value(entry, list));
  out = std::move(list);
  return {};
}

template <std::size_t... sizes>
Read<void> platform_ids(const Entry& entry, AnyOf<Bytes>& out) {
  AnyOf<PlatformId<sizes...>> ids;
  BLINDAI_CHECK(value(entry, ids));
  if (const auto* list = std::get_if<1>(&ids)) {
    auto& bytes = out.emplace<1>();
    for (const auto& id : *list) {
      bytes.push_back(id.bytes);
    }
  }
  return {};
}

Read<void> value(const Entry& entry, std::optional<dcap::Components>& out) {
  return item(entry, entry.node, out.emplace());
}

Read<const toml::table*> table_of(const Entry& entry) {
  const toml::table* table = entry.node.as_table();
  if (!BLINDAI_HOLDS(table != nullptr)) {
    return entry.wrong({"'{}' in the policy must be a table", entry.name()});
  }
  return table;
}

Read<void> value(const Entry& entry, std::optional<MaskedBits>& out) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  BLINDAI_TRY(const toml::table* table, table_of(entry));
  Section section(*table, entry.section.path_of(entry.key));
  BLINDAI_TRY(const auto mask, section.integer("mask", 1, most));
  BLINDAI_TRY(const auto wanted, section.integer("value", 0, most));
  if (!mask || !wanted) {
    return section.missing(mask ? "value" : "mask");
  }
  if (!BLINDAI_HOLDS((*wanted & ~*mask) == 0)) {
    return section.wrong("value", {"'{}' in the policy has a bit outside of its mask", section.name("value")});
  }
  out = MaskedBits{static_cast<std::uint64_t>(*mask), static_cast<std::uint64_t>(*wanted)};
  return section.finish();
}

Read<void> value(const Entry& entry, SnpTcbMinimum& out) {
  BLINDAI_TRY(const toml::table* table, table_of(entry));
  if (!BLINDAI_HOLDS(!table->empty())) {
    return entry.section.empty(entry.key);
  }
  Section section(*table, entry.section.path_of(entry.key));
  const std::pair<std::string_view, std::optional<std::uint8_t>*> parts[] = {{"bootloader", &out.bootloader},
                                                                             {"tee", &out.tee},
                                                                             {"snp", &out.snp},
                                                                             {"microcode", &out.microcode},
                                                                             {"fmc", &out.fmc}};
  for (const auto& [key, part] : parts) {
    BLINDAI_TRY(const auto number, section.integer(key, 0, 255));
    if (number) {
      *part = static_cast<std::uint8_t>(*number);
    }
  }
  return section.finish();
}

// Bits: by number, or by the names of those that have one.
Read<void> bits(const Entry& entry, std::span<const NamedBit> names, std::uint64_t& out) {
  const toml::array* array = entry.node.as_array();
  if (array == nullptr) {
    BLINDAI_TRY(const std::int64_t number, count(entry, std::numeric_limits<std::int64_t>::max()));
    out = static_cast<std::uint64_t>(number);
    return {};
  }
  out = 0;
  for (const toml::node& node : *array) {
    const auto text = node.value_exact<std::string>();
    const auto found = std::ranges::find_if(names, [&](const NamedBit& bit) { return text && *text == bit.name; });
    if (!BLINDAI_HOLDS(found != names.end())) {
      return entry.wrong({"a value of '{}' in the policy is none of the words that it may be", entry.name()});
    }
    out |= found->bit;
  }
  return {};
}

// Readers of the tables' lines.

template <auto Member, typename Owner>
Read<void> into(const Entry& entry, Owner& owner) {
  return value(entry, owner.*Member);
}
template <auto Member, std::int64_t highest, typename Owner>
Read<void> count_into(const Entry& entry, Owner& owner) {
  BLINDAI_TRY(owner.*Member, count(entry, highest));
  return {};
}
template <auto Member, std::size_t... sizes, typename Owner>
Read<void> ids_into(const Entry& entry, Owner& owner) {
  return platform_ids<sizes...>(entry, owner.*Member);
}
template <std::size_t index>
Read<void> rtmr_into(const Entry& entry, TdxAcceptance& tdx) {
  return value(entry, tdx.rtmr[index]);
}
template <auto Member>
Read<void> td_attributes_into(const Entry& entry, TdxAcceptance& tdx) {
  return bits(entry, td_attribute_names, tdx.*Member);
}

constexpr auto mandatory = Presence::mandatory;
constexpr auto optional = Presence::optional;

template <typename Owner>
constexpr std::array<Field<Owner>, 7> dcap_fields{{
    {"tcb_status", mandatory, into<&Owner::tcb_status>},
    {"allowed_advisories", mandatory, into<&Owner::allowed_advisories>},
    {"platform_ids", mandatory, ids_into<&Owner::platform_ids, 16>},
    {"denied_advisories", optional, into<&Owner::denied_advisories>},
    {"allow_debug", optional, into<&Owner::allow_debug>},
    {"require_crl", optional, into<&Owner::require_crl>},
    {"min_crl_number", optional, count_into<&Owner::min_crl_number, highest_count>},
}};
constexpr Field<SgxAcceptance> sgx_fields[] = {
    {"mrenclave", mandatory, into<&SgxAcceptance::mrenclave>},
    {"mrsigner", mandatory, into<&SgxAcceptance::mrsigner>},
    {"product_id", optional, count_into<&SgxAcceptance::product_id, 0xffff>},
    {"min_isv_svn", optional, count_into<&SgxAcceptance::min_isv_svn, 0xffff>},
    {"xfrm", optional, into<&SgxAcceptance::xfrm>},
    {"misc_select", optional, into<&SgxAcceptance::misc_select>},
};
constexpr Field<TdxAcceptance> tdx_fields[] = {
    {"mr_td", mandatory, into<&TdxAcceptance::mr_td>},
    {"rtmr0", mandatory, rtmr_into<0>},
    {"rtmr1", mandatory, rtmr_into<1>},
    {"rtmr2", mandatory, rtmr_into<2>},
    {"rtmr3", mandatory, rtmr_into<3>},
    {"mr_config_id", optional, into<&TdxAcceptance::mr_config_id>},
    {"mr_owner", optional, into<&TdxAcceptance::mr_owner>},
    {"mr_owner_config", optional, into<&TdxAcceptance::mr_owner_config>},
    {"min_tee_tcb_svn", optional, into<&TdxAcceptance::min_tee_tcb_svn>},
    {"allow_migratable", optional, into<&TdxAcceptance::allow_migratable>},
    {"allow_service_td", optional, into<&TdxAcceptance::allow_service_td>},
    {"required_td_attributes", optional, td_attributes_into<&TdxAcceptance::required_td_attributes>},
    {"forbidden_td_attributes", optional, td_attributes_into<&TdxAcceptance::forbidden_td_attributes>},
    {"xfam", optional, into<&TdxAcceptance::xfam>},
};
constexpr Field<SnpAcceptance> snp_fields[] = {
    {"measurement", mandatory, into<&SnpAcceptance::measurement>},
    {"host_data", optional, into<&SnpAcceptance::host_data>},
    {"id_key_digest", optional, into<&SnpAcceptance::id_key_digest>},
    {"author_key_digest", optional, into<&SnpAcceptance::author_key_digest>},
    {"family_id", optional, into<&SnpAcceptance::family_id>},
    {"image_id", optional, into<&SnpAcceptance::image_id>},
    {"products", mandatory, into<&SnpAcceptance::products>},
    {"platform_ids", mandatory, ids_into<&SnpAcceptance::platform_ids, 64, 8>},
    {"vmpl", optional, count_into<&SnpAcceptance::vmpl, 3>},
    {"signing_key", optional, into<&SnpAcceptance::signing_key>},
    {"allow_debug", optional, into<&SnpAcceptance::allow_debug>},
    {"allow_migration", optional, into<&SnpAcceptance::allow_migration>},
    {"allow_smt", optional, into<&SnpAcceptance::allow_smt>},
    {"allow_provisional", optional, into<&SnpAcceptance::allow_provisional>},
    {"min_tcb", optional, into<&SnpAcceptance::min_tcb>},
    {"min_launch_tcb", optional, into<&SnpAcceptance::min_launch_tcb>},
    {"require_crl", optional, into<&SnpAcceptance::require_crl>},
    {"min_crl_number", optional, count_into<&SnpAcceptance::min_crl_number, highest_count>},
    {"min_guest_svn", optional, count_into<&SnpAcceptance::min_guest_svn, 0xffff'ffff>},
    {"required_mitigations", optional,
     [](const Entry& entry, SnpAcceptance& snp) { return bits(entry, {}, snp.required_mitigations); }},
    {"required_platform_info", optional,
     [](const Entry& entry, SnpAcceptance& snp) {
       return bits(entry, platform_info_names, snp.required_platform_info);
     }},
};
constexpr Field<SimulatedAcceptance> simulated_fields[] = {
    {"root", mandatory,
     [](const Entry& entry, SimulatedAcceptance& simulated) { return item(entry, entry.node, simulated.root); }},
    {"measurement", mandatory, into<&SimulatedAcceptance::measurement>},
};

template <typename Owner>
Read<void> read_fields(Section& section, std::span<const Field<Owner>> fields, Owner& owner) {
  for (const Field<Owner>& field : fields) {
    const toml::node* node = section.take(field.key);
    if (node != nullptr) {
      BLINDAI_CHECK(field.read({section, field.key, *node}, owner));
    } else if (!BLINDAI_HOLDS(field.presence == Presence::optional)) {
      return section.missing(field.key);
    }
  }
  return {};
}

}  // namespace

Read<SimulatedAcceptance> read_simulated_acceptance(const toml::table& table) {
  Section section(table, "accept.simulated");
  SimulatedAcceptance simulated;
  BLINDAI_CHECK(read_fields<SimulatedAcceptance>(section, simulated_fields, simulated));
  BLINDAI_CHECK(section.finish());
  return simulated;
}

Read<SgxAcceptance> read_sgx_acceptance(const toml::table& table) {
  Section section(table, "accept.sgx");
  SgxAcceptance sgx;
  BLINDAI_CHECK(read_fields<SgxAcceptance>(section, sgx_fields, sgx));
  BLINDAI_CHECK(read_fields<SgxAcceptance>(section, dcap_fields<SgxAcceptance>, sgx));
  BLINDAI_CHECK(section.finish());
  // A signer alone vouches for each enclave that it ever signed, a test of another product among them.
  const bool signer_alone = std::holds_alternative<Any>(sgx.mrenclave) && !std::holds_alternative<Any>(sgx.mrsigner);
  if (!BLINDAI_HOLDS(!signer_alone || sgx.product_id)) {
    return section.missing("product_id");
  }
  return sgx;
}

Read<TdxAcceptance> read_tdx_acceptance(const toml::table& table) {
  Section section(table, "accept.tdx");
  TdxAcceptance tdx;
  BLINDAI_CHECK(read_fields<TdxAcceptance>(section, tdx_fields, tdx));
  BLINDAI_CHECK(read_fields<TdxAcceptance>(section, dcap_fields<TdxAcceptance>, tdx));
  BLINDAI_CHECK(section.finish());
  return tdx;
}

Read<SnpAcceptance> read_snp_acceptance(const toml::table& table) {
  Section section(table, "accept.snp");
  SnpAcceptance snp;
  BLINDAI_CHECK(read_fields<SnpAcceptance>(section, snp_fields, snp));
  BLINDAI_CHECK(section.finish());
  return snp;
}

}  // namespace blindai::evidence
