// X.509 certificates (RFC 5280), as far as the chains of Intel and AMD use them, read strictly: version 3, the algorithms
// below and their one encoding, names of printable ASCII, known critical extensions only (basicConstraints, keyUsage), no
// extension twice, no unique identifiers, DER to the last byte. Everything else is refused. Of extensions other than the
// two, the content is not looked at.
//
// A Certificate is a view: the bytes that it was read from must outlive it. Nothing in it is vouched for until a function
// of chain.h says so.
//
// Thread rule: values; no shared state.
#pragma once

#include <variant>

#include "base/clock.h"
#include "crypto/public_key.h"
#include "evidence/refusal.h"

namespace blindai::evidence::x509 {

enum class SignatureAlgorithm : std::uint8_t { ecdsa_sha256, ecdsa_sha384, rsa_pss_sha384 };

struct EcPoint {
  crypto::Curve curve{};
  ByteView xy;
};
struct RsaNumbers {
  ByteView modulus;
  ByteView exponent;
};

struct Extension {
  ByteView oid;  // content of the OBJECT IDENTIFIER
  bool critical = false;
  ByteView value;  // content of the OCTET STRING
};
inline constexpr std::size_t max_extensions = 32;
inline constexpr std::size_t max_certificate_bytes = 16 * 1024;
inline constexpr std::size_t max_serial_bytes = 20;  // RFC 5280 section 4.1.2.2, without the sign byte

// Bits of Certificate::key_usage; bit 0 of the BIT STRING is the highest.
inline constexpr std::uint16_t usage_digital_signature = 0x8000;
inline constexpr std::uint16_t usage_certificate_sign = 0x0400;
inline constexpr std::uint16_t usage_crl_sign = 0x0200;

struct Certificate {
  ByteView whole;   // the certificate
  ByteView tbs;     // what is signed
  ByteView serial;  // content of the INTEGER; zero (AMD) to 20 bytes
  ByteView issuer;  // the Name, tag and all
  ByteView subject;
  UnixSeconds not_before = 0;
  UnixSeconds not_after = 0;
  ByteView public_key_info;  // SubjectPublicKeyInfo, tag and all
  std::variant<EcPoint, RsaNumbers> key;
  SignatureAlgorithm algorithm{};
  ByteView signature;  // content of the BIT STRING without its count of unused bits
  bool ca = false;     // basicConstraints
  std::optional<std::int64_t> path_length;
  std::optional<std::uint16_t> key_usage;
  std::array<Extension, max_extensions> extensions{};
  std::size_t extension_count = 0;

  const Extension* extension(ByteView oid) const;  // nullptr where absent
};

// `item` names what is read in the refusal: bad_certificate for its form; `not_offered` where the form holds and the
// certificate asks for what is not offered (another signature algorithm, another kind of key, an unknown critical
// extension).
Parsed<Certificate> parse_certificate(ByteView der, std::string_view item, Reason not_offered = Reason::bad_cert_chain);

// The text of the one commonName of a Name; nothing where there is none or more than one.
std::optional<std::string_view> common_name(ByteView name);
// A Name for people: "CN=Intel SGX Root CA, O=Intel Corporation". Cut to 256 bytes, printable ASCII only.
std::string describe_name(ByteView name);

}  // namespace blindai::evidence::x509
