#include "evidence/dcap/chains.h"

#include <algorithm>

#include "crypto/crypto.h"
#include "evidence/x509/pem.h"

namespace blindai::evidence::dcap {
namespace {

constexpr std::string_view pck_item = "pck_chain";
constexpr std::size_t max_known_bytes = 1024;  // none of those that Roots knows is longer

// A certificate that cannot be read ends the chain that it belongs to, whatever is wrong with it.
Parsed<HeldCertificate> hold(Bytes bytes, std::string_view item) {
  auto der = std::make_unique<const Bytes>(std::move(bytes));
  auto certificate = x509::parse_certificate(*der, item);
  if (!certificate) {
    return refuse(Reason::bad_cert_chain, std::string(item));
  }
  const auto* point = std::get_if<x509::EcPoint>(&certificate->key);
  BLINDAI_REQUIRE(point != nullptr && point->curve == crypto::Curve::p256, Reason::bad_cert_chain, std::string(item));
  auto key = x509::VerifyingKey::of(*certificate);
  BLINDAI_REQUIRE(key.has_value(), Reason::bad_cert_chain, std::string(item));
  return HeldCertificate{std::move(der), *certificate, std::move(*key)};
}

Parsed<std::vector<Bytes>> split(ByteView pem, std::size_t wanted, std::string_view item, Effort& effort) {
  effort.bytes_read += pem.size();
  BLINDAI_TRY(auto list, x509::certificates_of_pem(pem, item));
  BLINDAI_REQUIRE(list.size() == wanted, Reason::bad_cert_chain, std::string(item));
  return list;
}

bool is_known(const HeldCertificate& held, const Roots& roots, Effort& effort) {
  if (held.der->size() > max_known_bytes) {
    return false;
  }
  effort.bytes_read += held.der->size();
  return std::ranges::find(roots.signed_by_intel, crypto::sha256(*held.der)) != roots.signed_by_intel.end();
}

// `root` has the pinned key.
Parsed<void> require_issued_by_root(const HeldCertificate& child, const HeldCertificate& root,
                                    std::int64_t intermediates_below, std::string_view item, const Roots& roots,
                                    Effort& effort) {
  const Refusal bad{Reason::bad_cert_chain, std::string(item)};
  if (is_known(child, roots, effort)) {
    return x509::require_possible_issuer(child.certificate, root.certificate, intermediates_below, bad);
  }
  return x509::require_issued(child.certificate, root.certificate, root.key, intermediates_below, bad, effort);
}

Parsed<void> require_root(const HeldCertificate& root, std::string_view item, const Roots& roots, Effort& effort) {
  BLINDAI_REQUIRE(crypto::sha256(root.certificate.public_key_info) == roots.intel, Reason::untrusted_root,
                  std::string(item));
  return require_issued_by_root(root, root, 0, item, roots, effort);
}

}  // namespace

Parsed<PckChain> parse_pck_chain(ByteView pem, Effort& effort) {
  BLINDAI_TRY(auto list, split(pem, 3, pck_item, effort));
  BLINDAI_TRY(HeldCertificate leaf, hold(std::move(list[0]), pck_item));
  BLINDAI_TRY(HeldCertificate intermediate, hold(std::move(list[1]), pck_item));
  BLINDAI_TRY(HeldCertificate root, hold(std::move(list[2]), pck_item));
  return PckChain{std::move(leaf), std::move(intermediate), std::move(root)};
}

Parsed<void> require_pck_authorities(const PckChain& chain, const Roots& roots, Effort& effort) {
  BLINDAI_CHECK(require_root(chain.root, pck_item, roots, effort));
  const auto name = x509::common_name(chain.intermediate.certificate.subject);
  BLINDAI_REQUIRE(name == "Intel SGX PCK Platform CA" || name == "Intel SGX PCK Processor CA", Reason::bad_cert_chain,
                  std::string(pck_item));
  return require_issued_by_root(chain.intermediate, chain.root, 1, pck_item, roots, effort);
}

Parsed<void> require_pck_leaf(const PckChain& chain, Effort& effort) {
  BLINDAI_REQUIRE(x509::common_name(chain.leaf.certificate.subject) == "Intel SGX PCK Certificate",
                  Reason::bad_cert_chain, std::string(pck_item));
  BLINDAI_REQUIRE(!chain.leaf.certificate.ca, Reason::bad_cert_chain, std::string(pck_item));
  return x509::require_issued(chain.leaf.certificate, chain.intermediate.certificate, chain.intermediate.key, 0,
                              {Reason::bad_cert_chain, std::string(pck_item)}, effort);
}

Parsed<SigningChain> verify_signing_chain(ByteView pem, std::string_view item, const Roots& roots, Effort& effort) {
  BLINDAI_TRY(auto list, split(pem, 2, item, effort));
  BLINDAI_TRY(HeldCertificate signer, hold(std::move(list[0]), item));
  BLINDAI_TRY(HeldCertificate root, hold(std::move(list[1]), item));
  BLINDAI_CHECK(require_root(root, item, roots, effort));
  BLINDAI_REQUIRE(x509::common_name(signer.certificate.subject) == "Intel SGX TCB Signing", Reason::bad_cert_chain,
                  std::string(item));
  BLINDAI_REQUIRE(!signer.certificate.ca, Reason::bad_cert_chain, std::string(item));
  BLINDAI_CHECK(require_issued_by_root(signer, root, 0, item, roots, effort));
  return SigningChain{std::move(signer), std::move(root)};
}

x509::Window window_of(std::initializer_list<const HeldCertificate*> certificates, std::string_view item) {
  x509::Window window{.item = std::string(item), .from = INT64_MIN, .to = INT64_MAX};
  for (const HeldCertificate* held : certificates) {
    window.from = std::max(window.from, held->certificate.not_before);
    window.to = std::min(window.to, held->certificate.not_after);
  }
  return window;
}

}  // namespace blindai::evidence::dcap
