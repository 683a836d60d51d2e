// Which TCB level a platform reaches, and what the parts make together.
#include "evidence/dcap/tcb.h"

#include <gtest/gtest.h>

namespace blindai::evidence::dcap {
namespace {

using enum TcbStatus;

TcbLevel level(std::uint8_t sgx, std::uint16_t pce_svn, std::optional<std::uint8_t> tdx, TcbStatus status,
               UnixSeconds date, std::vector<std::string> advisories = {}) {
  TcbLevel out;
  out.pce_svn = pce_svn;
  out.status = status;
  out.date = date;
  out.advisories = std::move(advisories);
  out.sgx.fill(sgx);
  if (tdx) {
    out.tdx.emplace().fill(*tdx);
  }
  return out;
}

TcbInfo sgx_info() {
  TcbInfo info;
  info.version = 3;
  info.evaluation_number = 17;
  info.levels = {level(9, 13, {}, up_to_date, 900), level(7, 11, {}, sw_hardening_needed, 700, {"INTEL-SA-00001"}),
                 level(5, 9, {}, out_of_date, 500, {"INTEL-SA-00001", "INTEL-SA-00002"})};
  return info;
}

TcbInfo tdx_info() {
  TcbInfo info;
  info.tee = Tee::tdx;
  info.version = 3;
  info.evaluation_number = 17;
  info.tdx_module = TdxModule{.attributes_mask = ~0ULL};
  info.levels = {level(9, 13, 5, up_to_date, 900), level(7, 11, 3, out_of_date, 700)};
  info.module_identities = {{.version = 1,
                             .module = {.attributes_mask = ~0ULL},
                             .levels = {{.isv_svn = 6, .status = up_to_date, .date = 850, .advisories = {}},
                                        {.isv_svn = 4, .status = out_of_date, .date = 450, .advisories = {"SA-M"}},
                                        {.isv_svn = 2, .status = revoked, .date = 250, .advisories = {}}}}};
  return info;
}

QeIdentity identity() {
  QeIdentity qe;
  qe.evaluation_number = 16;
  qe.levels = {{.isv_svn = 8, .status = up_to_date, .date = 800, .advisories = {}},
               {.isv_svn = 6, .status = out_of_date, .date = 600, .advisories = {"SA-Q"}}};
  return qe;
}

PckExtension platform(std::uint8_t components, std::uint16_t pce_svn) {
  PckExtension pck;
  pck.components.fill(components);
  pck.pce_svn = pce_svn;
  return pck;
}

TdReport td(std::uint8_t minor, std::uint8_t major, std::uint8_t rest) {
  TdReport report;
  report.tee_tcb_svn.fill(rest);
  report.tee_tcb_svn[0] = minor;
  report.tee_tcb_svn[1] = major;
  return report;
}

TEST(Tcb, MergingFollowsTheTable) {
  const TcbStatus good[] = {up_to_date, sw_hardening_needed};
  const TcbStatus configured[] = {configuration_needed, configuration_and_sw_hardening_needed};
  for (const TcbStatus status : good) {
    EXPECT_EQ(merge(status, up_to_date), status);
    EXPECT_EQ(merge(status, out_of_date), out_of_date);
    EXPECT_EQ(merge(status, revoked), revoked);
    EXPECT_EQ(merge(status, not_supported), not_supported);
  }
  for (const TcbStatus status : configured) {
    EXPECT_EQ(merge(status, up_to_date), status);
    EXPECT_EQ(merge(status, out_of_date), out_of_date_configuration_needed);
    EXPECT_EQ(merge(status, revoked), revoked);
  }
  EXPECT_EQ(merge(out_of_date, up_to_date), out_of_date);
  EXPECT_EQ(merge(out_of_date_configuration_needed, out_of_date), out_of_date_configuration_needed);
  EXPECT_EQ(merge(revoked, up_to_date), revoked);
  EXPECT_EQ(merge(revoked, not_supported), not_supported);
}

TEST(Tcb, APartThatNeedsConfigurationIsNotDropped) {
  EXPECT_EQ(merge(up_to_date, configuration_needed), configuration_needed);
  EXPECT_EQ(merge(sw_hardening_needed, configuration_needed), configuration_and_sw_hardening_needed);
  EXPECT_EQ(merge(out_of_date, configuration_needed), out_of_date_configuration_needed);
  EXPECT_EQ(merge(up_to_date, out_of_date_configuration_needed), out_of_date_configuration_needed);
}

TEST(Tcb, TheFirstLevelThatIsReachedInEveryComponentCounts) {
  const TcbInfo info = sgx_info();
  const auto newest = appraise_tcb({.pck = platform(9, 13), .qe_isv_svn = 8}, info, identity());
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->status, up_to_date);
  EXPECT_EQ(newest->platform_level, 0U);
  EXPECT_EQ(newest->date, 800);
  EXPECT_EQ(newest->evaluation_number, 16);
  EXPECT_TRUE(newest->shortfalls.empty());

