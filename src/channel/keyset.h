// The keyset document: what evidence vouches for. Deterministic CBOR; its SHA-256 is the keyset id. Design section 5.
#pragma once

#include <map>
#include <optional>

#include "base/cbor.h"
#include "base/clock.h"

namespace blindai::channel {

inline constexpr UnixSeconds max_keyset_life = 24 * 3600;
inline constexpr UnixSeconds clock_skew = 300;
inline constexpr std::size_t nonce_bytes = 32;

struct Keyset {
  std::string tee;
  Digest tls;     // SHA-256 of the leaf's SubjectPublicKeyInfo
  Bytes session;  // Ed25519 SubjectPublicKeyInfo
  Bytes receipt;  // Ed25519 SubjectPublicKeyInfo
  std::optional<Bytes> hpke;
  cbor::Map config;                    // the security configuration, closed schema
  std::map<std::string, Digest> code;  // file name to SHA-256
  std::optional<std::pair<Bytes, std::int64_t>> store;
  std::string build;
  UnixSeconds not_before = 0;
  UnixSeconds not_after = 0;

  Bytes encode() const;
  // Refuses every deviation: unknown or missing key, type, `ctx`, key that is not Ed25519, not_after <= not_before.
  static Result<Keyset> decode(ByteView document);
};

Digest keyset_id(ByteView document);
// Measurement of the simulated TEE: SHA-256 of the deterministic CBOR of `code`.
Digest code_measurement(const std::map<std::string, Digest>& code);

// The 64 bytes that evidence signs. Standing evidence has 32 zeros for value, fresh evidence a Merkle root.
enum class EvidenceKind : std::uint8_t { standing = 0, fresh = 1 };
std::array<std::uint8_t, 64> report_data(EvidenceKind kind, const Digest& keyset, ByteView value);

// What the session key signs, after TLS Finished: "blindai session v1" || 00 || keyset_id || nonce || exporter.
Bytes session_message(const Digest& keyset, ByteView nonce, ByteView exporter);

}  // namespace blindai::channel
