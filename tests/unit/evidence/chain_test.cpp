#include "evidence/x509/chain.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>

#include "evidence/der_build.h"
#include "evidence/x509/der.h"

namespace blindai::evidence::x509 {
namespace {

using build::CertificateParts;
using build::CrlParts;
using build::element;
using build::extension;
using build::hex;
using build::join;
using build::sequence;
using build::Signer;

const Refusal otherwise{Reason::bad_cert_chain, "pck_chain"};
constexpr const char* accepted = "";
constexpr const char* refused = "BAD_CERT_CHAIN:pck_chain";

// An authority and what it issues, each of which a test may change before they are signed.
struct Pair {
  explicit Pair(Signer key = Signer::p256(), SignatureAlgorithm algorithm_of_key = SignatureAlgorithm::ecdsa_sha256,
                Bytes algorithm_bytes = build::ecdsa_sha256)
      : issuer_key(std::move(key)), algorithm(algorithm_of_key), issuer(issuer_key), child(Signer::p256()) {
    issuer.subject = child.issuer = build::name("Authority");
    child.inner_algorithm = child.outer_algorithm = std::move(algorithm_bytes);
  }

  std::string refusal(std::int64_t intermediates_below = 0) { return refusal_of(issuer_key, intermediates_below); }

  std::string refusal_of(const Signer& signs, std::int64_t intermediates_below = 0) {
    return refusal_of(child.signed_by(signs, algorithm), intermediates_below);
  }

  std::string refusal_of(const Bytes& child_der, std::int64_t intermediates_below = 0) {
    const Bytes issuer_der = issuer.signed_by(issuer_key, algorithm);
    const auto above = parse_certificate(issuer_der, "issuer");
    const auto below = parse_certificate(child_der, "child");
    EXPECT_TRUE(above && below);
    const auto key = VerifyingKey::of(*above);
    EXPECT_TRUE(key);
    Effort effort;
    const auto held = require_issued(*below, *above, *key, intermediates_below, otherwise, effort);
    checks = effort.signature_checks;
    return held ? accepted : held.error().text();
  }

