#include "evidence/x509/der.h"

#include <gtest/gtest.h>

namespace blindai::evidence::x509 {
namespace {

Bytes hex(std::string_view text) { return *from_hex(text); }

bool reads(std::string_view bytes) {
  const Bytes der = hex(bytes);
  return Der(der).next().has_value();
}

// An element of `length` content bytes under the header given.
bool reads_long(std::string_view header, std::size_t length) {
  Bytes der = hex(header);
  der.resize(der.size() + length);
  return Der(der).next().has_value();
}

TEST(DerReader, TakesElementsInTurn) {
  const Bytes der = hex("3003020105040161");
  Der reader(der);
  EXPECT_EQ(reader.peek(), tag::sequence);
  const auto sequence = reader.take(tag::sequence);
  ASSERT_TRUE(sequence);
  EXPECT_EQ(to_hex(sequence->content), "020105");
  EXPECT_EQ(to_hex(sequence->whole), "3003020105");
  EXPECT_FALSE(reader.at_end());
  EXPECT_FALSE(reader.take(tag::integer)) << "it is an octet string";
  const auto string = reader.next();
  ASSERT_TRUE(string);
  EXPECT_EQ(string->tag, tag::octet_string);
  EXPECT_EQ(as_text(string->content), "a");
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(reader.peek(), 0);
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.take(0));
}

TEST(DerReader, TakesLengthsInTheirShortestFormOnly) {
  EXPECT_TRUE(reads("0400"));
  EXPECT_TRUE(reads_long("047f", 0x7f));
  EXPECT_TRUE(reads_long("048180", 0x80));
  EXPECT_TRUE(reads_long("0481ff", 0xff));
  EXPECT_TRUE(reads_long("04820100", 0x100));
  EXPECT_TRUE(reads_long("0483010000", 0x10000));
  EXPECT_TRUE(reads_long("048401000000", 0x1000000));
  EXPECT_FALSE(reads_long("04817f", 0x7f));
  EXPECT_FALSE(reads_long("048200ff", 0xff));
  EXPECT_FALSE(reads_long("0483000100", 0x100));
  EXPECT_FALSE(reads_long("04850001000000", 0x1000000));
}

TEST(DerReader, RefusesIndefiniteLengths) {
  EXPECT_FALSE(reads("30800000"));
  EXPECT_FALSE(reads("24800401610000"));
  EXPECT_FALSE(reads("3080"));
}

TEST(DerReader, RefusesLengthsThatDoNotFit) {
  EXPECT_FALSE(reads("04"));
  EXPECT_FALSE(reads("0401"));
  EXPECT_FALSE(reads("04020a"));
  EXPECT_FALSE(reads("0481"));
  EXPECT_FALSE(reads("048201"));
  EXPECT_FALSE(reads_long("048180", 0x7f));
  EXPECT_FALSE(reads_long("04820100", 0xff));
  EXPECT_FALSE(reads("0484ffffffff"));
  EXPECT_FALSE(reads("0488ffffffffffffffff"));
  // Nine bytes of length, of which a 64-bit number would keep 0x80.
  EXPECT_FALSE(reads_long("0489010000000000000080", 0x80));
}

TEST(DerReader, RefusesTagsThatItDoesNotKnow) {
  EXPECT_FALSE(reads("0000"));
  EXPECT_FALSE(reads("1f0100"));
  EXPECT_FALSE(reads("bf0100"));
  EXPECT_TRUE(reads("1e00"));
  EXPECT_TRUE(reads("a000"));
}

TEST(DerReader, DoesNotRunPastAnEnclosingValue) {
  const Bytes der = hex("3003040261620500");  // the string claims one byte more than the sequence has
  Der outer(der);
  const auto sequence = outer.take(tag::sequence);
  ASSERT_TRUE(sequence);
  EXPECT_FALSE(Der(sequence->content).next());
}

TEST(DerBoolean, IsZeroOrAllOnes) {
  EXPECT_EQ(read_boolean(hex("00")), false);
  EXPECT_EQ(read_boolean(hex("ff")), true);
  EXPECT_FALSE(read_boolean(hex("01")));
  EXPECT_FALSE(read_boolean(hex("ff00")));
  EXPECT_FALSE(read_boolean({}));
}

TEST(DerInteger, IsReadAtItsShortestOnly) {
  EXPECT_EQ(read_integer(hex("00")), 0);
  EXPECT_EQ(read_integer(hex("7f")), 127);
  EXPECT_EQ(read_integer(hex("0080")), 128);
  EXPECT_EQ(read_integer(hex("80")), -128);
  EXPECT_EQ(read_integer(hex("ff7f")), -129);
  EXPECT_EQ(read_integer(hex("ff")), -1);
  EXPECT_EQ(read_integer(hex("7fffffffffffffff")), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(read_integer(hex("8000000000000000")), std::numeric_limits<std::int64_t>::min());
  EXPECT_FALSE(read_integer(hex("008000000000000000")));
  EXPECT_FALSE(read_integer(hex("007f")));
  EXPECT_FALSE(read_integer(hex("0000")));
  EXPECT_FALSE(read_integer(hex("ff80")));
  EXPECT_FALSE(read_integer({}));
}

TEST(DerUnsigned, IsTheMagnitude) {
  const auto magnitude = [](std::string_view content) {
    const Bytes bytes = hex(content);
    const auto out = read_unsigned(bytes);
    return out ? to_hex(*out) : "nothing";
  };
  EXPECT_EQ(magnitude("00"), "00");
  EXPECT_EQ(magnitude("7f"), "7f");
  EXPECT_EQ(magnitude("00ff0102030405060708"), "ff0102030405060708");
  EXPECT_EQ(magnitude("80"), "nothing");
  EXPECT_EQ(magnitude("ff7f"), "nothing");
  EXPECT_EQ(magnitude("007f"), "nothing");
  EXPECT_EQ(magnitude("0000"), "nothing");
  EXPECT_EQ(magnitude(""), "nothing");
}

TEST(DerBitString, HasWholeBytes) {
  const Bytes whole = hex("00a5");
  ASSERT_TRUE(read_bit_string(whole));
  EXPECT_EQ(to_hex(*read_bit_string(whole)), "a5");
  EXPECT_TRUE(read_bit_string(hex("00")));
  EXPECT_FALSE(read_bit_string(hex("01a4")));
  EXPECT_FALSE(read_bit_string({}));
}

std::optional<UnixSeconds> utc(std::string_view text) { return read_time(tag::utc_time, as_bytes(text)); }
std::optional<UnixSeconds> generalized(std::string_view text) {
  return read_time(tag::generalized_time, as_bytes(text));
}

TEST(DerTime, IsReadInBothForms) {
  EXPECT_EQ(utc("700101000000Z"), 0);
  EXPECT_EQ(utc("500101000000Z"), -631152000);
  EXPECT_EQ(utc("491231235959Z"), 2524607999);
  EXPECT_EQ(utc("000229120000Z"), 951825600);
  EXPECT_EQ(generalized("19700101000000Z"), 0);
  EXPECT_EQ(generalized("19500101000000Z"), -631152000);
  EXPECT_EQ(generalized("20380119031408Z"), 2147483648);
  EXPECT_EQ(generalized("99991231235959Z"), 253402300799);
}

TEST(DerTime, RefusesWhatIsNoTime) {
  EXPECT_FALSE(generalized("19491231235959Z"));
  EXPECT_FALSE(generalized("00000101000000Z"));
  for (const char* text : {"220001000000Z", "221301000000Z", "220100000000Z", "220132000000Z", "220229000000Z",
                           "220431000000Z", "220101240000Z", "220101006000Z", "220101000060Z"}) {
    EXPECT_FALSE(utc(text)) << text;
    EXPECT_FALSE(generalized("20" + std::string(text))) << text;
  }
  EXPECT_FALSE(generalized("21000229000000Z")) << "no leap year";
  EXPECT_TRUE(generalized("20000229000000Z"));
}

TEST(DerTime, RefusesOtherForms) {
  for (const char* text : {"", "Z", "2201010000Z", "220101000000", "220101000000z", "220101000000+0000",
                           "22010100000aZ", " 20101000000Z", "-20101000000Z", "220101000000ZZ", "22010100000\xb0Z"}) {
    EXPECT_FALSE(utc(text)) << text;
  }
  for (const char* text : {"20220101000000.5Z", "20220101000000", "202201010000Z", "20220101000000+01", "220101000000Z",
                           "20220101000000.0"}) {
    EXPECT_FALSE(generalized(text)) << text;
  }
  EXPECT_FALSE(utc("20220101000000Z"));
  EXPECT_FALSE(read_time(tag::printable_string, as_bytes("20220101000000Z")));
  EXPECT_FALSE(read_time(tag::printable_string, as_bytes("220101000000Z")));
}

TEST(DerOid, HasWholeArcsInTheirShortestForm) {
  EXPECT_TRUE(is_oid(hex("550406")));
  EXPECT_TRUE(is_oid(hex("2a864886f84d010d01")));
  EXPECT_TRUE(is_oid(hex("883701")));
  EXPECT_FALSE(is_oid({}));
  EXPECT_FALSE(is_oid(hex("5586")));
  EXPECT_FALSE(is_oid(hex("8055")));
  EXPECT_FALSE(is_oid(hex("55800406")));
  EXPECT_TRUE(is_oid(hex("55818001"))) << "0x80 inside an arc is seven zero bits";
}

}  // namespace
}  // namespace blindai::evidence::x509
