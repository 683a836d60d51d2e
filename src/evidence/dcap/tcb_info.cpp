#include <tuple>

#include "evidence/byte_reader.h"
#include "evidence/dcap/levels.h"

namespace blindai::evidence::dcap {
namespace {

constexpr Reason bad = Reason::bad_collateral_format;
constexpr std::string_view item = "tcb_info";
constexpr std::string_view module_prefix = "TDX_";

std::uint64_t little_endian(const std::array<std::uint8_t, 8>& bytes) {
  return ByteReader(bytes).number<std::uint64_t>();
}

// Version 3: a list of objects with `svn`.
Parsed<Components> read_component_list(const Members& tcb, std::string_view name) {
  Components components{};
  BLINDAI_TRY(const json::Node list, tcb.list(name));
  BLINDAI_REQUIRE(list.size() == components.size(), bad, std::string(item));
  std::size_t i = 0;
  for (const json::Node value : list) {
    BLINDAI_TRY(const Members component, Members::of(value, item));
    BLINDAI_TRY(components.at(i++), component.number<std::uint8_t>("svn"));
  }
  return components;
}

// Version 2: sgxtcbcomp01svn to sgxtcbcomp16svn.
Parsed<Components> read_named_components(const Members& tcb) {
  Components components{};
  std::string name = "sgxtcbcomp00svn";
  for (std::size_t i = 0; i < components.size(); ++i) {
    name[10] = static_cast<char>('0' + (i + 1) / 10);
    name[11] = static_cast<char>('0' + (i + 1) % 10);
    BLINDAI_TRY(components[i], tcb.number<std::uint8_t>(name));
  }
  return components;
}

Parsed<TcbLevel> read_level(const Members& members, const TcbInfo& info) {
  TcbLevel level;
  BLINDAI_TRY(const Members tcb, members.object("tcb"));
  if (info.version == 2) {
    BLINDAI_TRY(level.sgx, read_named_components(tcb));
  } else {
    BLINDAI_TRY(level.sgx, read_component_list(tcb, "sgxtcbcomponents"));
  }
  BLINDAI_TRY(level.pce_svn, tcb.number<std::uint16_t>("pcesvn"));
  if (info.tee == Tee::tdx) {
    BLINDAI_TRY(level.tdx, read_component_list(tcb, "tdxtcbcomponents"));
  }
  BLINDAI_TRY(Standing standing, read_standing(members, "platform"));
  level.status = standing.status;
  level.date = standing.date;
  level.advisories = std::move(standing.advisories);
  return level;
}

Parsed<std::vector<TcbLevel>> read_levels(const Members& members, const TcbInfo& info) {
  BLINDAI_TRY(const json::Node list, level_list(members));
  std::vector<TcbLevel> levels;
  levels.reserve(list.size());
  for (const json::Node value : list) {
    BLINDAI_TRY(const Members entry, Members::of(value, item));
    BLINDAI_TRY(TcbLevel level, read_level(entry, info));
    levels.push_back(std::move(level));
  }
  const bool distinct = sort_from_high_to_low(
      levels, [](const TcbLevel& level) { return std::tie(level.sgx, level.pce_svn, level.tdx); });
  BLINDAI_REQUIRE(distinct, bad, std::string(item));
  return levels;
}

Parsed<TdxModule> read_module(const Members& members) {
  TdxModule module;
  BLINDAI_TRY(module.mr_signer, members.hex<48>("mrsigner"));
  BLINDAI_TRY(const auto attributes, members.hex<8>("attributes"));
  BLINDAI_TRY(const auto mask, members.hex<8>("attributesMask"));
  module.attributes = little_endian(attributes);
  module.attributes_mask = little_endian(mask);
  return module;
}

Parsed<std::vector<TdxModuleIdentity>> read_module_identities(const Members& members) {
  std::vector<TdxModuleIdentity> identities;
  BLINDAI_TRY(const json::Node list, members.list("tdxModuleIdentities"));
  for (const json::Node value : list) {
    BLINDAI_TRY(const Members entry, Members::of(value, item));
    BLINDAI_TRY(const std::string_view id, entry.text("id"));
    BLINDAI_REQUIRE(id.starts_with(module_prefix), bad, std::string(item));
    const auto version = from_hex(id.substr(module_prefix.size()));
    BLINDAI_REQUIRE(version && version->size() == 1, bad, std::string(item));
    // No version twice, which also bounds how many there are.
    const bool again = std::ranges::find(identities, version->front(), &TdxModuleIdentity::version) != identities.end();
    BLINDAI_REQUIRE(!again, bad, std::string(item));
    TdxModuleIdentity identity{version->front(), {}, {}};
    BLINDAI_TRY(identity.module, read_module(entry));
    BLINDAI_TRY(identity.levels, read_svn_levels(entry, "tdx_module"));
    identities.push_back(std::move(identity));
  }
  return identities;
}

// Version 2 is SGX's and has no `id`; version 3 says what it is of.
Parsed<void> read_kind(const Members& members, TcbInfo& info) {
  BLINDAI_TRY(info.version, members.number<std::uint32_t>("version"));
  BLINDAI_REQUIRE(info.version == 2 || info.version == 3, bad, std::string(item));
  if (info.version == 2) {
    BLINDAI_REQUIRE(!members.has("id"), bad, std::string(item));
    info.tee = Tee::sgx;
    return {};
  }
  BLINDAI_TRY(const std::string_view id, members.text("id"));
  BLINDAI_REQUIRE(id == "SGX" || id == "TDX", bad, std::string(item));
  info.tee = id == "TDX" ? Tee::tdx : Tee::sgx;
  return {};
}

}  // namespace

Parsed<TcbInfo> parse_tcb_info(const SignedText& signed_text) {
  const auto document = json::Document::parse(signed_text.text, max_document_depth).value_or(json::Document());
  BLINDAI_TRY(const Members members, Members::of(document.root(), item));
  TcbInfo info;
  BLINDAI_CHECK(read_kind(members, info));
  BLINDAI_TRY(info.issue_date, members.date("issueDate"));
  BLINDAI_TRY(info.next_update, members.date("nextUpdate"));
  BLINDAI_TRY(info.fmspc, members.hex<6>("fmspc"));
  BLINDAI_TRY(info.pce_id, members.hex<2>("pceId"));
  // The one way of comparing levels that is defined: component by component.
  BLINDAI_TRY(const auto type, members.number<std::uint32_t>("tcbType"));
  BLINDAI_REQUIRE(type == 0, bad, std::string(item));
  BLINDAI_TRY(info.evaluation_number, members.number<std::uint32_t>("tcbEvaluationDataNumber"));
  if (info.tee == Tee::tdx) {
    BLINDAI_TRY(const Members module, members.object("tdxModule"));
    BLINDAI_TRY(info.tdx_module, read_module(module));
    if (members.has("tdxModuleIdentities")) {  // younger than version 3
      BLINDAI_TRY(info.module_identities, read_module_identities(members));
    }
  }
  BLINDAI_TRY(info.levels, read_levels(members, info));
  return info;
}

}  // namespace blindai::evidence::dcap
