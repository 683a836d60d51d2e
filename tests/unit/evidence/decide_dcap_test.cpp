// Rules that [accept.sgx] and [accept.tdx] share, and the decision itself.
#include "decide_sample.h"

namespace blindai::evidence {
namespace {

struct ARuleOfIntelsTcb : Deciding<SgxClaims> {
  DcapClaims& dcap = facts.dcap;
  void SetUp() override {
    facts.dcap = sample_dcap_claims();
    facts.report.flags = dcap::sgx_init | dcap::sgx_mode64;
    accept_strictly(policy.sgx.emplace());
  }
};

TEST_F(ARuleOfIntelsTcb, AcceptsWhatIsUpToDate) {
  EXPECT_EQ(reasons(), "");
  EXPECT_EQ(outcome("tcb_status"), "passed");
}

TEST_F(ARuleOfIntelsTcb, AcceptsNoStatusThatIsNotListed) {
  dcap.tcb.status = dcap::TcbStatus::out_of_date;
  EXPECT_EQ(reasons(), "TCB_STATUS:OutOfDate");
  policy.sgx->tcb_status.push_back(dcap::TcbStatus::out_of_date);
  EXPECT_EQ(reasons(), "");
}

TEST_F(ARuleOfIntelsTcb, NeverAcceptsWhatIsRevoked) {
  dcap.tcb.status = dcap::TcbStatus::revoked;
  policy.sgx->tcb_status.push_back(dcap::TcbStatus::revoked);  // no policy text can say so
  EXPECT_EQ(reasons(), "TCB_STATUS:Revoked");
}

TEST_F(ARuleOfIntelsTcb, NamesThePartThatNoLevelMatches) {
  using enum dcap::TcbStatus;
  dcap.tcb.status = not_supported;
  dcap.tcb.date = 0;
  policy.freshness.max_tcb_age_days = 30;
  policy.sgx->tcb_status.push_back(not_supported);  // no policy text can say so
  dcap.tcb.platform = not_supported;
  EXPECT_EQ(reasons(), "TCB_NOT_SUPPORTED");
  EXPECT_EQ(outcome("tcb_status"), "");  // there is none
  dcap.tcb.platform = up_to_date;
  dcap.tcb.qe = not_supported;
  EXPECT_EQ(reasons(), "TCB_NOT_SUPPORTED:qe");
  dcap.tcb.tdx_module = not_supported;
  EXPECT_EQ(reasons(), "TCB_NOT_SUPPORTED:tdx_module");
}

TEST_F(ARuleOfIntelsTcb, RefusesEachDeniedAdvisoryThoughTheStatusIsAccepted) {
  policy.sgx->allowed_advisories = Any{};
  dcap.tcb.advisories = {{"INTEL-SA-00615", "platform"}, {"INTEL-SA-00837", "qe"}, {"INTEL-SA-01314", "platform"}};
  EXPECT_EQ(reasons(), "");
  EXPECT_EQ(outcome("denied_advisories"), "not applicable");
  policy.sgx->denied_advisories = {"INTEL-SA-00837", "INTEL-SA-01314"};
  EXPECT_EQ(reasons(), "ADVISORY_DENIED:INTEL-SA-00837 ADVISORY_DENIED:INTEL-SA-01314");
  dcap.tcb.advisories.resize(1);
  EXPECT_EQ(outcome("denied_advisories"), "passed");
}

TEST_F(ARuleOfIntelsTcb, AllowsListedAdvisoriesAlone) {
  dcap.tcb.advisories = {{"INTEL-SA-00615", "platform"}, {"INTEL-SA-00837", "qe"}};
  EXPECT_EQ(reasons(), "ADVISORY_NOT_ALLOWED:INTEL-SA-00615 ADVISORY_NOT_ALLOWED:INTEL-SA-00837");
  policy.sgx->allowed_advisories = std::vector<std::string>{"INTEL-SA-00615"};
  EXPECT_EQ(reasons(), "ADVISORY_NOT_ALLOWED:INTEL-SA-00837");
  policy.sgx->allowed_advisories = std::vector<std::string>{"INTEL-SA-00615", "INTEL-SA-00837"};
  EXPECT_EQ(reasons(), "");
  EXPECT_EQ(outcome("allowed_advisories"), "passed");
  policy.sgx->allowed_advisories = Any{};
  EXPECT_EQ(outcome("allowed_advisories"), "not applicable");
}

TEST_F(ARuleOfIntelsTcb, KnowsPlatformsByTheirPpid) {
  EXPECT_EQ(outcome("platform_id"), "not applicable");
  policy.sgx->platform_ids = std::vector<Bytes>{Bytes(16, 0x22)};
  EXPECT_EQ(reasons(), "PLATFORM_NOT_ALLOWED:platform_id");
  policy.sgx->platform_ids = std::vector<Bytes>{Bytes(16, 0x22), Bytes(16, 0x11)};
  EXPECT_EQ(reasons(), "");
}

TEST_F(ARuleOfIntelsTcb, KeepsBothRevocationListsFromBeingRolledBack) {
  EXPECT_EQ(outcome("pck_crl_number"), "not applicable");
  policy.sgx->min_crl_number = 5;
  EXPECT_EQ(reasons(), "");
  policy.sgx->min_crl_number = 6;
  EXPECT_EQ(reasons(), "COLLATERAL_ROLLBACK:root_ca_crl");
  policy.sgx->min_crl_number = 7;
  EXPECT_EQ(reasons(), "COLLATERAL_ROLLBACK:root_ca_crl COLLATERAL_ROLLBACK:pck_crl");
  policy.sgx->min_crl_number = 0;
  dcap.root_crl_number.reset();
  EXPECT_EQ(reasons(), "COLLATERAL_ROLLBACK:root_ca_crl");
}

TEST_F(ARuleOfIntelsTcb, KeepsBothDocumentsFromBeingRolledBack) {
  EXPECT_EQ(outcome("tcb_info_evaluation_number"), "not applicable");
  policy.freshness.min_tcb_evaluation_number = 17;
  EXPECT_EQ(reasons(), "");
  policy.freshness.min_tcb_evaluation_number = 18;
  EXPECT_EQ(reasons(), "COLLATERAL_ROLLBACK:tcb_info");
  policy.freshness.min_tcb_evaluation_number = 19;
  EXPECT_EQ(reasons(), "COLLATERAL_ROLLBACK:tcb_info COLLATERAL_ROLLBACK:qe_identity");
}

TEST_F(ARuleOfIntelsTcb, BoundsTheAgeOfTheTcb) {
  EXPECT_EQ(outcome("tcb_age"), "not applicable");
  policy.freshness.max_tcb_age_days = 10;
  EXPECT_EQ(reasons(), "");
  at = noon + 1;
  EXPECT_EQ(reasons(), "TCB_TOO_OLD");
  policy.freshness.max_tcb_age_days = 11;
  EXPECT_EQ(reasons(), "");
  policy.freshness.max_tcb_age_days = 36500;
  for (const UnixSeconds extreme : {std::numeric_limits<UnixSeconds>::min(), std::numeric_limits<UnixSeconds>::max()}) {
    at = extreme;
    EXPECT_EQ(reasons(), extreme < 0 ? "" : "TCB_TOO_OLD");
  }
}

TEST_F(ARuleOfIntelsTcb, CollectsAllReasons) {
  dcap.tcb.status = dcap::TcbStatus::sw_hardening_needed;
  facts.report.flags |= dcap::sgx_debug;
  policy.sgx->mrsigner = std::vector<Hash32>{Hash32{1}};
  EXPECT_EQ(reasons(), "TCB_STATUS:SWHardeningNeeded DEBUG_NOT_ALLOWED MEASUREMENT_MISMATCH:mrsigner");
}

TEST_F(ARuleOfIntelsTcb, IsNoneWhereThePolicyIsOfAnotherKind) {
  policy.sgx.reset();
  policy.tdx.emplace();
  policy.snp.emplace();
  policy.simulated.emplace();
  EXPECT_FALSE(accepted());
  EXPECT_TRUE(report.checks.empty());
}

}  // namespace
}  // namespace blindai::evidence
