#include <algorithm>

#include "auth/auth.h"

namespace blindai::auth {
namespace {

constexpr std::string_view proof_scheme = "BlindAI ";
constexpr std::string_view bearer_scheme = "Bearer ";
constexpr std::string_view id_part = "id=";
constexpr std::string_view proof_part = ", proof=";
constexpr std::size_t id_size = 16;
constexpr std::size_t proof_text_size = 86;  // 64 bytes in base64url without padding

std::unexpected<Error> refused(const char* why) {
  return fail(Code::unauthenticated, {"the API key is missing or not accepted"}, {why});
}

Principal principal_of(const KeyRecord& record) { return {record.tenant, record.id, record.role}; }

Result<Principal> by_proof(std::string_view text, const Registry& registry, const std::vector<Digest>& keysets,
                           const std::function<Result<Bytes>(std::string_view)>& exporter) {
  if (text.size() != id_part.size() + id_size + proof_part.size() + proof_text_size || !text.starts_with(id_part) ||
      text.substr(id_part.size() + id_size, proof_part.size()) != proof_part) {
    return refused("form of the proof");
  }
  const std::string_view id = text.substr(id_part.size(), id_size);
  const auto proof = from_base64url(text.substr(text.size() - proof_text_size));
  if (!proof) {
    return refused("base64 of the proof");
  }
  BLINDAI_TRY(const Bytes bound, exporter(id));
  const auto record = registry.find(id);
  // An unknown id costs what a known one costs: it is checked against a key that nobody has.
  const std::array<std::uint8_t, 32> nobody{0x58};
  const auto& public_key = record ? record->public_key : nobody;
  bool holds = false;
  for (const Digest& keyset : keysets) {
    holds = crypto::ed25519_verify(public_key, proof_message(keyset, bound), *proof) || holds;
  }
  if (!record || !holds) {
    return refused("unknown key, or the proof does not hold");
  }
  return principal_of(*record);
}

Result<Principal> by_bearer(std::string_view text, const Registry& registry) {
  const auto key = ApiKey::parse(text);
  if (!key) {
    return refused("form of the key");
  }
  const auto record = registry.find(key->id);
  const bool same =
      crypto::equal_constant_time(record ? ByteView(record->public_key) : ByteView(), key->key.public_key());
  if (!record || !same) {
    return refused("unknown key");
  }
  return principal_of(*record);
}

}  // namespace

Result<Principal> authenticate(const std::string* header, const Modes& modes, const Registry& registry,
                               const std::vector<Digest>& keysets,
                               const std::function<Result<Bytes>(std::string_view)>& exporter) {
  if (header == nullptr) {
    if (modes.open) {
      return Principal{"open", "", Role::owner};
    }
    return refused("no header");
  }
  const std::string_view text = *header;
  if (modes.proof && text.starts_with(proof_scheme)) {
    return by_proof(text.substr(proof_scheme.size()), registry, keysets, exporter);
  }
  if (modes.bearer && text.starts_with(bearer_scheme)) {
    return by_bearer(text.substr(bearer_scheme.size()), registry);
  }
  return refused("a scheme that is not taken");
}

}  // namespace blindai::auth
