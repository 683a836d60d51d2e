#include "evidence/roots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

#include "crypto/crypto.h"
#include "evidence/vectors.h"

namespace blindai::evidence {
namespace {

using OpenedCertificate = std::unique_ptr<X509, decltype([](X509* certificate) { X509_free(certificate); })>;

// All of PEM text, as OpenSSL reads it.
std::vector<OpenedCertificate> open(const Bytes& pem) {
  std::vector<OpenedCertificate> out;
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  while (X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) {
    out.emplace_back(certificate);
  }
  BIO_free(bio);
  return out;
}

// SHA-256 of what OpenSSL writes an object as.
template <auto write, typename T>
Digest digest_of(T* object) {
  std::uint8_t* der = nullptr;
  const int size = write(object, &der);
  EXPECT_GT(size, 0);
  const Digest out = crypto::sha256({der, static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return out;
}
Digest key_digest(X509* certificate) { return digest_of<i2d_X509_PUBKEY>(X509_get_X509_PUBKEY(certificate)); }

Digest key_digest(const std::string& name) {
  const auto list = open(vectors::read("roots/" + name + ".pem"));
  EXPECT_EQ(list.size(), 1U) << name;
  return list.empty() ? Digest() : key_digest(list.front().get());
}

// An appraisal does not check these signatures again.
TEST(VendorRoots, IntelSignedWhatIsKnownToBeSignedByIt) {
  const auto pem = read_file(BLINDAI_SOURCE_DIR "/tests/data/certificates/intel.pem", 1U << 16U);
  ASSERT_TRUE(pem);
  const auto list = open(*pem);
  ASSERT_FALSE(list.empty());
  X509* root = list.front().get();
  ASSERT_EQ(key_digest(root), vendor_roots().intel);
  std::vector<std::string> digests;
  for (const OpenedCertificate& certificate : list) {
    digests.push_back(digest_of<i2d_X509>(certificate.get()).hex());
    EXPECT_EQ(X509_verify(certificate.get(), X509_get0_pubkey(root)), 1) << digests.back();
  }
  std::vector<std::string> known;
  for (const Digest& digest : vendor_roots().signed_by_intel) {
    known.push_back(digest.hex());
  }
  EXPECT_THAT(known, testing::UnorderedElementsAreArray(digests));
}

TEST(VendorRoots, AreTheKeysOfTheVendors) {
  BLINDAI_NEEDS_VECTORS();
  EXPECT_EQ(vendor_roots().intel.hex(), key_digest("intel_sgx_root_ca").hex());
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
