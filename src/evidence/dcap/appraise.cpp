#include "evidence/dcap/appraise.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/crypto.h"
#include "evidence/claims_maker.h"
#include "evidence/dcap/vouched.h"

namespace blindai::evidence::dcap {
namespace {

constexpr std::string_view intel = "Intel SGX Root CA";
constexpr std::string_view clock = "the time given";

std::string hex(const auto& array) { return to_hex(array); }

class Appraiser {
 public:
  Appraiser(const Quote& quote, const Collateral& collateral, bool require_crl, UnixSeconds at, const Roots& roots,
            CollateralCache* cache, Report& report)
      : quote_(quote),
        collateral_(collateral),
        require_crl_(require_crl),
        at_(at),
        roots_(roots),
        cache_(cache),
        report_(report),
        first_check_(report.checks.size()) {}

  std::optional<Claims> run() {
    read_chain();
    vouched_ = vouch(collateral_, chain_ ? &*chain_ : nullptr, require_crl_, roots_, cache_, report_);
    const bool platform = chain_ && vouched_->authorities && platform_certificate();
    const bool quote = platform && quoting_enclave() && quote_signature();
    const bool asked_platform = platform && vouched_->tcb_info;
    const bool same = asked_platform && same_platform();
    const bool asked_enclave = quote && vouched_->qe_identity;
    const bool right_enclave = asked_enclave && identity_of_quoting_enclave();
    times(asked_platform && !same, asked_enclave && !right_enclave);
    if (quote && same && right_enclave) {
      appraise_levels();
    }
    return all_passed() && tcb_ ? std::optional(claims()) : std::nullopt;
  }

 private:
  template <typename T>
  bool record(std::string name, std::string expected, const Parsed<T>& outcome) {
    if (!outcome) {
      report_.fail(std::move(name), outcome.error(), std::move(expected), std::string(intel));
      return false;
    }
    report_.pass(std::move(name), std::move(expected), "holds", std::string(intel));
    return true;
  }

  bool all_passed() const {
    return std::all_of(report_.checks.begin() + static_cast<std::ptrdiff_t>(first_check_), report_.checks.end(),
                       [](const Check& check) { return check.outcome != Outcome::failed; });
  }

  void read_chain() {
    auto chain = parse_pck_chain(quote_.pck_chain, report_.effort);
    if (record("pck_chain_form", "leaf, CA and root", chain)) {
      chain_ = std::move(*chain);
    }
  }

  bool platform_certificate() {
    if (!record("pck_certificate", "signed by the PCK CA", require_pck_leaf(*chain_, report_.effort))) {
      return false;
    }
    auto extension = parse_pck_extension(chain_->leaf.certificate);
    if (!record("pck_extension", "Intel's extension, complete", extension)) {
      return false;
    }
    pck_ = *extension;
    return !vouched_->pck_crl || record("pck_revocation", "not in the CA's revocation list", require_not_revoked());
  }

  Parsed<void> require_not_revoked() const {
    BLINDAI_REQUIRE(!vouched_->pck_crl->crl.lists(chain_->leaf.certificate.serial), Reason::revoked, "pck");
    return {};
  }

  // Dates of everything that is vouched for, a check for each. Of a document that speaks of something else nothing more is
  // said.
  void times(bool foreign_tcb_info, bool foreign_qe_identity) {
    if (chain_ && vouched_->authorities) {
      time(window_of({&chain_->leaf, &chain_->intermediate, &chain_->root}, "pck_chain"));
    }
    for (const x509::Window& window : vouched_->windows) {
      const bool foreign = (foreign_tcb_info && window.item.starts_with("tcb_")) ||
                           (foreign_qe_identity && window.item.starts_with("qe_identity"));
      if (!foreign) {
        time(window);
      }
    }
  }

  void time(const x509::Window& window) {
    valid_from_ = std::max(valid_from_, window.from);
    valid_until_ = std::min(valid_until_, window.to);
    const std::string expected = to_iso8601(window.from) + " to " + to_iso8601(window.to);
    const std::string found = to_iso8601(at_);
    const std::string voucher(clock);
    if (report_.check(BLINDAI_HOLDS(at_ >= window.from), window.item + "_begun", {Reason::not_yet_valid, window.item},
                      expected, found, voucher)) {
      report_.check(BLINDAI_HOLDS(at_ <= window.to), window.item + "_not_ended", {Reason::expired, window.item},
                    expected, found, voucher);
    }
  }

  // The PCK certificate vouches for the quoting enclave, and that for the attestation key.
  bool quoting_enclave() {
    return record("qe_report_signature", "by the PCK certificate's key", require_qe_report()) &&
           record("attestation_key_binding", "SHA-256 of attestation key and authentication data, then zeros",
                  require_binding());
  }

  Parsed<void> require_qe_report() const {
    BLINDAI_REQUIRE(chain_->leaf.key.verify_raw(quote_.qe_report_bytes, quote_.qe_report_signature, report_.effort),
                    Reason::bad_qe_report_signature);
    return {};
  }

  Parsed<void> require_binding() const {
    Bytes bound = copy(quote_.attestation_key);
    append(bound, quote_.qe_auth_data);
    report_.effort.bytes_read += bound.size();
    const ByteView found(quote_.qe_report.report_data);
    BLINDAI_REQUIRE(std::ranges::equal(found.first(Digest::size), crypto::sha256(bound).view()),
                    Reason::bad_attestation_key_binding);
    // Intel's rule ends with the hash; the enclave writes zeros after it, and so nothing else may stand there.
    BLINDAI_REQUIRE(std::ranges::all_of(found.subspan(Digest::size), [](std::uint8_t byte) { return byte == 0; }),
                    Reason::bad_attestation_key_binding);
    return {};
  }

