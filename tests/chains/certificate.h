// Certificates (RFC 5280) as a form that a test fills in or changes, and the DER that comes of it. What the form says is
// what is written, right or wrong.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "chains/key.h"

namespace blindai::chains {

struct Validity {
  UnixSeconds from = 0;
  UnixSeconds to = 0;
};

struct Extension {
  std::string oid{};  // dotted
  bool critical = false;
  Bytes value;  // what the OCTET STRING holds
};

struct BasicConstraints {
  bool ca = false;
  std::optional<std::int64_t> path_length{};
};

// Bits of KeyUsage, the first bit highest.
inline constexpr std::uint16_t digital_signature = 0x8000;
inline constexpr std::uint16_t non_repudiation = 0x4000;
inline constexpr std::uint16_t key_cert_sign = 0x0400;
inline constexpr std::uint16_t crl_sign = 0x0200;

using Edit = std::function<void(Bytes&)>;

struct Certificate {
  Key key;  // of the subject
  Bytes subject{};
  Bytes issuer{};
  Key signer;  // the issuer's, unless a test wants another
  Validity validity{};
  Bytes serial{};                              // magnitude
  std::int64_t version = 2;                    // as it is written: 2 is version 3
  std::optional<Algorithm> algorithm{};        // of the signature; else the signer's usual one
  std::optional<Algorithm> inner_algorithm{};  // as the signed part names it, where that differs
  std::optional<Algorithm> signed_with{};      // in truth, where that is not what is written
  std::optional<Bytes> public_key_info{};      // as it is written, where it is not the key's
  std::optional<BasicConstraints> basic_constraints{};
  std::optional<std::uint16_t> key_usage{};
  bool key_identifiers = true;          // authorityKeyIdentifier and subjectKeyIdentifier
  std::string crl_address{};            // cRLDistributionPoints; empty for none
  std::vector<Extension> extensions{};  // after those
  bool generalized_time = false;        // dates as GeneralizedTime, whatever their year
  Edit edit_signed{};                   // changes the signed part before it is signed
  Edit edit_whole{};                    // changes the certificate after

  Bytes der() const;
};

Bytes extension_der(const Extension& extension);
// SEQUENCE { signed part, algorithm, BIT STRING }, as certificates and revocation lists are.
Bytes seal_signed(const Bytes& signed_part, Algorithm named, Algorithm used, const Key& signer);

// A Name of UTF8Strings (the country a PrintableString), with the attributes in the order given.
struct NamePart {
  std::string oid{};
  std::string text{};
};
Bytes name(const std::vector<NamePart>& parts);
Bytes intel_name(std::string_view common_name);
Bytes amd_name(std::string_view common_name);

// PEM (RFC 7468), lines of 64 characters, each block followed by a line feed.
std::string pem(ByteView certificate);
std::string pem(const std::vector<Bytes>& certificates);

}  // namespace blindai::chains
