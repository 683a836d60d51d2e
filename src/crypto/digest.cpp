#include "crypto/crypto.h"
#include "crypto/openssl.h"
#include "crypto/public_key.h"

namespace blindai::crypto {
namespace {

// Found once and never freed: what EVP_sha256() gives is looked up again at each use, which takes as long as hashing a
// short message.
const EVP_MD* fetch(const char* name) {
  const EVP_MD* method = EVP_MD_fetch(nullptr, name, nullptr);
  require(method != nullptr);
  return method;
}

const EVP_MD* sha256_method() {
  static const EVP_MD* const method = fetch("SHA2-256");
  return method;
}

const EVP_MD* sha512_method() {
  static const EVP_MD* const method = fetch("SHA2-512");
  return method;
}

void digest(const EVP_MD* method, ByteView bytes, MutableBytes out) {
  unsigned size = 0;
  require(EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, method, nullptr) == 1 && size == out.size());
}

}  // namespace

const EVP_MD* sha384_method() {
  static const EVP_MD* const method = fetch("SHA2-384");
  return method;
}

Digest sha256(ByteView bytes) {
  Digest out;
  digest(sha256_method(), bytes, out.bytes);
  return out;
}

std::array<std::uint8_t, 48> sha384(ByteView bytes) {
  std::array<std::uint8_t, 48> out{};
  digest(sha384_method(), bytes, out);
  return out;
}

std::array<std::uint8_t, 64> sha512(ByteView bytes) {
  std::array<std::uint8_t, 64> out{};
  digest(sha512_method(), bytes, out);
  return out;
}

struct Sha256::Impl {
  DigestContext context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {
  require(impl_->context && EVP_DigestInit_ex(impl_->context.get(), sha256_method(), nullptr) == 1);
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(ByteView bytes) {
  require(EVP_DigestUpdate(impl_->context.get(), bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  Digest out;
  unsigned size = 0;
  require(EVP_DigestFinal_ex(impl_->context.get(), out.bytes.data(), &size) == 1 && size == out.bytes.size());
  return out;
}

}  // namespace blindai::crypto
