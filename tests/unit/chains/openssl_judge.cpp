#include "chains/openssl_judge.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <memory>

namespace blindai::chains {
namespace {

template <auto free_function>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    free_function(object);
  }
};
using X509Ptr = std::unique_ptr<X509, Free<X509_free>>;
using CrlPtr = std::unique_ptr<X509_CRL, Free<X509_CRL_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;
using ContextPtr = std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>>;

struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};
using StackPtr = std::unique_ptr<STACK_OF(X509), FreeStack>;

X509Ptr read_certificate(ByteView der) {
  const std::uint8_t* at = der.data();
  X509Ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  return at == der.data() + der.size() ? std::move(certificate) : nullptr;
}

CrlPtr read_crl(ByteView der) {
  const std::uint8_t* at = der.data();
  CrlPtr list(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  return at == der.data() + der.size() ? std::move(list) : nullptr;
}

}  // namespace

Judgement openssl_verifies(const std::vector<Bytes>& chain, const std::vector<Bytes>& crls, UnixSeconds at) {
  const StorePtr store(X509_STORE_new());
  const StackPtr between(sk_X509_new_null());
  const X509Ptr leaf = read_certificate(chain.front());
  const X509Ptr root = read_certificate(chain.back());
  if (!leaf || !root) {
    return {false, "not read"};
  }
  X509_STORE_add_cert(store.get(), root.get());
  for (std::size_t i = 1; i + 1 < chain.size(); ++i) {
    X509Ptr certificate = read_certificate(chain[i]);
    if (!certificate) {
      return {false, "not read"};
    }
    sk_X509_push(between.get(), certificate.release());
  }
  for (const Bytes& der : crls) {
    const CrlPtr list = read_crl(der);
    if (!list) {
      return {false, "list not read"};
    }
    X509_STORE_add_crl(store.get(), list.get());
  }
  const ContextPtr context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), between.get());
  X509_VERIFY_PARAM* options = X509_STORE_CTX_get0_param(context.get());
  const unsigned long lists = crls.empty() ? 0 : X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  X509_VERIFY_PARAM_set_flags(options, X509_V_FLAG_CHECK_SS_SIGNATURE | lists);
  X509_VERIFY_PARAM_set_time(options, at);
  const bool accepted = X509_verify_cert(context.get()) == 1;
  return {accepted, X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()))};
}

bool openssl_reads_certificate(const Bytes& der) {
  const X509Ptr certificate = read_certificate(der);
  if (!certificate) {
    return false;
  }
  std::uint8_t* encoded = nullptr;
  // The signed part encoded anew, not the cached bytes of the input.
  const int size = i2d_re_X509_tbs(certificate.get(), &encoded);
  const Bytes again(encoded, encoded + std::max(size, 0));
  OPENSSL_free(encoded);
  return std::search(der.begin(), der.end(), again.begin(), again.end()) != der.end() && !again.empty();
}

bool openssl_reads_crl(const Bytes& der) {
  const CrlPtr list = read_crl(der);
  if (!list) {
    return false;
  }
  std::uint8_t* encoded = nullptr;
  const int size = i2d_re_X509_CRL_tbs(list.get(), &encoded);
  const Bytes again(encoded, encoded + std::max(size, 0));
  OPENSSL_free(encoded);
  return std::search(der.begin(), der.end(), again.begin(), again.end()) != der.end() && !again.empty();
}

bool openssl_verifies_raw(const Bytes& certificate, ByteView message, ByteView r_s) {
  const X509Ptr holder = read_certificate(certificate);
  if (!holder) {
    return false;
  }
  EVP_PKEY* key = X509_get0_pubkey(holder.get());
  const auto number = [](ByteView bytes) { return BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr); };
  const std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>> signature(ECDSA_SIG_new());
  ECDSA_SIG_set0(signature.get(), number(r_s.first(r_s.size() / 2)), number(r_s.last(r_s.size() / 2)));
  std::uint8_t* encoded = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &encoded);
  const std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  const EVP_MD* digest = EVP_PKEY_get_bits(key) == 384 ? EVP_sha384() : EVP_sha256();
  const bool holds =
      EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
      EVP_DigestVerify(context.get(), encoded, static_cast<std::size_t>(size), message.data(), message.size()) == 1;
  OPENSSL_free(encoded);
  return holds;
}

std::vector<Bytes> certificates_of(std::string_view pem) {
  std::vector<Bytes> out;
  const std::unique_ptr<BIO, Free<BIO_free>> source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  while (const X509Ptr certificate{PEM_read_bio_X509(source.get(), nullptr, nullptr, nullptr)}) {
    std::uint8_t* encoded = nullptr;
    const int size = i2d_X509(certificate.get(), &encoded);
    out.emplace_back(encoded, encoded + size);
    OPENSSL_free(encoded);
  }
  return out;
}

}  // namespace blindai::chains
