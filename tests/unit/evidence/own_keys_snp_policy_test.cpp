// What a policy says of SNP (44, 59, 60 in the list of attacks).
#include "own_keys.h"

namespace blindai::evidence {
namespace {

using chains::Snp;
using chains::snp;
using chains::SnpKey;

TEST(OwnKeysSnpPolicy, AnotherLevelThanTheExpectedOneIsRefused) {  // 59
  for (const std::uint32_t level : {1U, 3U, 256U, 0xffffffffU}) {
    Snp chain = snp(Product::milan, SnpKey::vlek);
    chain.report.vmpl = level;
    EXPECT_THAT(judge(chain.seal()).reasons, testing::ElementsAre(testing::StartsWith("VMPL_NOT_ZERO"))) << level;
    Policy policy = strict();
    policy.snp->vmpl = level;
    EXPECT_THAT(judge(chain.seal(), policy), Accepted());
    chain.report.vmpl = 0;
    EXPECT_FALSE(judge(chain.seal(), policy).accepted);
  }
}

TEST(OwnKeysSnpPolicy, FlagsOfThePlatformAreRequiredByBit) {  // 60
  Policy policy = strict();
  policy.snp->required_platform_info = 1U << 5U;  // ALIAS_CHECK_COMPLETE
  Snp chain = snp(Product::genoa);
  EXPECT_THAT(judge(chain.seal(), policy), Accepted());
  chain.report.platform_info &= ~(1ULL << 5U);
  EXPECT_THAT(judge(chain.seal(), policy).reasons, testing::ElementsAre(testing::StartsWith("PLATFORM_NOT_ALLOWED:")));
  EXPECT_THAT(judge(chain.seal()), Accepted());
}

TEST(OwnKeysSnpPolicy, MitigationsAreRequiredNowAndAtLaunch) {  // 60
  Policy policy = strict();
  policy.snp->required_mitigations = 0x09;
  Snp chain = snp(Product::turin, SnpKey::vcek, 5);
  EXPECT_THAT(judge(chain.seal(), policy), Accepted());
  chain.report.current_mitigations = 0x08;
  EXPECT_FALSE(judge(chain.seal(), policy).accepted);
  chain.report.current_mitigations = 0x3f;
  chain.report.launch_mitigations = 0x01;
  EXPECT_FALSE(judge(chain.seal(), policy).accepted);
  // An older report has no vector: nothing says that anything is mitigated.
  EXPECT_FALSE(judge(snp(Product::turin, SnpKey::vcek, 4).seal(), policy).accepted);
}

TEST(OwnKeysSnpPolicy, AProductBelowTheFloorIsRefused) {  // 60
  Policy policy = strict();
  policy.snp->products = {Product::genoa, Product::turin};
  EXPECT_THAT(judge(snp(Product::milan).seal(), policy), RejectedFor("PLATFORM_NOT_ALLOWED:product"));
  EXPECT_THAT(judge(snp(Product::genoa).seal(), policy), Accepted());
  EXPECT_THAT(judge(snp(Product::turin).seal(), policy), Accepted());
}

TEST(OwnKeysSnpPolicy, GuestPolicyBitsAreRefusedUnlessAllowed) {  // 44
  Policy loose = strict();
  loose.snp->allow_debug = loose.snp->allow_migration = true;
  Snp debug = snp(Product::genoa);
  debug.report.policy |= 1ULL << 19U;
  EXPECT_THAT(judge(debug.seal()), RejectedFor("DEBUG_NOT_ALLOWED"));
  EXPECT_THAT(judge(debug.seal(), loose), Accepted());
  Snp migratable = snp(Product::genoa);
  migratable.report.policy |= 1ULL << 18U;
  EXPECT_THAT(judge(migratable.seal()).reasons, testing::ElementsAre(testing::StartsWith("GUEST_POLICY_NOT_ALLOWED:")));
  EXPECT_THAT(judge(migratable.seal(), loose), Accepted());
  Policy tight = strict();
  tight.snp->allow_smt = false;
  EXPECT_THAT(judge(snp(Product::genoa).seal(), tight).reasons,
              testing::ElementsAre(testing::StartsWith("GUEST_POLICY_NOT_ALLOWED:")));
  Snp reserved = snp(Product::genoa);
  reserved.report.policy &= ~(1ULL << 17U);  // must be one
  EXPECT_THAT(judge(reserved.seal(), loose).reasons, testing::ElementsAre(testing::StartsWith("BAD_GUEST_POLICY")));
  for (const unsigned bit : {26U, 40U, 63U}) {
    Snp unknown = snp(Product::genoa);
    unknown.report.policy |= 1ULL << bit;
    EXPECT_THAT(judge(unknown.seal(), loose).reasons, testing::ElementsAre(testing::StartsWith("BAD_GUEST_POLICY")))
        << bit;
  }
}

TEST(OwnKeysSnpPolicy, ProvisionalFirmwareIsRefusedUnlessAllowed) {
  Policy loose = strict();
  loose.snp->allow_provisional = true;
  Snp tcb = snp(Product::genoa);
  tcb.report.current_tcb.microcode += 1;
  EXPECT_THAT(judge(tcb.seal()), RejectedFor("PROVISIONAL_FIRMWARE:tcb"));
  EXPECT_THAT(judge(tcb.seal(), loose), Accepted());
  Snp firmware = snp(Product::genoa);
  firmware.report.current_firmware[0] += 1;
  EXPECT_THAT(judge(firmware.seal()), RejectedFor("PROVISIONAL_FIRMWARE:version"));
  EXPECT_THAT(judge(firmware.seal(), loose), Accepted());
}

TEST(OwnKeysSnpPolicy, VersionsOutOfTheirOrderAreRefused) {
  Policy loose = strict();
  loose.snp->allow_provisional = true;
  const auto refusal = [&](const std::function<void(chains::SnpReport&)>& change) {
    Snp chain = snp(Product::genoa);
    change(chain.report);
    return judge(chain.seal(), loose);
  };
  EXPECT_THAT(refusal([](auto& report) { report.committed_tcb.snp -= 1; }), RejectedFor("TCB_MISMATCH:reported_tcb"));
  EXPECT_THAT(refusal([](auto& report) { report.committed_tcb.tee += 1; }), RejectedFor("TCB_MISMATCH:committed_tcb"));
  EXPECT_THAT(refusal([](auto& report) { report.launch_tcb.microcode += 1; }), RejectedFor("TCB_MISMATCH:launch_tcb"));
  EXPECT_THAT(refusal([](auto& report) { report.launch_tcb.microcode -= 1; }), Accepted());
}

TEST(OwnKeysSnpPolicy, MinimumsOfSecurityVersionsAreKept) {
  Snp chain = snp(Product::turin, SnpKey::vcek, 5);
  using Set = std::function<void(SnpTcbMinimum&, std::uint8_t)>;
  const std::vector<std::tuple<std::string, int, Set>> components = {
      {"fmc", 1, [](auto& minimum, auto value) { minimum.fmc = value; }},
      {"bootloader", 4, [](auto& minimum, auto value) { minimum.bootloader = value; }},
      {"tee", 1, [](auto& minimum, auto value) { minimum.tee = value; }},
      {"snp", 24, [](auto& minimum, auto value) { minimum.snp = value; }},
      {"microcode", 219, [](auto& minimum, auto value) { minimum.microcode = value; }}};
  for (const bool launch : {false, true}) {
    for (const auto& [name, value, set] : components) {
      Policy policy = strict();
      SnpTcbMinimum& minimum = launch ? policy.snp->min_launch_tcb : policy.snp->min_tcb;
      set(minimum, static_cast<std::uint8_t>(value));
      EXPECT_THAT(judge(chain.seal(), policy), Accepted()) << name;
      set(minimum, static_cast<std::uint8_t>(value + 1));
      EXPECT_THAT(judge(chain.seal(), policy).reasons, testing::ElementsAre(testing::StartsWith("SVN_TOO_LOW:")))
          << name;
    }
  }
  Policy fmc = strict();
  fmc.snp->min_tcb.fmc = 1;
  EXPECT_THAT(judge(snp(Product::genoa).seal(), fmc), Accepted());  // has none: the minimum is Turin's
}

TEST(OwnKeysSnpPolicy, MeasurementChipKindAndSvnAreCompared) {
  Snp chain = snp(Product::genoa);
  Hash48 right;
  right.fill(0x3e);
  Policy policy = strict();
  policy.snp->measurement = std::vector{right};
  policy.snp->min_guest_svn = 2;
  policy.snp->platform_ids = std::vector<Bytes>{Bytes(64, 0xc7)};
  policy.snp->signing_key = {snp::KeyKind::vcek};
  policy.snp->min_crl_number = 3;
  EXPECT_THAT(judge(chain.seal(), policy), Accepted());
  Policy other = policy;
  Hash48 wrong = right;
  wrong[47] ^= 1U;
  other.snp->measurement = std::vector{wrong};
  EXPECT_THAT(judge(chain.seal(), other), RejectedFor("MEASUREMENT_MISMATCH:measurement"));
  other = policy;
  other.snp->min_guest_svn = 3;
  EXPECT_THAT(judge(chain.seal(), other), RejectedFor("SVN_TOO_LOW:guest_svn"));
  other = policy;
  other.snp->platform_ids = std::vector<Bytes>{Bytes(64, 0xc8)};
  EXPECT_THAT(judge(chain.seal(), other), RejectedFor("PLATFORM_NOT_ALLOWED:platform_id"));
  other = policy;
  other.snp->signing_key = {snp::KeyKind::vlek};
  EXPECT_THAT(judge(chain.seal(), other).reasons, testing::ElementsAre(testing::StartsWith("SIGNING_KEY_NOT_ALLOWED")));
  other = policy;
  other.snp->min_crl_number = 4;
  EXPECT_THAT(judge(chain.seal(), other), RejectedFor("COLLATERAL_ROLLBACK:ark_crl"));
}

TEST(OwnKeysSnpPolicy, WhatTheGuestWasLaunchedWithIsCompared) {
  const Case made = snp(Product::genoa).seal();
  const auto refusal = [&](const auto& change) {
    Policy policy = strict();
    change(*policy.snp);
    return judge(made, policy);
  };
  const auto filled = [](auto hash, std::uint8_t byte) {
    hash.fill(byte);
    return std::vector{hash};
  };
  EXPECT_THAT(refusal([&](SnpAcceptance& accepted) {
                accepted.host_data = filled(Hash32{}, 0x4d);
                accepted.id_key_digest = filled(Hash48{}, 0x1d);
                accepted.author_key_digest = filled(Hash48{}, 0);
                accepted.family_id = filled(Id16{}, 0xfa);
                accepted.image_id = filled(Id16{}, 0x1a);
              }),
              Accepted());
  EXPECT_THAT(refusal([&](SnpAcceptance& accepted) { accepted.host_data = filled(Hash32{}, 1); }),
              RejectedFor("MEASUREMENT_MISMATCH:host_data"));
  EXPECT_THAT(refusal([&](SnpAcceptance& accepted) { accepted.id_key_digest = filled(Hash48{}, 1); }),
              RejectedFor("MEASUREMENT_MISMATCH:id_key_digest"));
  EXPECT_THAT(refusal([&](SnpAcceptance& accepted) { accepted.author_key_digest = filled(Hash48{}, 1); }),
              RejectedFor("MEASUREMENT_MISMATCH:author_key_digest"));
  EXPECT_THAT(refusal([&](SnpAcceptance& accepted) { accepted.family_id = filled(Id16{}, 1); }),
              RejectedFor("MEASUREMENT_MISMATCH:family_id"));
  EXPECT_THAT(refusal([&](SnpAcceptance& accepted) { accepted.image_id = filled(Id16{}, 1); }),
              RejectedFor("MEASUREMENT_MISMATCH:image_id"));
}

TEST(OwnKeysSnpPolicy, AChipThatIsNotNamedIsOnNoList) {
  Policy policy = strict();
  policy.snp->platform_ids = std::vector<Bytes>{Bytes(64, 0xc7)};
  EXPECT_FALSE(judge(snp(Product::genoa, SnpKey::vlek).seal(), policy).accepted);
  Snp masked = snp(Product::genoa);
  masked.report.chip_id = Bytes(64);
  masked.report.key_info |= 2U;
  EXPECT_FALSE(judge(masked.seal(), policy).accepted);
  Policy turin = strict();
  turin.snp->platform_ids = std::vector<Bytes>{Bytes(8, 0xc7)};
  EXPECT_THAT(judge(snp(Product::turin).seal(), turin), Accepted());
}

}  // namespace
}  // namespace blindai::evidence
