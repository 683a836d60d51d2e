#include "evidence/appraise.h"

#include <algorithm>

#include "crypto/crypto.h"
#include "evidence/simulated_claims.h"

namespace blindai::evidence {

class ClaimsMaker {
 public:
  static Claims of(const SimulatedClaims& simulated) {
    Claims claims;
    claims.tee_ = "simulated";
    claims.report_data_ = simulated.report_data;
    claims.measurement_ = copy(simulated.measurement.view());
    return claims;
  }
};

namespace {

constexpr std::string_view root_voucher = "simulation root (SIMULATED)";

std::unexpected<Error> refused() {
  return fail(Code::attestation_failed, {"the evidence was not accepted; the report names the failed check"});
}

std::string expected_measurements(const SimulatedAcceptance& accepted) {
  if (std::holds_alternative<Any>(accepted.measurement)) {
    return "any";
  }
  std::string text;
  for (const Digest& digest : std::get<std::vector<Digest>>(accepted.measurement)) {
    text += (text.empty() ? "" : ", ") + digest.hex();
  }
  return text;
}

bool measurement_accepted(const SimulatedAcceptance& accepted, const Digest& measurement) {
  const auto* list = std::get_if<std::vector<Digest>>(&accepted.measurement);
  return list == nullptr || std::ranges::find(*list, measurement) != list->end();
}

Result<Claims> appraise_simulated(const Item& item, const SimulatedAcceptance& accepted, Report& report) {
  const std::string voucher(root_voucher);
  const auto parts = parse_simulated(item.data);
  if (!report.check(parts.has_value(), "evidence_form", "simulated evidence v1",
                    parts ? "simulated evidence v1" : parts.error().message.str(), voucher)) {
    return refused();
  }
  const Digest root = crypto::sha256(parts->root);
  if (!report.check(root == accepted.root, "evidence_root", accepted.root.hex(), root.hex(), "policy")) {
    return refused();
  }
  const bool platform_holds = platform_signature_holds(*parts);
  if (!report.check(platform_holds, "evidence_platform_signature", "signed by the simulation root",
                    platform_holds ? "holds" : "does not hold", voucher)) {
    return refused();
  }
  const auto claims = verified_claims(*parts);
  if (!report.check(claims.has_value(), "evidence_signature", "signed by the platform key",
                    claims ? "holds" : claims.error().message.str(), voucher)) {
    return refused();
  }
  report.facts["measurement"] = claims->measurement.hex();
  if (!report.check(measurement_accepted(accepted, claims->measurement), "evidence_measurement",
                    expected_measurements(accepted), claims->measurement.hex(), voucher)) {
    return refused();
  }
  report.not_applicable("evidence_tcb", "a simulated platform has no security version");
  return ClaimsMaker::of(*claims);
}

}  // namespace

std::optional<std::string_view> tee_of_type(std::string_view type) {
  if (type == "sgx-quote") {
    return "sgx";
  }
  if (type == "tdx-quote") {
    return "tdx";
  }
  if (type == "snp-report") {
    return "snp";
  }
  if (type == "simulated") {
    return "simulated";
  }
  return std::nullopt;
}

Result<Claims> appraise(const Item& item, const json::Object& /*collateral*/, const Policy& policy, std::int64_t /*at*/,
                        Report& report) {
  const auto tee = tee_of_type(item.type);
  std::string accepted = policy.simulated ? "simulated" : "";
  bool named = policy.simulated.has_value() && tee == "simulated";
  for (const HardwareAcceptance& hardware : policy.hardware) {
    accepted += (accepted.empty() ? "" : ", ") + hardware.kind;
    named = named || tee == hardware.kind;
  }
  const std::string found = tee ? std::string(*tee) : "an unknown type";
  report.tee = tee ? std::string(*tee) : "";
  report.simulated = tee == "simulated";
  if (!report.check(named, "evidence_accepted_type", accepted, found, "policy")) {
    return refused();
  }
  if (item.data.size() > max_evidence_bytes) {
    report.fail("evidence_form", "at most 65536 bytes", "more", "");
    return refused();
  }
  if (tee != "simulated") {
    report.fail("evidence_form", "evidence that this release can verify",
                found + ": verification is not implemented in this release", "");
    return refused();
  }
  return appraise_simulated(item, *policy.simulated, report);
}

}  // namespace blindai::evidence
