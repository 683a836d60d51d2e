#include "evidence/snp/vouched.h"

#include <algorithm>

#include "base/cbor.h"
#include "crypto/crypto.h"
#include "evidence/x509/crl.h"
#include "evidence/x509/pem.h"

namespace blindai::evidence::snp {
namespace {

constexpr const char* vek_item = "vek";
constexpr const char* ask_item = "ask";
constexpr const char* asvk_item = "asvk";
constexpr const char* ark_item = "ark";
constexpr const char* crl_item = "ark_crl";
constexpr const char* amd = "AMD root key";

// A certificate with its key, and the bytes that it is a view of.
struct Authority {
  std::vector<Bytes> ders;
  x509::Certificate certificate;
  std::optional<x509::VerifyingKey> key;
};

class Voucher {
 public:
  Voucher(const Collateral& collateral, bool require_crl, const Roots& roots, Effort& effort)
      : collateral_(collateral), require_crl_(require_crl), roots_(roots), effort_(effort) {}

  Vouched run() {
    const Bytes* vek = given(vek_item);
    const bool vek_read = vek != nullptr && record(vek_item, "a VCEK or VLEK of a known product", read_vek(*vek));
    choose_intermediate(vek_read);
    const Bytes* intermediate = given(intermediate_item_);
    const Bytes* ark = given(ark_item);
    const Bytes* crl = crl_given_or_not_needed();
    const bool root = ark != nullptr && record(ark_item, "the pinned key of a product, self-signed", read_ark(*ark));
    const bool agreed = root && vek_read && record("vek_product", std::string(word(product_)), require_product());
    // Another product's ARK, and its list, say nothing of this chain.
    if (root && (agreed || !vek_read)) {
      out_.windows.push_back(window_of(ark_item, ark_.certificate));
      revocation_list(crl);
    }
    const bool authority =
        agreed && intermediate != nullptr &&
        record(intermediate_item_, "the product's, signed by the ARK", read_intermediate(*intermediate)) &&
        still_good();
    if (authority && record("vek_signature", "by the ARK's intermediate", require_vek())) {
      out_.signer = Signer{vek_facts_, *vek_.key, window_of(vek_item, vek_.certificate)};
    }
    out_.checks = std::move(findings_.checks);
    return std::move(out_);
  }

 private:
  // Adds the check; true where it passed.
  template <typename T>
  bool record(std::string name, std::string expected, const Parsed<T>& outcome) {
    if (!outcome) {
      findings_.fail(std::move(name), outcome.error(), std::move(expected), amd);
      return false;
    }
    findings_.pass(std::move(name), std::move(expected), "holds", amd);
    return true;
  }

  Parsed<void> require_given(const char* name) const {
    BLINDAI_REQUIRE(collateral_.find(name) != nullptr, Reason::collateral_missing, name);
    return {};
  }

  // The item; nullptr, and a check that failed, where it is missing. All that are missing are told at once.
  const Bytes* given(const char* name) {
    if (const auto outcome = require_given(name); !outcome) {
      record(name, "an item of the collateral", outcome);
    }
    return collateral_.find(name);
  }

  const Bytes* crl_given_or_not_needed() {
    if (collateral_.find(crl_item) == nullptr && !require_crl_) {
      findings_.not_applicable(crl_item, "none was given, and the policy has require_crl = false");
      return nullptr;
    }
    return given(crl_item);
  }

  // A VCEK belongs under an ASK and a VLEK under an ASVK. Where only the other is there, its signature will not hold.
  void choose_intermediate(bool vek_read) {
    const bool vlek = vek_read && vek_facts_.kind == KeyKind::vlek;
    const char* wanted = vlek ? asvk_item : ask_item;
    const char* other = vlek ? ask_item : asvk_item;
    intermediate_item_ = collateral_.find(wanted) == nullptr && collateral_.find(other) != nullptr ? other : wanted;
  }

  static x509::Window window_of(const char* name, const x509::Certificate& certificate) {
    return {name, certificate.not_before, certificate.not_after};
  }

  Parsed<void> read_vek(const Bytes& der) {
    effort_.bytes_read += der.size();
    BLINDAI_TRY(vek_.certificate, x509::parse_certificate(der, vek_item, Reason::bad_vek_chain));
    BLINDAI_TRY(vek_facts_, parse_vek(vek_.certificate));
    vek_.key = x509::VerifyingKey::of(vek_.certificate);
    BLINDAI_REQUIRE(vek_.key.has_value(), Reason::bad_certificate, vek_item);
    return {};
  }

  // The first certificate that plays the part; the first at all where none does, which the caller then refuses.
  template <typename Part>
  Parsed<Authority> read_authority(const Bytes& pem, const char* name, const Part& plays_part) {
    effort_.bytes_read += pem.size();
    Authority found;
    BLINDAI_TRY(found.ders, x509::certificates_of_pem(pem, name, Reason::bad_vek_chain));
    bool first = true;
    for (const Bytes& der : found.ders) {
      BLINDAI_TRY(const x509::Certificate certificate, x509::parse_certificate(der, name, Reason::bad_vek_chain));
      const bool plays = plays_part(certificate);
      if (plays || first) {
        found.certificate = certificate;
      }
      if (plays) {
        break;
      }
      first = false;
    }
    found.key = x509::VerifyingKey::of(found.certificate);
    BLINDAI_REQUIRE(found.key.has_value(), Reason::bad_certificate, name);
    return found;
  }

