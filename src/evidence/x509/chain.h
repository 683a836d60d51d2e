// Who vouches for whom. Time is checked apart from signatures, so that one appraisal can serve at many times.
//
// Thread rule: values; const members may be called from any thread. An Effort belongs to one.
#pragma once

#include "evidence/x509/crl.h"

namespace blindai::evidence::x509 {

// A public key that can verify what a certificate's holder signed, of either kind.
class VerifyingKey {
 public:
  // Nothing where the key is not valid (off the curve, too short a modulus).
  static std::optional<VerifyingKey> of(const Certificate& certificate);
  // DER signatures of ECDSA (SEQUENCE of r and s), raw ones of RSA; `algorithm` must fit the key, else false.
  bool verify(SignatureAlgorithm algorithm, ByteView message, ByteView signature, Effort& effort) const;
  // r and s, big-endian and of equal width, as quotes and Intel's JSON carry them. False for an RSA key.
  bool verify_raw(ByteView message, ByteView r_s, Effort& effort) const;

 private:
  explicit VerifyingKey(crypto::EcPublicKey key) : key_(std::move(key)) {}
  explicit VerifyingKey(crypto::RsaPublicKey key) : key_(std::move(key)) {}
  std::variant<crypto::EcPublicKey, crypto::RsaPublicKey> key_;
};

// Whether `issuer` issued `child`: it could have (below), and the signature holds. Refuses as `otherwise`. A root is looked
// at by asking whether it issued itself: nothing follows from that, but that it is not mutilated.
Parsed<void> require_issued(const Certificate& child, const Certificate& issuer, const VerifyingKey& issuer_key,
                            std::int64_t intermediates_below, const Refusal& otherwise, Effort& effort);
// Whether `issuer` could have issued `child`: names equal byte by byte, issuer a CA whose key usage allows it and whose path
// length leaves room for `intermediates_below` CA certificates. Of the signature nothing is said.
Parsed<void> require_possible_issuer(const Certificate& child, const Certificate& issuer,
                                     std::int64_t intermediates_below, const Refusal& otherwise);
// Whether `issuer` signed the list: names equal, key usage allows it, signature holds. Refuses as bad_crl with `item`.
Parsed<void> require_signed(const Crl& crl, const Certificate& issuer, const VerifyingKey& issuer_key,
                            std::string_view item, Effort& effort);

// When something may be believed. Both ends are part of it for certificates (RFC 5280 section 4.1.2.5); for documents with
// a next update the end is not.
struct Window {
  std::string item;  // "pck_chain", "root_ca_crl", ...
  UnixSeconds from = 0;
  UnixSeconds to = 0;  // the last second, inclusive
};

}  // namespace blindai::evidence::x509
