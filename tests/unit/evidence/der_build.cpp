#include "evidence/der_build.h"

#include <gtest/gtest.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "evidence/x509/der.h"

namespace blindai::evidence::x509::build {

Bytes hex(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != ' ') {
      digits += c;
    }
  }
  return *from_hex(digits);
}

Bytes element(std::uint8_t tag, ByteView content) {
  Bytes out = {tag};
  if (content.size() < 0x80) {
    out.push_back(static_cast<std::uint8_t>(content.size()));
  } else {
    Bytes length;
    for (std::size_t rest = content.size(); rest > 0; rest >>= 8U) {
      length.insert(length.begin(), static_cast<std::uint8_t>(rest));
    }
    out.push_back(static_cast<std::uint8_t>(0x80 + length.size()));
    append(out, length);
  }
  append(out, content);
  return out;
}

Bytes join(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) {
    append(out, part);
  }
  return out;
}

Bytes sequence(std::initializer_list<Bytes> parts) { return element(tag::sequence, join(parts)); }

Bytes bit_string(ByteView bytes) {
  Bytes content = {0};
  append(content, bytes);
  return element(tag::bit_string, content);
}

Bytes utc(std::string_view text) { return element(tag::utc_time, as_bytes(text)); }

Bytes attribute(std::uint8_t tag, std::string_view value) {
  return element(tag::set, sequence({hex("0603550403"), element(tag, as_bytes(value))}));
}

Bytes name(std::string_view common_name) { return sequence({attribute(tag::utf8_string, common_name)}); }

Bytes extension(std::string_view oid_hex, bool critical, ByteView value) {
  return sequence(
      {element(tag::oid, hex(oid_hex)), critical ? hex("0101ff") : Bytes(), element(tag::octet_string, value)});
}

Signer Signer::p256() { return Signer(EVP_EC_gen("P-256")); }
Signer Signer::p384() { return Signer(EVP_EC_gen("P-384")); }
Signer Signer::rsa() {
  static const Signer only(EVP_RSA_gen(2048));
  return only;
}

Bytes Signer::public_key_info() const {
  std::uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key_.get(), &der);
  EXPECT_GT(size, 0);
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

Bytes Signer::sign(SignatureAlgorithm algorithm, ByteView message) const {
  const bool sha256 = algorithm == SignatureAlgorithm::ecdsa_sha256;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* parameters = nullptr;
  EXPECT_EQ(EVP_DigestSignInit(context, &parameters, sha256 ? EVP_sha256() : EVP_sha384(), nullptr, key_.get()), 1);
  if (EVP_PKEY_is_a(key_.get(), "RSA") == 1) {
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, 48), 1);
  }
  std::size_t size = 0;
  EXPECT_EQ(EVP_DigestSign(context, nullptr, &size, message.data(), message.size()), 1);
  Bytes out(size);
  EXPECT_EQ(EVP_DigestSign(context, out.data(), &size, message.data(), message.size()), 1);
  out.resize(size);
  EVP_MD_CTX_free(context);
  return out;
}

namespace {

Bytes joined(const std::vector<Bytes>& parts) {
  Bytes out;
  for (const Bytes& part : parts) {
    append(out, part);
  }
  return out;
}

}  // namespace

CertificateParts::CertificateParts(const Signer& subject_key) : key(subject_key.public_key_info()) {}

Bytes CertificateParts::signed_by(const Signer& issuer_key, SignatureAlgorithm algorithm) const {
  const Bytes list = element(tag::sequence, joined(extensions));
  const Bytes tbs =
      sequence({version, serial, inner_algorithm, issuer, validity, subject, key, before_extensions,
                raw_extensions.empty() ? element(tag::context(3), list) : raw_extensions, after_extensions});
  const Bytes signature = bit_string(issuer_key.sign(algorithm, tbs));
  return join({sequence({tbs, outer_algorithm, signature, after_signature}), after_all});
}

Bytes CrlParts::signed_by(const Signer& issuer_key, SignatureAlgorithm algorithm) const {
  const Bytes list = element(tag::sequence, joined(extensions));
  const Bytes tbs =
      sequence({version, inner_algorithm, issuer, dates, entries,
                raw_extensions.empty() ? element(tag::context(0), list) : raw_extensions, after_extensions});
  const Bytes signature = bit_string(issuer_key.sign(algorithm, tbs));
  return join({sequence({tbs, outer_algorithm, signature, after_signature}), after_all});
}

}  // namespace blindai::evidence::x509::build
