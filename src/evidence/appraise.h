// The one call that judges evidence: parse, appraise, apply the policy. It cannot be half used: what it gives exists only
// where everything held, and the report has every reason where it did not. No I/O, no clock of its own, no global state, no
// exception; thread-safe.
//
// Three layers, kept apart by types: dcap/quote.h, snp/report.h and x509/ parse bytes and vouch for nothing; dcap/appraise.h
// and snp/appraise.h turn evidence, collateral and time into Claims; decide.h turns Claims and a policy into VerifiedEvidence.
#pragma once

#include "evidence/claims.h"
#include "evidence/collateral.h"
#include "evidence/policy.h"
#include "evidence/report.h"

namespace blindai::evidence {

inline constexpr std::size_t max_evidence_bytes = 64 * 1024;
// What one appraisal costs at most, whatever comes in (Report::effort): signature checks; and how often each byte of
// evidence and collateral is read, with as many bytes more as the appraisal itself puts together.
inline constexpr std::size_t max_signature_checks = 13;
inline constexpr std::size_t max_reads = 3;
inline constexpr std::size_t max_own_bytes_read = 4096;

struct Item {
  std::string type;  // "sgx-quote", "tdx-quote", "snp-report", "simulated"
  Bytes data;
  Bytes log;  // empty where there is none
};

// The TEE kind that evidence of a type belongs to ("simulated" to "simulated"), or nothing.
std::optional<std::string_view> tee_of_type(std::string_view type);
// The type that bytes look like: by the header of a quote, the size of an SNP report. Nothing is believed by it.
std::optional<std::string_view> type_of_evidence(ByteView data);

// Evidence that a policy accepts. Made by appraise() alone.
class VerifiedEvidence {
 public:
  const Claims& claims() const { return claims_; }

 private:
  friend class Decision;  // decide.cpp
  explicit VerifiedEvidence(Claims claims) : claims_(std::move(claims)) {}
  Claims claims_;
};

// Appends its checks to the report, and fills the report's tee, claims and tcb. `cache` may be null. Error:
// attestation_failed; the report names every check that failed.
Result<VerifiedEvidence> appraise(const Item& item, const Collateral& collateral, const Policy& policy, UnixSeconds at,
                                  Report& report, CollateralCache* cache = nullptr);

}  // namespace blindai::evidence
