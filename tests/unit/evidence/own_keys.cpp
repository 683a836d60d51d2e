#include "own_keys.h"

namespace blindai::evidence {
namespace {

struct Answer {
  bool accepted = false;
  Report report;
};

Answer ask(const Case& made, const Policy& policy, UnixSeconds at, CollateralCache* cache) {
  Answer answer;
  Collateral collateral;
  for (const auto& [name, bytes] : made.collateral) {
    EXPECT_TRUE(collateral.set(name, bytes)) << name;
  }
  const Item item{made.type, made.evidence, {}};
  answer.accepted = appraise_under(made.roots, item, collateral, policy, at, answer.report, cache).has_value();
  return answer;
}

std::size_t size_of(const Case& made) {
  std::size_t size = made.evidence.size();
  for (const auto& [name, bytes] : made.collateral) {
    size += bytes.size();
  }
  return size;
}

void expect_promises(const Answer& answer, const Case& made) {
  const Report& report = answer.report;
  EXPECT_EQ(report.accepted(), answer.accepted);
  EXPECT_EQ(report.reasons().empty(), answer.accepted);
  EXPECT_EQ(report.claims.empty(), report.tcb.empty());
  for (const Check& check : report.checks) {
    EXPECT_NE(check.outcome, Outcome::skipped) << check.name;
    EXPECT_TRUE(check.outcome != Outcome::failed || !check.reason.empty()) << check.name;
  }
  EXPECT_LE(report.effort.signature_checks, max_signature_checks);
  EXPECT_LE(report.effort.bytes_read, max_reads * size_of(made) + max_own_bytes_read);
}

Policy policy_of(std::vector<dcap::TcbStatus> statuses, const AnyOf<std::string>& advisories) {
  Policy policy;
  policy.name = "own keys";
  SgxAcceptance sgx;
  sgx.tcb_status = statuses;
  sgx.allowed_advisories = advisories;
  policy.sgx = sgx;
  TdxAcceptance tdx;
  tdx.tcb_status = std::move(statuses);
  tdx.allowed_advisories = advisories;
  policy.tdx = tdx;
  SnpAcceptance snp;
  snp.products = {Product::milan, Product::genoa, Product::turin};
  policy.snp = snp;
  return policy;
}

}  // namespace

Policy strict() { return policy_of({dcap::TcbStatus::up_to_date}, std::vector<std::string>{}); }

Policy accepting(std::vector<dcap::TcbStatus> statuses) { return policy_of(std::move(statuses), Any{}); }

Verdict judge(const Case& made, const Policy& policy) { return judge(made, policy, made.at); }

Verdict judge(const Case& made, const Policy& policy, UnixSeconds at) {
  Answer first = ask(made, policy, at, nullptr);
  expect_promises(first, made);
  const Answer again = ask(made, policy, at, nullptr);
  EXPECT_EQ(json::write(again.report.to_json()), json::write(first.report.to_json()));
  CollateralCache cache;
  for (const char* temperature : {"cold", "warm"}) {
    const Answer cached = ask(made, policy, at, &cache);
    expect_promises(cached, made);
    EXPECT_EQ(cached.accepted, first.accepted) << temperature;
    EXPECT_EQ(cached.report.reasons(), first.report.reasons()) << temperature;
    EXPECT_EQ(cached.report.claims, first.report.claims) << temperature;
    EXPECT_EQ(cached.report.tcb, first.report.tcb) << temperature;
  }
  return {first.accepted, first.report.reasons(), std::move(first.report)};
}

bool accepts(const Case& made, const Policy& policy) {
  const Answer answer = ask(made, policy, made.at, nullptr);
  expect_promises(answer, made);
  return answer.accepted;
}

std::string tcb_member(const Verdict& verdict, std::string_view name) {
  const auto found = verdict.report.tcb.find(name);
  const auto* text = found == verdict.report.tcb.end() ? nullptr : found->second.as<std::string>();
  return text == nullptr ? "" : *text;
}

std::string advisories(const Verdict& verdict) {
  const auto found = verdict.report.tcb.find("advisory_ids");
  std::string joined;
  if (const auto* list = found == verdict.report.tcb.end() ? nullptr : found->second.as<json::Array>()) {
    for (const json::Value& id : *list) {
      joined += (joined.empty() ? "" : ",") + *id.as<std::string>();
    }
  }
  return joined;
}

}  // namespace blindai::evidence
