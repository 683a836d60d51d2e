// Claims and policies for tests of rules: claims that the strictest policy of their kind accepts, for a test to break one
// thing at a time. No evidence stands behind them.
#pragma once

#include <gtest/gtest.h>

#include "evidence/claims_maker.h"
#include "evidence/decide.h"

namespace blindai::evidence {

inline constexpr UnixSeconds noon = 1'800'000'000;
inline constexpr UnixSeconds one_day = 24 * 60 * 60;

template <typename Facts>
struct Deciding : testing::Test {
  Facts facts;
  Policy policy;
  Report report;
  UnixSeconds at = noon;

  bool accepted() {
    report = {};
    const bool verified =
        decide(ClaimsMaker::make(facts, noon - one_day, noon + one_day), policy, at, report).has_value();
    EXPECT_EQ(verified, report.accepted());
    return verified;
  }
  // The reasons, joined by spaces; empty where the policy accepts.
  std::string reasons() {
    const bool verified = accepted();
    std::string text;
    for (const std::string& reason : report.reasons()) {
      text += (text.empty() ? "" : " ") + reason;
    }
    EXPECT_EQ(verified, text.empty());
    return text;
  }
  // The outcome of a check by name: "passed", "failed", "not applicable", or "" where it was not made.
  std::string outcome(std::string_view name) {
    static_cast<void>(accepted());
    for (const Check& check : report.checks) {
      if (check.name == name) {
        return std::string(word(check.outcome));
      }
    }
    return "";
  }
};

inline DcapClaims sample_dcap_claims() {
  DcapClaims claims;
  claims.pck.ppid.fill(0x11);
  claims.tcb.status = dcap::TcbStatus::up_to_date;
  claims.tcb.platform = dcap::TcbStatus::up_to_date;
  claims.tcb.qe = dcap::TcbStatus::up_to_date;
  claims.tcb.platform_level = 0;
  claims.tcb.date = noon - 10 * one_day;
  claims.tcb.evaluation_number = 17;
  claims.tcb_info_evaluation_number = 17;
  claims.qe_identity_evaluation_number = 18;
  claims.root_crl_number = 5;
  claims.pck_crl_number = 6;
  return claims;
}

inline void accept_strictly(DcapAcceptance& accepted) {
  accepted.tcb_status = {dcap::TcbStatus::up_to_date};
  accepted.allowed_advisories = std::vector<std::string>{};
}

}  // namespace blindai::evidence
