#include <gtest/gtest.h>

#include "crypto/crypto.h"
#include "crypto/public_key.h"

namespace blindai::crypto {
namespace {

TEST(Digests, AreThoseOfFips180) {
  EXPECT_EQ(sha256(as_bytes("abc")).hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256({}).hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha384(as_bytes("abc"))),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
  EXPECT_EQ(to_hex(sha512(as_bytes("abc"))),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(Sha256Stream, EqualsTheDigestOfTheWhole) {
  const Bytes data(100'000, 0x5a);
  Sha256 stream;
  for (std::size_t at = 0; at < data.size(); at += 977) {
    stream.update(ByteView(data).subspan(at, std::min<std::size_t>(977, data.size() - at)));
  }
  EXPECT_EQ(stream.finish(), sha256(data));
}

TEST(ConstantTimeComparison, ComparesLengthsAndBytes) {
  EXPECT_TRUE(equal_constant_time({}, {}));
  EXPECT_TRUE(equal_constant_time(as_bytes("same"), as_bytes("same")));
  EXPECT_FALSE(equal_constant_time(as_bytes("same"), as_bytes("sand")));
  EXPECT_FALSE(equal_constant_time(as_bytes("same"), as_bytes("sam")));
}

TEST(Random, DoesNotRepeat) { EXPECT_NE(random_bytes(32), random_bytes(32)); }

TEST(Cleanse, Overwrites) {
  Bytes secret(64, 0xaa);
  cleanse(secret);
  EXPECT_EQ(secret, Bytes(64, 0));
}

}  // namespace
}  // namespace blindai::crypto