  Signer issuer_key;
  SignatureAlgorithm algorithm;
  CertificateParts issuer;
  CertificateParts child;
  std::size_t checks = 0;
};

Bytes constraints(std::string_view content) { return extension(build::basic_constraints, true, hex(content)); }
Bytes usage(std::string_view content) { return extension(build::key_usage, true, hex(content)); }

TEST(AnIssuer, IssuedWhatItSigned) {
  Pair pair;
  EXPECT_EQ(pair.refusal(), accepted);
  EXPECT_EQ(pair.checks, 1U);
  EXPECT_EQ(pair.refusal_of(Signer::p256()), refused) << "another key signed";
}

TEST(AnIssuer, IssuedWithEachKindOfKey) {
  Pair p384(Signer::p384(), SignatureAlgorithm::ecdsa_sha384, build::ecdsa_sha384);
  EXPECT_EQ(p384.refusal(), accepted);
  EXPECT_EQ(p384.refusal_of(Signer::p384()), refused);
  Pair rsa(Signer::rsa(), SignatureAlgorithm::rsa_pss_sha384, build::pss_sha384);
  EXPECT_EQ(rsa.refusal(), accepted);
  Bytes changed = rsa.child.signed_by(rsa.issuer_key, rsa.algorithm);
  changed.back() ^= 1;
  EXPECT_EQ(rsa.refusal_of(changed), refused);
}

TEST(AnIssuer, HasTheNameThatTheChildGives) {
  Pair pair;
  pair.child.issuer = build::name("Authoritx");
  EXPECT_EQ(pair.refusal(), refused);
  pair.child.issuer = sequence({build::attribute(tag::printable_string, "Authority")});
  EXPECT_EQ(pair.refusal(), refused) << "the same text in another encoding";
}

TEST(AnIssuer, IsAnAuthority) {
  Pair pair;
  pair.issuer.extensions = {constraints("3000"), usage("03020106")};
  EXPECT_EQ(pair.refusal(), refused);
  pair.issuer.extensions = {usage("03020106")};
  EXPECT_EQ(pair.refusal(), refused);
}

TEST(AnIssuer, MaySignCertificates) {
  Pair pair;
  pair.issuer.extensions = {constraints("30030101ff"), usage("03020204")};
  EXPECT_EQ(pair.refusal(), accepted);
  pair.issuer.extensions = {constraints("30030101ff"), usage("03020102")};
  EXPECT_EQ(pair.refusal(), refused) << "cRLSign alone";
  pair.issuer.extensions = {constraints("30030101ff")};
  EXPECT_EQ(pair.refusal(), refused) << "no key usage";
}

TEST(AnIssuer, LeavesRoomForTheAuthoritiesBelow) {
  Pair pair;
  pair.issuer.extensions = {constraints("30060101ff020101"), usage("03020106")};
  EXPECT_EQ(pair.refusal(0), accepted);
  EXPECT_EQ(pair.refusal(1), accepted);
  EXPECT_EQ(pair.refusal(2), refused);
  pair.issuer.extensions = {constraints("30030101ff"), usage("03020106")};
  EXPECT_EQ(pair.refusal(1000), accepted) << "no limit";
}

TEST(ASignature, IsOfTheAlgorithmOfItsKey) {
  // Labelled SHA-384, made with the SHA-256 of the key.
  Pair pair;
  pair.child.inner_algorithm = pair.child.outer_algorithm = build::ecdsa_sha384;
  EXPECT_EQ(pair.refusal(), refused);
  EXPECT_EQ(pair.checks, 0U);
  Pair p384(Signer::p384(), SignatureAlgorithm::ecdsa_sha384, build::ecdsa_sha256);
  EXPECT_EQ(p384.refusal(), refused);
  Pair rsa(Signer::rsa(), SignatureAlgorithm::rsa_pss_sha384, build::ecdsa_sha384);
  EXPECT_EQ(rsa.refusal(), refused);
  Pair labelled_pss;
  labelled_pss.child.inner_algorithm = labelled_pss.child.outer_algorithm = build::pss_sha384;
  EXPECT_EQ(labelled_pss.refusal(), refused);
}

// The two numbers of a real signature, which other encodings may hold.
struct Numbers {
  explicit Numbers(ByteView der) {
    const std::uint8_t* at = der.data();
    ECDSA_SIG* parsed = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    EXPECT_NE(parsed, nullptr);
    BN_bn2binpad(ECDSA_SIG_get0_r(parsed), r.data(), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(parsed), s.data(), 32);
    ECDSA_SIG_free(parsed);
  }
  Bytes r = Bytes(32);
  Bytes s = Bytes(32);
};

// An INTEGER of a magnitude, in its shortest form.
Bytes integer(ByteView magnitude) {
  while (magnitude.size() > 1 && magnitude[0] == 0) {
    magnitude = magnitude.subspan(1);
  }
  Bytes content;
  if (magnitude[0] >= 0x80) {
    content.push_back(0);
  }
  append(content, magnitude);
  return element(tag::integer, content);
}

struct EcdsaSignatures : testing::Test {
  Signer signer = Signer::p256();
  Bytes der = CertificateParts(signer).signed_by(signer);
  Certificate certificate = *parse_certificate(der, "root");
  VerifyingKey key = *VerifyingKey::of(certificate);
  Bytes signature = signer.sign(SignatureAlgorithm::ecdsa_sha256, as_bytes("message"));
  Numbers numbers{signature};
  Effort effort;

