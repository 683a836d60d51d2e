// Flags and measurements of enclaves and TDs (44 to 49 in the list of attacks).
#include "own_keys.h"

namespace blindai::evidence {
namespace {

using chains::Dcap;
using testing::StartsWith;

Dcap td_with(std::uint64_t attributes) {
  Dcap chain = chains::tdx(5, 3);
  chain.quote.td.td_attributes = attributes;
  return chain;
}
constexpr std::uint64_t bit(unsigned number) { return 1ULL << number; }
constexpr std::uint64_t sept_ve_disable = bit(28);

Hash32 hash32(std::uint8_t byte) {
  Hash32 out;
  out.fill(byte);
  return out;
}
Hash48 hash48(std::uint8_t byte) {
  Hash48 out;
  out.fill(byte);
  return out;
}

TEST(OwnKeysFlags, ADebugEnclaveIsRefusedUnlessThePolicyAllowsIt) {  // 44
  for (const std::uint16_t version : U16{3, 4, 5}) {
    Dcap chain = chains::sgx(version);
    chain.quote.sgx.flags |= bit(1);
    EXPECT_THAT(judge(chain.seal()), RejectedFor("DEBUG_NOT_ALLOWED"));
    Policy policy = strict();
    policy.sgx->allow_debug = true;
    EXPECT_THAT(judge(chain.seal(), policy), Accepted());
  }
}

TEST(OwnKeysFlags, ADebugTdIsRefusedUnlessThePolicyAllowsIt) {  // 44
  for (Dcap chain : {chains::tdx(), chains::tdx(5, 2), chains::tdx(5, 3), chains::tdx(5, 4)}) {
    chain.quote.td.td_attributes |= bit(0);
    EXPECT_THAT(judge(chain.seal()), RejectedFor("DEBUG_NOT_ALLOWED"));
    Policy policy = strict();
    policy.tdx->allow_debug = true;
    EXPECT_THAT(judge(chain.seal(), policy), Accepted());
  }
}

TEST(OwnKeysFlags, EveryReservedAndProfilingAttributeOfATdIsRefused) {  // 45
  for (unsigned number = 1; number < 64; ++number) {
    const bool defined = (number >= 27 && number <= 31) || number == 62 || number == 63;
    if (!defined) {
      const Verdict verdict = judge(td_with(sept_ve_disable | bit(number)).seal());
      EXPECT_FALSE(verdict.accepted) << number;
      EXPECT_THAT(verdict.reasons, testing::ElementsAre(StartsWith("BAD_TD_ATTRIBUTES"))) << number;
    } else if (number != 29) {
      EXPECT_THAT(judge(td_with(sept_ve_disable | bit(number)).seal()), Accepted()) << number;
    }
  }
}

TEST(OwnKeysFlags, AReservedAttributeIsRefusedThoughDebugIsAllowed) {  // 45
  Policy policy = strict();
  policy.tdx->allow_debug = true;
  for (const unsigned number : {1U, 4U, 5U, 6U, 7U, 26U, 32U, 61U}) {
    EXPECT_FALSE(judge(td_with(bit(0) | bit(number)).seal(), policy).accepted) << number;
  }
}

TEST(OwnKeysFlags, AMigratableTdIsRefusedUnlessThePolicyAllowsIt) {  // 46
  const Case made = td_with(sept_ve_disable | bit(29)).seal();
  EXPECT_THAT(judge(made), RejectedFor("TD_ATTRIBUTE_NOT_ALLOWED:MIGRATABLE"));
  Policy policy = strict();
  policy.tdx->allow_migratable = true;
  EXPECT_THAT(judge(made, policy), Accepted());
}

TEST(OwnKeysFlags, AServiceTdIsRefusedUnlessThePolicyAllowsIt) {  // 46
  for (const std::uint16_t body : U16{3, 4}) {
    for (const std::size_t at : {0U, 47U}) {
      Dcap chain = chains::tdx(5, body);
      chain.quote.td.mr_service_td[at] = 1;
      EXPECT_THAT(judge(chain.seal()), RejectedFor("TD_ATTRIBUTE_NOT_ALLOWED:MR_SERVICE_TD"));
      Policy policy = strict();
      policy.tdx->allow_service_td = true;
      EXPECT_THAT(judge(chain.seal(), policy), Accepted());
    }
  }
}

TEST(OwnKeysFlags, AttributesAreRequiredAndForbiddenByName) {  // 46
  Policy policy = strict();
  policy.tdx->required_td_attributes = sept_ve_disable;
  policy.tdx->forbidden_td_attributes = bit(63);
  EXPECT_THAT(judge(td_with(sept_ve_disable).seal(), policy), Accepted());
  EXPECT_THAT(judge(td_with(0).seal(), policy), RejectedFor("TD_ATTRIBUTE_NOT_ALLOWED:SEPT_VE_DISABLE"));
  EXPECT_THAT(judge(td_with(sept_ve_disable | bit(63)).seal(), policy),
              RejectedFor("TD_ATTRIBUTE_NOT_ALLOWED:PERFMON"));
  EXPECT_THAT(judge(td_with(0).seal()), Accepted());
}

TEST(OwnKeysFlags, EachMeasurementOfATdIsCompared) {  // 47
  const Case made = chains::tdx().seal();
  Policy right = strict();
  right.tdx->mr_td = std::vector{hash48(0x11), hash48(0x7d)};
  for (std::uint8_t i = 0; i < 4; ++i) {
    right.tdx->rtmr[i] = std::vector{hash48(static_cast<std::uint8_t>(0xa0 + i))};
  }
  EXPECT_THAT(judge(made, right), Accepted());
  Policy wrong = right;
  wrong.tdx->mr_td = std::vector{hash48(0x7c)};
  EXPECT_THAT(judge(made, wrong), RejectedFor("MEASUREMENT_MISMATCH:mr_td"));
  for (std::uint8_t i = 0; i < 4; ++i) {
    wrong = right;
    Hash48 close = hash48(static_cast<std::uint8_t>(0xa0 + i));
    close[47] ^= 1U;
    wrong.tdx->rtmr[i] = std::vector{close};
    EXPECT_THAT(judge(made, wrong), RejectedFor("MEASUREMENT_MISMATCH:rtmr" + std::to_string(i)));
  }
  for (const auto& [name, member] : {std::pair{"mr_config_id", &TdxAcceptance::mr_config_id},
                                     {"mr_owner", &TdxAcceptance::mr_owner},
                                     {"mr_owner_config", &TdxAcceptance::mr_owner_config}}) {
    wrong = right;
    (*wrong.tdx).*member = std::vector{hash48(0)};
    EXPECT_THAT(judge(made, wrong), Accepted());
    (*wrong.tdx).*member = std::vector{hash48(1)};
    EXPECT_THAT(judge(made, wrong), RejectedFor(std::string("MEASUREMENT_MISMATCH:") + name));
  }
}

TEST(OwnKeysFlags, EachMeasurementOfAnEnclaveIsCompared) {  // 47, 48
  const Case made = chains::sgx().seal();
  Policy policy = strict();
  policy.sgx->mrenclave = std::vector{hash32(0xe1), hash32(0xe2)};
  policy.sgx->mrsigner = std::vector{hash32(0x51)};
  policy.sgx->product_id = 7;
  policy.sgx->min_isv_svn = 3;
  EXPECT_THAT(judge(made, policy), Accepted());
  Policy enclave = policy;
  enclave.sgx->mrenclave = std::vector{hash32(0xe2)};
  EXPECT_THAT(judge(made, enclave), RejectedFor("MEASUREMENT_MISMATCH:mrenclave"));
  Policy signer = policy;
  signer.sgx->mrsigner = std::vector{hash32(0x52)};
  EXPECT_THAT(judge(made, signer), RejectedFor("MEASUREMENT_MISMATCH:mrsigner"));
}

TEST(OwnKeysFlags, TheRightSignerOfAnotherProductOrOlderVersionIsRefused) {  // 48
  Policy policy = strict();
  policy.sgx->mrsigner = std::vector{hash32(0x51)};
  policy.sgx->product_id = 7;
  policy.sgx->min_isv_svn = 3;
  Dcap chain = chains::sgx();
  EXPECT_THAT(judge(chain.seal(), policy), Accepted());
  chain.quote.sgx.isv_prod_id = 8;
  EXPECT_THAT(judge(chain.seal(), policy), RejectedFor("PRODUCT_ID_MISMATCH"));
  chain.quote.sgx.isv_prod_id = 7 + 256;
  EXPECT_THAT(judge(chain.seal(), policy), RejectedFor("PRODUCT_ID_MISMATCH"));
  chain.quote.sgx.isv_prod_id = 7;
  chain.quote.sgx.isv_svn = 2;
  EXPECT_THAT(judge(chain.seal(), policy), RejectedFor("SVN_TOO_LOW:isv_svn"));
  chain.quote.sgx.isv_svn = 0x0100;
  EXPECT_THAT(judge(chain.seal(), policy), Accepted());
}

TEST(OwnKeysFlags, AnEnclaveThatIsNotAnOrdinaryOneIsRefused) {
  const auto with = [](std::uint64_t flags) {
    Dcap chain = chains::sgx();
    chain.quote.sgx.flags = flags;
    return chain.seal();
  };
  EXPECT_THAT(judge(with(0x04)), RejectedFor("BAD_SGX_ATTRIBUTES:INIT"));
  EXPECT_THAT(judge(with(0x15)), RejectedFor("BAD_SGX_ATTRIBUTES:PROVISION_KEY"));
  EXPECT_THAT(judge(with(0x25)), RejectedFor("BAD_SGX_ATTRIBUTES:EINITTOKEN_KEY"));
  for (const unsigned number : {3U, 8U, 9U, 11U, 20U, 31U, 32U, 62U, 63U}) {
    EXPECT_FALSE(judge(with(0x05 | bit(number))).accepted) << number;
  }
  EXPECT_THAT(judge(with(0x45)), Accepted());  // CET
  EXPECT_THAT(judge(with(0x85)), Accepted());  // KSS
}

TEST(OwnKeysFlags, BitsOfTheExtendedStateAreThoseThatThePolicyWants) {
  Policy policy = strict();
  policy.sgx->xfrm = MaskedBits{0x600e4, 0xe4};
  policy.sgx->misc_select = MaskedBits{1, 0};
  policy.tdx->xfam = MaskedBits{0x600e4, 0xe4};
  Dcap enclave = chains::sgx();
  EXPECT_THAT(judge(enclave.seal(), policy), Accepted());
  enclave.quote.sgx.misc_select = 1;
  EXPECT_THAT(judge(enclave.seal(), policy), RejectedFor("MEASUREMENT_MISMATCH:misc_select"));
  enclave.quote.sgx.misc_select = 2;
  enclave.quote.sgx.xfrm |= 0x20000;
  EXPECT_THAT(judge(enclave.seal(), policy), RejectedFor("MEASUREMENT_MISMATCH:xfrm"));
  Dcap td = chains::tdx();
  td.quote.td.xfam = 0xe7;
  EXPECT_THAT(judge(td.seal(), policy), Accepted());
  td.quote.td.xfam = 0xc7;
  EXPECT_THAT(judge(td.seal(), policy), RejectedFor("MEASUREMENT_MISMATCH:xfam"));
}

TEST(OwnKeysFlags, AMinimumOfTheTdsOwnSecurityVersionIsKept) {
  Policy policy = strict();
  policy.tdx->min_tee_tcb_svn = dcap::Components{6, 1, 3};
  Dcap chain = chains::tdx();
  EXPECT_THAT(judge(chain.seal(), policy), Accepted());
  for (std::size_t i = 0; i < 16; ++i) {
    Policy higher = policy;
    (*higher.tdx->min_tee_tcb_svn)[i] += 1;
    const Verdict verdict = judge(chain.seal(), higher);
    EXPECT_FALSE(verdict.accepted) << i;
    EXPECT_THAT(verdict.reasons, testing::ElementsAre("SVN_TOO_LOW:tee_tcb_svn")) << i;
  }
  Dcap updated = chains::tdx(5, 3);
  EXPECT_THAT(judge(updated.seal(), policy), Accepted());
  updated.quote.td.tee_tcb_svn2[2] = 2;  // the module of now
  EXPECT_THAT(judge(updated.seal(), policy), RejectedFor("SVN_TOO_LOW:tee_tcb_svn2"));
}

TEST(OwnKeysFlags, AnEmptyListOrAnUnknownKeyMakesNoPolicy) {  // 49
  const auto reason = [](std::string_view text) {
    const auto policy = read_policy(text, Purpose::evidence_only);
    return policy ? "a policy" : policy.error().refusal.text();
  };
  constexpr std::string_view good = R"(
version = 1
name = "own keys"
[accept.tdx]
mr_td = "any"
rtmr0 = "any"
rtmr1 = "any"
rtmr2 = "any"
rtmr3 = "any"
tcb_status = ["UpToDate"]
allowed_advisories = []
platform_ids = "any"
)";
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text(good);
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  EXPECT_EQ(reason(good), "a policy");
  EXPECT_EQ(reason(with("mr_td = \"any\"", "mr_td = []")), "POLICY_EMPTY:accept.tdx.mr_td");
  EXPECT_EQ(reason(with("[\"UpToDate\"]", "[]")), "POLICY_EMPTY:accept.tdx.tcb_status");
  EXPECT_EQ(reason(with("platform_ids = \"any\"", "platform_ids = []")), "POLICY_EMPTY:accept.tdx.platform_ids");
  EXPECT_EQ(reason(with("rtmr3 = \"any\"", "")), "POLICY_INVALID:accept.tdx.rtmr3");
  EXPECT_EQ(reason(with("rtmr3 = \"any\"", "rtmr3 = \"any\"\nrtmr4 = \"any\"")), "POLICY_INVALID:accept.tdx.rtmr4");
  EXPECT_EQ(reason(with("version = 1", "version = 2")), "POLICY_INVALID:version");
  EXPECT_NE(reason(""), "a policy");
}

}  // namespace
}  // namespace blindai::evidence
