#include "chains/key.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <tuple>

#include "chains/der.h"
#include "chains/rsa_test_keys.h"
#include "crypto/crypto.h"

namespace blindai::chains {
namespace {

template <auto free_function>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    free_function(object);
  }
};
using Number = std::unique_ptr<BIGNUM, Free<BN_clear_free>>;
using NumberContext = std::unique_ptr<BN_CTX, Free<BN_CTX_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>>;

// A generator that fails makes no test: it ends the process.
void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

const char* group_name(Curve curve) {
  switch (curve) {
    case Curve::p256:
      return "P-256";
    case Curve::p384:
      return "P-384";
    case Curve::secp256k1:
      return "secp256k1";
  }
  std::abort();
}

const EVP_MD* digest_of(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::ecdsa_sha256:
    case Algorithm::rsa_pss_sha256:
      return EVP_sha256();
    case Algorithm::ecdsa_sha1:
      return EVP_sha1();
    default:
      return EVP_sha384();
  }
}

int salt_bytes(Algorithm algorithm) {
  const bool as_amd = algorithm == Algorithm::rsa_pss_sha384 || algorithm == Algorithm::rsa_pss_sha384_trailer;
  return as_amd ? 48 : 32;  // of the PSS ones
}

bool is_pss(Algorithm algorithm) {
  return algorithm == Algorithm::rsa_pss_sha384 || algorithm == Algorithm::rsa_pss_sha384_salt_32 ||
         algorithm == Algorithm::rsa_pss_sha384_trailer || algorithm == Algorithm::rsa_pss_sha256;
}

Number from_hex_text(std::string_view hex) {
  BIGNUM* number = nullptr;
  require(BN_hex2bn(&number, std::string(hex).c_str()) == static_cast<int>(hex.size()));
  return Number(number);
}

// n, d and what the Chinese remainder theorem needs, from the primes (RFC 8017 section 3.2).
EVP_PKEY* rsa_of_primes(const RsaTestKey& primes) {
  const NumberContext context(BN_CTX_new());
  const auto number = [] { return Number(BN_new()); };
  const Number p = from_hex_text(primes.p);
  const Number q = from_hex_text(primes.q);
  const Number e = number();
  const Number n = number();
  const Number p1 = number();
  const Number q1 = number();
  const Number phi = number();
  const Number d = number();
  const Number dp = number();
  const Number dq = number();
  const Number q_inverse = number();
  require(BN_set_word(e.get(), 65537) == 1 && BN_mul(n.get(), p.get(), q.get(), context.get()) == 1 &&
          BN_sub(p1.get(), p.get(), BN_value_one()) == 1 && BN_sub(q1.get(), q.get(), BN_value_one()) == 1 &&
          BN_mul(phi.get(), p1.get(), q1.get(), context.get()) == 1 &&
          BN_mod_inverse(d.get(), e.get(), phi.get(), context.get()) != nullptr &&
          BN_mod(dp.get(), d.get(), p1.get(), context.get()) == 1 &&
          BN_mod(dq.get(), d.get(), q1.get(), context.get()) == 1 &&
          BN_mod_inverse(q_inverse.get(), q.get(), p.get(), context.get()) != nullptr);

  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  const auto push = [&](const char* name, const Number& value) {
    require(OSSL_PARAM_BLD_push_BN(builder.get(), name, value.get()) == 1);
  };
  push(OSSL_PKEY_PARAM_RSA_N, n);
  push(OSSL_PKEY_PARAM_RSA_E, e);
  push(OSSL_PKEY_PARAM_RSA_D, d);
  push(OSSL_PKEY_PARAM_RSA_FACTOR1, p);
  push(OSSL_PKEY_PARAM_RSA_FACTOR2, q);
  push(OSSL_PKEY_PARAM_RSA_EXPONENT1, dp);
  push(OSSL_PKEY_PARAM_RSA_EXPONENT2, dq);
  push(OSSL_PKEY_PARAM_RSA_COEFFICIENT1, q_inverse);
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext maker(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  require(EVP_PKEY_fromdata_init(maker.get()) == 1 &&
          EVP_PKEY_fromdata(maker.get(), &key, EVP_PKEY_KEYPAIR, params.get()) == 1);
  return key;
}

Bytes pss_parameters(Algorithm algorithm) {
  const Bytes hash = der::sequence(
      der::oid(algorithm == Algorithm::rsa_pss_sha256 ? "2.16.840.1.101.3.4.2.1" : "2.16.840.1.101.3.4.2.2"),
      der::null());
  const Bytes trailer = algorithm == Algorithm::rsa_pss_sha384_trailer ? der::context(3, der::integer(1)) : Bytes{};
  return der::sequence(der::context(0, hash), der::context(1, der::sequence(der::oid("1.2.840.113549.1.1.8"), hash)),
                       der::context(2, der::integer(salt_bytes(algorithm))), trailer);
}

}  // namespace