  for (std::size_t i = 0; i < 16; ++i) {
    PckExtension pck = platform(9, 13);
    pck.components[i] = 8;
    const auto lower = appraise_tcb({.pck = pck, .qe_isv_svn = 8}, info, identity());
    ASSERT_TRUE(lower);
    EXPECT_EQ(lower->status, sw_hardening_needed) << i;
    ASSERT_EQ(lower->shortfalls.size(), 1U);
    EXPECT_EQ(lower->shortfalls[0].component, "sgx " + std::to_string(i));
    EXPECT_EQ(lower->shortfalls[0].found, 8U);
    EXPECT_EQ(lower->shortfalls[0].wanted, 9U);
  }
  const auto old_pce = appraise_tcb({.pck = platform(9, 12), .qe_isv_svn = 8}, info, identity());
  ASSERT_TRUE(old_pce);
  EXPECT_EQ(old_pce->platform, sw_hardening_needed);
}

TEST(Tcb, APlatformThatIntelNeverCallsUpToDateFallsShortOfItsHighestLevel) {
  TcbInfo info = sgx_info();
  for (TcbLevel& level : info.levels) {
    level.status = out_of_date;
  }
  info.levels.front().status = sw_hardening_needed;
  PckExtension pck = platform(9, 13);
  EXPECT_TRUE(appraise_tcb({.pck = pck, .qe_isv_svn = 8}, info, identity())->shortfalls.empty());
  pck.components[3] = 8;
  const auto lower = appraise_tcb({.pck = pck, .qe_isv_svn = 8}, info, identity());
  ASSERT_EQ(lower->shortfalls.size(), 1U);
  EXPECT_EQ(lower->shortfalls[0].component, "sgx 3");
}

TEST(Tcb, APlatformBelowEveryLevelIsNotSupported) {
  const auto tcb = appraise_tcb({.pck = platform(4, 13), .qe_isv_svn = 8}, sgx_info(), identity());
  ASSERT_TRUE(tcb);
  EXPECT_EQ(tcb->status, not_supported);
  EXPECT_FALSE(tcb->platform_level);
  const auto qe = appraise_tcb({.pck = platform(9, 13), .qe_isv_svn = 5}, sgx_info(), identity());
  ASSERT_TRUE(qe);
  EXPECT_EQ(qe->platform, up_to_date);
  EXPECT_EQ(qe->qe, not_supported);
  EXPECT_EQ(qe->status, not_supported);
}

TEST(Tcb, AnOldQuotingEnclavePullsThePlatformDownWithItsAdvisories) {
  const auto tcb = appraise_tcb({.pck = platform(7, 11), .qe_isv_svn = 7}, sgx_info(), identity());
  ASSERT_TRUE(tcb);
  EXPECT_EQ(tcb->platform, sw_hardening_needed);
  EXPECT_EQ(tcb->qe, out_of_date);
  EXPECT_EQ(tcb->status, out_of_date);
  EXPECT_EQ(tcb->date, 600);
  ASSERT_EQ(tcb->advisories.size(), 2U);
  EXPECT_EQ(tcb->advisories[0].id, "INTEL-SA-00001");
  EXPECT_EQ(tcb->advisories[0].origin, "platform");
  EXPECT_EQ(tcb->advisories[1].id, "SA-Q");
  EXPECT_EQ(tcb->advisories[1].origin, "qe");
}

TEST(Tcb, TheModulesOwnBytesAreNotComparedWithThePlatformsLevels) {
  // Module version 1 at SVN 6: bytes 0 and 1 lie below the level's 5, and only bytes 2 to 15 count.
  const TdReport report = td(6, 1, 5);
  const auto tcb = appraise_tcb({.pck = platform(9, 13), .td = &report, .qe_isv_svn = 8}, tdx_info(), identity());
  ASSERT_TRUE(tcb);
  EXPECT_EQ(tcb->status, up_to_date);
  EXPECT_EQ(tcb->tdx_module, up_to_date);
  const TdReport base = td(4, 0, 5);
  const auto by_index_0 = appraise_tcb({.pck = platform(9, 13), .td = &base, .qe_isv_svn = 8}, tdx_info(), identity());
  ASSERT_TRUE(by_index_0);
  EXPECT_FALSE(by_index_0->tdx_module);
  EXPECT_EQ(by_index_0->platform, not_supported) << "byte 1 is 0 and the level wants 3 at least";
  const TdReport short_by_one = td(6, 1, 4);
  const auto lower =
      appraise_tcb({.pck = platform(9, 13), .td = &short_by_one, .qe_isv_svn = 8}, tdx_info(), identity());
  ASSERT_TRUE(lower);
  EXPECT_EQ(lower->platform, out_of_date);
}

TEST(Tcb, TheModuleHasLevelsOfItsOwn) {
  const TdReport old = td(4, 1, 5);
  const auto out = appraise_tcb({.pck = platform(9, 13), .td = &old, .qe_isv_svn = 8}, tdx_info(), identity());
  ASSERT_TRUE(out);
  EXPECT_EQ(out->platform, up_to_date);
  EXPECT_EQ(out->tdx_module, out_of_date);
  EXPECT_EQ(out->status, out_of_date);
  EXPECT_EQ(out->date, 450);
  const TdReport bad = td(2, 1, 5);
  const auto gone = appraise_tcb({.pck = platform(9, 13), .td = &bad, .qe_isv_svn = 8}, tdx_info(), identity());
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->status, revoked);
  const TdReport none = td(1, 1, 5);
  const auto below = appraise_tcb({.pck = platform(9, 13), .td = &none, .qe_isv_svn = 8}, tdx_info(), identity());
  ASSERT_TRUE(below);
  EXPECT_EQ(below->status, not_supported);
}

