#include "evidence/x509/pem.h"

#include <gtest/gtest.h>

namespace blindai::evidence::x509 {
namespace {

std::string block(std::string_view body) {
  return "-----BEGIN CERTIFICATE-----\n" + std::string(body) + "\n-----END CERTIFICATE-----\n";
}

// What comes out, in hexadecimal with blanks between, or the refusal.
std::string read(std::string_view text) {
  const auto ders = certificates_of_pem(as_bytes(text), "pck_chain");
  if (!ders) {
    return ders.error().text();
  }
  std::string out;
  for (const Bytes& der : *ders) {
    out += (out.empty() ? "" : " ") + to_hex(der);
  }
  return out;
}

constexpr const char* refused = "BAD_CERT_CHAIN:pck_chain";

TEST(Pem, GivesCertificatesInTheirOrder) {
  EXPECT_EQ(read(block("AQID")), "010203");
  EXPECT_EQ(read(block("AQID") + block("BAU=")), "010203 0405");
  EXPECT_EQ(read("\n" + block("AQID") + " \t\n\n" + block("BAU=") + "\n"), "010203 0405");
  EXPECT_EQ(read(block("AQ\nID")), "010203");
  EXPECT_EQ(read("-----BEGIN CERTIFICATE-----\r\nAQID\r\n-----END CERTIFICATE-----\r\n\r\n"), "010203");
  EXPECT_EQ(read("-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----"), "010203") << "no end of line";
}

TEST(Pem, MayEndWithOneNul) {
  EXPECT_EQ(read(block("AQID") + '\0'), "010203");
  EXPECT_EQ(read(block("AQID") + std::string(2, '\0')), refused);
  EXPECT_EQ(read(block("AQID") + '\0' + block("AQID")), refused);
  EXPECT_EQ(read('\0' + block("AQID")), refused);
  EXPECT_EQ(read(std::string(1, '\0')), refused);
}

TEST(Pem, RefusesWhatIsNotACertificateBlock) {
  EXPECT_EQ(read(""), refused);
  EXPECT_EQ(read("\n"), refused);
  EXPECT_EQ(read("text\n" + block("AQID")), refused);
  EXPECT_EQ(read(block("AQID") + "text"), refused);
  EXPECT_EQ(read("-----BEGIN X509 CRL-----\nAQID\n-----END X509 CRL-----\n"), refused);
  EXPECT_EQ(read("-----BEGIN CERTIFICATE-----\nAQID\n"), refused) << "no end";
  EXPECT_EQ(read(block("AQID") + "-----BEGIN CERTIFICATE-----\nAQID\n"), refused);
  EXPECT_EQ(read("-----BEGIN CERTIFICATE-----AQID-----END CERTIFICATE-----\n"), refused);
  EXPECT_EQ(read("-----END CERTIFICATE-----\n"), refused);
  EXPECT_EQ(read("-----BEGIN CERTIFICATE-----\n" + block("AQID")), refused) << "a block in a block";
}

TEST(Pem, RefusesWhatIsNotBase64) {
  EXPECT_EQ(read(block("")), refused);
  EXPECT_EQ(read(block("AQI")), refused);
  EXPECT_EQ(read(block("AQI*")), refused);
  EXPECT_EQ(read(block("AQ ID")), refused);
  EXPECT_EQ(read(block("AQ\n\nID")), refused) << "an empty line";
  EXPECT_EQ(read(block("BAV=")), refused) << "bits that are left over";
  EXPECT_EQ(read(block("BAU=AQID")), refused);
}

TEST(Pem, HoldsEightCertificatesAtMost) {
  std::string text;
  for (std::size_t i = 0; i < max_chain; ++i) {
    text += block("AQID");
  }
  EXPECT_NE(read(text), refused);
  EXPECT_EQ(read(text + block("AQID")), refused);
}

TEST(Pem, HoldsCertificatesOfSixteenKibibytesAtMost) {
  const auto of_size = [](std::size_t size) {
    return certificates_of_pem(as_bytes(block(to_base64(Bytes(size)))), "pck_chain");
  };
  ASSERT_TRUE(of_size(max_certificate_bytes));
  EXPECT_EQ(of_size(max_certificate_bytes)->front().size(), max_certificate_bytes);
  EXPECT_FALSE(of_size(max_certificate_bytes + 3));
  EXPECT_FALSE(of_size(16UL << 20U));
}

TEST(Pem, RefusesInTheWordOfTheCaller) {
  const auto ders = certificates_of_pem({}, "ask", Reason::bad_vek_chain);
  ASSERT_FALSE(ders);
  EXPECT_EQ(ders.error().text(), "BAD_VEK_CHAIN:ask");
}

}  // namespace
}  // namespace blindai::evidence::x509
