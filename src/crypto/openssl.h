// Private to this folder: OpenSSL objects that free themselves, and the one answer to a library that fails.
#pragma once

#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

namespace blindai::crypto {

template <auto free_function>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    free_function(object);
  }
};
using Pkey = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;

// Hashing and signing in memory fail only where the library is broken or memory is gone. Going on would mean going on
// without the check that was asked for.
inline void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

// SHA-384, found once.
const EVP_MD* sha384_method();

}  // namespace blindai::crypto
