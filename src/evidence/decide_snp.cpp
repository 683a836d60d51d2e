// Rules of [accept.snp]. Guest policy and platform information: AMD publication 56860, sections 4.3 and 7.3.
#include <fmt/format.h>

#include <tuple>

#include "evidence/decide_rules.h"
#include "evidence/describe.h"
#include "evidence/words.h"

namespace blindai::evidence {
namespace {

constexpr const char* voucher = "SNP firmware";

// A masked chip id is zero, and no list can name it. Eight bytes are an id of Turin, where zeros follow them.
bool is_platform(const SnpClaims& claims, const AnyOf<Bytes>& accepted) {
  const auto* list = std::get_if<std::vector<Bytes>>(&accepted);
  const ByteView found = claims.report.chip_id;
  return list == nullptr || std::ranges::any_of(*list, [&](const Bytes& id) {
           return (id.size() == found.size() || claims.product == Product::turin) &&
                  std::ranges::equal(id, found.first(id.size())) && all_zero(found.subspan(id.size()));
         });
}

void platform(const SnpClaims& claims, const SnpAcceptance& accepted, Report& report) {
  std::string products;
  for (const Product product : accepted.products) {
    products += (products.empty() ? "" : ", ") + std::string(word(product));
  }
  const bool named = std::ranges::find(accepted.products, claims.product) != accepted.products.end();
  report.check(BLINDAI_HOLDS(named), "product", {Reason::platform_not_allowed, "product"}, products,
               std::string(word(claims.product)), voucher);
  rule(report, BLINDAI_HOLDS(is_platform(claims, accepted.platform_ids)),
       {"platform_id",
        {Reason::platform_not_allowed, "platform_id"},
        describe_accepted(accepted.platform_ids),
        to_hex(claims.report.chip_id),
        voucher,
        !std::holds_alternative<Any>(accepted.platform_ids)});
  const std::string kind(snp::word(claims.key));
  const bool kind_named = std::ranges::find(accepted.signing_key, claims.key) != accepted.signing_key.end();
  report.check(BLINDAI_HOLDS(kind_named), "signing_key", {Reason::signing_key_not_allowed, kind}, "as the policy lists",
               kind, "AMD");
  const std::uint64_t wanted = accepted.required_platform_info;
  rule(report, BLINDAI_HOLDS((claims.report.platform_info & wanted) == wanted),
       {"platform_info",
        {Reason::platform_not_allowed, "platform_info"},
        fmt::format("bits {:#x} set", wanted),
        fmt::format("{:#x}", claims.report.platform_info),
        voucher,
        wanted != 0});
}

void guest_policy(const snp::Report& found, const SnpAcceptance& accepted, Report& report) {
  const auto text = fmt::format("{:#x}", found.policy);
  report.check(BLINDAI_HOLDS((found.policy & snp::policy_reserved_one) != 0), "guest_policy_bit_17",
               {Reason::bad_guest_policy, "17"}, "set", text, voucher);
  // What a bit allows that is not defined yet, nobody here can judge.
  report.check(BLINDAI_HOLDS((found.policy & ~snp::policy_defined) == 0), "guest_policy_reserved_bits",
               {Reason::bad_guest_policy, "reserved"}, "clear", text, voucher);
  rule(report, BLINDAI_HOLDS((found.policy & snp::policy_debug) == 0),
       {"debug", {Reason::debug_not_allowed, {}}, "clear", text, voucher, !accepted.allow_debug});
  rule(report, BLINDAI_HOLDS((found.policy & snp::policy_migrate_ma) == 0),
       {"migration",
        {Reason::guest_policy_not_allowed, "MIGRATE_MA"},
        "clear",
        text,
        voucher,
        !accepted.allow_migration});
  rule(report, BLINDAI_HOLDS((found.policy & snp::policy_smt) == 0),
       {"smt", {Reason::guest_policy_not_allowed, "SMT"}, "clear", text, voucher, !accepted.allow_smt});
  report.check(BLINDAI_HOLDS(found.vmpl == accepted.vmpl), "vmpl", {Reason::vmpl_not_zero, std::to_string(found.vmpl)},
               std::to_string(accepted.vmpl), std::to_string(found.vmpl), voucher);
  rule(report, BLINDAI_HOLDS(found.guest_svn >= accepted.min_guest_svn),
       {"guest_svn",
        {Reason::svn_too_low, "guest_svn"},
        fmt::format("at least {}", accepted.min_guest_svn.value_or(0)),
        fmt::format("{}", found.guest_svn),
        voucher,
        accepted.min_guest_svn.has_value()});
}

struct Versions {
  snp::Tcb reported;
  snp::Tcb committed;
  snp::Tcb current;
  snp::Tcb launch;
};

// Appraisal has seen that each of them reads; one that does not would be zero, which no order below lets through.
Versions versions_of(const SnpClaims& claims) {
  const auto read = [&](const std::array<std::uint8_t, 8>& raw) {
    return snp::read_tcb(claims.product, raw).value_or(snp::Tcb{});
  };
  const snp::Report& report = claims.report;
  return {read(report.reported_tcb), read(report.committed_tcb), read(report.current_tcb), read(report.launch_tcb)};
}

bool at_most(const snp::Tcb& low, const snp::Tcb& high) {
  return low.fmc <= high.fmc && low.bootloader <= high.bootloader && low.tee <= high.tee && low.snp <= high.snp &&
         low.microcode <= high.microcode;
}

std::string text(const snp::Tcb& tcb) { return json::write(describe(tcb)); }

auto in_order(const snp::FirmwareVersion& firmware) {
  return std::tuple(firmware.major, firmware.minor, firmware.build);
}

// Firmware orders them so. What is committed below what runs may be taken back: provisional firmware.
void order(const SnpClaims& claims, const Versions& versions, const SnpAcceptance& accepted, Report& report) {
  report.check(BLINDAI_HOLDS(at_most(versions.reported, versions.committed)), "tcb_order_reported",
               {Reason::tcb_mismatch, "reported_tcb"}, "at most " + text(versions.committed), text(versions.reported),
               voucher);
  report.check(BLINDAI_HOLDS(at_most(versions.committed, versions.current)), "tcb_order_committed",
               {Reason::tcb_mismatch, "committed_tcb"}, "at most " + text(versions.current), text(versions.committed),
               voucher);
  report.check(BLINDAI_HOLDS(at_most(versions.launch, versions.current)), "tcb_order_launch",
               {Reason::tcb_mismatch, "launch_tcb"}, "at most " + text(versions.current), text(versions.launch),
               voucher);
  rule(report, BLINDAI_HOLDS(versions.committed == versions.current),
       {"provisional_tcb",
        {Reason::provisional_firmware, "tcb"},
        text(versions.current),
        text(versions.committed),
        voucher,
        !accepted.allow_provisional});
  const auto current = in_order(claims.report.current_firmware);
  rule(report, BLINDAI_HOLDS(in_order(claims.report.committed_firmware) == current),
       {"provisional_firmware",
        {Reason::provisional_firmware, "version"},
        "the version that runs is committed",
        json::write(describe(claims.report.committed_firmware)),
        voucher,
        !accepted.allow_provisional});
}

// The minimums of one version, a check for each component that has one. FMC exists on Turin alone.
void minimum(const std::string& version, const snp::Tcb& found, const SnpTcbMinimum& least, Report& report) {
  const auto component = [&](const char* name, std::optional<std::uint8_t> minimum, std::optional<std::uint8_t> value) {
    const std::string full = version + "." + name;
    rule(report, BLINDAI_HOLDS(value.value_or(0) >= minimum.value_or(0)),
         {full,
          {Reason::svn_too_low, full},
          fmt::format("at least {}", minimum.value_or(0)),
          value ? fmt::format("{}", *value) : "not on this product",
          voucher,
          minimum.has_value() && value.has_value()});
  };
  component("bootloader", least.bootloader, found.bootloader);
  component("tee", least.tee, found.tee);
  component("snp", least.snp, found.snp);
  component("microcode", least.microcode, found.microcode);
  component("fmc", least.fmc, found.fmc);
}

// Reports below version 5 do not say which mitigations are in force.
void mitigations(const snp::Report& found, const SnpAcceptance& accepted, Report& report) {
  const std::uint64_t wanted = accepted.required_mitigations;
  const std::string expected = fmt::format("bits {:#x} set", wanted);
  const auto add = [&](bool holds, const char* name, const std::optional<std::uint64_t>& vector) {
    rule(report, holds,
         {name,
          {Reason::platform_not_allowed, name},
          expected,
          vector ? fmt::format("{:#x}", *vector) : "not in the report",
          voucher,
          wanted != 0});
  };
  const std::uint64_t current = found.current_mitigations.value_or(0);
  const std::uint64_t launch = found.launch_mitigations.value_or(0);
  add(BLINDAI_HOLDS((current & wanted) == wanted), "current_mitigations", found.current_mitigations);
  add(BLINDAI_HOLDS((launch & wanted) == wanted), "launch_mitigations", found.launch_mitigations);
}

void registers(const snp::Report& found, const SnpAcceptance& accepted, Report& report) {
  register_rule(report, BLINDAI_HOLDS(listed(accepted.measurement, found.measurement)), "measurement",
                accepted.measurement, found.measurement, voucher);
  register_rule(report, BLINDAI_HOLDS(listed(accepted.host_data, found.host_data)), "host_data", accepted.host_data,
                found.host_data, voucher);
  register_rule(report, BLINDAI_HOLDS(listed(accepted.id_key_digest, found.id_key_digest)), "id_key_digest",
                accepted.id_key_digest, found.id_key_digest, voucher);
  register_rule(report, BLINDAI_HOLDS(listed(accepted.author_key_digest, found.author_key_digest)), "author_key_digest",
                accepted.author_key_digest, found.author_key_digest, voucher);
  register_rule(report, BLINDAI_HOLDS(listed(accepted.family_id, found.family_id)), "family_id", accepted.family_id,
                found.family_id, voucher);
  register_rule(report, BLINDAI_HOLDS(listed(accepted.image_id, found.image_id)), "image_id", accepted.image_id,
                found.image_id, voucher);
}

void collateral(const SnpClaims& claims, const SnpAcceptance& accepted, const Freshness& freshness, Report& report) {
  rule(report, BLINDAI_HOLDS(claims.crl_number >= accepted.min_crl_number),
       {"ark_crl_number",
        {Reason::collateral_rollback, "ark_crl"},
        fmt::format("at least {}", accepted.min_crl_number.value_or(0)),
        claims.crl_number ? fmt::format("{}", *claims.crl_number) : "not given",
        "AMD",
        accepted.min_crl_number.has_value()});
  if (freshness.min_tcb_evaluation_number) {
    report.not_applicable("tcb_info_evaluation_number", "AMD publishes no TCB info");
  }
  if (freshness.max_tcb_age_days) {
    report.not_applicable("tcb_age", "AMD dates no TCB");
  }
}

}  // namespace

void decide_snp(const SnpClaims& claims, const SnpAcceptance& accepted, const Freshness& freshness, Report& report) {
  const Versions versions = versions_of(claims);
  platform(claims, accepted, report);
  guest_policy(claims.report, accepted, report);
  order(claims, versions, accepted, report);
  minimum("reported_tcb", versions.reported, accepted.min_tcb, report);
  minimum("launch_tcb", versions.launch, accepted.min_launch_tcb, report);
  mitigations(claims.report, accepted, report);
  registers(claims.report, accepted, report);
  collateral(claims, accepted, freshness, report);
}

}  // namespace blindai::evidence
