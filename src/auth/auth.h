// API keys, proof of possession, roles and tenants. Design section 11.
//
//   key      bk_<16 lower-case hex>_<base64url of a 32-byte Ed25519 seed>
//   header   Authorization: BlindAI id=<id>, proof=<base64url>     proof of possession, useless on another connection
//            Authorization: Bearer bk_..._...                      the key itself, where `auth` allows it
//   proof    Ed25519 over "blindai auth v1" || 00 || keyset_id || TLS-Exporter("EXPORTER-blindai-auth", id, 32)
//
// Thread rule: Registry is thread-safe; everything else are values.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "crypto/crypto.h"

namespace blindai::auth {

enum class Role : std::uint8_t { owner, caller };
std::string_view word(Role role);
std::optional<Role> role_from(std::string_view word);

// A key that a client holds.
struct ApiKey {
  std::string id;  // 16 lower-case hex digits
  crypto::Ed25519Key key;
  static Result<ApiKey> parse(std::string_view text);
  static ApiKey generate();
  std::string text() const;
};

Bytes proof_message(const Digest& keyset, ByteView exporter);
std::string proof_header(const ApiKey& key, const Digest& keyset, ByteView exporter);

// What the server keeps of a key.
struct KeyRecord {
  std::string id;
  std::array<std::uint8_t, 32> public_key{};
  std::string tenant;
  Role role{};
  UnixSeconds created = 0;
};

// Who speaks: proven, and bound to this connection.
struct Principal {
  std::string tenant;
  std::string key_id;  // empty under `open`
  Role role{};
};

class Registry {
 public:
  Registry();
  ~Registry();
  Result<void> add(KeyRecord record);                                 // already_exists
  Result<void> remove(std::string_view tenant, std::string_view id);  // not_found; the last owner's key stays
  std::vector<KeyRecord> list(std::string_view tenant) const;
  std::optional<KeyRecord> find(std::string_view id) const;
  bool has_tenant(std::string_view tenant) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct Modes {
  bool proof = true;
  bool bearer = false;
  bool open = false;  // simulation only
};

// Decides from the Authorization header alone. `keysets`: the live ones. `exporter`: of this connection, for a key id.
// All failures are the same public sentence, Code::unauthenticated.
Result<Principal> authenticate(const std::string* header, const Modes& modes, const Registry& registry,
                               const std::vector<Digest>& keysets,
                               const std::function<Result<Bytes>(std::string_view key_id)>& exporter);

// A tenant or model id: 1 to 64 of a-z A-Z 0-9 . _ -, starting with a letter or digit.
bool valid_id(std::string_view id);

}  // namespace blindai::auth
