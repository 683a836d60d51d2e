#include "crypto/crypto.h"
#include "crypto/openssl.h"

namespace blindai::crypto {

Digest sha256(ByteView bytes) {
  Digest out;
  unsigned size = 0;
  require(EVP_Digest(bytes.data(), bytes.size(), out.bytes.data(), &size, EVP_sha256(), nullptr) == 1 &&
          size == out.bytes.size());
  return out;
}

std::array<std::uint8_t, 64> sha512(ByteView bytes) {
  std::array<std::uint8_t, 64> out{};
  unsigned size = 0;
  require(EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, EVP_sha512(), nullptr) == 1 && size == out.size());
  return out;
}

struct Sha256::Impl {
  DigestContext context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {
  require(impl_->context && EVP_DigestInit_ex(impl_->context.get(), EVP_sha256(), nullptr) == 1);
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
