// POST /blindai/v1/attest: both bodies, and the order in which a client checks the answer. Design section 5.
#pragma once

#include "base/clock.h"
#include "channel/keyset.h"
#include "channel/merkle.h"
#include "evidence/appraise.h"

namespace blindai::channel {

inline constexpr std::size_t max_attest_answer_bytes = 4 * 1024 * 1024;
inline constexpr std::size_t max_attest_request_bytes = 4096;

struct AttestRequest {
  std::array<std::uint8_t, nonce_bytes> nonce{};
  bool fresh = true;
  std::optional<Digest> have;  // of the collateral that the client holds
  std::string to_json() const;
  static Result<AttestRequest> parse(std::string_view json);  // refuses a nonce of zeros, or of another length
};

struct AttestAnswer {
  Bytes keyset;
  std::vector<evidence::Item> evidence;
  std::optional<evidence::Collateral> collateral;
  std::optional<MerklePath> path;
  Bytes session_signature;
  std::string to_json() const;
  static Result<AttestAnswer> parse(std::string_view json);  // bounds every part before it is decoded
};

// What this end knows of the TLS connection on which the answer came. Filled by the TLS stream, never by the peer's
// answer.
struct TlsFacts {
  Digest leaf_spki;                           // SHA-256 of the leaf's SubjectPublicKeyInfo
  Bytes exporter;                             // EXPORTER-blindai-session with this nonce for context, 32 bytes
  std::optional<std::string> identity_error;  // why name or chain did not hold; absent where they held
  std::string server_names;                   // names in the leaf, for the report
  bool ticket_received = false;               // the server offered to resume this session
};

// A keyset that every check of section 5 accepted, for one connection. Made by verify_attest() alone; the client's
// VerifiedSession is made of nothing else.
class VerifiedKeyset {
 public:
  const Keyset& keyset() const { return keyset_; }
  const Digest& id() const { return id_; }
  UnixSeconds recheck_at() const {
    return recheck_at_;
  }  // the earliest of the ends of keyset, collateral and recheck_seconds

 private:
  friend class AttestVerifier;
  VerifiedKeyset() = default;
  Keyset keyset_;
  Digest id_;
  UnixSeconds recheck_at_ = 0;
};

// Checks in the order of design section 5; the report has every check made, and stops at the first that failed.
// Names of checks, in order: sizes, keyset_form (nothing in it is believed yet), evidence_item, evidence_* (by appraise),
// report_data, code, keyset_life, keyset_time, tls_key, tls_tickets, identity, session_signature, config_<member>...
// Error: attestation_failed.
Result<VerifiedKeyset> verify_attest(const AttestAnswer& answer, const AttestRequest& request, const TlsFacts& tls,
                                     const evidence::Policy& policy, UnixSeconds now, evidence::Report& report);

}  // namespace blindai::channel
