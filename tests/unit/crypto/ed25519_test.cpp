#include <gtest/gtest.h>

#include "crypto/crypto.h"

namespace blindai::crypto {
namespace {

// RFC 8032 section 7.1, test 2.
const Bytes seed = *from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
const Bytes public_key = *from_hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
const Bytes message = {0x72};
const Bytes signature = *from_hex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");

TEST(Ed25519, SignsAsTheRfcDoes) {
  const auto key = Ed25519Key::from_seed(seed);
  ASSERT_TRUE(key);
  EXPECT_EQ(to_hex(key->public_key()), to_hex(public_key));
  EXPECT_EQ(to_hex(key->sign(message)), to_hex(signature));
  EXPECT_EQ(key->seed(), seed);
}

TEST(Ed25519, AcceptsTheSignatureAndNoChangedBit) {
  EXPECT_TRUE(ed25519_verify(public_key, message, signature));
  for (std::size_t bit = 0; bit < signature.size() * 8; ++bit) {
    Bytes changed = signature;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1u << (bit % 8)));
    EXPECT_FALSE(ed25519_verify(public_key, message, changed)) << "bit " << bit;
  }
  EXPECT_FALSE(ed25519_verify(public_key, Bytes{0x73}, signature));
}

TEST(Ed25519, RefusesOtherSizes) {
  EXPECT_FALSE(ed25519_verify(ByteView(public_key).first(31), message, signature));
  EXPECT_FALSE(ed25519_verify(public_key, message, ByteView(signature).first(63)));
  EXPECT_FALSE(Ed25519Key::from_seed(ByteView(seed).first(31)));
}

TEST(Ed25519Der, IsTheFormOfRfc8410AndNoOther) {
  const auto key = Ed25519Key::generate();
  const Bytes der = key.public_key_der();
  EXPECT_EQ(der.size(), 44u);
  ASSERT_TRUE(ed25519_from_der(der));
  EXPECT_EQ(*ed25519_from_der(der), key.public_key());
  for (std::size_t at = 0; at < 12; ++at) {
    Bytes changed = der;
    changed[at] ^= 1;
    EXPECT_FALSE(ed25519_from_der(changed)) << "byte " << at;
  }
  Bytes longer = der;
  longer.push_back(0);
  EXPECT_FALSE(ed25519_from_der(longer));
}

}  // namespace
}  // namespace blindai::crypto