TEST(Tcb, AModuleThatTheTcbInfoDoesNotNameIsRefused) {
  const TdReport unknown = td(6, 2, 5);
  const auto version = appraise_tcb({.pck = platform(9, 13), .td = &unknown, .qe_isv_svn = 8}, tdx_info(), identity());
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().text(), "TDX_MODULE_MISMATCH:version");
  TdReport signer = td(6, 1, 5);
  signer.mr_signer_seam[47] = 1;
  const auto other = appraise_tcb({.pck = platform(9, 13), .td = &signer, .qe_isv_svn = 8}, tdx_info(), identity());
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().text(), "TDX_MODULE_MISMATCH:mr_signer_seam");
  TdReport attributes = td(6, 1, 5);
  attributes.seam_attributes = 1;
  const auto flags = appraise_tcb({.pck = platform(9, 13), .td = &attributes, .qe_isv_svn = 8}, tdx_info(), identity());
  ASSERT_FALSE(flags);
  EXPECT_EQ(flags.error().text(), "TDX_MODULE_MISMATCH:seam_attributes");
}

TEST(Tcb, AModuleWithAStatusOfPlatformsIsRefused) {
  TcbInfo info = tdx_info();
  info.module_identities[0].levels[0].status = sw_hardening_needed;
  const TdReport report = td(6, 1, 5);
  const auto tcb = appraise_tcb({.pck = platform(9, 13), .td = &report, .qe_isv_svn = 8}, info, identity());
  ASSERT_FALSE(tcb);
  EXPECT_EQ(tcb.error().text(), "TCB_STATUS_UNKNOWN:tdx_module");
}

// TD 1.5: the module that launched the TD, and the one that runs it now.
TcbStatus relaunch(std::uint8_t launch, std::uint8_t now, std::uint16_t qe = 8, TcbStatus newest = up_to_date) {
  TcbInfo info = tdx_info();
  info.levels[0].status = newest;
  TdReport report = td(launch, 1, 5);
  report.td15.emplace().tee_tcb_svn2 = td(now, 1, 5).tee_tcb_svn;
  const auto tcb = appraise_tcb({.pck = platform(9, 13), .td = &report, .qe_isv_svn = qe}, info, identity());
  return tcb ? tcb->status : not_supported;
}

TEST(Tcb, ATdThatWasLaunchedByAnOldModuleIsToBeRelaunched) {
  EXPECT_EQ(relaunch(6, 6), up_to_date);
  EXPECT_EQ(relaunch(4, 6), td_relaunch_advised);
  EXPECT_EQ(relaunch(4, 6, 8, configuration_needed), td_relaunch_advised_configuration_needed);
  EXPECT_EQ(relaunch(4, 6, 8, configuration_and_sw_hardening_needed), td_relaunch_advised_configuration_needed);
  EXPECT_EQ(relaunch(4, 6, 8, sw_hardening_needed), td_relaunch_advised);
}

TEST(Tcb, TheWorseOfLaunchAndNowCountsOtherwise) {
  EXPECT_EQ(relaunch(6, 4), out_of_date);
  EXPECT_EQ(relaunch(4, 4), out_of_date);
  EXPECT_EQ(relaunch(6, 2), revoked);
  EXPECT_EQ(relaunch(2, 6), revoked);
  EXPECT_EQ(relaunch(4, 2), revoked);
  EXPECT_EQ(relaunch(4, 6, 6), out_of_date) << "a relaunch does not mend the quoting enclave";
}

}  // namespace
}  // namespace blindai::evidence::dcap