  bool quote_signature() { return record("quote_signature", "by the attestation key", require_quote_signature()); }

  Parsed<void> require_quote_signature() const {
    const auto key = crypto::EcPublicKey::from_point(crypto::Curve::p256, quote_.attestation_key);
    BLINDAI_REQUIRE(key.has_value(), Reason::bad_attestation_key);
    ++report_.effort.signature_checks;
    report_.effort.bytes_read += quote_.signed_bytes.size();
    BLINDAI_REQUIRE(key->verify(quote_.signed_bytes, quote_.signature), Reason::bad_quote_signature);
    return {};
  }

  // The TCB info must speak of this TEE and of this kind of platform.
  bool same_platform() {
    const TcbInfo& info = *vouched_->tcb_info;
    const std::string voucher(intel);
    if (!report_.check(BLINDAI_HOLDS(info.tee == quote_.tee), "tcb_info_tee", {Reason::tee_mismatch},
                       std::string(word(quote_.tee)), std::string(word(info.tee)), voucher)) {
      return false;
    }
    const bool fmspc = report_.check(BLINDAI_HOLDS(info.fmspc == pck_.fmspc), "fmspc", {Reason::fmspc_mismatch},
                                     hex(pck_.fmspc), hex(info.fmspc), voucher);
    const bool pce_id = report_.check(BLINDAI_HOLDS(info.pce_id == pck_.pce_id), "pce_id", {Reason::pceid_mismatch},
                                      hex(pck_.pce_id), hex(info.pce_id), voucher);
    return fmspc && pce_id;
  }

  bool identity_of_quoting_enclave() {
    return record("qe_identity_match", "the quoting enclave that Intel names for this TEE", require_identity());
  }

  Parsed<void> require_identity() const {
    const QeIdentity& identity = *vouched_->qe_identity;
    const SgxReport& qe = quote_.qe_report;
    const EnclaveId wanted = quote_.tee == Tee::sgx ? EnclaveId::qe : EnclaveId::td_qe;
    const Reason reason = Reason::qe_identity_mismatch;
    BLINDAI_REQUIRE(identity.id == wanted, reason, "id");
    BLINDAI_REQUIRE(qe.mrsigner == identity.mr_signer, reason, "mrsigner");
    BLINDAI_REQUIRE(qe.isv_prod_id == identity.isv_prod_id, reason, "isv_prod_id");
    BLINDAI_REQUIRE((qe.misc_select & identity.misc_select_mask) == identity.misc_select, reason, "misc_select");
    BLINDAI_REQUIRE(attributes_match(qe, identity), reason, "attributes");
    BLINDAI_REQUIRE((qe.flags & sgx_debug) == 0, reason, "debug");
    return {};
  }

  static bool attributes_match(const SgxReport& qe, const QeIdentity& identity) {
    for (std::size_t i = 0; i < identity.attributes.size(); ++i) {
      const std::uint64_t half = i < 8 ? qe.flags : qe.xfrm;
      const auto found = static_cast<std::uint8_t>(half >> (8 * (i % 8)));
      if ((found & identity.attributes_mask[i]) != identity.attributes[i]) {
        return false;
      }
    }
    return true;
  }

  void appraise_levels() {
    const TcbInput input{
        .pck = pck_, .td = std::get_if<TdReport>(&quote_.body), .qe_isv_svn = quote_.qe_report.isv_svn};
    auto tcb = appraise_tcb(input, *vouched_->tcb_info, *vouched_->qe_identity);
    if (record("tcb_levels", "the platform can be judged by the TCB info", tcb)) {
      tcb_ = std::move(*tcb);
    }
  }

  Claims claims() {
    DcapClaims dcap;
    dcap.pck = pck_;
    dcap.tcb = std::move(*tcb_);
    dcap.tcb_info_evaluation_number = vouched_->tcb_info->evaluation_number;
    dcap.qe_identity_evaluation_number = vouched_->qe_identity->evaluation_number;
    if (vouched_->root_crl) {
      dcap.root_crl_number = x509::crl_number(vouched_->root_crl->crl);
    }
    if (vouched_->pck_crl) {
      dcap.pck_crl_number = x509::crl_number(vouched_->pck_crl->crl);
    }
    Claims::Facts facts;
    if (const auto* td = std::get_if<TdReport>(&quote_.body)) {
      facts = TdxClaims{*td, std::move(dcap)};
    } else {
      facts = SgxClaims{std::get<SgxReport>(quote_.body), std::move(dcap)};
    }
    return ClaimsMaker::make(std::move(facts), valid_from_, valid_until_);
  }

  const Quote& quote_;
  const Collateral& collateral_;
  bool require_crl_;
  UnixSeconds at_;
  const Roots& roots_;
  CollateralCache* cache_;
  Report& report_;
  std::size_t first_check_;
  std::optional<PckChain> chain_;
  std::shared_ptr<const Vouched> vouched_;
  PckExtension pck_;
  std::optional<TcbAppraisal> tcb_;
  UnixSeconds valid_from_ = INT64_MIN;
  UnixSeconds valid_until_ = INT64_MAX;
};

}  // namespace

std::optional<Claims> appraise(const Quote& quote, const Collateral& collateral, bool require_crl, UnixSeconds at,
                               const Roots& roots, CollateralCache* cache, Report& report) {
  return Appraiser(quote, collateral, require_crl, at, roots, cache, report).run();
}

}  // namespace blindai::evidence::dcap
