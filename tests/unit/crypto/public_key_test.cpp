#include "crypto/public_key.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <thread>

namespace blindai::crypto {
namespace {

// RFC 6979 appendix A.2.5 and A.2.6: the message "sample" with SHA-256 and SHA-384.
struct EcCase {
  Curve curve;
  const char* point;
  const char* signature;
  const char* order;
};
const EcCase p256 = {Curve::p256,
                     "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
                     "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
                     "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
                     "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
                     "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"};
const EcCase p384 = {
    Curve::p384,
    "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13"
    "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
    "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46"
    "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"};

// Big-endian a - b, where a is not less.
Bytes subtract(ByteView a, ByteView b) {
  Bytes out(a.size());
  int borrow = 0;
  for (std::size_t i = a.size(); i-- > 0;) {
    const int digit = a[i] - b[i] - borrow;
    borrow = digit < 0 ? 1 : 0;
    out[i] = static_cast<std::uint8_t>(digit);
  }
  return out;
}

struct EcKeys : testing::TestWithParam<const EcCase*> {
  std::size_t width = field_bytes(GetParam()->curve);
  Bytes point = *from_hex(GetParam()->point);
  Bytes signature = *from_hex(GetParam()->signature);
  Bytes order = *from_hex(GetParam()->order);
  std::optional<EcPublicKey> key = EcPublicKey::from_point(GetParam()->curve, point);

