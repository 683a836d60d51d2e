#include "evidence/x509/certificate.h"

#include <gtest/gtest.h>

#include "evidence/der_build.h"
#include "evidence/x509/der.h"

namespace blindai::evidence::x509 {
namespace {

using build::CertificateParts;
using build::element;
using build::extension;
using build::hex;
using build::join;
using build::sequence;

constexpr const char* accepted = "";
constexpr const char* bad = "BAD_CERTIFICATE:leaf";
constexpr const char* not_offered = "BAD_CERT_CHAIN:leaf";

const build::Signer& signer() {
  static const build::Signer key = build::Signer::p256();
  return key;
}

std::string refusal_of(ByteView der) {
  const auto certificate = parse_certificate(der, "leaf");
  return certificate ? accepted : certificate.error().text();
}

// A certificate of which one part was changed.
struct Parts : CertificateParts {
  Parts() : CertificateParts(signer()) {}
  std::string refusal() const { return refusal_of(signed_by(signer())); }
};

std::string with(Bytes CertificateParts::* part, Bytes value) {
  Parts parts;
  parts.*part = std::move(value);
  return parts.refusal();
}

std::string with_extension(Bytes value) {
  Parts parts;
  parts.extensions.push_back(std::move(value));
  return parts.refusal();
}

std::string with_key_usage(std::string_view value) {
  Parts parts;
  parts.extensions = {extension(build::key_usage, true, hex(value))};
  return parts.refusal();
}

std::string with_basic_constraints(std::string_view value) {
  Parts parts;
  parts.extensions = {extension(build::basic_constraints, true, hex(value))};
  return parts.refusal();
}

TEST(ACertificate, IsReadWhole) {
  Parts parts;
  parts.serial = hex("021500a0b0c0d0e0f0a0b0c0d0e0f0a0b0c0d0e0f0a0b0");
  parts.extensions = {extension(build::basic_constraints, true, hex("30060101ff020103")),
                      extension(build::key_usage, true, hex("0303070480")), extension("2a03", false, hex("abcd"))};
  const Bytes der = parts.signed_by(signer());
  const auto certificate = parse_certificate(der, "leaf");
  ASSERT_TRUE(certificate) << certificate.error().text();
  EXPECT_EQ(to_hex(certificate->whole), to_hex(der));
  EXPECT_EQ(to_hex(certificate->serial), "00a0b0c0d0e0f0a0b0c0d0e0f0a0b0c0d0e0f0a0b0");
  EXPECT_EQ(to_hex(certificate->issuer), to_hex(parts.issuer));
  EXPECT_EQ(to_hex(certificate->subject), to_hex(parts.subject));
  EXPECT_EQ(certificate->not_before, 1640995200);
  EXPECT_EQ(certificate->not_after, 1956528000);
  EXPECT_EQ(to_hex(certificate->public_key_info), to_hex(parts.key));
  const auto* point = std::get_if<EcPoint>(&certificate->key);
  ASSERT_NE(point, nullptr);
  EXPECT_EQ(point->curve, crypto::Curve::p256);
  EXPECT_EQ(to_hex(point->xy), to_hex(ByteView(parts.key).last(64)));
  EXPECT_EQ(certificate->algorithm, SignatureAlgorithm::ecdsa_sha256);
  EXPECT_TRUE(certificate->ca);
  EXPECT_EQ(certificate->path_length, 3);
  EXPECT_EQ(certificate->key_usage, 0x0480);
  ASSERT_EQ(certificate->extension_count, 3U);
  const Extension* other = certificate->extension(hex("2a03"));
  ASSERT_NE(other, nullptr);
  EXPECT_FALSE(other->critical);
  EXPECT_EQ(to_hex(other->value), "abcd");
  EXPECT_TRUE(certificate->extension(hex("551d13"))->critical);
  EXPECT_EQ(certificate->extension(hex("551d")), nullptr);
  EXPECT_EQ(Der(der).take(tag::sequence)->content.data(), certificate->tbs.data());
}

TEST(ACertificate, IsAtMostSixteenKibibytes) {
  Parts parts;
  const std::size_t rest = parts.signed_by(signer()).size();
  const auto filled = [&](std::size_t size) {
    parts.extensions = {extension("2a03", false, Bytes(size))};
    return parts.signed_by(signer());
  };
  Bytes der = filled(max_certificate_bytes - rest - 100);
  EXPECT_LT(der.size(), max_certificate_bytes);
  EXPECT_EQ(refusal_of(der), accepted);
  der = filled(max_certificate_bytes);
  EXPECT_EQ(refusal_of(der), bad);
}

TEST(ACertificate, EndsWhereItEnds) {
  EXPECT_EQ(with(&Parts::after_all, hex("00")), bad);
  EXPECT_EQ(with(&Parts::after_all, hex("0500")), bad);
  EXPECT_EQ(with(&Parts::after_signature, hex("0500")), bad);
  EXPECT_EQ(with(&Parts::after_extensions, hex("0500")), bad);
  EXPECT_EQ(refusal_of({}), bad);
  EXPECT_EQ(refusal_of(hex("3000")), bad);
  EXPECT_EQ(refusal_of(Bytes(1024, 0)), bad);
}

TEST(ACertificate, RefusesEveryTruncation) {
  const Bytes der = Parts().signed_by(signer());
  for (std::size_t size = 0; size < der.size(); ++size) {
    EXPECT_NE(refusal_of(ByteView(der).first(size)), accepted) << size;
  }
}

TEST(ACertificate, IsOfVersionThree) {
  EXPECT_EQ(with(&Parts::version, {}), bad) << "version 1 is the default";
  EXPECT_EQ(with(&Parts::version, hex("a003020101")), bad);
  EXPECT_EQ(with(&Parts::version, hex("a003020103")), bad);
  EXPECT_EQ(with(&Parts::version, hex("a00402020002")), bad);
  EXPECT_EQ(with(&Parts::version, hex("a0050201020500")), bad);
  EXPECT_EQ(with(&Parts::version, hex("020102")), bad);
}

TEST(ACertificate, HasASerialOfTwentyBytesAtMost) {
  EXPECT_EQ(with(&Parts::serial, hex("020100")), accepted) << "AMD's have the serial zero";
  EXPECT_EQ(with(&Parts::serial, element(tag::integer, Bytes(20, 0x7f))), accepted);
  EXPECT_EQ(with(&Parts::serial, join({hex("021500"), Bytes(20, 0xff)})), accepted);
  EXPECT_EQ(with(&Parts::serial, element(tag::integer, Bytes(21, 0x7f))), bad);
  EXPECT_EQ(with(&Parts::serial, hex("0201ff")), bad) << "negative";
  EXPECT_EQ(with(&Parts::serial, hex("02020005")), bad) << "not its shortest form";
  EXPECT_EQ(with(&Parts::serial, hex("0200")), bad);
  EXPECT_EQ(with(&Parts::serial, hex("0a0105")), bad);
}

TEST(ACertificate, NamesItsAlgorithmTwiceAndAlike) {
  EXPECT_EQ(with(&Parts::inner_algorithm, build::ecdsa_sha384), bad);
  EXPECT_EQ(with(&Parts::outer_algorithm, build::ecdsa_sha384), bad);
  EXPECT_EQ(with(&Parts::inner_algorithm, hex("300c06082a8648ce3d0403020500")), bad) << "the same with NULL";
  Parts parts;
  parts.inner_algorithm = parts.outer_algorithm = build::ecdsa_sha384;
  EXPECT_EQ(parts.refusal(), accepted);
}

TEST(ACertificate, IsSignedByAKnownAlgorithm) {
  const auto both = [](std::string_view algorithm) {
    Parts parts;
    parts.inner_algorithm = parts.outer_algorithm = hex(algorithm);
    return parts.refusal();
  };
  const std::string pss = to_hex(build::pss_sha384);
  EXPECT_EQ(both(pss), accepted);
  EXPECT_EQ(both("3046" + pss.substr(4, 22) + "3039" + pss.substr(30) + "a303020101"), accepted)
      << "the default, written";
  const auto changed = [&](std::size_t byte, std::string_view to) {
    std::string text = pss;
    return both(text.replace(2 * byte, 2, to));
  };
  EXPECT_EQ(changed(30, "01"), not_offered) << "SHA-256";
  EXPECT_EQ(changed(59, "01"), not_offered) << "MGF1 with SHA-256";
  EXPECT_EQ(changed(66, "20"), not_offered) << "a salt of 32 bytes";
  EXPECT_EQ(both("3046" + pss.substr(4, 22) + "3039" + pss.substr(30) + "a303020102"), not_offered)
      << "another trailer";
  EXPECT_EQ(both("300b06092a864886f70d01010a"), not_offered) << "RSASSA-PSS without parameters";
  EXPECT_EQ(both("300a06082a8648ce3d040301"), not_offered) << "ECDSA with SHA-224";
  EXPECT_EQ(both("300906072a8648ce3d0401"), not_offered) << "ECDSA with SHA-1";
  EXPECT_EQ(both("300d06092a864886f70d01010b0500"), not_offered) << "RSA with SHA-256, PKCS 1 version 1.5";
  EXPECT_EQ(both("3000"), not_offered);
}

TEST(ACertificate, HasNamesOfPrintableText) {
  const auto subject = [](std::initializer_list<Bytes> sets) { return with(&Parts::subject, sequence(sets)); };
  EXPECT_EQ(subject({build::attribute(tag::printable_string, "x"), build::attribute(tag::utf8_string, "a b~")}),
            accepted);
  EXPECT_EQ(subject({}), bad) << "no attribute";
  EXPECT_EQ(with(&Parts::issuer, sequence({})), bad);
  EXPECT_EQ(subject({build::attribute(0x1e, "ab")}), bad) << "BMPString";
  EXPECT_EQ(subject({build::attribute(tag::utf8_string, "\xc3\xa9")}), bad);
  EXPECT_EQ(subject({build::attribute(tag::utf8_string, std::string_view("a\0b", 3))}), bad);
  EXPECT_EQ(subject({build::attribute(tag::utf8_string, "a\x7f")}), bad);
  const Bytes pair = sequence({hex("0603550403"), hex("0c0161")});
  EXPECT_EQ(subject({element(tag::set, pair)}), accepted);
  EXPECT_EQ(subject({element(tag::set, join({pair, pair}))}), bad) << "two in one set";
  EXPECT_EQ(subject({pair}), bad) << "not in a set";
  EXPECT_EQ(subject({element(tag::set, sequence({hex("0603550403"), hex("0c0161"), hex("0500")}))}), bad);
  EXPECT_EQ(subject({element(tag::set, sequence({hex("0603550483"), hex("0c0161")}))}), bad) << "half an OID";
  EXPECT_EQ(subject({element(tag::set, sequence({hex("0603550403")}))}), bad);
  EXPECT_EQ(with(&Parts::issuer, sequence({element(tag::set, {})})), bad);
}

TEST(ACertificate, HasTwoDates) {
  const Bytes first = build::utc("220101000000Z");
  EXPECT_EQ(with(&Parts::validity, sequence({first, element(tag::generalized_time, as_bytes("99991231235959Z"))})),
            accepted);
  EXPECT_EQ(with(&Parts::validity, sequence({first})), bad);
  EXPECT_EQ(with(&Parts::validity, sequence({first, first, first})), bad);
  EXPECT_EQ(with(&Parts::validity, sequence({first, build::utc("221301000000Z")})), bad);
  EXPECT_EQ(with(&Parts::validity, sequence({build::utc("221301000000Z"), first})), bad);
  EXPECT_EQ(with(&Parts::validity, sequence({first, element(tag::printable_string, as_bytes("220101000000Z"))})), bad);
}

TEST(ACertificate, HoldsAnEllipticKeyOfTwoCurves) {
  const Bytes p384 = build::Signer::p384().public_key_info();
  EXPECT_EQ(with(&Parts::key, p384), accepted);
  const Bytes& p256 = Parts().key;
  const std::string algorithm = to_hex(ByteView(p256).subspan(2, 21));
  const std::string point = to_hex(ByteView(p256).last(65));
  EXPECT_EQ(with(&Parts::key, hex("3059" + algorithm + "034200" + point)), accepted);
  EXPECT_EQ(with(&Parts::key, hex("3059" + algorithm + "034200" + "05" + point.substr(2))), bad);
  EXPECT_EQ(with(&Parts::key, hex("3039" + algorithm + "032200" + "02" + point.substr(2, 64))), bad) << "compressed";
  EXPECT_EQ(with(&Parts::key, hex("305a" + algorithm + "034300" + point + "00")), bad) << "a byte more";
  EXPECT_EQ(with(&Parts::key, hex("3058" + algorithm + "034100" + point.substr(0, 128))), bad) << "a byte less";
  EXPECT_EQ(with(&Parts::key, hex("3059" + algorithm + "034201" + point)), bad) << "an unused bit";
  EXPECT_EQ(with(&Parts::key, hex("305b" + algorithm + "034200" + point + "0500")), bad);
  EXPECT_EQ(with(&Parts::key, hex("3018" + algorithm + "030100")), bad);
  // secp256k1, P-521, Ed25519, parameters left out, RSASSA-PSS as the kind of key.
  EXPECT_EQ(with(&Parts::key, hex("3056301006072a8648ce3d020106052b8104000a034200" + point)), not_offered);
  EXPECT_EQ(with(&Parts::key, hex("3056301006072a8648ce3d020106052b81040023034200" + point)), not_offered);
  EXPECT_EQ(with(&Parts::key, hex("302a300506032b6570032100" + point.substr(2, 64))), not_offered);
  EXPECT_EQ(with(&Parts::key, hex("304f300906072a8648ce3d0201034200" + point)), not_offered);
  EXPECT_EQ(with(&Parts::key, hex("3051300b06092a864886f70d01010a034200" + point)), not_offered);
  EXPECT_EQ(with(&Parts::key, hex("3000")), bad);
}

TEST(ACertificate, HoldsAnRsaKey) {
  const Bytes algorithm = hex("300d06092a864886f70d0101010500");
  const auto key = [&](const Bytes& bits) { return with(&Parts::key, sequence({algorithm, build::bit_string(bits)})); };
  const Bytes n = hex("0203008001");
  const Bytes e = hex("0203010001");
  EXPECT_EQ(key(sequence({n, e})), accepted) << "its size is looked at when it is used";
  EXPECT_EQ(key(sequence({n})), bad);
  EXPECT_EQ(key(sequence({n, e, e})), bad);
  EXPECT_EQ(key(join({sequence({n, e}), hex("0500")})), bad);
  EXPECT_EQ(key(sequence({hex("02028001"), e})), bad) << "negative";
  EXPECT_EQ(key(sequence({n, hex("02020003")})), bad);
  EXPECT_EQ(key({}), bad);

  const Bytes der = [] {
    CertificateParts parts(build::Signer::rsa());
    return parts.signed_by(signer());
  }();
  const auto certificate = parse_certificate(der, "leaf");
  ASSERT_TRUE(certificate);
  const auto* numbers = std::get_if<RsaNumbers>(&certificate->key);
  ASSERT_NE(numbers, nullptr);
  EXPECT_EQ(numbers->modulus.size(), 256U);
  EXPECT_EQ(to_hex(numbers->exponent), "010001");
}

TEST(ACertificate, HasNoUniqueIdentifiers) {
  EXPECT_EQ(with(&Parts::before_extensions, hex("81020055")), bad);
  EXPECT_EQ(with(&Parts::before_extensions, hex("82020055")), bad);
}

TEST(ACertificate, HasExtensionsOfTheRightForm) {
  const auto raw = [](std::string_view text) { return with(&Parts::raw_extensions, hex(text)); };
  EXPECT_EQ(raw("a30b 3009 3007 06022a03 0401ab"), accepted);
  EXPECT_EQ(raw("a302 3000"), bad) << "none";
  EXPECT_EQ(raw("a300"), bad);
  EXPECT_EQ(raw("a30d 3009 3007 06022a03 0401ab 0500"), bad);
  EXPECT_EQ(raw("300b 3009 3007 06022a03 0401ab"), bad) << "without their tag";
  EXPECT_EQ(raw("a30b 3109 3007 06022a03 0401ab"), bad) << "a set";
  EXPECT_EQ(raw("a30b 3009 3107 06022a03 0401ab"), bad);
  EXPECT_EQ(raw("a30d 300b 3009 06022a03 0401ab 0500"), bad) << "something after the value";
  EXPECT_EQ(raw("a30b 3009 3007 06022a03 0c01ab"), bad) << "no octet string";
  EXPECT_EQ(raw("a308 3006 3004 06022a03"), bad) << "no value";
  EXPECT_EQ(raw("a30b 3009 3007 06022a83 0401ab"), bad) << "half an OID";
  EXPECT_EQ(raw("a30e 300c 300a 06022a03 010100 0401ab"), bad) << "the default, written";
  EXPECT_EQ(raw("a30e 300c 300a 06022a03 010101 0401ab"), bad) << "neither true nor false";
  EXPECT_EQ(raw("a30d 300b 3009 06022a03 0100 0401ab"), bad);
}

TEST(ACertificate, HasNoExtensionTwice) {
  EXPECT_EQ(with_extension(extension("2a03", false, hex("ab"))), accepted);
  Parts parts;
  parts.extensions = {extension("2a03", false, hex("ab")), extension("2a04", false, hex("ab")),
                      extension("2a03", false, hex("cd"))};
  EXPECT_EQ(parts.refusal(), bad);
}

TEST(ACertificate, HasThirtyTwoExtensionsAtMost) {
  Parts parts;
  parts.extensions.clear();
  for (std::uint8_t i = 0; i < max_extensions; ++i) {
    parts.extensions.push_back(extension(to_hex(Bytes{0x2a, i}), false, hex("00")));
  }
  EXPECT_EQ(parts.refusal(), accepted);
  parts.extensions.push_back(extension("2b01", false, hex("00")));
  EXPECT_EQ(parts.refusal(), bad);
}

TEST(ACertificate, RefusesCriticalExtensionsThatItDoesNotKnow) {
  EXPECT_EQ(with_extension(extension("2a03", true, hex("ab"))), not_offered);
  EXPECT_EQ(with_extension(extension("551d1e", true, hex("3000"))), not_offered) << "name constraints";
  EXPECT_EQ(with_extension(extension("551d25", true, hex("300a06082b06010505070301"))), not_offered);
}

TEST(ACertificate, SaysNotOfferedInTheWordOfTheCaller) {
  Parts parts;
  parts.extensions.push_back(extension("2a03", true, hex("ab")));
  const Bytes der = parts.signed_by(signer());
  const auto certificate = parse_certificate(der, "vek", Reason::bad_vek_chain);
  ASSERT_FALSE(certificate);
  EXPECT_EQ(certificate.error().text(), "BAD_VEK_CHAIN:vek");
}

TEST(BasicConstraints, AreReadStrictly) {
  EXPECT_EQ(with_basic_constraints("3000"), accepted);
  EXPECT_EQ(with_basic_constraints("30030101ff"), accepted);
  EXPECT_EQ(with_basic_constraints("30060101ff020100"), accepted);
  EXPECT_EQ(with_basic_constraints("3003010100"), bad) << "the default, written";
  EXPECT_EQ(with_basic_constraints("3003010101"), bad);
  EXPECT_EQ(with_basic_constraints("3003020100"), bad) << "a path length of no authority";
  EXPECT_EQ(with_basic_constraints("30060101ff0201ff"), bad) << "negative";
  EXPECT_EQ(with_basic_constraints("300e0101ff0209010000000000000000"), bad) << "too large";
  EXPECT_EQ(with_basic_constraints("30080101ff0201000500"), bad);
  EXPECT_EQ(with_basic_constraints("30050101ff0500"), bad);
  EXPECT_EQ(with_basic_constraints("30000500"), bad);
  EXPECT_EQ(with_basic_constraints("3100"), bad);
  EXPECT_EQ(with_basic_constraints(""), bad);
}

TEST(BasicConstraints, MayBeAbsentAsInCertificatesOfChips) {
  Parts parts;
  parts.extensions = {extension("2a03", false, hex("ab"))};
  const Bytes der = parts.signed_by(signer());
  const auto certificate = parse_certificate(der, "leaf");
  ASSERT_TRUE(certificate);
  EXPECT_FALSE(certificate->ca);
  EXPECT_FALSE(certificate->path_length);
  EXPECT_FALSE(certificate->key_usage);
}

TEST(KeyUsage, IsReadStrictly) {
  EXPECT_EQ(with_key_usage("03020106"), accepted);
  EXPECT_EQ(with_key_usage("030206c0"), accepted);
  EXPECT_EQ(with_key_usage("03020780"), accepted);
  EXPECT_EQ(with_key_usage("03020001"), accepted);
  EXPECT_EQ(with_key_usage("0303070080"), accepted);
  EXPECT_EQ(with_key_usage("03020104"), accepted) << "a zero bit at the end, as AMD has it";
  EXPECT_EQ(with_key_usage("03020206"), bad) << "a bit set among the unused";
  EXPECT_EQ(with_key_usage("03020100"), bad) << "no bit set";
  EXPECT_EQ(with_key_usage("03020000"), bad);
  EXPECT_EQ(with_key_usage("03020806"), bad) << "eight unused bits";
  EXPECT_EQ(with_key_usage("0302ff80"), bad);
  EXPECT_EQ(with_key_usage("03020800"), bad);
  EXPECT_EQ(with_key_usage("030100"), bad);
  EXPECT_EQ(with_key_usage("0300"), bad);
  EXPECT_EQ(with_key_usage("030407000080"), bad) << "three bytes of bits";
  EXPECT_EQ(with_key_usage("030201060500"), bad);
  EXPECT_EQ(with_key_usage("04020106"), bad);
}

TEST(Names, HaveOneCommonName) {
  const auto cn = [](std::initializer_list<Bytes> sets) {
    const Bytes name = sequence(sets);
    const auto found = common_name(name);
    return found ? std::string(*found) : "nothing";
  };
  const Bytes organization = element(tag::set, sequence({hex("060355040a"), hex("0c014f")}));
  EXPECT_EQ(cn({organization, build::attribute(tag::utf8_string, "SEV-VCEK")}), "SEV-VCEK");
  EXPECT_EQ(cn({organization}), "nothing");
  EXPECT_EQ(cn({build::attribute(tag::utf8_string, "a"), build::attribute(tag::utf8_string, "a")}), "nothing");
  EXPECT_EQ(common_name({}), std::nullopt);
}

TEST(Names, AreDescribedForPeople) {
  const Bytes organization = element(tag::set, sequence({hex("060355040a"), hex("0c03412042")}));
  const Bytes other = element(tag::set, sequence({hex("06022a03"), hex("0c0163")}));
  EXPECT_EQ(describe_name(sequence({build::attribute(tag::utf8_string, "Root"), organization, other})),
            "CN=Root, O=A B, 2a03=c");
  const Bytes hundred = build::attribute(tag::utf8_string, std::string(100, 'x'));
  EXPECT_EQ(describe_name(sequence({hundred, hundred, hundred})).size(), 256U);
  EXPECT_EQ(describe_name({}), "");
}

}  // namespace
}  // namespace blindai::evidence::x509
