#include <algorithm>

#include "crypto/crypto.h"
#include "crypto/openssl.h"

namespace blindai::crypto {
namespace {

constexpr std::size_t seed_size = 32;
constexpr std::size_t public_size = 32;
constexpr std::size_t signature_size = 64;
// SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING (no unused bits) }: RFC 8410 section 4.
constexpr std::array<std::uint8_t, 12> der_head = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                                   0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

}  // namespace

struct Ed25519Key::Impl {
  Pkey key;
  std::array<std::uint8_t, seed_size> seed{};
  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { cleanse(seed); }
};

Ed25519Key::Ed25519Key(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Ed25519Key::Ed25519Key(Ed25519Key&&) noexcept = default;
Ed25519Key& Ed25519Key::operator=(Ed25519Key&&) noexcept = default;
Ed25519Key::~Ed25519Key() = default;

Ed25519Key Ed25519Key::generate() {
  std::array<std::uint8_t, seed_size> seed{};
  fill_random(seed);
  auto key = from_seed(seed);
  cleanse(seed);
  require(key.has_value());
  return std::move(*key);
}

Result<Ed25519Key> Ed25519Key::from_seed(ByteView seed) {
  if (seed.size() != seed_size) {
    return fail(Code::invalid_argument, {"the seed of an Ed25519 key has 32 bytes, not {}", seed.size()});
  }
  auto impl = std::make_unique<Impl>();
  std::ranges::copy(seed, impl->seed.begin());
  impl->key.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
  require(impl->key != nullptr);
  return Ed25519Key(std::move(impl));
}

Bytes Ed25519Key::seed() const { return copy(impl_->seed); }

std::array<std::uint8_t, 32> Ed25519Key::public_key() const {
  std::array<std::uint8_t, public_size> out{};
  std::size_t size = out.size();
  require(EVP_PKEY_get_raw_public_key(impl_->key.get(), out.data(), &size) == 1 && size == out.size());
  return out;
}

Bytes Ed25519Key::public_key_der() const { return ed25519_to_der(public_key()); }

std::array<std::uint8_t, 64> Ed25519Key::sign(ByteView message) const {
  std::array<std::uint8_t, signature_size> out{};
  std::size_t size = out.size();
  const DigestContext context(EVP_MD_CTX_new());
  require(context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, impl_->key.get()) == 1 &&
          EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) == 1 && size == out.size());
  return out;
}

std::optional<std::array<std::uint8_t, 32>> ed25519_from_der(ByteView spki) {
  if (spki.size() != der_head.size() + public_size || !std::ranges::equal(spki.first(der_head.size()), der_head)) {
    return std::nullopt;
  }
  std::array<std::uint8_t, public_size> out{};
  std::ranges::copy(spki.subspan(der_head.size()), out.begin());
  return out;
}

Bytes ed25519_to_der(ByteView raw_public_key) {
  require(raw_public_key.size() == public_size);
  Bytes out(der_head.begin(), der_head.end());
  append(out, raw_public_key);
  return out;
}

bool ed25519_verify(ByteView raw_public_key, ByteView message, ByteView signature) {
  if (raw_public_key.size() != public_size || signature.size() != signature_size) {
    return false;
  }
  const Pkey key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw_public_key.data(), raw_public_key.size()));
  if (!key) {
    return false;
  }
  const DigestContext context(EVP_MD_CTX_new());
  require(context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
}

}  // namespace blindai::crypto
