// Keys that sign in tests. Elliptic ones are made when they are asked for; RSA keys of 4096 bits take seconds to make, so
// that they stand in rsa_test_keys.cpp for everyone to read: they protect nothing.
//
// Thread rule: values that share what never changes.
#pragma once

#include <memory>

#include "base/bytes.h"

struct evp_pkey_st;  // EVP_PKEY

namespace blindai::chains {

enum class Curve { p256, p384, secp256k1 };

// How something is signed, and the AlgorithmIdentifier that says so.
enum class Algorithm {
  ecdsa_sha256,
  ecdsa_sha384,
  ecdsa_sha1,
  rsa_pss_sha384,          // as AMD signs: MGF1 with SHA-384, salt of 48 bytes
  rsa_pss_sha384_trailer,  // the same with the default trailer field spelt out, as AMD's own certificates have it
  rsa_pss_sha384_salt_32,  // the same with another salt
  rsa_pss_sha256,
  rsa_pkcs1_sha384,
};
Bytes algorithm_identifier(Algorithm algorithm);

class Key {
 public:
  static Key generate(Curve curve);
  // `name`: "milan_ark", "milan_ask", "milan_asvk", the same for Genoa and Turin, or "stranger".
  static Key rsa(std::string_view name);

  bool is_rsa() const;
  Bytes public_key_info() const;  // SubjectPublicKeyInfo
  Digest id() const;              // SHA-256 of it
  Bytes key_identifier() const;   // 20 bytes (RFC 7093 section 2, method 1)
  Bytes point() const;            // x and y, big-endian; elliptic keys only
  // The signature as certificates carry it. A test key of RSA gives the same one for the same message.
  Bytes sign(Algorithm algorithm, ByteView message) const;
  // r and s, big-endian, as wide as the field; SHA-256 on curves of 256 bits, SHA-384 on P-384.
  Bytes sign_raw(ByteView message) const;
  // The signature algorithm that goes with the key unless a test wants another.
  Algorithm usual_algorithm() const;

 private:
  explicit Key(evp_pkey_st* key);
  std::size_t field_bytes() const;
  Bytes sign_anew(Algorithm algorithm, ByteView message) const;
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace blindai::chains
