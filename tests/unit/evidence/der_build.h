// Certificates and revocation lists put together by hand, so that each part can be what no issuer would write, and
// signed with keys of the test's own.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string_view>

#include "evidence/x509/certificate.h"

namespace blindai::evidence::x509::build {

Bytes hex(std::string_view text);  // white space is left out
Bytes element(std::uint8_t tag, ByteView content);
Bytes join(std::initializer_list<Bytes> parts);
Bytes sequence(std::initializer_list<Bytes> parts);
Bytes bit_string(ByteView bytes);
Bytes utc(std::string_view text);                     // "220101000000Z"
Bytes name(std::string_view common_name);             // CN alone, UTF8String
Bytes attribute(std::uint8_t tag, std::string_view);  // SET { SEQUENCE { commonName, value } }
Bytes extension(std::string_view oid_hex, bool critical, ByteView value);

inline const Bytes ecdsa_sha256 = hex("300a06082a8648ce3d040302");
inline const Bytes ecdsa_sha384 = hex("300a06082a8648ce3d040303");
inline const Bytes pss_sha384 =
    hex("304106092a864886f70d01010a3034a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d0609608648"
        "0165030402020500a203020130");
inline constexpr std::string_view basic_constraints = "551d13";
inline constexpr std::string_view key_usage = "551d0f";
inline constexpr std::string_view crl_number = "551d14";
inline constexpr std::string_view authority_key = "551d23";

// A key pair that signs with the parameters of an algorithm, fitting or not.
class Signer {
 public:
  static Signer p256();
  static Signer p384();
  static Signer rsa();            // 2048 bits; made once, always the same
  Bytes public_key_info() const;  // DER
  Bytes sign(SignatureAlgorithm algorithm, ByteView message) const;
  EVP_PKEY* get() const { return key_.get(); }

 private:
  explicit Signer(EVP_PKEY* key) : key_(key, EVP_PKEY_free) {}
  std::shared_ptr<EVP_PKEY> key_;
};

// What a certificate is made of, each part encoded already: by default an authority's over a key of its own.
struct CertificateParts {
  explicit CertificateParts(const Signer& subject_key);

  Bytes version = hex("a003020102");
  Bytes serial = hex("020105");
  Bytes inner_algorithm = ecdsa_sha256;
  Bytes issuer = name("Issuer");
  Bytes validity = sequence({utc("220101000000Z"), utc("320101000000Z")});
  Bytes subject = name("Subject");
  Bytes key;
  Bytes before_extensions;  // where unique identifiers would stand
  std::vector<Bytes> extensions = {extension(basic_constraints, true, hex("30030101ff")),
                                   extension(key_usage, true, hex("03020106"))};
  Bytes raw_extensions;  // instead of those, where it is not empty: [3] and all
  Bytes after_extensions;
  Bytes outer_algorithm = ecdsa_sha256;
  Bytes after_signature;  // inside the certificate
  Bytes after_all;

  Bytes signed_by(const Signer& issuer, SignatureAlgorithm algorithm = SignatureAlgorithm::ecdsa_sha256) const;
};

struct CrlParts {
  Bytes version = hex("020101");
  Bytes inner_algorithm = ecdsa_sha256;
  Bytes issuer = name("Issuer");
  Bytes dates = join({utc("220101000000Z"), utc("220201000000Z")});
  Bytes entries;  // the SEQUENCE, or nothing
  std::vector<Bytes> extensions = {extension(crl_number, false, hex("020107")),
                                   extension(authority_key, false, hex("300680040a0b0c0d"))};
  Bytes raw_extensions;  // instead of those, where it is not empty: [0] and all
  Bytes after_extensions;
  Bytes outer_algorithm = ecdsa_sha256;
  Bytes after_signature;
  Bytes after_all;

  Bytes signed_by(const Signer& issuer, SignatureAlgorithm algorithm = SignatureAlgorithm::ecdsa_sha256) const;
};

}  // namespace blindai::evidence::x509::build
