#include "crypto/cose.h"

#include <gtest/gtest.h>

#include "base/cbor.h"

namespace blindai::crypto {
namespace {

TEST(CoseSign1, GivesBackWhatWasSigned) {
  const auto key = Ed25519Key::generate();
  const Bytes message = cose_sign1(key, as_bytes("payload"));
  const auto payload = cose_verify1(key.public_key(), message);
  ASSERT_TRUE(payload);
  EXPECT_EQ(as_text(*payload), "payload");
  EXPECT_EQ(*cose_unverified_payload(message), *payload);
}

TEST(CoseSign1, RefusesEveryFlippedBit) {
  const auto key = Ed25519Key::generate();
  const Bytes message = cose_sign1(key, as_bytes("payload"));
  for (std::size_t bit = 0; bit < message.size() * 8; ++bit) {
    Bytes changed = message;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1u << (bit % 8)));
    EXPECT_FALSE(cose_verify1(key.public_key(), changed)) << "bit " << bit;
  }
}

TEST(CoseSign1, RefusesTheKeyOfAnother) {
  const auto message = cose_sign1(Ed25519Key::generate(), as_bytes("payload"));
  const auto result = cose_verify1(Ed25519Key::generate().public_key(), message);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::unauthenticated);
}

TEST(CoseSign1, RefusesOtherHeadersEvenWhenSigned) {
  const auto key = Ed25519Key::generate();
  const auto forge = [&](const cbor::Value& header, const cbor::Value& unprotected) {
    const Bytes encoded = cbor::encode(header);
    const Bytes signed_bytes = cbor::encode(cbor::Array{"Signature1", encoded, Bytes{}, as_bytes("payload")});
    const auto signature = key.sign(signed_bytes);
    return cbor::encode(cbor::Array{encoded, unprotected, as_bytes("payload"), ByteView(signature)});
  };
  const auto header = [](std::int64_t label, std::int64_t value) {
    return cbor::Map{{cbor::Key(label), cbor::Value(value)}};
  };
  EXPECT_TRUE(cose_verify1(key.public_key(), forge(header(1, -8), cbor::Map{})));
  EXPECT_FALSE(cose_verify1(key.public_key(), forge(header(1, -7), cbor::Map{})));
  EXPECT_FALSE(cose_verify1(key.public_key(), forge(header(2, -8), cbor::Map{})));
  EXPECT_FALSE(cose_verify1(key.public_key(), forge(header(1, -8), header(4, 1))));
}

}  // namespace
}  // namespace blindai::crypto
