#include "evidence/dcap/vouched.h"

#include <algorithm>

#include "base/cbor.h"
#include "crypto/crypto.h"

namespace blindai::evidence::dcap {
namespace {

constexpr std::string_view intel = "Intel SGX Root CA";

// A signing chain and the document that it signs.
struct DocumentNames {
  std::string_view item;    // of the collateral: "tcb_info"
  std::string_view chain;   // "tcb_signing_chain"
  std::string_view member;  // of the JSON: "tcbInfo"
  Reason bad_signature;
};
constexpr DocumentNames tcb_info_names{"tcb_info", "tcb_signing_chain", "tcbInfo", Reason::bad_tcb_info_signature};
constexpr DocumentNames qe_identity_names{"qe_identity", "qe_identity_signing_chain", "enclaveIdentity",
                                          Reason::bad_qe_identity_signature};

std::string item(std::string_view name) { return std::string(name); }

class Voucher {
 public:
  Voucher(const Collateral& collateral, const PckChain* chain, bool require_crl, const Roots& roots, Effort& effort)
      : collateral_(collateral), chain_(chain), require_crl_(require_crl), roots_(roots), effort_(effort) {}

  Vouched run() {
    if (chain_ != nullptr) {
      out_.authorities =
          record("pck_authorities", "root pinned, CA signed by it", require_pck_authorities(*chain_, roots_, effort_));
      authority_ = out_.authorities ? &chain_->root : nullptr;
    }
    out_.tcb_info = document<TcbInfo>(tcb_info_names, tcb_signer_, parse_tcb_info);
    out_.qe_identity = document<QeIdentity>(qe_identity_names, qe_signer_, parse_qe_identity);
    root_crl();
    pck_crl();
    out_.checks = std::move(checks_.checks);
    return std::move(out_);
  }

 private:
  // Adds the check; true where it passed.
  template <typename T>
  bool record(std::string_view name, std::string expected, const Parsed<T>& outcome) {
    if (outcome) {
      checks_.pass(item(name), std::move(expected), "holds", std::string(intel));
    } else {
      checks_.fail(item(name), outcome.error(), std::move(expected), std::string(intel));
    }
    return outcome.has_value();
  }

  void add_window(x509::Window window) { out_.windows.push_back(std::move(window)); }

  Parsed<const Bytes*> find(std::string_view name) const {
    const Bytes* bytes = collateral_.find(name);
    BLINDAI_REQUIRE(bytes != nullptr, Reason::collateral_missing, item(name));
    return bytes;
  }

  Parsed<void> signing_chain(const DocumentNames& names, std::shared_ptr<const SigningChain>& signer) {
    BLINDAI_TRY(const Bytes* pem, find(names.chain));
    // Both documents usually come with the same chain: it is verified once.
    if (const Bytes* other = collateral_.find(tcb_info_names.chain); tcb_signer_ != nullptr && *other == *pem) {
      signer = tcb_signer_;
    } else {
      BLINDAI_TRY(SigningChain chain, verify_signing_chain(*pem, names.chain, roots_, effort_));
      signer = std::make_shared<const SigningChain>(std::move(chain));
    }
    if (authority_ == nullptr) {
      authority_ = &signer->root;
    }
    add_window(window_of({&signer->signer, &signer->root}, names.chain));
    return {};
  }

  // Nothing of a document is read before its signature holds.
  template <typename Document, typename Parse>
  Parsed<Document> signed_document(const DocumentNames& names, const Bytes& text, const x509::VerifyingKey& key,
                                   const Parse& parse) {
    BLINDAI_TRY(const SignedText signed_text, read_signed(text, names.member, names.item, effort_));
    BLINDAI_REQUIRE(key.verify_raw(as_bytes(signed_text.text), signed_text.signature, effort_), names.bad_signature);
    return parse(signed_text);
  }

  template <typename Document, typename Parse>
  std::optional<Document> document(const DocumentNames& names, std::shared_ptr<const SigningChain>& signer,
                                   const Parse& parse) {
    const std::string expected = "signed by the TCB signer, of the form that the rules need";
    const auto text = find(names.item);
    if (!text) {
      record(names.item, expected, text);
      return std::nullopt;
    }
    if (!record(names.chain, "root pinned, signer signed by it", signing_chain(names, signer))) {
      return std::nullopt;
    }
    auto document = signed_document<Document>(names, **text, signer->signer.key, parse);
    if (!record(names.item, expected, document)) {
      return std::nullopt;
    }
    add_window({item(names.item), document->issue_date, document->next_update - 1});
    return std::move(*document);
  }

