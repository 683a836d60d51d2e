// Private to this folder: the two kinds of chain under the Intel SGX Root CA, with signatures checked from the pinned root
// down. Dates are not judged here.
#pragma once

#include <memory>

#include "evidence/roots.h"
#include "evidence/x509/chain.h"

namespace blindai::evidence::dcap {

// A certificate that owns its bytes, with its key. The certificate is a view into `der`; so this can move and not be copied.
struct HeldCertificate {
  std::unique_ptr<const Bytes> der;
  x509::Certificate certificate;
  x509::VerifyingKey key;
};

// Leaf, intermediate and root of a quote's certification data.
struct PckChain {
  HeldCertificate leaf;
  HeldCertificate intermediate;
  HeldCertificate root;
};

// Signer and root of a TCB info or QE identity.
struct SigningChain {
  HeldCertificate signer;
  HeldCertificate root;
};

// The three certificates of PEM text, read and named as Intel names them; nothing is vouched for yet.
Parsed<PckChain> parse_pck_chain(ByteView pem, Effort& effort);
// Root pinned and signed by itself, intermediate signed by the root.
Parsed<void> require_pck_authorities(const PckChain& chain, const Roots& roots, Effort& effort);
// Leaf signed by the intermediate.
Parsed<void> require_pck_leaf(const PckChain& chain, Effort& effort);
// All of a TCB signing chain. `item` is "tcb_signing_chain" or "qe_identity_signing_chain".
Parsed<SigningChain> verify_signing_chain(ByteView pem, std::string_view item, const Roots& roots, Effort& effort);

// When all certificates of a chain are valid at once.
x509::Window window_of(std::initializer_list<const HeldCertificate*> certificates, std::string_view item);

}  // namespace blindai::evidence::dcap
