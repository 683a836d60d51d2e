#include <fmt/format.h>

#include "evidence/decide_rules.h"

namespace blindai::evidence {
namespace {

constexpr std::int64_t day = 24 * 60 * 60;

std::string statuses(const std::vector<dcap::TcbStatus>& list) {
  std::string text;
  for (const dcap::TcbStatus status : list) {
    text += (text.empty() ? "" : ", ") + std::string(dcap::word(status));
  }
  return text;
}

// No level matches: an error of its own, and there is no status, advisory or date to judge.
bool some_level_matches(const dcap::TcbAppraisal& tcb, Report& report) {
  using enum dcap::TcbStatus;
  const std::string part = tcb.platform == not_supported ? "" : tcb.tdx_module == not_supported ? "tdx_module" : "qe";
  return report.check(BLINDAI_HOLDS(tcb.status != not_supported), "tcb_level", {Reason::tcb_not_supported, part},
                      "a level that the platform reaches", std::string(dcap::word(tcb.status)), "Intel");
}

void status(const dcap::TcbAppraisal& tcb, const DcapAcceptance& accepted, Report& report) {
  const std::string found(dcap::word(tcb.status));
  const bool named = std::ranges::find(accepted.tcb_status, tcb.status) != accepted.tcb_status.end();
  report.check(BLINDAI_HOLDS(named && tcb.status != dcap::TcbStatus::revoked), "tcb_status",
               {Reason::tcb_status, found}, statuses(accepted.tcb_status), found, "Intel");
}

void denied_advisories(const dcap::TcbAppraisal& tcb, const DcapAcceptance& accepted, Report& report) {
  constexpr const char* name = "denied_advisories";
  if (accepted.denied_advisories.empty()) {
    report.not_applicable(name, "the policy denies none");
    return;
  }
  bool all = true;
  for (const dcap::Advisory& advisory : tcb.advisories) {
    const bool denied = std::ranges::find(accepted.denied_advisories, advisory.id) != accepted.denied_advisories.end();
    if (!BLINDAI_HOLDS(!denied)) {
      all = false;
      report.check(false, name, {Reason::advisory_denied, advisory.id}, "none that the policy denies",
                   advisory.id + " of " + advisory.origin, "Intel");
    }
  }
  if (all) {
    report.pass(name, "none that the policy denies", "none", "Intel");
  }
}

void allowed_advisories(const dcap::TcbAppraisal& tcb, const DcapAcceptance& accepted, Report& report) {
  constexpr const char* name = "allowed_advisories";
  if (std::holds_alternative<Any>(accepted.allowed_advisories)) {
    report.not_applicable(name, fmt::format("the policy allows any: {} found", tcb.advisories.size()));
    return;
  }
  bool all = true;
  for (const dcap::Advisory& advisory : tcb.advisories) {
    if (!BLINDAI_HOLDS(listed(accepted.allowed_advisories, advisory.id))) {
      all = false;
      report.check(false, name, {Reason::advisory_not_allowed, advisory.id}, "those that the policy allows alone",
                   advisory.id + " of " + advisory.origin, "Intel");
    }
  }
  if (all) {
    report.pass(name, "those that the policy allows alone", fmt::format("{} found", tcb.advisories.size()), "Intel");
  }
}

void platform(const DcapClaims& claims, const DcapAcceptance& accepted, Report& report) {
  const Bytes ppid = copy(claims.pck.ppid);
  rule(report, BLINDAI_HOLDS(listed(accepted.platform_ids, ppid)),
       {"platform_id",
        {Reason::platform_not_allowed, "platform_id"},
        describe_accepted(accepted.platform_ids),
        to_hex(ppid),
        "PCK certificate",
        !std::holds_alternative<Any>(accepted.platform_ids)});
}

// A floor under a number that only grows. What was not given is below each floor.
Rule floor(const std::string& item, const std::string& what, std::optional<std::int64_t> least,
           std::optional<std::int64_t> found) {
  return {item + what,
          {Reason::collateral_rollback, item},
          least ? fmt::format("at least {}", *least) : "",
          found ? fmt::format("{}", *found) : "not given",
          "Intel",
          least.has_value()};
}

void rollback(const DcapClaims& claims, const DcapAcceptance& accepted, const Freshness& freshness, Report& report) {
  const auto least = accepted.min_crl_number;
  rule(report, BLINDAI_HOLDS(claims.root_crl_number >= least),
       floor("root_ca_crl", "_number", least, claims.root_crl_number));
  rule(report, BLINDAI_HOLDS(claims.pck_crl_number >= least),
       floor("pck_crl", "_number", least, claims.pck_crl_number));
  const auto lowest = freshness.min_tcb_evaluation_number;
  rule(report, BLINDAI_HOLDS(claims.tcb_info_evaluation_number >= lowest),
       floor("tcb_info", "_evaluation_number", lowest, claims.tcb_info_evaluation_number));
  rule(report, BLINDAI_HOLDS(claims.qe_identity_evaluation_number >= lowest),
       floor("qe_identity", "_evaluation_number", lowest, claims.qe_identity_evaluation_number));
}

// Dates of levels end with the year 9999, and a policy's age with a century: the sum cannot overflow.
void age(const dcap::TcbAppraisal& tcb, const Freshness& freshness, UnixSeconds at, Report& report) {
  const std::int64_t days = freshness.max_tcb_age_days.value_or(0);
  rule(report, BLINDAI_HOLDS(at <= tcb.date + days * day),
       {"tcb_age",
        {Reason::tcb_too_old, {}},
        fmt::format("at most {} days", days),
        "since " + to_iso8601(tcb.date),
        "Intel",
        freshness.max_tcb_age_days.has_value()});
}

}  // namespace

void decide_dcap(const DcapClaims& claims, const DcapAcceptance& accepted, const Freshness& freshness, UnixSeconds at,
                 Report& report) {
  if (some_level_matches(claims.tcb, report)) {
    status(claims.tcb, accepted, report);
    denied_advisories(claims.tcb, accepted, report);
    allowed_advisories(claims.tcb, accepted, report);
    age(claims.tcb, freshness, at, report);
  }
  platform(claims, accepted, report);
  rollback(claims, accepted, freshness, report);
}

}  // namespace blindai::evidence
