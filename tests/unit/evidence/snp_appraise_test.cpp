// Appraisal of the SNP cases and mutations of the reference data under AMD's roots.
#include "evidence/snp/appraise.h"

#include <gmock/gmock.h>

#include "evidence/mutations.h"

namespace blindai::evidence::snp {
namespace {

struct Verdict {
  bool accepted = false;
  std::vector<std::string> reasons;
  Effort effort;
};

Collateral collateral_of(const vectors::Input& input) {
  Collateral collateral;
  for (const auto& [file, bytes] : input.files) {
    const std::string name = file.substr(0, file.find('.'));
    if (Collateral::is_name(name)) {
      EXPECT_TRUE(collateral.set(name, bytes));
    }
  }
  return collateral;
}

Verdict judge(const vectors::Input& input, bool require_crl, CollateralCache* cache = nullptr) {
  evidence::Report findings;
  const auto report = parse_report(input.files.at("report.bin"), findings.effort);
  if (!report) {
    return {false, {report.error().text()}, findings.effort};
  }
  const auto claims = appraise(*report, collateral_of(input), require_crl, input.at, vendor_roots(), cache, findings);
  EXPECT_EQ(claims.has_value(), findings.accepted());
  return {claims.has_value(), findings.reasons(), findings.effort};
}

std::vector<std::string> cases() {
  std::vector<std::string> names = vectors::cases("snp");
  std::erase_if(names, [](const std::string& name) { return !vectors::has(name + "/report.bin"); });
  return names;
}

bool has_crl(const std::string& name) { return vectors::has(name + "/ark_crl.der"); }

TEST(SnpAppraisal, OfEachCaseIsAsTheCaseSays) {
  BLINDAI_NEEDS_VECTORS();
  for (const std::string& name : cases()) {
    SCOPED_TRACE(name);
    const json::Value document = vectors::read_json(name + "/case.json");
    const bool holds = *vectors::at(document, {"expected", "signatures_and_chains_ok"})->as<bool>();
    const vectors::Input input = vectors::input_of(name);
    const Verdict verdict = judge(input, has_crl(name));
    EXPECT_EQ(verdict.accepted, holds);
    EXPECT_EQ(verdict.reasons.empty(), holds) << testing::PrintToString(verdict.reasons);
    EXPECT_LE(verdict.effort.signature_checks, 5U);
    if (!has_crl(name) && holds) {
      EXPECT_THAT(judge(input, true).reasons, testing::ElementsAre("COLLATERAL_MISSING:ark_crl"));
    }
  }
}

TEST(SnpAppraisal, OfACertificateThatAmdDidNotSignIsRefused) {
  BLINDAI_NEEDS_VECTORS();
  const vectors::Input input = vectors::input_of("snp/trustee-milan-vcek-der-hwid-bad-signature");
  EXPECT_THAT(judge(input, false).reasons, testing::ElementsAre("BAD_VEK_CHAIN"));
}

TEST(SnpAppraisal, OfEachMutationIsFair) {
  BLINDAI_NEEDS_VECTORS();
  CollateralCache cache;
  std::size_t count = 0;
  for (const vectors::Mutation& mutation : vectors::mutations("mutations-snp.json")) {
    SCOPED_TRACE(mutation.id);
    const vectors::Input input = vectors::changed(vectors::input_of(mutation.base), mutation.ops);
    const Verdict verdict = judge(input, has_crl(mutation.base), &cache);
    if (mutation.must == "reject") {
      EXPECT_FALSE(verdict.accepted);
    }
    if (mutation.must == "same-as-base") {
      EXPECT_TRUE(verdict.accepted);
    }
    EXPECT_EQ(verdict.accepted, verdict.reasons.empty());
    for (const std::string& reason : verdict.reasons) {
      EXPECT_TRUE(vectors::is_fair(mutation, reason)) << reason;
    }
    ++count;
  }
  EXPECT_EQ(count, 324U);
}

TEST(SnpAppraisal, UnderARealListThatRevokesAnAskIsRefusedForThatOneAlone) {
  BLINDAI_NEEDS_VECTORS();
  // AMD's Genoa list of 2022 has one entry: the ASK 020001, which today's 020002 replaced.
  const std::string name = "snp/amd-crl-genoa-revokes-old-ask";
  const Bytes list = vectors::read(name + "/ark_crl_genoa.der");
  const auto crl = x509::parse_crl(list, "ark_crl");
  ASSERT_TRUE(crl);
  EXPECT_TRUE(crl->lists(Bytes{2, 0, 1}));
  EXPECT_FALSE(crl->lists(Bytes{2, 0, 2}));
  // A Genoa case under it: out of date and nothing else, so the list is AMD's and does not name the ASK.
  vectors::Input input = vectors::input_of("snp/tav-genoa-v3");
  input.files["ark_crl.der"] = list;
  EXPECT_THAT(judge(input, true).reasons, testing::ElementsAre("EXPIRED:ark_crl"));
  input.files["ark_crl.der"] = vectors::read(name + "/ark_crl_milan.der");
  EXPECT_THAT(judge(input, true).reasons, testing::ElementsAre("BAD_CRL:ark_crl"));
}

// Every so many bytes, so that all of it is met within a second.
constexpr std::size_t stride = 7;

TEST(SnpAppraisal, OfCutCollateralIsRefusedWhereverItEnds) {
  BLINDAI_NEEDS_VECTORS();
  const vectors::Input whole = vectors::input_of("snp/virtee-milan-v2");
  for (const auto& [file, bytes] : whole.files) {
    if (file == "report.bin") {
      continue;
    }
    // Without the closing line feed PEM text is still whole.
    const std::size_t least = file.ends_with(".pem") ? bytes.size() - 1 : bytes.size();
    for (std::size_t size = least - 1; size > stride; size -= stride) {
      vectors::Input input = whole;
      input.files[file].resize(size);
      EXPECT_FALSE(judge(input, true).accepted) << file << " " << size;
    }
  }
}

TEST(SnpAppraisal, NeverHoldsForAChangedSignedByte) {
  BLINDAI_NEEDS_VECTORS();
  const auto flipped_is_refused = [](const vectors::Input& whole, const char* file, std::size_t size) {
    CollateralCache cache;
    for (std::size_t offset = 0; offset < size; offset += stride) {
      vectors::Input input = whole;
      input.files[file][offset] ^= static_cast<std::uint8_t>(1U << offset % 8);
      EXPECT_FALSE(judge(input, false, &cache).accepted) << file << " " << offset;
    }
  };
  for (const char* name : {"snp/virtee-milan-v2", "snp/tav-turin-v5", "snp/trustee-milan-vlek-v3-vmpl1"}) {
    SCOPED_TRACE(name);
    const vectors::Input whole = vectors::input_of(name);
    flipped_is_refused(whole, "report.bin", signed_report_bytes + 144);
    flipped_is_refused(whole, "vek.der", whole.files.at("vek.der").size());
  }
  const vectors::Input whole = vectors::input_of("snp/virtee-milan-v2");
  flipped_is_refused(whole, "ark_crl.der", whole.files.at("ark_crl.der").size());
}

}  // namespace
}  // namespace blindai::evidence::snp
