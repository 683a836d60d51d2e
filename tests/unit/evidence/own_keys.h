// What the tests with own keys share: generated cases through the whole appraisal, under their own roots.
//
//   chains::Dcap chain = chains::sgx();
//   chain.pck_crl.revoked.push_back({chain.pck.serial, chains::noon});
//   EXPECT_THAT(judge(chain.seal()), RejectedFor("REVOKED:pck"));
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chains/dcap.h"
#include "chains/snp.h"
#include "evidence/decide.h"

namespace blindai::evidence {

using chains::Case;
using chains::day;
using chains::noon;

struct Verdict {
  bool accepted = false;
  std::vector<std::string> reasons;
  Report report;
};
// As failures of tests show it.
inline void PrintTo(const Verdict& verdict, std::ostream* out) {
  *out << (verdict.accepted ? "accepted" : "rejected for " + testing::PrintToString(verdict.reasons));
}

// Accepts every kind of TEE, any measurement and any platform, and otherwise only the best: UpToDate, no advisory, no
// debugging, every revocation list.
Policy strict();
// The same with these statuses, and any advisory.
Policy accepting(std::vector<dcap::TcbStatus> statuses);

// The verdict on a case at its time. Fails the test where the promises that hold for every input do not: the report agrees
// with the answer, the second answer is the first, a cache changes nothing but the effort, and the effort is bounded.
Verdict judge(const Case& made, const Policy& policy = strict());
Verdict judge(const Case& made, const Policy& policy, UnixSeconds at);
// The answer alone, asked once, for loops that ask thousands of times. The promises of one answer are kept here too.
bool accepts(const Case& made, const Policy& policy);

// The text of a member of the report's tcb, or "".
std::string tcb_member(const Verdict& verdict, std::string_view name);
// Its advisories, joined by commas.
std::string advisories(const Verdict& verdict);

MATCHER(Accepted, "accepted") { return arg.accepted; }
// For this reason, and for no other.
MATCHER_P(RejectedFor, reason, "rejected for " + testing::PrintToString(reason) + " alone") {
  return !arg.accepted && arg.reasons == std::vector<std::string>{reason};
}
// For all of these, in any order, and for no other.
MATCHER_P(RejectedForAll, reasons, "rejected for exactly " + testing::PrintToString(reasons)) {
  return !arg.accepted && testing::Matches(testing::UnorderedElementsAreArray(reasons))(arg.reasons);
}
// For reasons that are all among these.
MATCHER_P(RejectedForAny, reasons, "rejected for some of " + testing::PrintToString(reasons)) {
  return !arg.accepted && !arg.reasons.empty() && testing::Matches(testing::IsSubsetOf(reasons))(arg.reasons);
}
using Words = std::vector<std::string>;
using U8 = std::initializer_list<std::uint8_t>;
using U16 = std::initializer_list<std::uint16_t>;

}  // namespace blindai::evidence
