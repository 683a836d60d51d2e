// Appraisal of evidence: no I/O, no clock of its own, no state. The verdict goes into the report, check by check.
#pragma once

#include "evidence/policy.h"
#include "evidence/report.h"

namespace blindai::evidence {

inline constexpr std::size_t max_evidence_bytes = 64 * 1024;

struct Item {
  std::string type;  // "sgx-quote", "tdx-quote", "snp-report", "simulated"
  Bytes data;
  Bytes log;  // empty where there is none
};

// The TEE kind that evidence of a type belongs to ("simulated" to "simulated"), or nothing.
std::optional<std::string_view> tee_of_type(std::string_view type);

// Facts that evidence proves. They exist only where every signature held and the policy accepted the platform and the
// measurement; constructed by appraise() alone.
class Claims {
 public:
  const std::string& tee() const { return tee_; }
  const std::array<std::uint8_t, 64>& report_data() const { return report_data_; }
  // simulated: SHA-256 of the deterministic CBOR of `code`
  const Bytes& measurement() const { return measurement_; }

 private:
  friend class ClaimsMaker;
  Claims() = default;
  std::string tee_;
  std::array<std::uint8_t, 64> report_data_{};
  Bytes measurement_;
};

// Appraises one item under a policy at a time. Appends its checks to the report. Errors: attestation_failed, with the
// failed check in the report.
Result<Claims> appraise(const Item& item, const json::Object& collateral, const Policy& policy, std::int64_t at,
                        Report& report);

}  // namespace blindai::evidence
