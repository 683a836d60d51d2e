// Facts that evidence proves. Claims exist only where every signature held and every piece of collateral was valid at the
// time; only the appraisals of this folder can make them. What a policy says of them is policy's: see appraise.h.
#pragma once

#include <variant>

#include "base/json.h"
#include "evidence/dcap/tcb.h"
#include "evidence/snp/report.h"
#include "evidence/x509/chain.h"

namespace blindai::evidence {

struct SimulatedClaims {
  Digest measurement;  // SHA-256 of the deterministic CBOR of `code`
  std::array<std::uint8_t, 64> report_data{};
};

// What SGX and TDX share.
struct DcapClaims {
  dcap::PckExtension pck;
  dcap::TcbAppraisal tcb;
  std::int64_t tcb_info_evaluation_number = 0;
  std::int64_t qe_identity_evaluation_number = 0;
  std::optional<std::int64_t> root_crl_number;  // absent where no list was given
  std::optional<std::int64_t> pck_crl_number;
};
struct SgxClaims {
  dcap::SgxReport report;
  DcapClaims dcap;
};
struct TdxClaims {
  dcap::TdReport report;
  DcapClaims dcap;
};
struct SnpClaims {
  snp::Report report;
  Product product{};
  snp::KeyKind key{};
  std::optional<std::int64_t> crl_number;
};

class Claims {
 public:
  using Facts = std::variant<SimulatedClaims, SgxClaims, TdxClaims, SnpClaims>;

  std::string_view tee() const;  // "simulated", "sgx", "tdx", "snp"
  const Facts& facts() const { return facts_; }
  const std::array<std::uint8_t, 64>& report_data() const;
  // When all that the claims rest on is valid at once. `at` lay in it.
  UnixSeconds valid_from() const { return valid_from_; }
  UnixSeconds valid_until() const { return valid_until_; }
  // Measurements and flags for people and programs, in lower-case hexadecimal; and what there is to say of the TCB.
  // Names: docs/evidence.md.
  json::Object to_json() const;
  json::Object tcb_to_json() const;

 private:
  friend class ClaimsMaker;  // claims_maker.h, private to this folder
  explicit Claims(Facts facts) : facts_(std::move(facts)) {}
  Facts facts_;
  UnixSeconds valid_from_ = 0;
  UnixSeconds valid_until_ = 0;
};

}  // namespace blindai::evidence
