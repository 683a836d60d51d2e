#include "evidence/decide.h"

#include <algorithm>

#include "evidence/decide_rules.h"

namespace blindai::evidence {

class Decision {
 public:
  static VerifiedEvidence accept(Claims claims) { return VerifiedEvidence(std::move(claims)); }
};

std::optional<VerifiedEvidence> decide(Claims claims, const Policy& policy, UnixSeconds /*at*/, Report& report) {
  const auto before = static_cast<std::ptrdiff_t>(report.checks.size());
  const auto* simulated = std::get_if<SimulatedClaims>(&claims.facts());
  if (simulated != nullptr && policy.simulated) {
    decide_simulated(*simulated, *policy.simulated, report);
  }
  // Where no section of the policy speaks of this kind of evidence no rule passed, and nothing is accepted.
  const std::span made(report.checks.begin() + before, report.checks.end());
  const bool failed = std::ranges::any_of(made, [](const Check& check) { return check.outcome == Outcome::failed; });
  const bool passed = std::ranges::any_of(made, [](const Check& check) { return check.outcome == Outcome::passed; });
  if (failed || !passed) {
    return std::nullopt;
  }
  return Decision::accept(std::move(claims));
}

}  // namespace blindai::evidence
