#include "evidence/refusal.h"

namespace blindai::evidence {
namespace {

// In the order of the enumerators; a test compares them with the header.
constexpr std::array words = std::to_array<std::string_view>({
    "UNSUPPORTED_QUOTE_VERSION",
    "UNSUPPORTED_ATTESTATION_KEY_TYPE",
    "UNSUPPORTED_TEE_TYPE",
    "UNKNOWN_QE_VENDOR",
    "BAD_QUOTE_FORMAT",
    "UNSUPPORTED_CERTIFICATION_DATA",
    "UNSUPPORTED_REPORT_VERSION",
    "UNSUPPORTED_SIGNATURE_ALGORITHM",
    "BAD_REPORT_FORMAT",
    "BAD_EVIDENCE_FORMAT",
    "BAD_CERTIFICATE",
    "BAD_COLLATERAL_FORMAT",
    "COLLATERAL_MISSING",
    "UNTRUSTED_ROOT",
    "BAD_CERT_CHAIN",
    "BAD_VEK_CHAIN",
    "BAD_CRL",
    "REVOKED",
    "EXPIRED",
    "NOT_YET_VALID",
    "BAD_TCB_INFO_SIGNATURE",
    "BAD_QE_IDENTITY_SIGNATURE",
    "BAD_QE_REPORT_SIGNATURE",
    "BAD_ATTESTATION_KEY",
    "BAD_ATTESTATION_KEY_BINDING",
    "BAD_QUOTE_SIGNATURE",
    "BAD_REPORT_SIGNATURE",
    "BAD_EVIDENCE_SIGNATURE",
    "EVIDENCE_AMBIGUOUS",
    "TEE_MISMATCH",
    "TCB_INFO_MISMATCH",
    "FMSPC_MISMATCH",
    "PCEID_MISMATCH",
    "QE_IDENTITY_MISMATCH",
    "TDX_MODULE_MISMATCH",
    "TCB_STATUS_UNKNOWN",
    "TCB_NOT_SUPPORTED",
    "PRODUCT_MISMATCH",
    "TCB_MISMATCH",
    "CHIP_ID_MISMATCH",
    "SIGNING_KEY_MISMATCH",
    "TEE_NOT_ACCEPTED",
    "TCB_STATUS",
    "ADVISORY_DENIED",
    "ADVISORY_NOT_ALLOWED",
    "COLLATERAL_ROLLBACK",
    "TCB_TOO_OLD",
    "PLATFORM_NOT_ALLOWED",
    "DEBUG_NOT_ALLOWED",
    "BAD_SGX_ATTRIBUTES",
    "BAD_TD_ATTRIBUTES",
    "TD_ATTRIBUTE_NOT_ALLOWED",
    "BAD_GUEST_POLICY",
    "GUEST_POLICY_NOT_ALLOWED",
    "MEASUREMENT_MISMATCH",
    "PRODUCT_ID_MISMATCH",
    "SVN_TOO_LOW",
    "VMPL_NOT_ZERO",
    "SIGNING_KEY_NOT_ALLOWED",
    "PROVISIONAL_FIRMWARE",
    "POLICY_EMPTY",
    "POLICY_INVALID",
});
static_assert(words.size() == static_cast<std::size_t>(Reason::policy_invalid) + 1);

}  // namespace

std::string_view word(Reason reason) { return words.at(static_cast<std::size_t>(reason)); }

std::string Refusal::text() const {
  std::string out(word(reason));
  if (!detail.empty()) {
    out += ':';
    out += detail;
  }
  return out;
}

}  // namespace blindai::evidence
