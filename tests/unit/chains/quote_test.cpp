// Generated quotes against what Intel's documents say of their bytes.
#include <gtest/gtest.h>

#include "chains/dcap.h"
#include "chains/openssl_judge.h"
#include "crypto/crypto.h"

namespace blindai::chains {
namespace {

struct Kind {
  std::uint16_t version;
  std::uint16_t body_type;
  std::size_t signed_bytes;
};
class Quotes : public testing::TestWithParam<Kind> {};

std::uint32_t number(ByteView bytes, std::size_t at) {
  return static_cast<std::uint32_t>(bytes[at] | bytes[at + 1] << 8U | bytes[at + 2] << 16U | bytes[at + 3] << 24U);
}

TEST_P(Quotes, AreLaidOutAsTheirVersionSays) {
  const auto [version, body_type, signed_bytes] = GetParam();
  const Dcap chain = body_type == 1 ? sgx(version) : tdx(version, body_type);
  QuoteLayout layout;
  const Case made = chain.seal(&layout);
  const ByteView quote = made.evidence;
  EXPECT_EQ(quote[0], version);
  EXPECT_EQ(layout.signature_size, signed_bytes);
  EXPECT_EQ(number(quote, layout.signature_size), layout.end - layout.signature);
  EXPECT_EQ(layout.end + chain.quote.trailing.size(), quote.size());
  EXPECT_EQ(number(quote, layout.inner_size), layout.end - layout.pck_chain);
  if (version != 3) {
    EXPECT_EQ(layout.outer_type, layout.attestation_key + 64);
    EXPECT_EQ(number(quote, layout.outer_type + 2), layout.end - layout.qe_report);
  }
}

TEST_P(Quotes, AreSignedFromPckToBody) {
  const auto [version, body_type, signed_bytes] = GetParam();
  const Dcap chain = body_type == 1 ? sgx(version) : tdx(version, body_type);
  QuoteLayout layout;
  const Case made = chain.seal(&layout);
  const ByteView quote = made.evidence;
  const std::vector<Bytes> pck = certificates_of(as_text(quote.subspan(layout.pck_chain)));
  ASSERT_EQ(pck.size(), 3U);
  EXPECT_TRUE(
      openssl_verifies_raw(pck.front(), quote.subspan(layout.qe_report, 384), quote.subspan(layout.qe_signature, 64)));
  Bytes bound = copy(quote.subspan(layout.attestation_key, 64));
  append(bound, chain.quote.auth_data);
  EXPECT_EQ(to_hex(quote.subspan(layout.qe_report + 320, 32)), crypto::sha256(bound).hex());
  EXPECT_EQ(to_hex(quote.subspan(layout.qe_report + 352, 32)), std::string(64, '0'));
  // A certificate of the attestation key, so that the same judge can look at the quote.
  const Bytes holder = intel_leaf(chain.quote.attestation_key, chain.root, "attestation key").der();
  EXPECT_TRUE(openssl_verifies_raw(holder, quote.first(signed_bytes), quote.subspan(layout.signature, 64)));
}

INSTANTIATE_TEST_SUITE_P(All, Quotes,
                         testing::Values(Kind{3, 1, 432}, Kind{4, 1, 432}, Kind{4, 2, 632}, Kind{5, 1, 438},
                                         Kind{5, 2, 638}, Kind{5, 3, 702}, Kind{5, 4, 939}));

}  // namespace
}  // namespace blindai::chains