  std::optional<Product> pinned_product(const x509::Certificate& certificate) const {
    const auto pin = std::ranges::find(roots_.amd, crypto::sha256(certificate.public_key_info));
    return pin == roots_.amd.end() ? std::nullopt
                                   : std::optional(static_cast<Product>(std::distance(roots_.amd.begin(), pin)));
  }

  Parsed<void> read_ark(const Bytes& pem) {
    BLINDAI_TRY(ark_,
                read_authority(pem, ark_item, [&](const auto& each) { return pinned_product(each).has_value(); }));
    const auto product = pinned_product(ark_.certificate);
    BLINDAI_REQUIRE(product.has_value(), Reason::untrusted_root, vek_item);
    product_ = product.value_or(Product::milan);
    BLINDAI_CHECK(x509::require_issued(ark_.certificate, ark_.certificate, *ark_.key, 1,
                                       {Reason::untrusted_root, vek_item}, effort_));
    return {};
  }

  Parsed<void> require_product() const {
    BLINDAI_REQUIRE(vek_facts_.product == product_, Reason::product_mismatch);
    return {};
  }

  void revocation_list(const Bytes* crl) {
    if (crl != nullptr) {
      record(crl_item, "signed by the ARK", read_crl(*crl));
    }
  }

  Parsed<void> read_crl(const Bytes& der) {
    effort_.bytes_read += der.size();
    BLINDAI_TRY(const x509::Crl crl, x509::parse_crl(der, crl_item));
    BLINDAI_CHECK(x509::require_signed(crl, ark_.certificate, *ark_.key, crl_item, effort_));
    out_.windows.push_back({crl_item, crl.this_update, crl.next_update - 1});
    out_.crl_number = x509::crl_number(crl);
    crl_ = crl;
    return {};
  }

  Parsed<void> read_intermediate(const Bytes& pem) {
    const std::string name = (vek_facts_.kind == KeyKind::vlek ? "SEV-VLEK-" : "SEV-") + std::string(word(product_));
    const auto plays_part = [&](const auto& each) { return x509::common_name(each.subject) == name; };
    BLINDAI_TRY(intermediate_, read_authority(pem, intermediate_item_, plays_part));
    BLINDAI_REQUIRE(plays_part(intermediate_.certificate), Reason::bad_vek_chain);
    BLINDAI_CHECK(x509::require_issued(intermediate_.certificate, ark_.certificate, *ark_.key, 1,
                                       {Reason::bad_vek_chain, {}}, effort_));
    out_.windows.push_back(window_of(intermediate_item_, intermediate_.certificate));
    return {};
  }

  // An intermediate that the ARK has revoked vouches for nothing any more.
  bool still_good() {
    return !crl_ || record(intermediate_item_ + std::string("_revocation"), "not in the ARK's revocation list",
                           require_not_revoked());
  }

  Parsed<void> require_not_revoked() const {
    BLINDAI_REQUIRE(!crl_->lists(intermediate_.certificate.serial), Reason::revoked, intermediate_item_);
    return {};
  }

  Parsed<void> require_vek() {
    return x509::require_issued(vek_.certificate, intermediate_.certificate, *intermediate_.key, 0,
                                {Reason::bad_vek_chain, {}}, effort_);
  }

  const Collateral& collateral_;
  bool require_crl_;
  const Roots& roots_;
  Effort& effort_;
  Vouched out_;
  evidence::Report findings_;  // only for its checks
  const char* intermediate_item_ = ask_item;
  Authority ark_;
  Authority intermediate_;
  Authority vek_;
  Vek vek_facts_;
  Product product_{};  // of the ARK
  std::optional<x509::Crl> crl_;
};

// Everything that the outcome depends on, under a name of its own.
Digest cache_key(const Collateral& collateral, bool require_crl, const Roots& roots, Effort& effort) {
  cbor::Map map{{"ctx", "snp collateral"}, {"require_crl", require_crl}};
  Bytes pins;
  for (const Digest& pin : roots.amd) {
    append(pins, pin.view());
  }
  map.emplace("roots", std::move(pins));
  for (const char* name : {vek_item, ask_item, asvk_item, ark_item, crl_item}) {
    if (const Bytes* bytes = collateral.find(name)) {
      map.emplace(name, *bytes);
    }
  }
  const Bytes document = cbor::encode(map);
  effort.bytes_read += document.size();
  return crypto::sha256(document);
}

bool all_hold(const Vouched& vouched) {
  return std::ranges::none_of(vouched.checks, [](const Check& check) { return check.outcome == Outcome::failed; });
}

}  // namespace

std::shared_ptr<const Vouched> vouch(const Collateral& collateral, bool require_crl, const Roots& roots,
                                     CollateralCache* cache, evidence::Report& findings) {
  std::optional<Digest> key;
  std::shared_ptr<const Vouched> vouched;
  if (cache != nullptr) {
    key = cache_key(collateral, require_crl, roots, findings.effort);
    vouched = std::static_pointer_cast<const Vouched>(cache->find(*key));
  }
  if (!vouched) {
    vouched = std::make_shared<const Vouched>(Voucher(collateral, require_crl, roots, findings.effort).run());
    if (key && all_hold(*vouched)) {
      cache->keep(*key, vouched);
    }
  }
  findings.checks.insert(findings.checks.end(), vouched->checks.begin(), vouched->checks.end());
  return vouched;
}

}  // namespace blindai::evidence::snp
