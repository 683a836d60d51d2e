// TDs of TDX 1.5, which outlive updates (34 in the list of attacks), and what a policy says of status, advisories and age
// (35, 36, 42, 43).
#include "own_keys.h"

namespace blindai::evidence {
namespace {

using chains::Dcap;
using dcap::TcbStatus;
using testing::Contains;
using testing::ElementsAre;

constexpr std::array<std::uint8_t, 16> module_of_now{6, 1, 3};
constexpr std::array<std::uint8_t, 16> module_of_then{2, 1, 3};  // its level is OutOfDate

Policy any_status() {
  return accepting({TcbStatus::up_to_date, TcbStatus::sw_hardening_needed, TcbStatus::configuration_needed,
                    TcbStatus::configuration_and_sw_hardening_needed, TcbStatus::td_relaunch_advised,
                    TcbStatus::td_relaunch_advised_configuration_needed, TcbStatus::out_of_date,
                    TcbStatus::out_of_date_configuration_needed, TcbStatus::revoked});
}

std::string status_of(const Dcap& chain) { return tcb_member(judge(chain.seal(), any_status()), "status"); }

TEST(OwnKeysRelaunch, ATdLaunchedUnderAnOldModuleShouldBeRelaunched) {  // 34
  for (const std::uint16_t body : U16{3, 4}) {
    Dcap chain = chains::tdx(5, body);
    chain.quote.td.tee_tcb_svn = module_of_then;
    EXPECT_EQ(status_of(chain), "TdRelaunchAdvised");
    EXPECT_THAT(judge(chain.seal()).reasons, Contains("TCB_STATUS:TdRelaunchAdvised"));
    EXPECT_THAT(judge(chain.seal(), accepting({TcbStatus::td_relaunch_advised})), Accepted());
    chain.tcb_info.levels[0].status = "ConfigurationNeeded";
    EXPECT_EQ(status_of(chain), "TdRelaunchAdvisedConfigurationNeeded");
    chain.tcb_info.levels[0].status = "ConfigurationAndSWHardeningNeeded";
    EXPECT_EQ(status_of(chain), "TdRelaunchAdvisedConfigurationNeeded");
    chain.tcb_info.levels[0].status = "SWHardeningNeeded";
    EXPECT_EQ(status_of(chain), "TdRelaunchAdvised");
  }
}

TEST(OwnKeysRelaunch, ATdLaunchedUnderAnOldPlatformShouldBeRelaunched) {  // 34
  Dcap chain = chains::tdx(5, 3);
  chain.tcb_info.levels[1].sgx = chain.tcb_info.levels[0].sgx;  // below in PCESVN and TDX components alone
  chain.tcb_info.levels[0].tdx[2] = 3;
  chain.quote.td.tee_tcb_svn[2] = 2;
  chain.quote.td.tee_tcb_svn2[2] = 3;
  EXPECT_EQ(status_of(chain), "TdRelaunchAdvised");
}

TEST(OwnKeysRelaunch, ATdThatIsOutOfDateNowIsOutOfDate) {  // 34
  Dcap chain = chains::tdx(5, 3);
  chain.quote.td.tee_tcb_svn2 = module_of_then;
  EXPECT_EQ(status_of(chain), "OutOfDate");
  EXPECT_FALSE(judge(chain.seal()).accepted);
  chain.quote.td.tee_tcb_svn = module_of_then;
  EXPECT_EQ(status_of(chain), "OutOfDate");
  Dcap revoked = chains::tdx(5, 3);
  revoked.tcb_info.module_identities[1].levels[1].status = "Revoked";
  revoked.quote.td.tee_tcb_svn2 = module_of_then;
  EXPECT_EQ(status_of(revoked), "Revoked");
  revoked.quote.td.tee_tcb_svn = module_of_then;
  revoked.quote.td.tee_tcb_svn2 = module_of_now;
  EXPECT_EQ(status_of(revoked), "Revoked");
}

TEST(OwnKeysRelaunch, ATdWhoseModuleOfNowNothingKnowsIsRefused) {
  Dcap module = chains::tdx(5, 3);
  module.quote.td.tee_tcb_svn2[1] = 9;
  EXPECT_THAT(judge(module.seal(), any_status()), RejectedFor("TDX_MODULE_MISMATCH:version"));
  Dcap level = chains::tdx(5, 3);
  level.quote.td.tee_tcb_svn2 = {0, 0, 0};
  EXPECT_FALSE(judge(level.seal(), any_status()).accepted);
}

TEST(OwnKeysRelaunch, ABodyOfTdx10HasNoSecondModule) {
  for (const std::uint16_t version : U16{4, 5}) {
    Dcap chain = chains::tdx(version, 2);
    chain.quote.td.tee_tcb_svn2 = {0, 9, 0};  // not written
    EXPECT_EQ(status_of(chain), "UpToDate");
  }
}

TEST(OwnKeysPolicy, AStatusThatIsNotListedIsRefusedWithAllThatThereIsToSay) {  // 35
  Dcap chain = chains::tdx();
  chain.pck_extension.components[0] -= 1;
  chain.quote.td.tee_tcb_svn[0] = 2;
  chain.quote.qe.isv_svn = 6;
  const Verdict verdict = judge(chain.seal(), accepting({TcbStatus::up_to_date, TcbStatus::sw_hardening_needed}));
  EXPECT_THAT(verdict, RejectedFor("TCB_STATUS:OutOfDate"));
  EXPECT_EQ(advisories(verdict), "INTEL-SA-00828,INTEL-SA-00837,INTEL-SA-01036,INTEL-SA-00615");
  EXPECT_FALSE(verdict.report.claims.empty());
  EXPECT_THAT(judge(chain.seal(), accepting({TcbStatus::out_of_date})), Accepted());
}

TEST(OwnKeysPolicy, ADeniedAdvisoryIsRefusedThoughTheStatusIsAccepted) {  // 36
  Dcap chain = chains::sgx();
  chain.pck_extension.components[0] -= 1;
  Policy policy = accepting({TcbStatus::out_of_date});
  EXPECT_THAT(judge(chain.seal(), policy), Accepted());
  policy.sgx->denied_advisories = {"INTEL-SA-00837", "INTEL-SA-09999"};
  EXPECT_THAT(judge(chain.seal(), policy), RejectedFor("ADVISORY_DENIED:INTEL-SA-00837"));
  policy.sgx->denied_advisories = {};
  policy.sgx->allowed_advisories = std::vector<std::string>{"INTEL-SA-00828"};
  EXPECT_THAT(judge(chain.seal(), policy), RejectedFor("ADVISORY_NOT_ALLOWED:INTEL-SA-00837"));
  policy.sgx->allowed_advisories = std::vector<std::string>{"INTEL-SA-00828", "INTEL-SA-00837"};
  EXPECT_THAT(judge(chain.seal(), policy), Accepted());
}

TEST(OwnKeysPolicy, AnAdvisoryOfThePartThatMatchedCountsWhateverItsOrigin) {  // 36
  Policy policy = strict();
  Dcap qe = chains::tdx();
  qe.qe_identity.levels[0].advisories = {"INTEL-SA-00001"};
  EXPECT_THAT(judge(qe.seal(), policy), RejectedFor("ADVISORY_NOT_ALLOWED:INTEL-SA-00001"));
  Dcap module = chains::tdx();
  module.tcb_info.module_identities[1].levels[0].advisories = {"INTEL-SA-00002"};
  EXPECT_THAT(judge(module.seal(), policy), RejectedFor("ADVISORY_NOT_ALLOWED:INTEL-SA-00002"));
  Dcap platform = chains::tdx();
  platform.tcb_info.levels[0].advisories = {"INTEL-SA-00003"};
  EXPECT_THAT(judge(platform.seal(), policy), RejectedFor("ADVISORY_NOT_ALLOWED:INTEL-SA-00003"));
}

TEST(OwnKeysPolicy, CollateralBelowTheMinimumIsARollback) {  // 42
  for (const bool of_qe : {false, true}) {
    Dcap chain = chains::sgx();
    chain.tcb_info.evaluation_number = of_qe ? 18 : 17;
    chain.qe_identity.evaluation_number = of_qe ? 17 : 18;
    Policy policy = strict();
    policy.freshness.min_tcb_evaluation_number = 17;
    EXPECT_THAT(judge(chain.seal(), policy), Accepted());
    policy.freshness.min_tcb_evaluation_number = 18;
    EXPECT_THAT(judge(chain.seal(), policy),
                RejectedFor(of_qe ? "COLLATERAL_ROLLBACK:qe_identity" : "COLLATERAL_ROLLBACK:tcb_info"));
  }
}

TEST(OwnKeysPolicy, ARevocationListBelowTheMinimumIsARollback) {  // 42
  for (const bool of_root : {false, true}) {
    Dcap chain = chains::tdx();
    (of_root ? chain.root_crl : chain.pck_crl).number = 6;
    (of_root ? chain.pck_crl : chain.root_crl).number = 300;
    Policy policy = strict();
    policy.tdx->min_crl_number = 6;
    EXPECT_THAT(judge(chain.seal(), policy), Accepted());
    policy.tdx->min_crl_number = 7;
    EXPECT_THAT(judge(chain.seal(), policy),
                RejectedFor(of_root ? "COLLATERAL_ROLLBACK:root_ca_crl" : "COLLATERAL_ROLLBACK:pck_crl"));
  }
}

TEST(OwnKeysPolicy, ALevelOlderThanTheGraceIsTooOld) {  // 43
  Policy policy = strict();
  policy.freshness.max_tcb_age_days = 200;  // the age of the newest levels
  Dcap chain = chains::tdx();
  EXPECT_THAT(judge(chain.seal(), policy), Accepted());
  chain.at = noon + 1;
  EXPECT_THAT(judge(chain.seal(), policy), RejectedFor("TCB_TOO_OLD"));
  chain.at = noon;
  for (const auto& part : {&chain.tcb_info.levels[0].date, &chain.tcb_info.module_identities[1].levels[0].date,
                           &chain.qe_identity.levels[0].date}) {
    *part -= 1;
    EXPECT_THAT(judge(chain.seal(), policy), RejectedFor("TCB_TOO_OLD"));
    *part += 1;
  }
}

TEST(OwnKeysPolicy, APlatformThatIsNotListedIsRefused) {
  for (Dcap chain : {chains::sgx(), chains::tdx()}) {
    Policy policy = strict();
    const std::vector<Bytes> others{Bytes(16, 0x51)};
    const std::vector<Bytes> listed{Bytes(16, 0x51), Bytes(16, 0x50)};
    policy.sgx->platform_ids = policy.tdx->platform_ids = others;
    EXPECT_THAT(judge(chain.seal(), policy), RejectedFor("PLATFORM_NOT_ALLOWED:platform_id"));
    policy.sgx->platform_ids = policy.tdx->platform_ids = listed;
    EXPECT_THAT(judge(chain.seal(), policy), Accepted());
  }
}

TEST(OwnKeysPolicy, ATeeOfWhichThePolicyDoesNotSpeakIsRefused) {
  Policy policy = strict();
  policy.sgx.reset();
  EXPECT_THAT(judge(chains::sgx().seal(), policy), RejectedFor("TEE_NOT_ACCEPTED:sgx"));
  EXPECT_THAT(judge(chains::tdx().seal(), policy), Accepted());
  policy.tdx.reset();
  EXPECT_THAT(judge(chains::tdx().seal(), policy), RejectedFor("TEE_NOT_ACCEPTED:tdx"));
}

TEST(OwnKeysPolicy, TheReportSaysWhatFallsShortAndByHowMuch) {
  Dcap chain = chains::tdx();
  chain.pck_extension.components[4] -= 1;
  chain.tcb_info.levels[1].sgx[4] = 0;
  chain.quote.td.tee_tcb_svn[0] = 3;
  const Verdict verdict = judge(chain.seal(), any_status());
  const std::string text = json::write(verdict.report.tcb);
  EXPECT_THAT(text, testing::HasSubstr("sgx 4"));
  EXPECT_THAT(text, testing::HasSubstr("tdx_module"));
}

}  // namespace
}  // namespace blindai::evidence
