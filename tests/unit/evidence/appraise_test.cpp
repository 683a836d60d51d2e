// The one call, where it tells the kinds of evidence apart.
#include "evidence/appraise.h"

#include <gtest/gtest.h>

#include "quote_bytes.h"

namespace blindai::evidence {
namespace {

Bytes quote_of(bool tdx) { return dcap::QuoteBytes::of(4, tdx ? 2 : 1).build(); }

std::vector<std::string> reasons(const std::string& type, const Bytes& data, const Policy& policy) {
  Report report;
  EXPECT_FALSE(appraise({type, data, {}}, {}, policy, 0, report));
  EXPECT_FALSE(report.accepted());
  return report.reasons();
}

TEST(Appraisal, TakesAQuoteAsWhatItSaysItIs) {
  Policy policy;
  policy.sgx.emplace();
  policy.tdx.emplace();
  using List = std::vector<std::string>;
  EXPECT_EQ(reasons("sgx-quote", quote_of(true), policy), List{"TEE_MISMATCH"});
  EXPECT_EQ(reasons("tdx-quote", quote_of(false), policy), List{"TEE_MISMATCH"});
  EXPECT_NE(reasons("sgx-quote", quote_of(false), policy), List{"TEE_MISMATCH"});
  EXPECT_NE(reasons("tdx-quote", quote_of(true), policy), List{"TEE_MISMATCH"});
}

TEST(Appraisal, TakesNoKindThatThePolicyDoesNotName) {
  Policy policy;
  policy.snp.emplace();
  using List = std::vector<std::string>;
  EXPECT_EQ(reasons("sgx-quote", quote_of(false), policy), List{"TEE_NOT_ACCEPTED:sgx"});
  EXPECT_EQ(reasons("tdx-quote", quote_of(true), policy), List{"TEE_NOT_ACCEPTED:tdx"});
  EXPECT_EQ(reasons("simulated", {}, policy), List{"TEE_NOT_ACCEPTED:simulated"});
  EXPECT_EQ(reasons("tpm-quote", {}, policy).size(), 1U);
}

}  // namespace
}  // namespace blindai::evidence
