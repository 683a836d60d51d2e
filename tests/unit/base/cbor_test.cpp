#include "base/cbor.h"

#include <gtest/gtest.h>

namespace blindai::cbor {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

TEST(Cbor, WritesTheExamplesOfRfc8949AppendixA) {
  EXPECT_EQ(encode(0), hex("00"));
  EXPECT_EQ(encode(23), hex("17"));
  EXPECT_EQ(encode(24), hex("1818"));
  EXPECT_EQ(encode(1000), hex("1903e8"));
  EXPECT_EQ(encode(std::int64_t{1000000000000}), hex("1b000000e8d4a51000"));
  EXPECT_EQ(encode(-1), hex("20"));
  EXPECT_EQ(encode(-1000), hex("3903e7"));
  EXPECT_EQ(encode(true), hex("f5"));
  EXPECT_EQ(encode(Null{}), hex("f6"));
  EXPECT_EQ(encode(hex("01020304")), hex("4401020304"));
  EXPECT_EQ(encode("IETF"), hex("6449455446"));
  EXPECT_EQ(encode(Array{1, Array{2, 3}}), hex("8201820203"));
  EXPECT_EQ(encode(Map{{"a", 1}, {"b", Array{2, 3}}}), hex("a26161016162820203"));
}

TEST(Cbor, OrdersMapKeysByTheirEncoding) {
  const Map map{{"bb", 1}, {"c", 2}, {Key(std::int64_t{1}), 3}, {Key(std::int64_t{-1}), 4}};
  EXPECT_EQ(encode(map), hex("a401032004616302626262"
                             "01"));
}

TEST(Cbor, ReadsBackWhatItWrote) {
  const Value value(
      Map{{"ctx", "blindai"}, {"list", Array{1, -7, Null{}, false}}, {"nested", Map{{"k", hex("00ff")}}}});
  EXPECT_EQ(decode(encode(value)), value);
}

TEST(Cbor, RefusesWhatIsNotDeterministic) {
  for (const char* text : {
           "1817",                // 23 in two bytes
           "190017",              // 23 in three
           "1b00000000ffffffff",  // fits four bytes
           "5f4101ff",            // indefinite byte string
           "9fff",                // indefinite array
           "bfff",                // indefinite map
           "a2616201616101",      // keys out of order
           "a2616101616101",      // a key twice
           "c000",                // tag
           "f97e00",              // half float
           "fb7ff8000000000000",  // double
           "f7",                  // undefined
           "f814",                // false, in two bytes
           "0000",                // trailing byte
           "",                    // nothing
           "62c328",              // not UTF-8
           "62c080",              // overlong
           "63eda080",            // surrogate
           "a14101f6",            // a byte string for a key
           "1bffffffffffffffff",  // beyond int64
           "9bffffffffffffffff",  // array of 2^64 - 1
           "5bffffffffffffffff",  // byte string of 2^64 - 1
           "bb7fffffffffffffff",  // map
           "4401",                // cut short
       }) {
    EXPECT_FALSE(decode(hex(text))) << text;
  }
}

TEST(Cbor, NestsToTheLimitAndNotBeyond) {
  Bytes at_limit(max_depth, 0x81);
  at_limit.push_back(0x00);
  EXPECT_TRUE(decode(at_limit));
  Bytes above(max_depth + 1, 0x81);
  above.push_back(0x00);
  EXPECT_EQ(decode(above).error().code, Code::too_large);
  const Bytes far_above(1'000'000, 0x81);
  EXPECT_EQ(decode(far_above).error().code, Code::too_large);
}

TEST(Fields, TakesEveryMemberOrFails) {
  const Value map(Map{{"n", 1}, {"t", "x"}});
  Fields all(map);
  EXPECT_EQ(all.integer("n"), 1);
  EXPECT_EQ(all.text("t"), "x");
  EXPECT_TRUE(all.finish());

  Fields unknown_left(map);
  unknown_left.integer("n");
  EXPECT_FALSE(unknown_left.finish());

  Fields wrong_type(map);
  wrong_type.text("n");
  wrong_type.text("t");
  EXPECT_FALSE(wrong_type.finish());

  Fields missing(map);
  missing.integer("n");
  missing.text("t");
  missing.digest("d");
  EXPECT_FALSE(missing.finish());

  Fields not_a_map(Value(1));
  EXPECT_FALSE(not_a_map.finish());
}

}  // namespace
}  // namespace blindai::cbor
