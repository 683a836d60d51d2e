// The form of quotes and of what stands in them, attacked with everything signed: docs of Intel name the fields, the
// comments the line of the list of attacks.
#include "own_keys.h"

namespace blindai::evidence {
namespace {

using chains::Dcap;
using chains::QuoteLayout;

std::vector<Dcap> every_kind() {
  return {chains::sgx(3),    chains::sgx(4),    chains::sgx(5),   chains::tdx(4, 2),
          chains::tdx(5, 2), chains::tdx(5, 3), chains::tdx(5, 4)};
}

void put32(Bytes& bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
}
std::uint32_t get32(const Bytes& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value |= static_cast<std::uint32_t>(bytes[at + i]) << (8 * i);
  }
  return value;
}

TEST(OwnKeysFormat, QuotesOfEveryVersionAndBodyAreAccepted) {
  for (const Dcap& chain : every_kind()) {
    const Verdict verdict = judge(chain.seal());
    EXPECT_THAT(verdict, Accepted()) << chain.quote.version << " " << chain.quote.body_type;
    EXPECT_EQ(tcb_member(verdict, "status"), "UpToDate");
    EXPECT_EQ(verdict.report.tee, chain.quote.tdx() ? "tdx" : "sgx");
  }
}

TEST(OwnKeysFormat, OtherVersionsAreRefused) {  // 1
  for (const std::uint16_t version : U16{0, 1, 2, 6, 0x0300, 0xffff}) {
    for (Dcap chain : {chains::sgx(), chains::tdx()}) {
      chain.quote.edit_signed = [version](Bytes& bytes) {
        bytes[0] = static_cast<std::uint8_t>(version);
        bytes[1] = static_cast<std::uint8_t>(version >> 8U);
      };
      EXPECT_THAT(judge(chain.seal()), RejectedFor("UNSUPPORTED_QUOTE_VERSION")) << version;
    }
  }
}

TEST(OwnKeysFormat, AVersionThatIsNotTheQuotesOwnIsRefused) {  // 1
  for (const Dcap& chain : every_kind()) {
    Case made = chain.seal();
    for (const std::uint8_t version : U8{3, 4, 5}) {
      made.evidence[0] = version;
      if (version != chain.quote.version) {
        const Verdict verdict = judge(made);
        EXPECT_FALSE(verdict.accepted) << chain.quote.version << " as " << int{version};
        EXPECT_THAT(verdict.reasons,
                    testing::ElementsAre(testing::ContainsRegex("^BAD_QUOTE_FORMAT|^UNSUPPORTED_CERTIFICATION_DATA")));
      }
    }
  }
}

TEST(OwnKeysFormat, OtherAttestationKeyTypesAreRefused) {  // 2
  for (const std::uint16_t type : U16{0, 1, 3, 4, 0x0200}) {
    for (Dcap chain : {chains::sgx(), chains::tdx(5, 3)}) {
      chain.quote.key_type = type;
      EXPECT_THAT(judge(chain.seal()), RejectedFor("UNSUPPORTED_ATTESTATION_KEY_TYPE")) << type;
    }
  }
}

TEST(OwnKeysFormat, OtherTeesAreRefused) {  // 3
  for (const std::uint32_t tee : {1U, 2U, 0x80U, 0x80000081U, 0x8100U}) {
    Dcap chain = chains::tdx();
    chain.quote.tee_type = tee;
    EXPECT_THAT(judge(chain.seal()), RejectedFor("UNSUPPORTED_TEE_TYPE")) << tee;
  }
}

TEST(OwnKeysFormat, TheBodyOfTheOtherTeeIsRefused) {  // 3
  Dcap td_as_sgx = chains::tdx();
  td_as_sgx.quote.tee_type = 0;
  Dcap sgx_as_td = chains::sgx(4);
  sgx_as_td.quote.tee_type = 0x81;
  for (const Dcap& chain : {td_as_sgx, sgx_as_td}) {
    for (const char* type : {"sgx-quote", "tdx-quote"}) {
      Case made = chain.seal();
      made.type = type;
      EXPECT_FALSE(judge(made).accepted);
    }
  }
  Dcap version3 = chains::sgx();
  for (const std::uint32_t reserved : {1U, 0x81U, 0x01000000U}) {  // version 3 has no type of TEE there
    version3.quote.tee_type = reserved;
    EXPECT_THAT(judge(version3.seal()).reasons, testing::ElementsAre(testing::StartsWith("BAD_QUOTE_FORMAT")));
  }
}

TEST(OwnKeysFormat, AQuoteUnderTheNameOfTheOtherTeeIsRefused) {
  for (const Dcap& chain : every_kind()) {
    Case made = chain.seal();
    made.type = chain.quote.tdx() ? "sgx-quote" : "tdx-quote";
    EXPECT_THAT(judge(made), RejectedFor("TEE_MISMATCH"));
  }
}

TEST(OwnKeysFormat, AnotherQeVendorIsRefused) {  // 4
  for (Dcap chain : every_kind()) {
    chain.quote.vendor_id[7] ^= 0x10U;
    EXPECT_THAT(judge(chain.seal()), RejectedFor("UNKNOWN_QE_VENDOR"));
  }
}

TEST(OwnKeysFormat, ABodyTypeThatIsNotTheBodysIsRefused) {  // 5
  for (const std::uint16_t real : U16{1, 2, 3, 4}) {
    for (const std::uint16_t said : U16{0, 1, 2, 3, 4, 5, 0x0100, 0xffff}) {
      if (said == real) {
        continue;
      }
      Dcap chain = real == 1 ? chains::sgx(5) : chains::tdx(5, real);
      chain.quote.edit_signed = [said](Bytes& bytes) {
        bytes[48] = static_cast<std::uint8_t>(said);
        bytes[49] = static_cast<std::uint8_t>(said >> 8U);
      };
      const Verdict verdict = judge(chain.seal());
      EXPECT_FALSE(verdict.accepted) << real << " as " << said;
      EXPECT_THAT(verdict.reasons, testing::Each(testing::StartsWith("BAD_QUOTE_FORMAT")));
    }
  }
}

TEST(OwnKeysFormat, ABodySizeThatIsNotTheBodysIsRefused) {  // 5
  for (const std::uint16_t type : U16{1, 2, 3, 4}) {
    Dcap chain = type == 1 ? chains::sgx(5) : chains::tdx(5, type);
    const auto right = static_cast<std::uint32_t>(type == 1 ? 384 : chain.quote.td.bytes(type).size());
    for (const std::uint32_t size : {0U, right - 1, right + 1, 384U, 584U, 648U, 885U, 0x7fffffffU, 0xffffffffU}) {
      chain.quote.body_size = size;
      const Verdict verdict = judge(chain.seal());
      EXPECT_EQ(verdict.accepted, size == right) << type << " " << size;
      EXPECT_THAT(verdict.reasons, testing::Each(testing::StartsWith("BAD_QUOTE_FORMAT")));
    }
  }
}

TEST(OwnKeysFormat, EveryLengthThatDoesNotFitIsRefused) {  // 6
  for (const Dcap& chain : every_kind()) {
    QuoteLayout layout;
    const Case made = chain.seal(&layout);
    std::vector<std::size_t> fields{layout.signature_size, layout.inner_size};
    if (layout.outer_type != 0) {
      fields.push_back(layout.outer_type + 2);
    }
    for (const std::size_t field : fields) {
      const std::uint32_t right = get32(made.evidence, field);
      for (const std::uint32_t wrong : {0U, right - 1, right + 1, 0x7fffffffU, 0xffffffffU}) {
        Case hostile = made;
        put32(hostile.evidence, field, wrong);
        const Verdict verdict = judge(hostile);
        EXPECT_FALSE(verdict.accepted) << field << " " << wrong;
        EXPECT_THAT(verdict.reasons, testing::Each(testing::StartsWith("BAD_QUOTE_FORMAT")));
      }
    }
    for (const std::uint16_t wrong : U16{0, 31, 33, 0x7fff, 0xffff}) {  // of the authentication data
      Case hostile = made;
      hostile.evidence[layout.auth_size] = static_cast<std::uint8_t>(wrong);
      hostile.evidence[layout.auth_size + 1] = static_cast<std::uint8_t>(wrong >> 8U);
      EXPECT_FALSE(judge(hostile).accepted) << wrong;
    }
  }
}

TEST(OwnKeysFormat, AuthenticationDataMayHaveAnyLength) {
  for (const std::size_t size : {0U, 1U, 31U, 33U, 1024U}) {
    Dcap chain = chains::sgx();
    chain.quote.auth_data = Bytes(size, 0xad);
    EXPECT_THAT(judge(chain.seal()), Accepted()) << size;
  }
}

TEST(OwnKeysFormat, CutAnywhereIsRefusedButInThePadding) {  // 7
  for (const Dcap& chain : {chains::sgx(), chains::tdx(5, 4)}) {
    QuoteLayout layout;
    const Case made = chain.seal(&layout);
    const Policy policy = strict();
    for (std::size_t size = 0; size < layout.end; ++size) {
      Case cut = made;
      cut.evidence.resize(size);
      ASSERT_FALSE(accepts(cut, policy)) << size;
    }
    for (std::size_t size = 0; size < 48; ++size) {
      Case cut = made;
      cut.evidence.resize(size);
      EXPECT_THAT(judge(cut), RejectedFor("BAD_QUOTE_FORMAT:header")) << size;
    }
    for (std::size_t size = layout.end; size <= made.evidence.size(); size += 35) {
      Case cut = made;
      cut.evidence.resize(size);
      EXPECT_THAT(judge(cut), Accepted()) << size;
    }
  }
}

TEST(OwnKeysFormat, WhatFollowsTheSignatureDataIsNotLookedAt) {
  Dcap chain = chains::sgx();
  chain.quote.trailing = Bytes(3065, 0x77);
  EXPECT_THAT(judge(chain.seal()), Accepted());
}

TEST(OwnKeysFormat, AQuoteOver64KibIsRefused) {
  Case made = chains::sgx().seal();
  made.evidence.resize(64 * 1024);
  EXPECT_THAT(judge(made), Accepted());
  made.evidence.push_back(0);
  EXPECT_THAT(judge(made).reasons, testing::ElementsAre(testing::StartsWith("BAD_QUOTE_FORMAT")));
}

TEST(OwnKeysFormat, OtherCertificationDataIsRefusedByItsNumber) {  // 8
  for (const std::uint16_t type : U16{0, 1, 2, 3, 4, 6, 7, 65535}) {
    for (Dcap chain : {chains::sgx(), chains::tdx()}) {
      chain.quote.inner_type = type;
      EXPECT_THAT(judge(chain.seal()), RejectedFor("UNSUPPORTED_CERTIFICATION_DATA:" + std::to_string(type)));
    }
  }
  for (const std::uint16_t type : U16{0, 5, 7, 65535}) {
    Dcap chain = chains::tdx();
    chain.quote.outer_type = type;
    EXPECT_THAT(judge(chain.seal()), RejectedFor("UNSUPPORTED_CERTIFICATION_DATA:" + std::to_string(type)));
  }
}

TEST(OwnKeysFormat, TheChainMayEndWithoutANul) {
  for (Dcap chain : {chains::sgx(), chains::tdx()}) {
    chain.quote.chain_ends_with_nul = false;
    EXPECT_THAT(judge(chain.seal()), Accepted());
  }
}

TEST(OwnKeysFormat, ReservedBytesOfReportsAreZero) {
  for (const std::size_t at : {20U, 31U, 96U, 127U, 160U, 191U, 262U, 303U}) {
    Dcap enclave = chains::sgx();
    enclave.quote.edit_signed = [at](Bytes& bytes) { bytes[48 + at] = 1; };
    EXPECT_FALSE(judge(enclave.seal()).accepted) << at;
  }
}

}  // namespace
}  // namespace blindai::evidence