Bytes algorithm_identifier(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::ecdsa_sha256:
      return der::sequence(der::oid("1.2.840.10045.4.3.2"));
    case Algorithm::ecdsa_sha384:
      return der::sequence(der::oid("1.2.840.10045.4.3.3"));
    case Algorithm::ecdsa_sha1:
      return der::sequence(der::oid("1.2.840.10045.4.1"));
    case Algorithm::rsa_pkcs1_sha384:
      return der::sequence(der::oid("1.2.840.113549.1.1.12"), der::null());
    default:
      return der::sequence(der::oid("1.2.840.113549.1.1.10"), pss_parameters(algorithm));
  }
}

Key::Key(EVP_PKEY* key) : key_(key, EVP_PKEY_free) { require(key != nullptr); }

Key Key::generate(Curve curve) { return Key(EVP_EC_gen(group_name(curve))); }

Key Key::rsa(std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string, Key, std::less<>> made;
  const std::lock_guard lock(mutex);
  auto found = made.find(name);
  if (found == made.end()) {
    found = made.emplace(name, Key(rsa_of_primes(rsa_test_key(name)))).first;
  }
  return found->second;
}

bool Key::is_rsa() const { return EVP_PKEY_is_a(key_.get(), "RSA") == 1; }

std::size_t Key::field_bytes() const { return static_cast<std::size_t>((EVP_PKEY_get_bits(key_.get()) + 7) / 8); }

Algorithm Key::usual_algorithm() const {
  return is_rsa() ? Algorithm::rsa_pss_sha384 : field_bytes() == 48 ? Algorithm::ecdsa_sha384 : Algorithm::ecdsa_sha256;
}

Bytes Key::public_key_info() const {
  std::uint8_t* encoded = nullptr;
  const int size = i2d_PUBKEY(key_.get(), &encoded);
  require(size > 0);
  Bytes out(encoded, encoded + size);
  OPENSSL_free(encoded);
  return out;
}

Digest Key::id() const { return crypto::sha256(public_key_info()); }

Bytes Key::key_identifier() const { return copy(id().view().first(20)); }

Bytes Key::point() const {
  std::uint8_t* encoded = nullptr;
  const std::size_t size = EVP_PKEY_get1_encoded_public_key(key_.get(), &encoded);
  require(size == 1 + 2 * field_bytes());
  Bytes out(encoded + 1, encoded + size);  // without the 04 of SEC 1
  OPENSSL_free(encoded);
  return out;
}

// RSA takes milliseconds, and most of what is signed with the test keys is the same each time.
Bytes Key::sign(Algorithm algorithm, ByteView message) const {
  if (!is_rsa()) {
    return sign_anew(algorithm, message);
  }
  static std::mutex mutex;
  static std::map<std::tuple<Digest, Algorithm, Digest>, Bytes> made;
  const std::tuple request(id(), algorithm, crypto::sha256(message));
  const std::lock_guard lock(mutex);
  auto found = made.find(request);
  if (found == made.end()) {
    found = made.emplace(request, sign_anew(algorithm, message)).first;
  }
  return found->second;
}

Bytes Key::sign_anew(Algorithm algorithm, ByteView message) const {
  const DigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;
  require(EVP_DigestSignInit(context.get(), &options, digest_of(algorithm), nullptr, key_.get()) == 1);
  if (is_pss(algorithm)) {
    require(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(options, salt_bytes(algorithm)) == 1);
  }
  std::size_t size = 0;
  require(EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) == 1);
  Bytes signature(size);
  require(EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1);
  signature.resize(size);
  return signature;
}

Bytes Key::sign_raw(ByteView message) const {
  const Bytes encoded = sign(usual_algorithm(), message);
  const std::uint8_t* at = encoded.data();
  const Signature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(encoded.size())));
  require(signature != nullptr);
  const int width = static_cast<int>(field_bytes());
  Bytes out(2 * field_bytes());
  require(BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out.data(), width) == width &&
          BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out.data() + width, width) == width);
  return out;
}

}  // namespace blindai::chains
