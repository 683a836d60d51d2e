#include "decide_sample.h"

namespace blindai::evidence {
namespace {

struct ARuleOfTdx : Deciding<TdxClaims> {
  dcap::TdReport& td = facts.report;
  TdxAcceptance* tdx = nullptr;
  void SetUp() override {
    facts.dcap = sample_dcap_claims();
    td.tee_tcb_svn = {0x0b, 0x01, 0x04};
    td.mr_td.fill(0x70);
    td.mr_config_id.fill(0x71);
    td.mr_owner.fill(0x72);
    td.mr_owner_config.fill(0x73);
    for (std::uint8_t i = 0; i < 4; ++i) {
      td.rtmr[i].fill(i);
    }
    tdx = &policy.tdx.emplace();
    accept_strictly(*tdx);
  }
};

std::vector<Hash48> all(std::uint8_t byte) {
  Hash48 hash;
  hash.fill(byte);
  return {hash};
}

TEST_F(ARuleOfTdx, KeepsToTheSharedRules) {
  EXPECT_EQ(reasons(), "");
  facts.dcap.tcb.status = dcap::TcbStatus::td_relaunch_advised;
  EXPECT_EQ(reasons(), "TCB_STATUS:TdRelaunchAdvised");
}

TEST_F(ARuleOfTdx, RefusesDebugUnlessItIsAllowed) {
  td.td_attributes = 1;
  EXPECT_EQ(reasons(), "DEBUG_NOT_ALLOWED");
  tdx->allow_debug = true;
  EXPECT_EQ(reasons(), "");
}

TEST_F(ARuleOfTdx, RefusesProfilingAndReservedAttributes) {
  for (unsigned bit = 1; bit < 64; ++bit) {
    td.td_attributes = 1ULL << bit;
    const std::string expected = bit >= 4 && bit <= 6 ? "BAD_TD_ATTRIBUTES:profiling"
                                 : bit == 29          ? "TD_ATTRIBUTE_NOT_ALLOWED:MIGRATABLE"
                                 : bit == 27 || bit == 28 || bit == 30 || bit == 31 || bit >= 62
                                     ? ""
                                     : "BAD_TD_ATTRIBUTES:reserved";
    EXPECT_EQ(reasons(), expected) << bit;
  }
}

TEST_F(ARuleOfTdx, LeavesTheOtherAttributesToThePolicy) {
  const std::pair<const char*, unsigned> attributes[] = {{"LASS", 27}, {"SEPT_VE_DISABLE", 28}, {"PKS", 30}, {"KL", 31},
                                                         {"TPA", 62},  {"PERFMON", 63}};
  for (const auto& [name, bit] : attributes) {
    const std::string refusal = std::string("TD_ATTRIBUTE_NOT_ALLOWED:") + name;
    tdx->required_td_attributes = 1ULL << bit;
    tdx->forbidden_td_attributes = 0;
    td.td_attributes = 0;
    EXPECT_EQ(reasons(), refusal);
    td.td_attributes = 1ULL << bit;
    EXPECT_EQ(reasons(), "");
    tdx->required_td_attributes = 0;
    tdx->forbidden_td_attributes = 1ULL << bit;
    EXPECT_EQ(reasons(), refusal);
    td.td_attributes = 0;
    EXPECT_EQ(reasons(), "");
  }
  tdx->forbidden_td_attributes = 0;
  EXPECT_EQ(outcome("td_sept_ve_disable"), "not applicable");
}

TEST_F(ARuleOfTdx, RefusesMigrationUnlessItIsAllowed) {
  td.td_attributes = 1U << 29U;
  EXPECT_EQ(reasons(), "TD_ATTRIBUTE_NOT_ALLOWED:MIGRATABLE");
  tdx->allow_migratable = true;
  EXPECT_EQ(reasons(), "");
}

TEST_F(ARuleOfTdx, RefusesAServiceTdUnlessItIsAllowed) {
  EXPECT_EQ(outcome("td_service_td"), "not applicable");
  td.td15.emplace();
  EXPECT_EQ(outcome("td_service_td"), "passed");
  td.td15->mr_service_td[47] = 1;
  EXPECT_EQ(reasons(), "TD_ATTRIBUTE_NOT_ALLOWED:MR_SERVICE_TD");
  tdx->allow_service_td = true;
  EXPECT_EQ(reasons(), "");
}

TEST_F(ARuleOfTdx, ComparesEachComponentOfTheTcb) {
  EXPECT_EQ(outcome("tee_tcb_svn"), "not applicable");
  tdx->min_tee_tcb_svn = dcap::Components{0x0b, 0x01, 0x04};
  EXPECT_EQ(reasons(), "");
  tdx->min_tee_tcb_svn = dcap::Components{0x0a, 0x01, 0x05};
  EXPECT_EQ(reasons(), "SVN_TOO_LOW:tee_tcb_svn");
  tdx->min_tee_tcb_svn = dcap::Components{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  EXPECT_EQ(reasons(), "SVN_TOO_LOW:tee_tcb_svn");
}

TEST_F(ARuleOfTdx, ComparesXfamUnderItsMask) {
  td.xfam = 0xe7;
  EXPECT_EQ(outcome("xfam"), "not applicable");
  tdx->xfam = MaskedBits{0x600e7, 0xe7};
  EXPECT_EQ(reasons(), "");
  td.xfam = 0x200e7;
  EXPECT_EQ(reasons(), "MEASUREMENT_MISMATCH:xfam");
}

TEST_F(ARuleOfTdx, ComparesEachRegisterThatIsListed) {
  const std::tuple<const char*, AnyOf<Hash48>*, std::uint8_t> registers[] = {
      {"mr_td", &tdx->mr_td, 0x70},       {"rtmr0", &tdx->rtmr[0], 0},
      {"rtmr1", &tdx->rtmr[1], 1},        {"rtmr2", &tdx->rtmr[2], 2},
      {"rtmr3", &tdx->rtmr[3], 3},        {"mr_config_id", &tdx->mr_config_id, 0x71},
      {"mr_owner", &tdx->mr_owner, 0x72}, {"mr_owner_config", &tdx->mr_owner_config, 0x73}};
  for (const auto& [name, accepted, value] : registers) {
    EXPECT_EQ(outcome(name), "not applicable");
    *accepted = all(0x99);
    EXPECT_EQ(reasons(), std::string("MEASUREMENT_MISMATCH:") + name);
    *accepted = all(value);
    EXPECT_EQ(reasons(), "");
    EXPECT_EQ(outcome(name), "passed");
  }
}

}  // namespace
}  // namespace blindai::evidence
