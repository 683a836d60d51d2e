// What OpenSSL says of generated chains: it takes the good ones, and refuses the bad ones for the reason that the test meant.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chains/dcap.h"
#include "chains/openssl_judge.h"
#include "chains/snp.h"

namespace blindai::chains {
namespace {

using testing::HasSubstr;

std::vector<Bytes> pck_chain(const Case& made) {
  const std::string_view quote = as_text(made.evidence);
  return certificates_of(quote.substr(quote.find("-----BEGIN")));
}

std::vector<Bytes> chain_named(const Case& made, std::string_view name) {
  return certificates_of(as_text(made.collateral.find(name)->second));
}

Judgement judge_pck(const Dcap& chain, UnixSeconds at = noon) {
  const Case made = chain.seal();
  return openssl_verifies(pck_chain(made), {made.collateral.at("root_ca_crl"), made.collateral.at("pck_crl")}, at);
}

Judgement judge_vek(const Snp& chain, UnixSeconds at = noon) {
  const Case made = chain.seal();
  const std::string_view between = chain.kind == SnpKey::vlek ? "asvk" : "ask";
  return openssl_verifies(
      {made.collateral.at("vek"), chain_named(made, between).front(), chain_named(made, "ark").front()}, {}, at);
}

TEST(IntelChains, AreReadAndVerifiedByOpenssl) {
  const Case made = tdx().seal();
  const std::vector<Bytes> chain = pck_chain(made);
  ASSERT_EQ(chain.size(), 3U);
  for (const Bytes& certificate : chain) {
    EXPECT_TRUE(openssl_reads_certificate(certificate));
  }
  const Bytes& root_crl = made.collateral.at("root_ca_crl");
  const Bytes& pck_crl = made.collateral.at("pck_crl");
  EXPECT_TRUE(openssl_reads_crl(root_crl));
  EXPECT_TRUE(openssl_reads_crl(pck_crl));
  EXPECT_EQ(openssl_verifies(chain, {root_crl, pck_crl}, noon).why, "ok");
  EXPECT_EQ(openssl_verifies(chain_named(made, "tcb_signing_chain"), {root_crl}, noon).why, "ok");
  EXPECT_EQ(openssl_verifies(chain_named(made, "qe_identity_signing_chain"), {root_crl}, noon).why, "ok");
  EXPECT_EQ(openssl_verifies(chain_named(made, "pck_crl_issuer_chain"), {root_crl}, noon).why, "ok");
}

TEST(IntelChains, SignTheirDocuments) {
  const Case made = sgx().seal();
  const Bytes signer = chain_named(made, "tcb_signing_chain").front();
  for (const auto& [item, member] : {std::pair{"tcb_info", "tcbInfo"}, {"qe_identity", "enclaveIdentity"}}) {
    const std::string_view whole = as_text(made.collateral.at(item));
    const std::size_t begin = std::string_view(member).size() + 4;
    const std::string_view inner = whole.substr(begin, whole.find(R"(,"signature")") - begin);
    const std::string_view hex = whole.substr(begin + inner.size() + 14, 128);
    EXPECT_TRUE(openssl_verifies_raw(signer, as_bytes(inner), *from_hex(hex))) << whole;
  }
}

TEST(IntelChains, OutsideTheirDatesAreRefused) {
  const Dcap chain = sgx();
  EXPECT_THAT(judge_pck(chain, chain.pck.validity.from - 1).why, HasSubstr("not yet valid"));
  EXPECT_THAT(judge_pck(chain, *chain.pck_crl.next_update + 1).why, HasSubstr("CRL has expired"));
  Dcap other = chain;
  other.pck_ca.validity.to = noon - 1;
  EXPECT_THAT(judge_pck(other).why, HasSubstr("certificate has expired"));
}

TEST(IntelChains, WithDatesAsGeneralizedTimeAreRead) {
  Dcap chain = sgx();
  chain.root.validity.to = 253'402'300'799;  // 9999
  EXPECT_EQ(judge_pck(chain).why, "ok");
  chain.pck.generalized_time = true;  // against RFC 5280 before 2050, which OpenSSL tolerates
  EXPECT_EQ(judge_pck(chain).why, "ok");
}

TEST(IntelChains, WithAnythingRevokedAreRefused) {
  Dcap chain = sgx();
  chain.pck_crl.revoked.push_back({chain.pck.serial, noon - day});
  EXPECT_THAT(judge_pck(chain).why, HasSubstr("revoked"));
  chain = sgx();
  chain.root_crl.revoked.push_back({chain.pck_ca.serial, noon - day});
  EXPECT_THAT(judge_pck(chain).why, HasSubstr("revoked"));
}

TEST(IntelChains, OfABadHierarchyAreRefused) {
  Dcap chain = sgx();
  chain.pck.signer = Key::generate(Curve::p256);
  chain.pck.key_identifiers = false;
  EXPECT_THAT(judge_pck(chain).why, HasSubstr("signature failure"));
  chain = sgx();
  chain.pck_ca.basic_constraints->ca = false;
  EXPECT_THAT(judge_pck(chain).why, HasSubstr("invalid CA"));
  chain = sgx();
  chain.root.basic_constraints->path_length = 0;
  EXPECT_THAT(judge_pck(chain).why, HasSubstr("path length"));
  chain = sgx();
  chain.pck.extensions.push_back({"1.2.3.4", true, {}});
  EXPECT_THAT(judge_pck(chain).why, HasSubstr("critical extension"));
}

TEST(IntelChains, SignedOtherwiseSayWhatTheyAre) {
  for (const Algorithm algorithm : {Algorithm::ecdsa_sha1, Algorithm::ecdsa_sha384}) {
    Dcap chain = sgx();
    chain.pck.algorithm = algorithm;
    EXPECT_TRUE(openssl_reads_certificate(pck_chain(chain.seal()).front()));
    EXPECT_EQ(judge_pck(chain).why, "ok");  // OpenSSL alone has no opinion of ours
  }
  for (const Curve curve : {Curve::p384, Curve::secp256k1}) {
    Dcap chain = sgx();
    chain.pck.key = Key::generate(curve);
    EXPECT_EQ(judge_pck(chain).why, "ok");
  }
}

class AmdChains : public testing::TestWithParam<std::tuple<Product, SnpKey>> {};

TEST_P(AmdChains, AreReadAndVerifiedByOpenssl) {
  const auto [product, kind] = GetParam();
  const Snp chain = snp(product, kind);
  const Case made = chain.seal();
  EXPECT_TRUE(openssl_reads_certificate(made.collateral.at("vek")));
  EXPECT_TRUE(openssl_reads_crl(made.collateral.at("ark_crl")));
  EXPECT_EQ(judge_vek(chain).why, "ok");
  EXPECT_EQ(openssl_verifies({chain.intermediate.der(), chain.ark.der()}, {made.collateral.at("ark_crl")}, noon).why,
            "ok");
  EXPECT_THAT(judge_vek(chain, chain.vek.validity.to + 1).why, HasSubstr("has expired"));
}

TEST_P(AmdChains, SignTheirReports) {
  const auto [product, kind] = GetParam();
  const Case made = snp(product, kind).seal();
  ASSERT_EQ(made.evidence.size(), 1184U);
  const ByteView report = made.evidence;
  Bytes numbers;
  for (const std::size_t at : {snp_signed_bytes, snp_signed_bytes + snp_signature_bytes / 2}) {
    const ByteView number = report.subspan(at, 48);  // little-endian
    numbers.insert(numbers.end(), number.rbegin(), number.rend());
  }
  EXPECT_TRUE(openssl_verifies_raw(made.collateral.at("vek"), report.first(snp_signed_bytes), numbers));
}

TEST_P(AmdChains, WithARevokedIntermediateAreRefused) {
  const auto [product, kind] = GetParam();
  Snp chain = snp(product, kind);
  chain.ark_crl.revoked.push_back({chain.intermediate.serial, noon - day});
  EXPECT_THAT(openssl_verifies({chain.intermediate.der(), chain.ark.der()}, {chain.ark_crl.der()}, noon).why,
              HasSubstr("revoked"));
}

INSTANTIATE_TEST_SUITE_P(All, AmdChains,
                         testing::Combine(testing::Values(Product::milan, Product::genoa, Product::turin),
                                          testing::Values(SnpKey::vcek, SnpKey::vlek)));

TEST(AmdChains, OfAnotherPaddingSayWhatTheyAre) {
  for (const Algorithm algorithm : {Algorithm::rsa_pss_sha384, Algorithm::rsa_pss_sha384_salt_32,
                                    Algorithm::rsa_pss_sha256, Algorithm::rsa_pkcs1_sha384}) {
    Snp chain = snp(Product::milan);
    chain.vek.algorithm = algorithm;
    EXPECT_EQ(judge_vek(chain).why, "ok");
  }
  Snp chain = snp(Product::milan);
  chain.vek.signer = Key::rsa("stranger");
  EXPECT_FALSE(judge_vek(chain).accepted);
}

}  // namespace
}  // namespace blindai::chains
