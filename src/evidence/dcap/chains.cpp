#include "evidence/dcap/chains.h"

#include <algorithm>

#include "crypto/crypto.h"
#include "evidence/x509/pem.h"

namespace blindai::evidence::dcap {
namespace {

constexpr std::string_view pck_item = "pck_chain";

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

Parsed<void> require_root(const HeldCertificate& root, std::string_view item, const Roots& roots, Effort& effort) {
  BLINDAI_REQUIRE(crypto::sha256(root.certificate.public_key_info) == roots.intel, Reason::untrusted_root,
                  std::string(item));
  if (crypto::sha256(*root.der) == roots.intel_certificate) {
    return {};
  }
  return x509::require_issued(root.certificate, root.certificate, root.key, 0,
                              {Reason::bad_cert_chain, std::string(item)}, effort);
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
  return x509::require_issued(chain.intermediate.certificate, chain.root.certificate, chain.root.key, 1,
                              {Reason::bad_cert_chain, std::string(pck_item)}, effort);
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
  BLINDAI_CHECK(x509::require_issued(signer.certificate, root.certificate, root.key, 0,
                                     {Reason::bad_cert_chain, std::string(item)}, effort));
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