  // Absent and not asked for is no check at all, and says so.
  bool given_or_required(std::string_view name) {
    if (collateral_.find(name) != nullptr || require_crl_) {
      return true;
    }
    checks_.not_applicable(item(name), "none given, and require_crl = false");
    return false;
  }

  std::optional<HeldCrl> revocation_list(std::string_view name, const HeldCertificate& issuer) {
    auto held = held_crl(name, issuer);
    if (!record(name, "signed by the authority whose certificates it revokes", held)) {
      return std::nullopt;
    }
    add_window({item(name), held->crl.this_update, held->crl.next_update - 1});
    return std::move(*held);
  }

  Parsed<HeldCrl> held_crl(std::string_view name, const HeldCertificate& issuer) {
    BLINDAI_TRY(const Bytes* bytes, find(name));
    effort_.bytes_read += bytes->size();
    HeldCrl held{std::make_unique<const Bytes>(*bytes), {}};
    BLINDAI_TRY(held.crl, x509::parse_crl(*held.der, name));
    BLINDAI_CHECK(x509::require_signed(held.crl, issuer.certificate, issuer.key, name, effort_));
    return held;
  }  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): it does not follow a std::unique_ptr into a Result

  // An authority or a signer whose certificate the root has revoked vouches for nothing any more.
  bool still_good(std::string_view check, const HeldCertificate& held, std::string_view revoked) {
    return record(check, "not in the root's revocation list", require_not_revoked(held, revoked));
  }
  Parsed<void> require_not_revoked(const HeldCertificate& held, std::string_view revoked) const {
    BLINDAI_REQUIRE(!out_.root_crl->crl.lists(held.certificate.serial), Reason::revoked, item(revoked));
    return {};
  }

  void root_crl() {
    if (authority_ == nullptr || !given_or_required("root_ca_crl")) {
      return;
    }
    out_.root_crl = revocation_list("root_ca_crl", *authority_);
    if (!out_.root_crl) {
      return;
    }
    if (out_.authorities) {
      out_.authorities = still_good("pck_authority_revocation", chain_->intermediate, "pck_ca");
    }
    if (out_.tcb_info && !still_good("tcb_signer_revocation", tcb_signer_->signer, "tcb_signer")) {
      out_.tcb_info.reset();
    }
    if (out_.qe_identity && !still_good("qe_identity_signer_revocation", qe_signer_->signer, "qe_identity_signer")) {
      out_.qe_identity.reset();
    }
  }

  void pck_crl() {
    if (out_.authorities && given_or_required("pck_crl")) {
      out_.pck_crl = revocation_list("pck_crl", chain_->intermediate);
    }
  }

  const Collateral& collateral_;
  const PckChain* chain_;
  bool require_crl_;
  const Roots& roots_;
  Effort& effort_;
  Vouched out_;
  Report checks_;
  std::shared_ptr<const SigningChain> tcb_signer_;  // shared: one chain may sign both documents
  std::shared_ptr<const SigningChain> qe_signer_;
  const HeldCertificate* authority_ = nullptr;  // the root, out of the first chain that leads to it
};

// Everything that the outcome depends on, under a name of its own.
Digest cache_key(const Collateral& collateral, const PckChain& chain, bool require_crl, const Roots& roots,
                 Effort& effort) {
  cbor::Map map{{"ctx", "dcap collateral"},          {"root", roots.intel},
                {"require_crl", require_crl},        {"pck_root", *chain.root.der},
                {"pck_ca", *chain.intermediate.der}, {"collateral", collateral.digest()}};
  for (const auto& [name, bytes] : collateral.items()) {
    effort.bytes_read += bytes.size();
  }
  return crypto::sha256(cbor::encode(map));
}

bool all_hold(const Vouched& vouched) {
  return std::ranges::none_of(vouched.checks, [](const Check& check) { return check.outcome == Outcome::failed; });
}

}  // namespace

std::shared_ptr<const Vouched> vouch(const Collateral& collateral, const PckChain* chain, bool require_crl,
                                     const Roots& roots, CollateralCache* cache, Report& report) {
  std::optional<Digest> key;
  if (cache != nullptr && chain != nullptr) {
    key = cache_key(collateral, *chain, require_crl, roots, report.effort);
    if (auto kept = std::static_pointer_cast<const Vouched>(cache->find(*key))) {
      report.checks.insert(report.checks.end(), kept->checks.begin(), kept->checks.end());
      return kept;
    }
  }
  auto vouched = std::make_shared<const Vouched>(Voucher(collateral, chain, require_crl, roots, report.effort).run());
  report.checks.insert(report.checks.end(), vouched->checks.begin(), vouched->checks.end());
  if (key && all_hold(*vouched)) {
    cache->keep(*key, vouched);
  }
  return vouched;
}

}  // namespace blindai::evidence::dcap
