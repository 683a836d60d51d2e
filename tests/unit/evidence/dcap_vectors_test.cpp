// Real SGX and TDX quotes with the collateral of their time: the right verdict, and for each change of a byte, a date or a
// file the right reason.
#include <gmock/gmock.h>

#include "evidence/claims.h"
#include "evidence/dcap/appraise.h"
#include "unit/evidence/cases.h"

namespace blindai::evidence {
namespace {

using ::testing::Contains;

struct Verdict {
  Report report;
  bool accepted = false;
};

Verdict judge(const vectors::Case& of, const Policy& policy, CollateralCache* cache = nullptr) {
  Verdict out;
  out.accepted = appraise(of.item(), of.collateral(), policy, of.at, out.report, cache).has_value();
  EXPECT_EQ(out.accepted, out.report.accepted()) << of.name;
  EXPECT_EQ(out.accepted, out.report.reasons().empty()) << of.name;
  return out;
}

std::vector<std::string> dcap_cases() {
  std::vector<std::string> names = vectors::cases("sgx");
  std::ranges::copy(vectors::cases("tdx"), std::back_inserter(names));
  return names;
}

TEST(DcapVectors, EveryCaseGetsItsVerdict) {
  BLINDAI_NEEDS_VECTORS();
  std::size_t judged = 0;
  for (const std::string& name : dcap_cases()) {
    SCOPED_TRACE(name);
    const vectors::Case of = vectors::load_case(name);
    const json::Value* expected = of.document.find("expected");
    const std::string* wanted = expected == nullptr ? nullptr : expected->text("strict_policy_verdict");
    if (wanted == nullptr) {
      continue;
    }
    ++judged;
    const Verdict verdict = judge(of, vectors::strict_policy(of));
    EXPECT_EQ(verdict.accepted ? "accept" : "reject", *wanted) << ::testing::PrintToString(verdict.report.reasons());
    std::vector<std::string> fair;
    for (const json::Value& reason : *expected->find("reject_reasons")->as<json::Array>()) {
      fair.push_back(*reason.as<std::string>());
    }
    for (const std::string& reason : verdict.report.reasons()) {
      EXPECT_THAT(fair, Contains(reason));
    }
  }
  EXPECT_GE(judged, 20U);
}

TEST(DcapVectors, TheTcbIsThatOfTheCaseFile) {
  BLINDAI_NEEDS_VECTORS();
  for (const std::string& name : dcap_cases()) {
    SCOPED_TRACE(name);
    const vectors::Case of = vectors::load_case(name);
    const Verdict verdict = judge(of, vectors::strict_policy(of));
    const json::Value* expected = vectors::at(of.document, {"expected", "tcb"});
    if (expected == nullptr || expected->is_null() || verdict.report.tcb.empty()) {
      continue;
    }
    for (const auto& [member, value] : *expected->as<json::Object>()) {
      if (member == "computed_by" || member == "why" || value.is_null()) {
        continue;
      }
      const auto found = verdict.report.tcb.find(member);
      ASSERT_NE(found, verdict.report.tcb.end()) << member;
      EXPECT_EQ(json::write(found->second), json::write(value)) << member;
    }
  }
}

TEST(DcapVectors, EveryMutationGetsItsReason) {
  BLINDAI_NEEDS_VECTORS();
  std::map<std::string, vectors::Case> bases;
  const auto list = vectors::mutations("mutations-dcap.json");
  EXPECT_GE(list.size(), 600U);
  for (const vectors::Mutation& mutation : list) {
    SCOPED_TRACE(mutation.id);
    if (!bases.contains(mutation.base)) {
      bases.emplace(mutation.base, vectors::load_case(mutation.base));
      ASSERT_TRUE(judge(bases.at(mutation.base), vectors::lenient_policy(bases.at(mutation.base))).accepted);
    }
    const vectors::Case& base = bases.at(mutation.base);
    const Verdict verdict = judge(vectors::apply(base, mutation), vectors::lenient_policy(base));
    if (mutation.must == "same-as-base") {
      EXPECT_TRUE(verdict.accepted) << ::testing::PrintToString(verdict.report.reasons());
    } else if (mutation.must == "reject") {
      EXPECT_FALSE(verdict.accepted);
      EXPECT_FALSE(verdict.report.reasons().empty());
      for (const std::string& reason : verdict.report.reasons()) {
        EXPECT_THAT(mutation.fair, Contains(vectors::without_detail(reason)));
      }
    }
  }
}

TEST(DcapVectors, ACacheChangesNothingButTheWork) {
  BLINDAI_NEEDS_VECTORS();
  const vectors::Case of = vectors::load_case("tdx/dcapqvl-v4-uptodate");
  const Policy policy = vectors::strict_policy(of);
  CollateralCache cache;
  const Verdict cold = judge(of, policy, &cache);
  const Verdict warm = judge(of, policy, &cache);
  EXPECT_TRUE(cold.accepted && warm.accepted);
  EXPECT_EQ(json::write(json::Object(cold.report.tcb)), json::write(json::Object(warm.report.tcb)));
  EXPECT_EQ(cold.report.checks.size(), warm.report.checks.size());
  EXPECT_EQ(warm.report.effort.signature_checks, 3U);
  EXPECT_LE(cold.report.effort.signature_checks, 12U);

  // What is remembered is judged anew at each time, and only for the very same bytes.
  vectors::Case late = of;
  late.at += 365L * 24 * 3600;
  EXPECT_FALSE(judge(late, policy, &cache).accepted);
  vectors::Case changed = of;
  changed.files["pck_crl.der"].back() ^= 1U;
  EXPECT_THAT(judge(changed, policy, &cache).report.reasons(), Contains("BAD_CRL:pck_crl"));
  EXPECT_TRUE(judge(of, policy, &cache).accepted);
}

}  // namespace
}  // namespace blindai::evidence
