#include <algorithm>

#include "evidence/decide_rules.h"

namespace blindai::evidence {
namespace {

std::string expected_measurements(const AnyOf<Digest>& accepted) {
  const auto* list = std::get_if<std::vector<Digest>>(&accepted);
  if (list == nullptr) {
    return "any";
  }
  std::string text;
  for (const Digest& digest : *list) {
    text += (text.empty() ? "" : ", ") + digest.hex();
  }
  return text;
}

}  // namespace

void decide_simulated(const SimulatedClaims& claims, const SimulatedAcceptance& accepted, Report& report) {
  const auto* list = std::get_if<std::vector<Digest>>(&accepted.measurement);
  const bool named = list == nullptr || std::ranges::find(*list, claims.measurement) != list->end();
  report.facts["measurement"] = claims.measurement.hex();
  report.check(BLINDAI_HOLDS(named), "evidence_measurement", {Reason::measurement_mismatch, "measurement"},
               expected_measurements(accepted.measurement), claims.measurement.hex(), "simulation root (SIMULATED)");
  report.not_applicable("evidence_tcb", "a simulated platform has no security version");
}

}  // namespace blindai::evidence
