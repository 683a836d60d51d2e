// Signatures and bindings of quotes (11 to 16 in the list of attacks).
#include "crypto/crypto.h"
#include "own_keys.h"

namespace blindai::evidence {
namespace {

using chains::Curve;
using chains::Dcap;
using chains::Key;
using chains::QuoteLayout;

const Bytes order = *from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");  // of P-256

// order - number, both of 32 bytes.
Bytes negated(ByteView number) {
  Bytes out(32);
  int borrow = 0;
  for (std::size_t i = 32; i-- > 0;) {
    const int digit = order[i] - number[i] - borrow;
    borrow = digit < 0 ? 1 : 0;
    out[i] = static_cast<std::uint8_t>(digit + 256 * borrow);
  }
  return out;
}

void overwrite(Bytes& bytes, std::size_t at, ByteView with) {
  std::copy(with.begin(), with.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

TEST(OwnKeysSignature, ABitOfWhatIsSignedIsRefused) {  // 11
  for (const Dcap& chain : {chains::sgx(), chains::tdx(), chains::tdx(5, 4)}) {
    QuoteLayout layout;
    const Case made = chain.seal(&layout);
    for (const std::size_t at : {layout.body, layout.body + 200, layout.signature_size - 1}) {
      Case hostile = made;
      hostile.evidence[at] ^= 0x80U;
      EXPECT_THAT(judge(hostile), RejectedFor("BAD_QUOTE_SIGNATURE")) << at;
    }
    for (const std::size_t at : {layout.qe_report, layout.qe_report + 300, layout.qe_report + 383}) {
      Case hostile = made;
      hostile.evidence[at] ^= 0x01U;
      EXPECT_THAT(judge(hostile), RejectedFor("BAD_QE_REPORT_SIGNATURE")) << at;
    }
  }
}

TEST(OwnKeysSignature, NumbersOutOfTheirRangeAreRefused) {  // 12
  QuoteLayout layout;
  const Case made = chains::tdx().seal(&layout);
  const Bytes zero(32);
  const Bytes ones(32, 0xff);
  Bytes one_more = order;
  one_more.back() += 1;
  for (const Bytes& number : {zero, order, one_more, ones}) {
    for (const std::size_t half : {0U, 32U}) {
      Case quote = made;
      overwrite(quote.evidence, layout.signature + half, number);
      EXPECT_THAT(judge(quote), RejectedFor("BAD_QUOTE_SIGNATURE"));
      Case enclave = made;
      overwrite(enclave.evidence, layout.qe_signature + half, number);
      EXPECT_THAT(judge(enclave), RejectedFor("BAD_QE_REPORT_SIGNATURE"));
    }
  }
}

TEST(OwnKeysSignature, NumbersThatAreSwappedAreRefused) {  // 12
  QuoteLayout layout;
  Case made = chains::sgx().seal(&layout);
  const auto begin = made.evidence.begin() + static_cast<std::ptrdiff_t>(layout.signature);
  std::swap_ranges(begin, begin + 32, begin + 32);
  EXPECT_THAT(judge(made), RejectedFor("BAD_QUOTE_SIGNATURE"));
}

TEST(OwnKeysSignature, TheOtherSolutionOfASignatureIsTheSameSignature) {  // 13
  QuoteLayout layout;
  const Case made = chains::sgx().seal(&layout);
  Case other = made;
  for (const std::size_t signature : {layout.signature, layout.qe_signature}) {
    overwrite(other.evidence, signature + 32, negated(ByteView(made.evidence).subspan(signature + 32, 32)));
  }
  ASSERT_NE(other.evidence, made.evidence);
  const Verdict verdict = judge(other);
  EXPECT_THAT(verdict, Accepted());
  EXPECT_EQ(verdict.report.claims, judge(made).report.claims);
}

TEST(OwnKeysSignature, AnAttestationKeyThatTheQuotingEnclaveDoesNotNameIsRefused) {  // 14
  Dcap chain = chains::tdx();
  const Key known = chain.quote.attestation_key;
  // The QE report names the key that it named before; quote and key are the attacker's.
  const Case before = chain.seal();
  chain.quote.attestation_key = Key::generate(Curve::p256);
  Bytes bound = known.point();
  append(bound, chain.quote.auth_data);
  chain.quote.qe_report_data = copy(crypto::sha256(bound).view());
  chain.quote.qe_report_data->resize(64);
  EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_ATTESTATION_KEY_BINDING"));
  chain.quote.attestation_key = known;
  EXPECT_THAT(judge(chain.seal()), Accepted());
  EXPECT_THAT(judge(before), Accepted());
}

TEST(OwnKeysSignature, AQuoteSignedByAnotherKeyThanTheNamedOneIsRefused) {  // 14
  Dcap chain = chains::sgx();
  chain.quote.signer = Key::generate(Curve::p256);
  EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_QUOTE_SIGNATURE"));
}

TEST(OwnKeysSignature, AQeReportSignedByAnotherKeyThanThePcksIsRefused) {  // 20
  Dcap chain = chains::sgx();
  chain.quote.qe_signer = Key::generate(Curve::p256);
  EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_QE_REPORT_SIGNATURE"));
}

TEST(OwnKeysSignature, TheCertificateOfAnotherPlatformIsRefused) {  // 20
  Dcap chain = chains::sgx();
  const Key here = chain.pck.key;
  chain.pck.key = Key::generate(Curve::p256);
  chain.quote.qe_signer = here;
  EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_QE_REPORT_SIGNATURE"));
}

TEST(OwnKeysSignature, AuthenticationDataThatIsNotBoundIsRefused) {  // 15
  QuoteLayout layout;
  Case made = chains::tdx().seal(&layout);
  made.evidence[layout.auth_data + 31] ^= 1U;
  EXPECT_THAT(judge(made), RejectedFor("BAD_ATTESTATION_KEY_BINDING"));
}

TEST(OwnKeysSignature, TheSecondHalfOfTheQuotingEnclavesReportDataIsZero) {  // 16
  for (const std::size_t at : {32U, 48U, 63U}) {
    Dcap chain = chains::sgx();
    chain.quote.edit_qe_report = [at](Bytes& report) { report[320 + at] = 1; };
    EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_ATTESTATION_KEY_BINDING")) << at;
  }
}

TEST(OwnKeysSignature, AnAttestationKeyOffTheCurveIsRefused) {
  QuoteLayout layout;
  Dcap chain = chains::sgx();
  chain.seal(&layout);
  for (const Bytes& point : {Bytes(64), Bytes(64, 0xff), Bytes(64, 0x01)}) {
    Bytes bound = point;
    append(bound, chain.quote.auth_data);
    chain.quote.qe_report_data = copy(crypto::sha256(bound).view());
    chain.quote.qe_report_data->resize(64);
    Case made = chain.seal();
    overwrite(made.evidence, layout.attestation_key, point);
    EXPECT_THAT(judge(made), RejectedFor("BAD_ATTESTATION_KEY"));
  }
}

TEST(OwnKeysSignature, DocumentsSignedByAnotherKeyAreRefused) {
  Dcap info = chains::sgx();
  info.tcb_info.signer = Key::generate(Curve::p256);
  EXPECT_THAT(judge(info.seal()), RejectedFor("BAD_TCB_INFO_SIGNATURE"));
  Dcap identity = chains::sgx();
  identity.qe_identity.signer = Key::generate(Curve::p256);
  EXPECT_THAT(judge(identity.seal()), RejectedFor("BAD_QE_IDENTITY_SIGNATURE"));
}

TEST(OwnKeysSignature, OneDocumentUnderTheNameOfTheOtherIsRefused) {
  Case made = chains::sgx().seal();
  std::swap(made.collateral["tcb_info"], made.collateral["qe_identity"]);
  EXPECT_THAT(judge(made),
              RejectedForAll(Words{"BAD_COLLATERAL_FORMAT:tcb_info", "BAD_COLLATERAL_FORMAT:qe_identity"}));
}

TEST(OwnKeysSignature, ADocumentWhoseSignatureIsOfTheOtherIsRefused) {
  const Case made = chains::sgx().seal();
  const auto signature = [](const Bytes& text) { return as_text(text).substr(text.size() - 130, 128); };
  Case hostile = made;
  Bytes& info = hostile.collateral["tcb_info"];
  overwrite(info, info.size() - 130, as_bytes(signature(made.collateral.at("qe_identity"))));
  EXPECT_THAT(judge(hostile), RejectedFor("BAD_TCB_INFO_SIGNATURE"));
}

}  // namespace
}  // namespace blindai::evidence
