// Quoting enclave, TCB levels and what the parts make together (22 to 36 in the list of attacks).
#include "own_keys.h"

namespace blindai::evidence {
namespace {

using chains::Dcap;
using chains::TcbLevel;
using dcap::TcbStatus;
using testing::Contains;

constexpr const char* in_order[] = {"UpToDate",
                                    "SWHardeningNeeded",
                                    "ConfigurationNeeded",
                                    "ConfigurationAndSWHardeningNeeded",
                                    "OutOfDate",
                                    "OutOfDateConfigurationNeeded",
                                    "Revoked"};

Policy any_status() {
  return accepting({TcbStatus::up_to_date, TcbStatus::sw_hardening_needed, TcbStatus::configuration_needed,
                    TcbStatus::configuration_and_sw_hardening_needed, TcbStatus::td_relaunch_advised,
                    TcbStatus::td_relaunch_advised_configuration_needed, TcbStatus::out_of_date,
                    TcbStatus::out_of_date_configuration_needed, TcbStatus::revoked});
}

// The status of everything together; "rejected" where no status was found.
std::string status_of(const Dcap& chain) {
  const Verdict verdict = judge(chain.seal(), any_status());
  return verdict.report.tcb.empty() ? "rejected" : tcb_member(verdict, "status");
}

TEST(OwnKeysTcb, EveryItemOfTheCollateralIsNeeded) {  // 22, 37
  for (const Dcap& chain : {chains::sgx(), chains::tdx()}) {
    const Case made = chain.seal();
    for (const char* item :
         {"tcb_info", "tcb_signing_chain", "qe_identity", "qe_identity_signing_chain", "root_ca_crl", "pck_crl"}) {
      Case without = made;
      without.collateral.erase(item);
      EXPECT_THAT(judge(without), RejectedFor(std::string("COLLATERAL_MISSING:") + item));
    }
    Case none = made;
    none.collateral.clear();
    EXPECT_THAT(judge(none), RejectedForAny(Words{"COLLATERAL_MISSING:tcb_info", "COLLATERAL_MISSING:qe_identity",
                                                  "COLLATERAL_MISSING:tcb_signing_chain",
                                                  "COLLATERAL_MISSING:qe_identity_signing_chain",
                                                  "COLLATERAL_MISSING:root_ca_crl", "COLLATERAL_MISSING:pck_crl"}));
  }
}

TEST(OwnKeysTcb, AnEmptyItemIsNotAbsent) {
  for (const char* item :
       {"tcb_info", "tcb_signing_chain", "qe_identity", "qe_identity_signing_chain", "root_ca_crl", "pck_crl"}) {
    Case made = chains::sgx().seal();
    made.collateral[item].clear();
    EXPECT_FALSE(judge(made).accepted) << item;
  }
}

TEST(OwnKeysTcb, TheIdentityOfAnotherEnclaveIsRefused) {  // 23
  for (const char* id : {"TD_QE", "QVE"}) {
    Dcap enclave = chains::sgx();
    enclave.qe_identity.id = id;
    EXPECT_THAT(judge(enclave.seal()), RejectedFor("QE_IDENTITY_MISMATCH:id"));
  }
  for (const char* id : {"QE", "QVE"}) {
    Dcap td = chains::tdx();
    td.qe_identity.id = id;
    EXPECT_THAT(judge(td.seal()), RejectedFor("QE_IDENTITY_MISMATCH:id"));
  }
}

TEST(OwnKeysTcb, AnArbitraryEnclaveAsQuotingEnclaveIsRefused) {  // 24
  const auto refusal = [](const std::function<void(chains::SgxBody&)>& change) {
    Words reasons;
    for (Dcap chain : {chains::sgx(), chains::tdx()}) {
      change(chain.quote.qe);
      const Verdict verdict = judge(chain.seal());
      EXPECT_FALSE(verdict.accepted);
      reasons = verdict.reasons;
    }
    return reasons.size() == 1 ? reasons.front() : testing::PrintToString(reasons);
  };
  EXPECT_EQ(refusal([](auto& qe) { qe.mrsigner[0] ^= 1U; }), "QE_IDENTITY_MISMATCH:mrsigner");
  EXPECT_EQ(refusal([](auto& qe) { qe.isv_prod_id += 256; }), "QE_IDENTITY_MISMATCH:isv_prod_id");
  EXPECT_EQ(refusal([](auto& qe) { qe.misc_select = 1; }), "QE_IDENTITY_MISMATCH:misc_select");
  EXPECT_EQ(refusal([](auto& qe) { qe.misc_select = 1U << 31U; }), "QE_IDENTITY_MISMATCH:misc_select");
  EXPECT_EQ(refusal([](auto& qe) { qe.flags &= ~1ULL; }), "QE_IDENTITY_MISMATCH:attributes");  // not INIT
  EXPECT_EQ(refusal([](auto& qe) { qe.flags |= 1ULL << 63U; }), "QE_IDENTITY_MISMATCH:attributes");
  EXPECT_EQ(refusal([](auto& qe) { qe.flags |= 2U; }), "QE_IDENTITY_MISMATCH:attributes");  // DEBUG
}

TEST(OwnKeysTcb, AQuotingEnclaveInDebugIsRefusedThoughItsIdentityAllowsIt) {
  Dcap chain = chains::sgx();
  chain.quote.qe.flags |= 2U;
  chain.qe_identity.attributes_mask[0] &= 0xfdU;
  EXPECT_THAT(judge(chain.seal()), RejectedFor("QE_IDENTITY_MISMATCH:debug"));
}

TEST(OwnKeysTcb, WhatMasksLeaveOutIsFree) {
  Dcap chain = chains::sgx();
  chain.quote.qe.xfrm = 0xe3;  // outside the mask of Intel's identities
  chain.quote.qe.misc_select = 0x80;
  chain.qe_identity.misc_select_mask = *from_hex("7fffffff");
  EXPECT_THAT(judge(chain.seal()), Accepted());
}

TEST(OwnKeysTcb, MiscSelectOfAnIdentityIsReadInTheOrderThatReportsHave) {
  Dcap chain = chains::sgx();
  chain.quote.qe.misc_select = 0x00000001;
  chain.qe_identity.misc_select = *from_hex("01000000");
  EXPECT_THAT(judge(chain.seal()), Accepted());
}

TEST(OwnKeysTcb, TheInformationOfAnotherPlatformIsRefused) {  // 25
  Dcap fmspc = chains::sgx();
  fmspc.tcb_info.fmspc[2] ^= 1U;
  EXPECT_THAT(judge(fmspc.seal()), RejectedFor("FMSPC_MISMATCH"));
  Dcap pce = chains::tdx();
  pce.tcb_info.pce_id = {0, 1};
  EXPECT_THAT(judge(pce.seal()), RejectedFor("PCEID_MISMATCH"));
  Dcap both = chains::sgx();
  both.tcb_info.fmspc[5] ^= 1U;
  both.tcb_info.pce_id = {1, 0};
  EXPECT_THAT(judge(both.seal()), RejectedForAll(Words{"FMSPC_MISMATCH", "PCEID_MISMATCH"}));
}

TEST(OwnKeysTcb, TheInformationOfTheOtherTeeIsRefused) {  // 25
  Dcap td = chains::tdx();
  td.tcb_info = chains::sgx().tcb_info;
  td.tcb_info.signer = td.tcb_signing.key;
  EXPECT_THAT(judge(td.seal()), RejectedFor("TEE_MISMATCH"));
  Dcap enclave = chains::sgx();
  enclave.tcb_info = chains::tdx().tcb_info;
  enclave.tcb_info.signer = enclave.tcb_signing.key;
  EXPECT_THAT(judge(enclave.seal()), RejectedFor("TEE_MISMATCH"));
}

TEST(OwnKeysTcb, AnUnknownStatusIsRefused) {  // 26
  for (const char* status : {"UpToDate ", " UpToDate", "uptodate", "Fine", "", "UpToDate\\u0000", "TcbNotSupported",
                             "TDRelaunchAdvised", "TdRelaunchAdvised", "OK"}) {
    for (const std::size_t level : {0U, 1U}) {  // also where it is not the level that matches
      Dcap platform = chains::sgx();
      platform.tcb_info.levels[level].status = status;
      EXPECT_THAT(judge(platform.seal()), RejectedFor("TCB_STATUS_UNKNOWN:platform")) << status;
      Dcap qe = chains::sgx();
      qe.qe_identity.levels[level].status = status;
      EXPECT_THAT(judge(qe.seal()), RejectedFor("TCB_STATUS_UNKNOWN:qe")) << status;
    }
    Dcap module = chains::tdx();
    module.tcb_info.module_identities[1].levels[0].status = status;
    EXPECT_THAT(judge(module.seal()), RejectedFor("TCB_STATUS_UNKNOWN:tdx_module")) << status;
  }
}

TEST(OwnKeysTcb, APlatformThatNoLevelMatchesIsNotSupported) {  // 27
  for (Dcap chain : {chains::sgx(), chains::tdx()}) {
    chain.pck_extension.components[7] = 4;
    EXPECT_THAT(judge(chain.seal(), any_status()), RejectedFor("TCB_NOT_SUPPORTED"));
    EXPECT_THAT(judge(chain.seal()).reasons, Contains("TCB_NOT_SUPPORTED"));
  }
}

TEST(OwnKeysTcb, AQuotingEnclaveOrModuleThatNoLevelMatchesIsNotSupported) {  // 27
  Dcap qe = chains::sgx();
  qe.quote.qe.isv_svn = 5;
  EXPECT_THAT(judge(qe.seal(), any_status()), RejectedFor("TCB_NOT_SUPPORTED:qe"));
  Dcap module = chains::tdx();
  module.quote.td.tee_tcb_svn[0] = 1;
  EXPECT_THAT(judge(module.seal(), any_status()), RejectedFor("TCB_NOT_SUPPORTED:tdx_module"));
}

TEST(OwnKeysTcb, EachComponentIsCompared) {
  for (std::size_t i = 0; i < 8; ++i) {
    if (chains::sgx().pck_extension.components[i] == 0) {
      continue;
    }
    Dcap chain = chains::sgx();
    chain.tcb_info.levels[1] = TcbLevel{.status = "OutOfDate", .date = noon - 900 * day};  // matches whatever comes
    EXPECT_EQ(status_of(chain), "UpToDate");
    chain.pck_extension.components[i] -= 1;
    EXPECT_EQ(status_of(chain), "OutOfDate") << "sgx " << i;
  }
  for (std::size_t i = 8; i < 16; ++i) {
    Dcap chain = chains::sgx();
    chain.tcb_info.levels[1] = TcbLevel{.status = "OutOfDate", .date = noon - 900 * day};
    chain.tcb_info.levels[0].sgx[i] = 1;
    EXPECT_EQ(status_of(chain), "OutOfDate") << "sgx " << i;
  }
  Dcap pce = chains::sgx();
  pce.tcb_info.levels[1].sgx = pce.tcb_info.levels[0].sgx;
  pce.pck_extension.pce_svn -= 1;
  EXPECT_EQ(status_of(pce), "OutOfDate");
}

TEST(OwnKeysTcb, TheCertificatesComponentsCountAndNotTheReportsCpusvn) {
  Dcap chain = chains::sgx();
  chain.quote.sgx.cpu_svn = Bytes(16);
  chain.pck_extension.cpu_svn = Bytes(16);
  EXPECT_EQ(status_of(chain), "UpToDate");
  chain.pck_extension.components = {};
  chain.pck_extension.cpu_svn = Bytes(16, 0xff);
  chain.quote.sgx.cpu_svn = Bytes(16, 0xff);
  EXPECT_THAT(judge(chain.seal(), any_status()), RejectedFor("TCB_NOT_SUPPORTED"));
}

TEST(OwnKeysTcb, LevelsInAnyOrderAreTheSameLevels) {  // 28
  for (Dcap chain : {chains::sgx(), chains::tdx()}) {
    for (int i = 0; i < 6; ++i) {  // levels between the two, each a little lower than the one before
      TcbLevel between = chain.tcb_info.levels[0];
      between.pce_svn = 12 - i;
      between.status = "OutOfDate";
      between.date -= i * day;
      between.advisories = {"INTEL-SA-0010" + std::to_string(i)};
      chain.tcb_info.levels.insert(chain.tcb_info.levels.end() - 1, between);
    }
    for (const int pce_svn : {13, 12, 9, 6}) {
      chain.pck_extension.pce_svn = pce_svn;
      const Verdict sorted = judge(chain.seal(), any_status());
      Dcap ascending = chain;
      std::ranges::reverse(ascending.tcb_info.levels);
      std::ranges::reverse(ascending.qe_identity.levels);
      for (auto& identity : ascending.tcb_info.module_identities) {
        std::ranges::reverse(identity.levels);
      }
      const Verdict reversed = judge(ascending.seal(), any_status());
      EXPECT_THAT(sorted, Accepted());
      EXPECT_EQ(sorted.report.tcb, reversed.report.tcb);
      EXPECT_EQ(tcb_member(sorted, "status"), pce_svn == 13 ? "UpToDate" : "OutOfDate");
    }
  }
}

TEST(OwnKeysTcb, LevelsOfTheQuotingEnclaveInAnyOrderAreTheSameLevels) {  // 28
  Dcap chain = chains::sgx();
  std::ranges::reverse(chain.qe_identity.levels);
  EXPECT_EQ(status_of(chain), "UpToDate");
  chain.quote.qe.isv_svn = 7;
  EXPECT_EQ(status_of(chain), "OutOfDate");
}

TEST(OwnKeysTcb, APlatformInNoneOfTheNewestLevelsGetsTheHighestThatItReaches) {
  // Neither of two levels is above the other: SGX components decide which is looked at first.
  Dcap chain = chains::sgx();
  TcbLevel crossed = chain.tcb_info.levels[0];
  crossed.sgx[0] -= 1;
  crossed.pce_svn = 20;
  crossed.status = "SWHardeningNeeded";
  chain.tcb_info.levels.insert(chain.tcb_info.levels.begin(), crossed);
  EXPECT_EQ(status_of(chain), "UpToDate");
  chain.pck_extension.pce_svn = 20;
  EXPECT_EQ(status_of(chain), "UpToDate");
  chain.pck_extension.components[0] -= 1;
  EXPECT_EQ(status_of(chain), "SWHardeningNeeded");
}

TEST(OwnKeysTcb, ModuleComponentsAreLeftToTheModuleWhereItHasAnIdentity) {  // 29
  Dcap chain = chains::tdx();
  chain.tcb_info.levels[0].tdx = {200, 200, 2};
  EXPECT_EQ(status_of(chain), "UpToDate");
  chain.quote.td.tee_tcb_svn[2] = 1;
  EXPECT_EQ(status_of(chain), "TcbNotSupported");  // neither level: both ask for 2
  chain.quote.td.tee_tcb_svn[2] = 2;
  for (std::size_t i = 3; i < 16; ++i) {
    chain.tcb_info.levels[0].tdx[i] = 1;
    EXPECT_EQ(status_of(chain), "OutOfDate") << "tdx " << i;
    chain.tcb_info.levels[0].tdx[i] = 0;
  }
}

TEST(OwnKeysTcb, TheBaseModuleIsJudgedByThePlatformsLevels) {  // 29
  Dcap chain = chains::tdx();
  chain.quote.td.tee_tcb_svn = {5, 0, 3};
  EXPECT_EQ(status_of(chain), "UpToDate");
  chain.quote.td.tee_tcb_svn = {4, 0, 3};
  chain.tcb_info.levels[1].sgx = chain.tcb_info.levels[0].sgx;
  EXPECT_EQ(status_of(chain), "OutOfDate");
  chain.tcb_info.levels[0].tdx = {4, 1, 2};
  EXPECT_EQ(status_of(chain), "OutOfDate");
}

TEST(OwnKeysTcb, AnOutdatedPlatformIsNotMadeGoodByItsModule) {  // 30
  Dcap chain = chains::tdx();
  chain.pck_extension.components[0] -= 1;
  const Verdict verdict = judge(chain.seal(), any_status());
  EXPECT_EQ(tcb_member(verdict, "status"), "OutOfDate");
  EXPECT_EQ(tcb_member(verdict, "platform_status"), "OutOfDate");
  EXPECT_EQ(tcb_member(verdict, "tdx_module_status"), "UpToDate");
}

TEST(OwnKeysTcb, AnOutdatedModuleIsNotMadeGoodByItsPlatform) {  // 30
  Dcap chain = chains::tdx();
  chain.quote.td.tee_tcb_svn[0] = 3;
  const Verdict verdict = judge(chain.seal(), any_status());
  EXPECT_EQ(tcb_member(verdict, "status"), "OutOfDate");
  EXPECT_EQ(tcb_member(verdict, "platform_status"), "UpToDate");
  EXPECT_EQ(tcb_member(verdict, "tdx_module_status"), "OutOfDate");
  EXPECT_EQ(advisories(verdict), "INTEL-SA-01036");
}

TEST(OwnKeysTcb, AModuleWithoutAnIdentityIsRefused) {  // 31
  Dcap chain = chains::tdx();
  chain.quote.td.tee_tcb_svn[1] = 2;
  EXPECT_THAT(judge(chain.seal()), RejectedFor("TDX_MODULE_MISMATCH:version"));
  chain.tcb_info.module_identities.clear();
  chain.quote.td.tee_tcb_svn[1] = 1;
  EXPECT_THAT(judge(chain.seal()), RejectedFor("TDX_MODULE_MISMATCH:version"));
}

TEST(OwnKeysTcb, ModuleVersionsAreHexadecimalOfEitherCase) {  // 31
  for (const char* id : {"TDX_1A", "TDX_1a"}) {
    Dcap chain = chains::tdx();
    chain.tcb_info.module_identities[1].id = id;
    chain.quote.td.tee_tcb_svn[1] = 0x1a;
    EXPECT_EQ(status_of(chain), "UpToDate") << id;
    chain.quote.td.tee_tcb_svn[1] = 26 + 10;
    EXPECT_THAT(judge(chain.seal()), RejectedFor("TDX_MODULE_MISMATCH:version"));
  }
}

TEST(OwnKeysTcb, AStatusThatModulesDoNotHaveIsRefused) {
  for (const char* status : {"SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded",
                             "OutOfDateConfigurationNeeded"}) {
    Dcap chain = chains::tdx();
    chain.tcb_info.module_identities[1].levels[0].status = status;
    EXPECT_THAT(judge(chain.seal(), any_status()), RejectedFor("TCB_STATUS_UNKNOWN:tdx_module")) << status;
  }
}

TEST(OwnKeysTcb, AModuleOfAnotherSignerOrWithOtherAttributesIsRefused) {
  for (const std::uint8_t version : U8{0, 1}) {  // the base module, and one with an identity
    Dcap chain = chains::tdx();
    chain.quote.td.tee_tcb_svn = {6, version, 3};
    ASSERT_THAT(judge(chain.seal()), Accepted());
    Dcap signer = chain;
    signer.quote.td.mr_signer_seam[47] = 1;
    EXPECT_THAT(judge(signer.seal()), RejectedFor("TDX_MODULE_MISMATCH:mr_signer_seam"));
    Dcap attributes = chain;
    attributes.quote.td.seam_attributes = 1;
    EXPECT_THAT(judge(attributes.seal()), RejectedFor("TDX_MODULE_MISMATCH:seam_attributes"));
  }
}

TEST(OwnKeysTcb, AnythingRevokedIsRevoked) {  // 32
  Dcap platform = chains::tdx();
  platform.tcb_info.levels[0].status = "Revoked";
  EXPECT_EQ(status_of(platform), "Revoked");
  Dcap module = chains::tdx();
  module.tcb_info.module_identities[1].levels[0].status = "Revoked";
  EXPECT_EQ(status_of(module), "Revoked");
  EXPECT_THAT(judge(module.seal()), RejectedFor("TCB_STATUS:Revoked"));
  Dcap qe = chains::sgx();
  qe.qe_identity.levels[0].status = "Revoked";
  EXPECT_EQ(status_of(qe), "Revoked");
  EXPECT_THAT(judge(qe.seal()), RejectedFor("TCB_STATUS:Revoked"));
}

// 33: the platform's status with an outdated part, and without.
TEST(OwnKeysTcb, AnOutdatedPartMakesThePlatformOutdated) {
  const char* with_outdated_part[] = {"OutOfDate",
                                      "OutOfDate",
                                      "OutOfDateConfigurationNeeded",
                                      "OutOfDateConfigurationNeeded",
                                      "OutOfDate",
                                      "OutOfDateConfigurationNeeded",
                                      "Revoked"};
  for (std::size_t i = 0; i < std::size(in_order); ++i) {
    Dcap alone = chains::tdx();
    alone.tcb_info.levels[0].status = in_order[i];
    EXPECT_EQ(status_of(alone), in_order[i]);
    Dcap qe = alone;
    qe.quote.qe.isv_svn = 6;
    EXPECT_EQ(status_of(qe), with_outdated_part[i]) << in_order[i];
    Dcap module = alone;
    module.quote.td.tee_tcb_svn[0] = 2;
    EXPECT_EQ(status_of(module), with_outdated_part[i]) << in_order[i];
    Dcap both = qe;
    both.quote.td.tee_tcb_svn[0] = 2;
    EXPECT_EQ(status_of(both), with_outdated_part[i]) << in_order[i];
    Dcap revoked = alone;
    revoked.qe_identity.levels[0].status = "Revoked";
    EXPECT_EQ(status_of(revoked), "Revoked") << in_order[i];
  }
}

TEST(OwnKeysTcb, AQuotingEnclaveThatNeedsConfigurationIsNotDropped) {  // 33
  Dcap chain = chains::sgx();
  chain.qe_identity.levels[0].status = "OutOfDateConfigurationNeeded";
  EXPECT_EQ(status_of(chain), "OutOfDateConfigurationNeeded");
  chain.qe_identity.levels[0].status = "ConfigurationNeeded";
  EXPECT_EQ(status_of(chain), "ConfigurationNeeded");
  chain.tcb_info.levels[0].status = "SWHardeningNeeded";
  EXPECT_EQ(status_of(chain), "ConfigurationAndSWHardeningNeeded");
  chain.tcb_info.levels[0].status = "OutOfDate";
  EXPECT_EQ(status_of(chain), "OutOfDateConfigurationNeeded");
}

}  // namespace
}  // namespace blindai::evidence
