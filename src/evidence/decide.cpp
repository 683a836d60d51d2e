#include "evidence/decide.h"

#include <algorithm>

#include "evidence/decide_rules.h"

namespace blindai::evidence {

class Decision {
 public:
  static VerifiedEvidence accept(Claims claims) { return VerifiedEvidence(std::move(claims)); }
};

namespace {

void apply(const Claims::Facts& facts, const Policy& policy, UnixSeconds at, Report& report) {
  if (const auto* simulated = std::get_if<SimulatedClaims>(&facts); simulated != nullptr && policy.simulated) {
    decide_simulated(*simulated, *policy.simulated, report);
  }
  if (const auto* sgx = std::get_if<SgxClaims>(&facts); sgx != nullptr && policy.sgx) {
    decide_sgx(*sgx, *policy.sgx, policy.freshness, at, report);
  }
  if (const auto* tdx = std::get_if<TdxClaims>(&facts); tdx != nullptr && policy.tdx) {
    decide_tdx(*tdx, *policy.tdx, policy.freshness, at, report);
  }
  if (const auto* snp = std::get_if<SnpClaims>(&facts); snp != nullptr && policy.snp) {
    decide_snp(*snp, *policy.snp, policy.freshness, report);
  }
}

}  // namespace

std::optional<VerifiedEvidence> decide(Claims claims, const Policy& policy, UnixSeconds at, Report& report) {
  const auto before = static_cast<std::ptrdiff_t>(report.checks.size());
  apply(claims.facts(), policy, at, report);
  // Where no section of the policy speaks of this kind of evidence no rule passed, and nothing is accepted.
  const std::span made(report.checks.begin() + before, report.checks.end());
  const bool failed = std::ranges::any_of(made, [](const Check& check) { return check.outcome == Outcome::failed; });
  const bool passed = std::ranges::any_of(made, [](const Check& check) { return check.outcome == Outcome::passed; });
  if (!BLINDAI_HOLDS(passed && !failed)) {
    return std::nullopt;
  }
  return Decision::accept(std::move(claims));
}

}  // namespace blindai::evidence
