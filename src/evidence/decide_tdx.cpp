// Rules of [accept.tdx]. Attributes: Intel TDX Module ABI, TD_PARAMS.ATTRIBUTES.
#include <fmt/format.h>

#include "evidence/decide_rules.h"
#include "evidence/words.h"

namespace blindai::evidence {
namespace {

constexpr const char* voucher = "TDX module";
// Performance profiling of a TD by its host sees into it, as debugging does.
constexpr std::uint64_t profiling = 0x7ULL << 4U;

std::uint64_t defined_attributes() {
  std::uint64_t bits = td_debug | td_migratable | profiling;
  for (const NamedBit& attribute : td_attribute_names) {
    bits |= attribute.bit;
  }
  return bits;
}

void fixed_attributes(const dcap::TdReport& found, const TdxAcceptance& accepted, Report& report) {
  const std::uint64_t attributes = found.td_attributes;
  const auto text = fmt::format("{:#x}", attributes);
  const auto bad = [](const char* what) { return Refusal{Reason::bad_td_attributes, what}; };
  rule(report, BLINDAI_HOLDS((attributes & td_debug) == 0),
       {"debug", {Reason::debug_not_allowed, {}}, "a production TD", text, voucher, !accepted.allow_debug});
  report.check(BLINDAI_HOLDS((attributes & profiling) == 0), "td_profiling", bad("profiling"), "clear", text, voucher);
  report.check(BLINDAI_HOLDS((attributes & ~defined_attributes()) == 0), "td_reserved_attributes", bad("reserved"),
               "clear", text, voucher);
}

void chosen_attributes(const dcap::TdReport& found, const TdxAcceptance& accepted, Report& report) {
  for (const NamedBit& attribute : td_attribute_names) {
    const bool set = (found.td_attributes & attribute.bit) != 0;
    const bool required = (accepted.required_td_attributes & attribute.bit) != 0;
    const bool forbidden = (accepted.forbidden_td_attributes & attribute.bit) != 0;
    const Refusal otherwise{Reason::td_attribute_not_allowed, std::string(attribute.name)};
    const std::string name = "td_" + lower(attribute.name);
    const std::string text = set ? "set" : "clear";
    if (required) {
      report.check(BLINDAI_HOLDS(set), name, otherwise, "set", text, voucher);
    }
    if (forbidden) {
      report.check(BLINDAI_HOLDS(!set), name, otherwise, "clear", text, voucher);
    }
    if (!required && !forbidden) {
      report.not_applicable(name, "not limited by the policy: " + text);
    }
  }
}

// Both let another TD move this one's state elsewhere.
void migration(const dcap::TdReport& found, const TdxAcceptance& accepted, Report& report) {
  const bool migratable = (found.td_attributes & td_migratable) != 0;
  rule(report, BLINDAI_HOLDS(!migratable),
       {"td_migratable",
        {Reason::td_attribute_not_allowed, "MIGRATABLE"},
        "clear",
        migratable ? "set" : "clear",
        voucher,
        !accepted.allow_migratable});
  if (!found.td15) {
    report.not_applicable("td_service_td", "the TD report of TDX 1.0 names none");
    return;
  }
  rule(report, BLINDAI_HOLDS(all_zero(found.td15->mr_service_td)),
       {"td_service_td",
        {Reason::td_attribute_not_allowed, "MR_SERVICE_TD"},
        "none",
        to_hex(found.td15->mr_service_td),
        voucher,
        !accepted.allow_service_td});
}

// The module that launched the TD, and the one that runs it now, where the report tells them apart.
void svn(const dcap::TdReport& found, const TdxAcceptance& accepted, Report& report) {
  const dcap::Components least = accepted.min_tee_tcb_svn.value_or(dcap::Components{});
  const auto reaches = [&](const dcap::Components& svns) {
    return std::ranges::equal(svns, least, std::greater_equal{});
  };
  const auto minimum = [&](bool holds, const char* name, const dcap::Components& svns) {
    rule(report, holds,
         {name,
          {Reason::svn_too_low, name},
          "each at least " + to_hex(least),
          to_hex(svns),
          voucher,
          accepted.min_tee_tcb_svn.has_value()});
  };
  minimum(BLINDAI_HOLDS(reaches(found.tee_tcb_svn)), "tee_tcb_svn", found.tee_tcb_svn);
  if (found.td15) {
    minimum(BLINDAI_HOLDS(reaches(found.td15->tee_tcb_svn2)), "tee_tcb_svn2", found.td15->tee_tcb_svn2);
  }
}

void registers(const dcap::TdReport& found, const TdxAcceptance& accepted, Report& report) {
  register_rule(report, BLINDAI_HOLDS(listed(accepted.mr_td, found.mr_td)), "mr_td", accepted.mr_td, found.mr_td,
                voucher);
  for (std::size_t i = 0; i < found.rtmr.size(); ++i) {
    register_rule(report, BLINDAI_HOLDS(listed(accepted.rtmr[i], found.rtmr[i])), "rtmr" + std::to_string(i),
                  accepted.rtmr[i], found.rtmr[i], voucher);
  }
  register_rule(report, BLINDAI_HOLDS(listed(accepted.mr_config_id, found.mr_config_id)), "mr_config_id",
                accepted.mr_config_id, found.mr_config_id, voucher);
  register_rule(report, BLINDAI_HOLDS(listed(accepted.mr_owner, found.mr_owner)), "mr_owner", accepted.mr_owner,
                found.mr_owner, voucher);
  register_rule(report, BLINDAI_HOLDS(listed(accepted.mr_owner_config, found.mr_owner_config)), "mr_owner_config",
                accepted.mr_owner_config, found.mr_owner_config, voucher);
  bits_rule(report, BLINDAI_HOLDS(has_bits(accepted.xfam, found.xfam)), "xfam", accepted.xfam, found.xfam, voucher);
}

}  // namespace

void decide_tdx(const TdxClaims& claims, const TdxAcceptance& accepted, const Freshness& freshness, UnixSeconds at,
                Report& report) {
  decide_dcap(claims.dcap, accepted, freshness, at, report);
  fixed_attributes(claims.report, accepted, report);
  chosen_attributes(claims.report, accepted, report);
  migration(claims.report, accepted, report);
  svn(claims.report, accepted, report);
  registers(claims.report, accepted, report);
}

}  // namespace blindai::evidence
