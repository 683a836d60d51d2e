// OpenSSL behind owning types. Nothing outside this folder and channel includes an OpenSSL header.
//
// Failures of the library itself (out of memory, no entropy) are Code::internal; a signature that does not verify is a
// plain false.
//
// Thread rule: const members may be called from any thread; a Sha256 belongs to one.
#pragma once

#include <memory>

#include "base/bytes.h"

namespace blindai::crypto {

Digest sha256(ByteView bytes);
std::array<std::uint8_t, 64> sha512(ByteView bytes);

// SHA-256 of a stream. finish() ends it.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  void update(ByteView bytes);
  Digest finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Bytes of the system's entropy. Ends the process where there is none: nothing can be done safely without.
void fill_random(MutableBytes out);
Bytes random_bytes(std::size_t count);

// Compares in time that depends on the lengths alone.
bool equal_constant_time(ByteView a, ByteView b);
// Overwrites memory in a way that the compiler keeps.
void cleanse(MutableBytes bytes);

// An Ed25519 key pair (RFC 8032). The seed is wiped on destruction.
class Ed25519Key {
 public:
  static Ed25519Key generate();
  static Result<Ed25519Key> from_seed(ByteView seed);  // 32 bytes
  Ed25519Key(Ed25519Key&&) noexcept;
  Ed25519Key& operator=(Ed25519Key&&) noexcept;
  ~Ed25519Key();
  Bytes seed() const;
  std::array<std::uint8_t, 32> public_key() const;
  Bytes public_key_der() const;  // SubjectPublicKeyInfo
  std::array<std::uint8_t, 64> sign(ByteView message) const;

 private:
  struct Impl;
  explicit Ed25519Key(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Raw public key of an Ed25519 SubjectPublicKeyInfo (exactly the 44 bytes of RFC 8410), or nothing.
std::optional<std::array<std::uint8_t, 32>> ed25519_from_der(ByteView spki);
Bytes ed25519_to_der(ByteView raw_public_key);  // 32 bytes
bool ed25519_verify(ByteView raw_public_key, ByteView message, ByteView signature);

}  // namespace blindai::crypto
