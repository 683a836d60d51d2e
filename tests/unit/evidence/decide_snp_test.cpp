#include "decide_sample.h"

namespace blindai::evidence {
namespace {

using RawTcb = std::array<std::uint8_t, 8>;
// Bootloader, TEE, SNP and microcode in the layout of Milan and Genoa.
constexpr RawTcb raw(std::uint8_t bootloader, std::uint8_t tee, std::uint8_t snp, std::uint8_t microcode) {
  return {bootloader, tee, 0, 0, 0, 0, snp, microcode};
}
constexpr RawTcb usual = raw(4, 1, 24, 219);

struct ARuleOfSnp : Deciding<SnpClaims> {
  snp::Report& guest = facts.report;
  SnpAcceptance* accept = nullptr;
  void SetUp() override {
    facts.product = Product::genoa;
    facts.key = snp::KeyKind::vcek;
    facts.crl_number = 5;
    guest.version = 3;
    guest.policy = snp::policy_reserved_one | snp::policy_smt;
    guest.guest_svn = 2;
    guest.platform_info = 0x25;
    guest.chip_id.fill(0x59);
    guest.measurement.fill(0x10);
    guest.host_data.fill(0x11);
    guest.id_key_digest.fill(0x12);
    guest.author_key_digest.fill(0x13);
    guest.family_id.fill(0x14);
    guest.image_id.fill(0x15);
    guest.current_tcb = guest.committed_tcb = guest.reported_tcb = guest.launch_tcb = usual;
    guest.current_firmware = guest.committed_firmware = {.build = 40, .minor = 55, .major = 1};
    accept = &policy.snp.emplace();
    accept->products = {Product::genoa, Product::turin};
  }
};

TEST_F(ARuleOfSnp, AcceptsAGuestOfAListedProduct) {
  EXPECT_EQ(reasons(), "");
  facts.product = Product::milan;
  EXPECT_EQ(reasons(), "PLATFORM_NOT_ALLOWED:product");
}

TEST_F(ARuleOfSnp, KnowsPlatformsByTheirChip) {
  EXPECT_EQ(outcome("platform_id"), "not applicable");
  accept->platform_ids = std::vector<Bytes>{Bytes(64, 0x58), Bytes(8, 0x59)};
  EXPECT_EQ(reasons(), "PLATFORM_NOT_ALLOWED:platform_id");  // eight bytes are an id of Turin alone
  accept->platform_ids = std::vector<Bytes>{Bytes(64, 0x58), Bytes(64, 0x59)};
  EXPECT_EQ(reasons(), "");
}

TEST_F(ARuleOfSnp, KnowsAChipOfTurinByEightBytes) {
  facts.product = Product::turin;
  guest.current_tcb = guest.committed_tcb = guest.reported_tcb = guest.launch_tcb = {1, 1, 1, 4, 0, 0, 0, 81};
  accept->platform_ids = std::vector<Bytes>{Bytes(8, 0x59)};
  EXPECT_EQ(reasons(), "PLATFORM_NOT_ALLOWED:platform_id");  // what follows is not zero
  std::fill(guest.chip_id.begin() + 8, guest.chip_id.end(), std::uint8_t{0});
  EXPECT_EQ(reasons(), "");
  Bytes padded(64);
  std::fill_n(padded.begin(), 8, std::uint8_t{0x59});
  accept->platform_ids = std::vector<Bytes>{padded};
  EXPECT_EQ(reasons(), "");
  guest.chip_id.fill(0);  // masked
  EXPECT_EQ(reasons(), "PLATFORM_NOT_ALLOWED:platform_id");
}

TEST_F(ARuleOfSnp, WantsTheLevelThatIsExpected) {
  guest.vmpl = 1;
  EXPECT_EQ(reasons(), "VMPL_NOT_ZERO:1");
  accept->vmpl = 1;
  EXPECT_EQ(reasons(), "");
  guest.vmpl = 0xffffffff;  // asked for by the host
  EXPECT_EQ(reasons(), "VMPL_NOT_ZERO:4294967295");
}

TEST_F(ARuleOfSnp, WantsAKindOfKeyThatIsListed) {
  facts.key = snp::KeyKind::vlek;
  EXPECT_EQ(reasons(), "");
  accept->signing_key = {snp::KeyKind::vcek};
  EXPECT_EQ(reasons(), "SIGNING_KEY_NOT_ALLOWED:vlek");
}

TEST_F(ARuleOfSnp, LooksAtTheGuestPolicy) {
  const std::uint64_t base = guest.policy;
  guest.policy = base & ~snp::policy_reserved_one;
  EXPECT_EQ(reasons(), "BAD_GUEST_POLICY:17");
  guest.policy = base | snp::policy_debug;
  EXPECT_EQ(reasons(), "DEBUG_NOT_ALLOWED");
  accept->allow_debug = true;
  EXPECT_EQ(reasons(), "");
  guest.policy = base | snp::policy_migrate_ma;
  EXPECT_EQ(reasons(), "GUEST_POLICY_NOT_ALLOWED:MIGRATE_MA");
  accept->allow_migration = true;
  EXPECT_EQ(reasons(), "");
  guest.policy = base;
  accept->allow_smt = false;
  EXPECT_EQ(reasons(), "GUEST_POLICY_NOT_ALLOWED:SMT");
  guest.policy = base & ~snp::policy_smt;
  EXPECT_EQ(reasons(), "");
}

TEST_F(ARuleOfSnp, ComparesTheVersionOfTheGuest) {
  EXPECT_EQ(outcome("guest_svn"), "not applicable");
  accept->min_guest_svn = 3;
  EXPECT_EQ(reasons(), "SVN_TOO_LOW:guest_svn");
  accept->min_guest_svn = 2;
  EXPECT_EQ(reasons(), "");
}

TEST_F(ARuleOfSnp, KeepsVersionsInOrder) {
  accept->allow_provisional = true;
  for (const std::size_t component : {0U, 1U, 6U, 7U}) {
    guest.reported_tcb[component]++;
    EXPECT_EQ(reasons(), "TCB_MISMATCH:reported_tcb") << component;
    guest.committed_tcb[component]++;
    EXPECT_EQ(reasons(), "TCB_MISMATCH:committed_tcb") << component;
    guest.current_tcb[component]++;
    EXPECT_EQ(reasons(), "") << component;
    guest.launch_tcb[component] = static_cast<std::uint8_t>(guest.current_tcb[component] + 1);
    EXPECT_EQ(reasons(), "TCB_MISMATCH:launch_tcb") << component;
    guest.launch_tcb[component]--;
  }
  facts.product = Product::turin;
  guest.current_tcb = guest.committed_tcb = guest.reported_tcb = guest.launch_tcb = {1, 1, 1, 4, 0, 0, 0, 81};
  guest.reported_tcb[0] = 2;
  EXPECT_EQ(reasons(), "TCB_MISMATCH:reported_tcb");
}

TEST_F(ARuleOfSnp, RefusesProvisionalFirmwareUnlessItIsAllowed) {
  guest.current_tcb = raw(4, 1, 24, 220);
  EXPECT_EQ(reasons(), "PROVISIONAL_FIRMWARE:tcb");
  guest.current_tcb = usual;
  guest.current_firmware.build = 41;
  EXPECT_EQ(reasons(), "PROVISIONAL_FIRMWARE:version");
  guest.current_firmware = {.build = 40, .minor = 56, .major = 1};
  EXPECT_EQ(reasons(), "PROVISIONAL_FIRMWARE:version");
  guest.current_firmware = {.build = 40, .minor = 55, .major = 2};
  EXPECT_EQ(reasons(), "PROVISIONAL_FIRMWARE:version");
  accept->allow_provisional = true;
  EXPECT_EQ(reasons(), "");
  EXPECT_EQ(outcome("provisional_firmware"), "not applicable");
}

TEST_F(ARuleOfSnp, ComparesEachMinimumOfTheTcb) {
  EXPECT_EQ(outcome("reported_tcb.microcode"), "not applicable");
  accept->min_tcb = {.bootloader = 4, .tee = 1, .snp = 24, .microcode = 219, .fmc = {}};
  accept->min_launch_tcb = accept->min_tcb;
  EXPECT_EQ(reasons(), "");
  accept->min_tcb = {.bootloader = 5, .tee = 2, .snp = 25, .microcode = 220, .fmc = {}};
  EXPECT_EQ(reasons(),
            "SVN_TOO_LOW:reported_tcb.bootloader SVN_TOO_LOW:reported_tcb.tee SVN_TOO_LOW:reported_tcb.snp "
            "SVN_TOO_LOW:reported_tcb.microcode");
  accept->min_tcb = {};
  guest.launch_tcb = raw(4, 1, 23, 219);
  EXPECT_EQ(reasons(), "SVN_TOO_LOW:launch_tcb.snp");
}

TEST_F(ARuleOfSnp, KnowsFmcOnTurinAlone) {
  accept->min_tcb.fmc = 2;
  EXPECT_EQ(reasons(), "");
  EXPECT_EQ(outcome("reported_tcb.fmc"), "not applicable");
  facts.product = Product::turin;
  guest.current_tcb = guest.committed_tcb = guest.reported_tcb = guest.launch_tcb = {1, 1, 1, 4, 0, 0, 0, 81};
  EXPECT_EQ(reasons(), "SVN_TOO_LOW:reported_tcb.fmc");
}

TEST_F(ARuleOfSnp, WantsMitigationsInBothVectors) {
  EXPECT_EQ(outcome("current_mitigations"), "not applicable");
  accept->required_mitigations = 0x21;
  EXPECT_EQ(reasons(), "PLATFORM_NOT_ALLOWED:current_mitigations PLATFORM_NOT_ALLOWED:launch_mitigations");
  guest.version = 5;
  guest.current_mitigations = 0x3f;
  guest.launch_mitigations = 0x1f;
  EXPECT_EQ(reasons(), "PLATFORM_NOT_ALLOWED:launch_mitigations");
  guest.launch_mitigations = 0x21;
  EXPECT_EQ(reasons(), "");
  guest.current_mitigations = 0x20;
  EXPECT_EQ(reasons(), "PLATFORM_NOT_ALLOWED:current_mitigations");
}

TEST_F(ARuleOfSnp, WantsAllBitsOfThePlatformInformation) {
  EXPECT_EQ(outcome("platform_info"), "not applicable");
  accept->required_platform_info = 0x20;
  EXPECT_EQ(reasons(), "");
  accept->required_platform_info = 0x22;
  EXPECT_EQ(reasons(), "PLATFORM_NOT_ALLOWED:platform_info");
}

TEST_F(ARuleOfSnp, ComparesEachRegisterThatIsListed) {
  const auto judge = [&](const std::string& name, auto& accepted, const auto& found) {
    EXPECT_EQ(outcome(name), "not applicable");
    using List = std::variant_alternative_t<1, std::remove_reference_t<decltype(accepted)>>;
    accepted = List{{}};
    EXPECT_EQ(reasons(), "MEASUREMENT_MISMATCH:" + name);
    accepted = List{found};
    EXPECT_EQ(reasons(), "");
    EXPECT_EQ(outcome(name), "passed");
  };
  judge("measurement", accept->measurement, guest.measurement);
  judge("host_data", accept->host_data, guest.host_data);
  judge("id_key_digest", accept->id_key_digest, guest.id_key_digest);
  judge("author_key_digest", accept->author_key_digest, guest.author_key_digest);
  judge("family_id", accept->family_id, guest.family_id);
  judge("image_id", accept->image_id, guest.image_id);
}

TEST_F(ARuleOfSnp, KeepsTheRevocationListFromBeingRolledBack) {
  EXPECT_EQ(outcome("ark_crl_number"), "not applicable");
  accept->min_crl_number = 6;
  EXPECT_EQ(reasons(), "COLLATERAL_ROLLBACK:ark_crl");
  accept->min_crl_number = 5;
  EXPECT_EQ(reasons(), "");
  facts.crl_number.reset();
  EXPECT_EQ(reasons(), "COLLATERAL_ROLLBACK:ark_crl");
}

TEST_F(ARuleOfSnp, SaysThatAmdHasNeitherTcbInfoNorDates) {
  policy.freshness.max_tcb_age_days = 1;
  policy.freshness.min_tcb_evaluation_number = 99;
  EXPECT_EQ(reasons(), "");
  EXPECT_EQ(outcome("tcb_age"), "not applicable");
  EXPECT_EQ(outcome("tcb_info_evaluation_number"), "not applicable");
}

}  // namespace
}  // namespace blindai::evidence
