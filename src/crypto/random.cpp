#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "crypto/crypto.h"
#include "crypto/openssl.h"

namespace blindai::crypto {

void fill_random(MutableBytes out) {
  require(out.size() <= 1u << 20 && RAND_bytes(out.data(), static_cast<int>(out.size())) == 1);
}

Bytes random_bytes(std::size_t count) {
  Bytes out(count);
  fill_random(out);
  return out;
}

bool equal_constant_time(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

void cleanse(MutableBytes bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

}  // namespace blindai::crypto
