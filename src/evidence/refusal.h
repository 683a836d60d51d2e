// Why evidence is refused: one word of a closed list, and what it was about. Words and their meaning are in
// docs/evidence.md; they are stable.
//
// How a check is written. In code that reads bytes, or where nothing after a failure makes sense:
//   BLINDAI_REQUIRE(size == 384, Reason::bad_quote_format, "size of the body");
// Where the appraisal goes on to collect what else is wrong:
//   report.check(BLINDAI_HOLDS(tcb.date >= oldest), "tcb_age", {Reason::tcb_too_old}, ...);
// Every decision that refuses goes through one of the two: in the build of tests/mutants each can be switched off, and a
// test must notice. In every other build BLINDAI_HOLDS(x) is x.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace blindai::evidence {

enum class Reason : std::uint8_t {
  // The form of evidence and collateral.
  unsupported_quote_version,
  unsupported_attestation_key_type,
  unsupported_tee_type,
  unknown_qe_vendor,
  bad_quote_format,
  unsupported_certification_data,  // detail: the type
  unsupported_report_version,
  unsupported_signature_algorithm,
  bad_report_format,
  bad_evidence_format,    // simulated evidence
  bad_certificate,        // detail: the item
  bad_collateral_format,  // detail: the item
  collateral_missing,     // detail: the item
  // Chains, revocation, time.
  untrusted_root,  // detail: the item whose chain it ends
  bad_cert_chain,  // detail: the item
  bad_vek_chain,
  bad_crl,        // detail: the item
  revoked,        // detail: the certificate
  expired,        // detail: the item
  not_yet_valid,  // detail: the item
  // Signatures and bindings.
  bad_tcb_info_signature,
  bad_qe_identity_signature,
  bad_qe_report_signature,
  bad_attestation_key,
  bad_attestation_key_binding,
  bad_quote_signature,
  bad_report_signature,
  bad_evidence_signature,  // simulated evidence
  // Agreement between evidence and collateral.
  evidence_ambiguous,  // none or more than one piece of evidence
  tee_mismatch,
  tcb_info_mismatch,
  fmspc_mismatch,
  pceid_mismatch,
  qe_identity_mismatch,  // detail: the field
  tdx_module_mismatch,   // detail: the field
  tcb_status_unknown,    // detail: where
  tcb_not_supported,     // detail: "tdx_module" or "qe" where it is not the platform
  product_mismatch,
  tcb_mismatch,  // detail: the component
  chip_id_mismatch,
  signing_key_mismatch,
  // What the policy does not accept.
  tee_not_accepted,      // detail: the tee
  tcb_status,            // detail: the status
  advisory_denied,       // detail: the advisory
  advisory_not_allowed,  // detail: the advisory
  collateral_rollback,   // detail: the item
  tcb_too_old,
  platform_not_allowed,  // detail: "platform_id", "product", ...
  debug_not_allowed,
  bad_sgx_attributes,        // detail: the bit or field
  bad_td_attributes,         // detail: the bit or field
  td_attribute_not_allowed,  // detail: the attribute
  bad_guest_policy,          // detail: the bit
  guest_policy_not_allowed,  // detail: the bit
  measurement_mismatch,      // detail: the register
  product_id_mismatch,
  svn_too_low,              // detail: the component
  vmpl_not_zero,            // detail: the level; also where the policy expects another level than 0
  signing_key_not_allowed,  // detail: the kind
  provisional_firmware,
  policy_empty,
  policy_invalid,  // detail: the key
};

// "BAD_QUOTE_FORMAT": the enumerator in upper case.
std::string_view word(Reason reason);

struct Refusal {
  Reason reason{};
  std::string detail{};      // without text from outside, except words that were checked against a closed alphabet
  std::string text() const;  // "EXPIRED:pck_crl"; without the colon where there is no detail
};

template <typename T>
using Parsed = std::expected<T, Refusal>;

inline std::unexpected<Refusal> refuse(Reason reason, std::string detail = {}) {
  return std::unexpected(Refusal{reason, std::move(detail)});
}
inline std::unexpected<Refusal> refuse(Refusal refusal) { return std::unexpected(std::move(refusal)); }

// How much work an appraisal did. A bound on both holds whatever the input: see docs/evidence.md.
struct Effort {
  std::size_t signature_checks = 0;
  std::size_t bytes_read = 0;  // bytes parsed and bytes hashed
};

#ifdef BLINDAI_MUTANTS
// True for the one check that the environment variable BLINDAI_MUTANT names as "file.cpp:line". tests/mutants.
bool dropped(std::string_view file, int line);
#endif

}  // namespace blindai::evidence

#ifdef BLINDAI_MUTANTS
#define BLINDAI_HOLDS(...) (::blindai::evidence::dropped(__FILE__, __LINE__) || (__VA_ARGS__))
#else
#define BLINDAI_HOLDS(...) (__VA_ARGS__)
#endif

#define BLINDAI_REQUIRE(condition, ...)                \
  do {                                                 \
    if (!BLINDAI_HOLDS(condition)) {                   \
      return ::blindai::evidence::refuse(__VA_ARGS__); \
    }                                                  \
  } while (false)
