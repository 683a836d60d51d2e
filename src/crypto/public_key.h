// Public keys that verify: ECDSA on P-256 and P-384, RSASSA-PSS. Made of raw numbers, as certificates and quotes hold them;
// a key object exists only for a key that is valid (a point on the curve and not at infinity; an odd modulus of 2048 to
// 8192 bits, an odd exponent above 2). Verification says yes or no; what is malformed is a no.
//
// Thread rule: values; const members may be called from any thread.
#pragma once

#include <memory>

#include "base/bytes.h"

namespace blindai::crypto {

std::array<std::uint8_t, 48> sha384(ByteView bytes);

enum class Curve : std::uint8_t { p256, p384 };
// Bytes of a field element, of r and of s: 32 or 48.
constexpr std::size_t field_bytes(Curve curve) { return curve == Curve::p256 ? 32 : 48; }

class EcPublicKey {
 public:
  // `point`: x and y, big-endian, field_bytes() each, without the leading 04 of SEC 1.
  static std::optional<EcPublicKey> from_point(Curve curve, ByteView point);
  Curve curve() const { return curve_; }
  // `signature`: r and s, big-endian, field_bytes() each; both must lie in 1..n-1 (FIPS 186-5 section 6.4.2). The message
  // is hashed with SHA-256 on P-256 and SHA-384 on P-384.
  bool verify(ByteView message, ByteView signature) const;

 private:
  struct Impl;
  EcPublicKey(Curve curve, std::shared_ptr<const Impl> impl) : curve_(curve), impl_(std::move(impl)) {}
  Curve curve_;
  std::shared_ptr<const Impl> impl_;  // shared: a key is copied with what it was proved for, and never changes
};

class RsaPublicKey {
 public:
  static std::optional<RsaPublicKey> from_numbers(ByteView modulus,
                                                  ByteView exponent);  // big-endian, without sign bytes
  // RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes (RFC 8017 section 8.1.2), as AMD signs.
  bool verify_pss_sha384(ByteView message, ByteView signature) const;

 private:
  struct Impl;
  explicit RsaPublicKey(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace blindai::crypto
