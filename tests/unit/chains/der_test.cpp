#include "chains/der.h"

#include <gtest/gtest.h>

namespace blindai::chains {
namespace {

TEST(DerWriter, WritesLengthsInTheirShortestForm) {
  EXPECT_EQ(to_hex(der::element(0x04, Bytes(0x7f))).substr(0, 4), "047f");
  EXPECT_EQ(to_hex(der::element(0x04, Bytes(0x80))).substr(0, 6), "048180");
  EXPECT_EQ(to_hex(der::element(0x04, Bytes(0x100))).substr(0, 8), "04820100");
  EXPECT_EQ(to_hex(der::element(0x04, Bytes(0x10000))).substr(0, 10), "0483010000");
}

TEST(DerWriter, WritesIntegersInTheirShortestForm) {
  EXPECT_EQ(to_hex(der::integer(0)), "020100");
  EXPECT_EQ(to_hex(der::integer(127)), "02017f");
  EXPECT_EQ(to_hex(der::integer(128)), "02020080");
  EXPECT_EQ(to_hex(der::integer(256)), "02020100");
  EXPECT_EQ(to_hex(der::integer(-1)), "0201ff");
  EXPECT_EQ(to_hex(der::integer(-128)), "020180");
  EXPECT_EQ(to_hex(der::integer(-129)), "0202ff7f");
  EXPECT_EQ(to_hex(der::integer(ByteView(Bytes{0, 0, 0x80}))), "02020080");
  EXPECT_EQ(to_hex(der::integer(ByteView(Bytes{}))), "020100");
}

TEST(DerWriter, WritesObjectIdentifiers) {
  EXPECT_EQ(to_hex(der::oid("1.2.840.113741.1.13.1")), "06092a864886f84d010d01");
  EXPECT_EQ(to_hex(der::oid("2.5.29.15")), "0603551d0f");
  EXPECT_EQ(to_hex(der::oid("1.3.6.1.4.1.3704.1.3.8")), "060a2b060104019c78010308");
}

TEST(DerWriter, WritesTimesAsTheirYearWantsThem) {
  EXPECT_EQ(as_text(ByteView(der::time(0)).subspan(2)), "700101000000Z");
  EXPECT_EQ(as_text(ByteView(der::time(2'524'607'999)).subspan(2)), "491231235959Z");
  EXPECT_EQ(as_text(ByteView(der::time(2'524'608'000)).subspan(2)), "20500101000000Z");
  EXPECT_EQ(as_text(ByteView(der::time(253'402'300'799)).subspan(2)), "99991231235959Z");
  EXPECT_EQ(as_text(ByteView(der::generalized_time(0)).subspan(2)), "19700101000000Z");
}

}  // namespace
}  // namespace blindai::chains