  bool holds(ByteView changed) const { return key->verify(as_bytes("sample"), changed); }
  // The signature with its first or second half replaced.
  Bytes with_r(ByteView r) const {
    Bytes out = copy(r);
    append(out, ByteView(signature).subspan(width));
    return out;
  }
  Bytes with_s(ByteView s) const {
    Bytes out = copy(ByteView(signature).first(width));
    append(out, s);
    return out;
  }
};

TEST_P(EcKeys, AcceptTheSignatureOfTheRfc) {
  ASSERT_TRUE(key);
  EXPECT_EQ(key->curve(), GetParam()->curve);
  EXPECT_TRUE(holds(signature));
  EXPECT_FALSE(key->verify(as_bytes("simple"), signature));
}

TEST_P(EcKeys, RefuseEveryFlippedBit) {
  for (std::size_t bit = 0; bit < signature.size() * 8; bit += 3) {
    Bytes changed = signature;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_FALSE(holds(changed)) << "bit " << bit;
  }
}

TEST_P(EcKeys, RefuseNumbersOutsideTheirRange) {
  const Bytes zero(width, 0);
  const Bytes ones(width, 0xff);
  for (const Bytes& outside : {zero, order, ones}) {
    EXPECT_FALSE(holds(with_r(outside)));
    EXPECT_FALSE(holds(with_s(outside)));
  }
  Bytes both_zero = zero;
  append(both_zero, zero);
  EXPECT_FALSE(holds(both_zero));
}

// s and n - s are both right: no list of what was seen may be keyed by signatures.
TEST_P(EcKeys, AcceptTheOtherSignOfS) {
  EXPECT_TRUE(holds(with_s(subtract(order, ByteView(signature).subspan(width)))));
}

TEST_P(EcKeys, RefuseOtherLengths) {
  EXPECT_FALSE(holds({}));
  EXPECT_FALSE(holds(ByteView(signature).first(signature.size() - 1)));
  Bytes longer = signature;
  longer.push_back(0);
  EXPECT_FALSE(holds(longer));
  longer = signature;
  longer.insert(longer.begin() + static_cast<std::ptrdiff_t>(width), 0);
  EXPECT_FALSE(holds(longer)) << "s with a zero before it";
  EXPECT_FALSE(EcPublicKey::from_point(GetParam()->curve, Bytes(100'000)));
  EXPECT_FALSE(EcPublicKey::from_point(GetParam()->curve, ByteView(point).first(point.size() - 1)));
  longer = point;
  longer.push_back(0);
  EXPECT_FALSE(EcPublicKey::from_point(GetParam()->curve, longer));
  EXPECT_FALSE(EcPublicKey::from_point(GetParam()->curve, {}));
}

TEST_P(EcKeys, AreOnTheCurve) {
  for (std::size_t at = 0; at < point.size(); at += 7) {
    Bytes changed = point;
    changed[at] ^= 1;
    EXPECT_FALSE(EcPublicKey::from_point(GetParam()->curve, changed)) << "byte " << at;
  }
  EXPECT_FALSE(EcPublicKey::from_point(GetParam()->curve, Bytes(2 * width, 0)));
  EXPECT_FALSE(EcPublicKey::from_point(GetParam()->curve, Bytes(2 * width, 0xff)));
}

TEST_P(EcKeys, LeaveNothingInTheErrorQueue) {
  ERR_clear_error();
  EXPECT_FALSE(EcPublicKey::from_point(GetParam()->curve, Bytes(2 * width, 1)));
  EXPECT_FALSE(holds(Bytes(2 * width, 0xff)));
  EXPECT_FALSE(holds(with_r(Bytes(width, 1))));
  EXPECT_EQ(ERR_peek_error(), 0UL);
}

TEST_P(EcKeys, ServeManyThreads) {
  std::array<std::thread, 4> threads;
  std::array<bool, 4> good{};
  for (std::size_t i = 0; i < threads.size(); ++i) {
    threads[i] = std::thread([&, i] {
      const EcPublicKey mine = *key;
      good[i] = mine.verify(as_bytes("sample"), signature) && holds(signature) &&
                EcPublicKey::from_point(GetParam()->curve, point).has_value();
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(good, (std::array{true, true, true, true}));
}

INSTANTIATE_TEST_SUITE_P(Curves, EcKeys, testing::Values(&p256, &p384),
                         [](const auto& chosen) { return chosen.param == &p256 ? "P256" : "P384"; });

TEST(EcKey, HasCoordinatesBelowThePrime) {
  // x = 0 is on P-256, and x + p fits in 32 bytes too.
  const Bytes y = *from_hex("66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4");
  Bytes point(32, 0);
  append(point, y);
  EXPECT_TRUE(EcPublicKey::from_point(Curve::p256, point));
  point = *from_hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
  append(point, y);
  EXPECT_FALSE(EcPublicKey::from_point(Curve::p256, point));
}

struct FreePkey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

// A key of OpenSSL's making, and what it signs with parameters of choice.
struct RsaKeys : testing::Test {
  static EVP_PKEY* pair() {
    static const std::unique_ptr<EVP_PKEY, FreePkey> key(EVP_RSA_gen(2048));
    return key.get();
  }
  static Bytes number(const char* name) {
    BIGNUM* big = nullptr;
    EXPECT_EQ(EVP_PKEY_get_bn_param(pair(), name, &big), 1);
    Bytes out(static_cast<std::size_t>(BN_num_bytes(big)));
    BN_bn2bin(big, out.data());
    BN_free(big);
    return out;
  }
  static Bytes sign(const EVP_MD* hash, const EVP_MD* mask_hash, int salt, int padding = RSA_PKCS1_PSS_PADDING) {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_PKEY_CTX* parameters = nullptr;
    EXPECT_EQ(EVP_DigestSignInit(context, &parameters, hash, nullptr, pair()), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(parameters, padding), 1);
    if (padding == RSA_PKCS1_PSS_PADDING) {
      EXPECT_EQ(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, salt), 1);
      EXPECT_EQ(EVP_PKEY_CTX_set_rsa_mgf1_md(parameters, mask_hash), 1);
    }
    Bytes out(256);
    std::size_t size = out.size();
    const ByteView message = as_bytes("sample");
    EXPECT_EQ(EVP_DigestSign(context, out.data(), &size, message.data(), message.size()), 1);
    EXPECT_EQ(size, out.size());
    EVP_MD_CTX_free(context);
    return out;
  }
  Bytes modulus = number("n");
  Bytes exponent = number("e");
  std::optional<RsaPublicKey> key = RsaPublicKey::from_numbers(modulus, exponent);
  bool holds(ByteView signature) const { return key->verify_pss_sha384(as_bytes("sample"), signature); }
};

TEST_F(RsaKeys, AcceptThoseParametersAndNoOthers) {
  ASSERT_TRUE(key);
  EXPECT_TRUE(holds(sign(EVP_sha384(), EVP_sha384(), 48)));
  EXPECT_FALSE(holds(sign(EVP_sha384(), EVP_sha384(), 47)));
  EXPECT_FALSE(holds(sign(EVP_sha384(), EVP_sha384(), 0)));
  EXPECT_FALSE(holds(sign(EVP_sha384(), EVP_sha384(), 100)));
  EXPECT_FALSE(holds(sign(EVP_sha384(), EVP_sha256(), 48)));
  EXPECT_FALSE(holds(sign(EVP_sha256(), EVP_sha384(), 48)));
  EXPECT_FALSE(holds(sign(EVP_sha384(), nullptr, 0, RSA_PKCS1_PADDING)));
}

TEST_F(RsaKeys, RefuseWhatIsNotTheSignature) {
  const Bytes signature = sign(EVP_sha384(), EVP_sha384(), 48);
  EXPECT_FALSE(key->verify_pss_sha384(as_bytes("simple"), signature));
  for (std::size_t bit = 0; bit < signature.size() * 8; bit += 37) {
    Bytes changed = signature;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_FALSE(holds(changed)) << "bit " << bit;
  }
  EXPECT_FALSE(holds(modulus));
  EXPECT_FALSE(holds(Bytes(modulus.size(), 0xff)));
  EXPECT_FALSE(holds(Bytes(modulus.size(), 0)));
  ERR_clear_error();
  EXPECT_FALSE(holds(modulus));
  EXPECT_EQ(ERR_peek_error(), 0UL);
}

TEST_F(RsaKeys, RefuseOtherLengths) {
  Bytes signature = sign(EVP_sha384(), EVP_sha384(), 48);
  while (signature.front() != 0) {  // one whose first byte can be left out
    signature = sign(EVP_sha384(), EVP_sha384(), 48);
  }
  EXPECT_TRUE(holds(signature));
  EXPECT_FALSE(holds(ByteView(signature).subspan(1)));
  signature.insert(signature.begin(), 0);
  EXPECT_FALSE(holds(signature));
  EXPECT_FALSE(holds({}));
}

Bytes number_of(std::size_t bytes, std::uint8_t first, std::uint8_t last) {
  Bytes out(bytes, 0x5a);
  out.front() = first;
  out.back() = last;
  return out;
}

TEST_F(RsaKeys, HaveAModulusWithinBounds) {
  const auto takes = [&](const Bytes& n) { return RsaPublicKey::from_numbers(n, exponent).has_value(); };
  EXPECT_TRUE(takes(number_of(256, 0x80, 1)));
  EXPECT_TRUE(takes(number_of(1024, 0xff, 1)));
  EXPECT_FALSE(takes(number_of(256, 0x7f, 1))) << "2047 bits";
  EXPECT_FALSE(takes(number_of(255, 0xff, 1)));
  EXPECT_FALSE(takes(number_of(1025, 0x01, 1))) << "8193 bits";
  EXPECT_FALSE(takes(number_of(256, 0x80, 2))) << "even";
  EXPECT_FALSE(takes(number_of(257, 0x00, 1))) << "a sign byte";
  EXPECT_FALSE(takes({}));
}

TEST_F(RsaKeys, HaveAnExponentWithinBounds) {
  const auto takes = [&](const Bytes& e) { return RsaPublicKey::from_numbers(modulus, e).has_value(); };
  EXPECT_TRUE(takes({3}));
  EXPECT_TRUE(takes({1, 1}));
  EXPECT_TRUE(takes(number_of(8, 0xff, 1)));
  EXPECT_FALSE(takes(number_of(9, 0x01, 1)));
  EXPECT_FALSE(takes({1}));
  EXPECT_FALSE(takes({2}));
  EXPECT_FALSE(takes({0}));
  EXPECT_FALSE(takes({0, 3}));
  EXPECT_FALSE(takes({}));
}

}  // namespace
}  // namespace blindai::crypto
