// Private to this folder: what certificates and revocation lists are both made of.
#pragma once

#include "evidence/x509/certificate.h"
#include "evidence/x509/der.h"

namespace blindai::evidence::x509 {

// An element that must be there, or `otherwise`.
template <typename T>
Parsed<T> required(const std::optional<T>& value, const Refusal& otherwise) {
  return value ? Parsed<T>(*value) : std::unexpected(otherwise);
}

// SIGNED{...} of X.509: what is signed, with what, and the signature. Nothing may follow.
struct SignedParts {
  Element tbs;
  ByteView algorithm;  // AlgorithmIdentifier, tag and all
  ByteView signature;
};
std::optional<SignedParts> read_signed(ByteView der);

// The algorithm of an AlgorithmIdentifier, by its bytes: each has the one encoding that is seen, RSASSA-PSS two, as AMD
// writes the default trailer field out in certificates of authorities and leaves it out elsewhere.
std::optional<SignatureAlgorithm> algorithm_of(ByteView identifier);

std::optional<UnixSeconds> take_time(Der& der);
// Whether this is a Name: at least one attribute, each alone in its set, of printable ASCII.
bool is_name(ByteView whole);

std::optional<Extension> take_extension(Der& list);
// Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension: none twice, and no more than max_extensions.
struct Extensions {
  std::array<Extension, max_extensions> list{};
  std::size_t count = 0;
};
std::optional<Extensions> read_extensions(ByteView sequence);

namespace oid {
inline constexpr std::array<std::uint8_t, 3> key_usage = {0x55, 0x1d, 0x0f};
inline constexpr std::array<std::uint8_t, 3> basic_constraints = {0x55, 0x1d, 0x13};
inline constexpr std::array<std::uint8_t, 3> crl_number = {0x55, 0x1d, 0x14};
inline constexpr std::array<std::uint8_t, 3> delta_crl_indicator = {0x55, 0x1d, 0x1b};
inline constexpr std::array<std::uint8_t, 3> issuing_distribution_point = {0x55, 0x1d, 0x1c};
inline constexpr std::array<std::uint8_t, 3> certificate_issuer = {0x55, 0x1d, 0x1d};
inline constexpr std::array<std::uint8_t, 3> authority_key_identifier = {0x55, 0x1d, 0x23};
}  // namespace oid

bool equal(ByteView a, ByteView b);

}  // namespace blindai::evidence::x509
