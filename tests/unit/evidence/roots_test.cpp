#include "evidence/roots.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "crypto/crypto.h"
#include "evidence/vectors.h"

namespace blindai::evidence {
namespace {

// SHA-256 of the SubjectPublicKeyInfo, as OpenSSL reads it.
Digest key_digest(const std::string& name) {
  const Bytes pem = vectors::read("roots/" + name + ".pem");
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  EXPECT_NE(certificate, nullptr) << name;
  std::uint8_t* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  EXPECT_GT(size, 0) << name;
  const Digest out = crypto::sha256({der, static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  X509_free(certificate);
  return out;
}

TEST(VendorRoots, AreTheKeysOfTheVendors) {
  BLINDAI_NEEDS_VECTORS();
  EXPECT_EQ(vendor_roots().intel.hex(), key_digest("intel_sgx_root_ca").hex());
  EXPECT_EQ(vendor_roots().intel_certificate.hex(), crypto::sha256(vectors::read("roots/intel_sgx_root_ca.der")).hex());
  const auto amd = [](Product product) { return vendor_roots().amd.at(static_cast<std::size_t>(product)).hex(); };
  EXPECT_EQ(amd(Product::milan), key_digest("amd/milan_ark").hex());
  EXPECT_EQ(amd(Product::genoa), key_digest("amd/genoa_ark").hex());
  EXPECT_EQ(amd(Product::turin), key_digest("amd/turin_ark").hex());
}

TEST(Products, HaveTheNamesOfTheCertificates) {
  EXPECT_EQ(word(Product::milan), "Milan");
  EXPECT_EQ(word(Product::genoa), "Genoa");
  EXPECT_EQ(word(Product::turin), "Turin");
}

}  // namespace
}  // namespace blindai::evidence
