#include <algorithm>

#include "auth/auth.h"

namespace blindai::auth {
namespace {

constexpr std::string_view prefix = "bk_";
constexpr std::size_t id_size = 16;
constexpr std::size_t seed_text_size = 43;  // 32 bytes in base64url without padding
constexpr std::string_view proof_context = "blindai auth v1";
constexpr std::size_t max_id_size = 64;

bool is_key_id(std::string_view id) {
  return id.size() == id_size &&
         std::ranges::all_of(id, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

}  // namespace

std::string_view word(Role role) { return role == Role::owner ? "owner" : "caller"; }

std::optional<Role> role_from(std::string_view word) {
  if (word == "owner") {
    return Role::owner;
  }
  return word == "caller" ? std::optional(Role::caller) : std::nullopt;
}

Result<ApiKey> ApiKey::parse(std::string_view text) {
  const auto wrong = [] {
    return fail(Code::unauthenticated,
                {"this is not an API key: it starts with bk_, then 16 hexadecimal digits, then _"});
  };
  if (text.size() != prefix.size() + id_size + 1 + seed_text_size || !text.starts_with(prefix) ||
      text[prefix.size() + id_size] != '_' || !is_key_id(text.substr(prefix.size(), id_size))) {
    return wrong();
  }
  auto seed = from_base64url(text.substr(prefix.size() + id_size + 1));
  if (!seed) {
    return wrong();
  }
  auto key = crypto::Ed25519Key::from_seed(*seed);
  crypto::cleanse(*seed);
  if (!key) {
    return wrong();
  }
  return ApiKey{std::string(text.substr(prefix.size(), id_size)), std::move(*key)};
}

ApiKey ApiKey::generate() { return {to_hex(crypto::random_bytes(id_size / 2)), crypto::Ed25519Key::generate()}; }

std::string ApiKey::text() const {
  Bytes seed = key.seed();
  std::string text = std::string(prefix) + id + "_" + to_base64url(seed);
  crypto::cleanse(seed);
  return text;
}

Bytes proof_message(const Digest& keyset, ByteView exporter) {
  Bytes message = copy(as_bytes(proof_context));
  message.push_back(0);
  append(message, keyset.view());
  append(message, exporter);
  return message;
}

std::string proof_header(const ApiKey& key, const Digest& keyset, ByteView exporter) {
  const auto proof = key.key.sign(proof_message(keyset, exporter));
  return "BlindAI id=" + key.id + ", proof=" + to_base64url(proof);
}

bool valid_id(std::string_view id) {
  return !id.empty() && id.size() <= max_id_size && is_letter_or_digit(id.front()) &&
         std::ranges::all_of(id, [](char c) { return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-'; });
}

}  // namespace blindai::auth
