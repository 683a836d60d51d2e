// Real SNP reports under AMD's roots: the right verdict, and for each change of a byte, a date or a file the right reason.
#include "evidence/snp/appraise.h"

#include <gmock/gmock.h>

#include "unit/evidence/cases.h"

namespace blindai::evidence::snp {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::PrintToString;

struct Verdict {
  bool accepted = false;
  std::vector<std::string> reasons;
  Effort effort;
};

// The appraisal alone, whatever a policy says of the claims.
Verdict judge(const vectors::Case& of, bool require_crl, CollateralCache* cache = nullptr) {
  evidence::Report findings;
  const auto report = parse_report(of.files.at("report.bin"), findings.effort);
  if (!report) {
    return {false, {report.error().text()}, findings.effort};
  }
  const auto claims = appraise(*report, of.collateral(), require_crl, of.at, vendor_roots(), cache, findings);
  EXPECT_EQ(claims.has_value(), findings.accepted());
  EXPECT_EQ(claims.has_value(), findings.reasons().empty());
  return {claims.has_value(), findings.reasons(), findings.effort};
}

std::vector<vectors::Case> snp_cases() {
  std::vector<vectors::Case> all;
  for (const std::string& name : vectors::cases("snp")) {
    if (vectors::has(name + "/report.bin")) {
      all.push_back(vectors::load_case(name));
    }
  }
  return all;
}

TEST(SnpVectors, EachCaseIsAsTheCaseSays) {
  BLINDAI_NEEDS_VECTORS();
  const auto all = snp_cases();
  EXPECT_GE(all.size(), 9U);
  for (const vectors::Case& of : all) {
    SCOPED_TRACE(of.name);
    const bool holds = *vectors::at(of.document, {"expected", "signatures_and_chains_ok"})->as<bool>();
    const Verdict verdict = judge(of, of.has_crl());
    EXPECT_EQ(verdict.accepted, holds) << PrintToString(verdict.reasons);
    EXPECT_LE(verdict.effort.signature_checks, 5U);
    if (!of.has_crl() && holds) {
      EXPECT_THAT(judge(of, true).reasons, ElementsAre("COLLATERAL_MISSING:ark_crl"));
    }
  }
}

TEST(SnpVectors, ACertificateThatAmdDidNotSignIsRefused) {
  BLINDAI_NEEDS_VECTORS();
  const auto of = vectors::load_case("snp/trustee-milan-vcek-der-hwid-bad-signature");
  EXPECT_THAT(judge(of, false).reasons, ElementsAre("BAD_VEK_CHAIN"));
}

// What the policy of the whole call adds. Provisional firmware is refused unless it is asked for, which the case files
// leave to the policy.
TEST(SnpVectors, EachCaseGetsItsVerdictUnderAPolicy) {
  BLINDAI_NEEDS_VECTORS();
  for (const vectors::Case& of : snp_cases()) {
    SCOPED_TRACE(of.name);
    Policy policy = vectors::strict_policy(of);
    policy.snp->allow_provisional = true;
    evidence::Report report;
    const auto verified = evidence::appraise(of.item(), of.collateral(), policy, of.at, report);
    const json::Value& expected = *of.document.find("expected");
    EXPECT_EQ(verified ? "accept" : "reject", *expected.text("strict_policy_verdict"));
    EXPECT_EQ(verified.has_value(), report.accepted());
    std::vector<std::string> fair;
    for (const json::Value& reason : *expected.find("reject_reasons")->as<json::Array>()) {
      fair.push_back(*reason.as<std::string>());
    }
    for (const std::string& reason : report.reasons()) {
      EXPECT_THAT(fair, Contains(reason));
    }
  }
}

TEST(SnpVectors, EachMutationGetsItsReason) {
  BLINDAI_NEEDS_VECTORS();
  std::map<std::string, vectors::Case> bases;
  CollateralCache cache;
  const auto list = vectors::mutations("mutations-snp.json");
  EXPECT_GE(list.size(), 324U);
  for (const vectors::Mutation& mutation : list) {
    SCOPED_TRACE(mutation.id);
    if (!bases.contains(mutation.base)) {
      bases.emplace(mutation.base, vectors::load_case(mutation.base));
      ASSERT_TRUE(judge(bases.at(mutation.base), bases.at(mutation.base).has_crl()).accepted);
    }
    const vectors::Case& base = bases.at(mutation.base);
    const vectors::Case changed = vectors::apply(base, mutation);
    const Verdict verdict = judge(changed, base.has_crl(), &cache);
    const Verdict uncached = judge(changed, base.has_crl());
    EXPECT_EQ(verdict.reasons, uncached.reasons);
    EXPECT_TRUE(mutation.must != "reject" || !verdict.accepted);
    EXPECT_TRUE(mutation.must != "same-as-base" || verdict.accepted) << PrintToString(verdict.reasons);
    for (const std::string& reason : verdict.reasons) {
      EXPECT_THAT(mutation.fair, Contains(vectors::without_detail(reason)));
    }
  }
}

TEST(SnpVectors, ARealListThatRevokesAnAskRefusesThatOneAlone) {
  BLINDAI_NEEDS_VECTORS();
  // AMD's Genoa list of 2022 has one entry: the ASK 020001, which today's 020002 replaced.
  const std::string name = "snp/amd-crl-genoa-revokes-old-ask";
  const Bytes list = vectors::read(name + "/ark_crl_genoa.der");
  const auto crl = x509::parse_crl(list, "ark_crl");
  ASSERT_TRUE(crl);
  EXPECT_TRUE(crl->lists(Bytes{2, 0, 1}));
  EXPECT_FALSE(crl->lists(Bytes{2, 0, 2}));
  // A Genoa case under it: out of date and nothing else, so the list is AMD's and does not name the ASK.
  vectors::Case of = vectors::load_case("snp/tav-genoa-v3");
  of.files["ark_crl.der"] = list;
  EXPECT_THAT(judge(of, true).reasons, ElementsAre("EXPIRED:ark_crl"));
  of.files["ark_crl.der"] = vectors::read(name + "/ark_crl_milan.der");
  EXPECT_THAT(judge(of, true).reasons, ElementsAre("BAD_CRL:ark_crl"));
}

// Every so many bytes, so that all of it is met within a second.
constexpr std::size_t stride = 7;

TEST(SnpVectors, CutCollateralIsRefusedWhereverItEnds) {
  BLINDAI_NEEDS_VECTORS();
  const vectors::Case whole = vectors::load_case("snp/virtee-milan-v2");
  for (const auto& [file, bytes] : whole.files) {
    if (file == "report.bin") {
      continue;
    }
    // Without the closing line feed PEM text is still whole.
    const std::size_t least = file.ends_with(".pem") ? bytes.size() - 1 : bytes.size();
    for (std::size_t size = least - 1; size > stride; size -= stride) {
      vectors::Case cut = whole;
      cut.files[file].resize(size);
      EXPECT_FALSE(judge(cut, true).accepted) << file << " " << size;
    }
  }
}

TEST(SnpVectors, NoChangedSignedByteIsAccepted) {
  BLINDAI_NEEDS_VECTORS();
  const auto flipped_is_refused = [](const vectors::Case& whole, const char* file, std::size_t size) {
    CollateralCache cache;
    for (std::size_t offset = 0; offset < size; offset += stride) {
      vectors::Case changed = whole;
      changed.files[file][offset] ^= static_cast<std::uint8_t>(1U << offset % 8);
      EXPECT_FALSE(judge(changed, false, &cache).accepted) << file << " " << offset;
    }
  };
  for (const char* name : {"snp/virtee-milan-v2", "snp/tav-turin-v5", "snp/trustee-milan-vlek-v3-vmpl1"}) {
    SCOPED_TRACE(name);
    const vectors::Case whole = vectors::load_case(name);
    flipped_is_refused(whole, "report.bin", signed_report_bytes + 144);
    flipped_is_refused(whole, "vek.der", whole.files.at("vek.der").size());
  }
  const vectors::Case whole = vectors::load_case("snp/virtee-milan-v2");
  flipped_is_refused(whole, "ark_crl.der", whole.files.at("ark_crl.der").size());
}

}  // namespace
}  // namespace blindai::evidence::snp