  bool holds(const Bytes& changed) {
    return key.verify(SignatureAlgorithm::ecdsa_sha256, as_bytes("message"), changed, effort);
  }
};

TEST_F(EcdsaSignatures, HaveOneEncoding) {
  const Bytes r = integer(numbers.r);
  const Bytes s = integer(numbers.s);
  EXPECT_TRUE(holds(signature));
  EXPECT_TRUE(holds(sequence({r, s})));
  EXPECT_FALSE(holds(join({sequence({r, s}), hex("0500")})));
  EXPECT_FALSE(holds(sequence({r, s, hex("0500")})));
  EXPECT_FALSE(holds(sequence({r, s, s})));
  EXPECT_FALSE(holds(sequence({r})));
  EXPECT_FALSE(holds(join({r, s})));
  EXPECT_FALSE(holds({}));
  Bytes padded = {0};
  append(padded, Der(r).next()->content);
  EXPECT_FALSE(holds(sequence({element(tag::integer, padded), s}))) << "a zero more than needed";
}

TEST_F(EcdsaSignatures, HaveNumbersOfTheWidthOfTheCurve) {
  Bytes wide = {1};
  append(wide, numbers.r);
  EXPECT_FALSE(holds(sequence({integer(wide), integer(numbers.s)})));
  EXPECT_FALSE(holds(sequence({integer(numbers.r), integer(Bytes(33, 0x55))})));
  EXPECT_FALSE(holds(sequence({integer(Bytes(8000, 0x55)), integer(numbers.s)})));
  EXPECT_FALSE(holds(sequence({integer(numbers.r), integer(Bytes(1, 0))})));
}

TEST_F(EcdsaSignatures, AreTakenRawToo) {
  const Bytes raw = join({numbers.r, numbers.s});
  EXPECT_TRUE(key.verify_raw(as_bytes("message"), raw, effort));
  EXPECT_FALSE(key.verify_raw(as_bytes("massage"), raw, effort));
  EXPECT_FALSE(key.verify_raw(as_bytes("message"), ByteView(raw).first(63), effort));
  EXPECT_EQ(effort.signature_checks, 3U);
  EXPECT_EQ(effort.bytes_read, 21U);
  const Bytes rsa = CertificateParts(Signer::rsa()).signed_by(signer);
  const auto rsa_key = VerifyingKey::of(*parse_certificate(rsa, "ark"));
  ASSERT_TRUE(rsa_key);
  EXPECT_FALSE(rsa_key->verify_raw(as_bytes("message"), raw, effort));
}

TEST(AVerifyingKey, IsMadeOfAValidKeyOnly) {
  const Signer signer = Signer::p256();
  CertificateParts parts(signer);
  parts.key.back() ^= 1;
  Bytes der = parts.signed_by(signer);
  EXPECT_FALSE(VerifyingKey::of(*parse_certificate(der, "leaf"))) << "off the curve";
  const Bytes small = sequence({integer(Bytes(128, 0x55)), integer(Bytes{3})});
  parts.key = sequence({hex("300d06092a864886f70d0101010500"), build::bit_string(small)});
  der = parts.signed_by(signer);
  EXPECT_FALSE(VerifyingKey::of(*parse_certificate(der, "leaf"))) << "1024 bits";
}

// A list and the authority that signs it.
struct ListPair {
  ListPair() { issuer.subject = list.issuer = build::name("Authority"); }

  std::string refusal() { return refusal_of(key); }
  std::string refusal_of(const Signer& signs) {
    const Bytes issuer_der = issuer.signed_by(key);
    const Bytes list_der = list.signed_by(signs);
    const auto above = parse_certificate(issuer_der, "issuer");
    const auto crl = parse_crl(list_der, "pck_crl");
    EXPECT_TRUE(above && crl);
    Effort effort;
    const auto held = require_signed(*crl, *above, *VerifyingKey::of(*above), "pck_crl", effort);
    return held ? accepted : held.error().text();
  }

  Signer key = Signer::p256();
  CertificateParts issuer{key};
  CrlParts list;
};

TEST(ASignedList, IsSignedByItsIssuer) {
  ListPair pair;
  EXPECT_EQ(pair.refusal(), accepted);
  EXPECT_EQ(pair.refusal_of(Signer::p256()), "BAD_CRL:pck_crl");
}

TEST(ASignedList, NamesItsIssuer) {
  ListPair pair;
  pair.list.issuer = build::name("Other");
  EXPECT_EQ(pair.refusal(), "BAD_CRL:pck_crl");
}

TEST(ASignedList, IsOfAnIssuerThatMaySignLists) {
  ListPair pair;
  pair.issuer.extensions = {constraints("30030101ff"), usage("03020204")};
  EXPECT_EQ(pair.refusal(), "BAD_CRL:pck_crl") << "keyCertSign alone";
  pair.issuer.extensions = {constraints("30030101ff"), usage("03020102")};
  EXPECT_EQ(pair.refusal(), accepted);
  pair.issuer.extensions = {constraints("30030101ff")};
  EXPECT_EQ(pair.refusal(), "BAD_CRL:pck_crl");
}

}  // namespace
}  // namespace blindai::evidence::x509
