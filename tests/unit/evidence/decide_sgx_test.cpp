#include "decide_sample.h"

namespace blindai::evidence {
namespace {

struct ARuleOfSgx : Deciding<SgxClaims> {
  dcap::SgxReport& enclave = facts.report;
  SgxAcceptance* sgx = nullptr;
  void SetUp() override {
    facts.dcap = sample_dcap_claims();
    enclave.flags = dcap::sgx_init | dcap::sgx_mode64;
    enclave.mrenclave.fill(0xaa);
    enclave.mrsigner.fill(0xbb);
    enclave.isv_prod_id = 7;
    enclave.isv_svn = 3;
    sgx = &policy.sgx.emplace();
    accept_strictly(*sgx);
  }
};

Hash32 all(std::uint8_t byte) {
  Hash32 hash;
  hash.fill(byte);
  return hash;
}

TEST_F(ARuleOfSgx, WantsAnInitializedEnclave) {
  enclave.flags = dcap::sgx_mode64;
  EXPECT_EQ(reasons(), "BAD_SGX_ATTRIBUTES:INIT");
}

TEST_F(ARuleOfSgx, RefusesDebugUnlessItIsAllowed) {
  enclave.flags |= dcap::sgx_debug;
  EXPECT_EQ(reasons(), "DEBUG_NOT_ALLOWED");
  sgx->allow_debug = true;
  EXPECT_EQ(reasons(), "");
  EXPECT_EQ(outcome("debug"), "not applicable");
}

TEST_F(ARuleOfSgx, RefusesEnclavesWithTheKeysOfTheArchitecture) {
  enclave.flags |= dcap::sgx_provision_key;
  EXPECT_EQ(reasons(), "BAD_SGX_ATTRIBUTES:PROVISION_KEY");
  enclave.flags = dcap::sgx_init | dcap::sgx_einittoken_key;
  EXPECT_EQ(reasons(), "BAD_SGX_ATTRIBUTES:EINITTOKEN_KEY");
}

TEST_F(ARuleOfSgx, RefusesReservedBitsAndBytes) {
  const std::uint64_t defined = 0x4f7;  // bits 0 to 2, 4 to 7, 10
  const std::uint64_t base = enclave.flags;
  for (unsigned bit = 0; bit < 64; ++bit) {
    enclave.flags = base | 1ULL << bit;
    const bool reserved = (defined >> bit & 1U) == 0;
    EXPECT_EQ(reasons().contains("reserved_attributes"), reserved) << bit;
  }
  enclave.flags = base;
  enclave.reserved_zero = false;
  EXPECT_EQ(reasons(), "BAD_SGX_ATTRIBUTES:reserved_bytes");
}

TEST_F(ARuleOfSgx, ComparesEachMeasurementThatIsListed) {
  EXPECT_EQ(outcome("mrenclave"), "not applicable");
  sgx->mrenclave = std::vector{all(0xac)};
  EXPECT_EQ(reasons(), "MEASUREMENT_MISMATCH:mrenclave");
  sgx->mrenclave = std::vector{all(0xac), all(0xaa)};
  EXPECT_EQ(reasons(), "");
  EXPECT_EQ(outcome("mrsigner"), "not applicable");
  sgx->mrsigner = std::vector{all(0xaa)};
  EXPECT_EQ(reasons(), "MEASUREMENT_MISMATCH:mrsigner");
  sgx->mrsigner = std::vector{all(0xbb)};
  EXPECT_EQ(reasons(), "");
}

TEST_F(ARuleOfSgx, ComparesProductAndSecurityVersion) {
  EXPECT_EQ(outcome("product_id"), "not applicable");
  sgx->product_id = 8;
  EXPECT_EQ(reasons(), "PRODUCT_ID_MISMATCH");
  sgx->product_id = 7;
  EXPECT_EQ(reasons(), "");
  EXPECT_EQ(outcome("isv_svn"), "not applicable");
  sgx->min_isv_svn = 4;
  EXPECT_EQ(reasons(), "SVN_TOO_LOW:isv_svn");
  sgx->min_isv_svn = 3;
  EXPECT_EQ(reasons(), "");
}

TEST_F(ARuleOfSgx, ComparesBitsUnderTheirMask) {
  enclave.xfrm = 0xe7;
  enclave.misc_select = 0x2;
  EXPECT_EQ(outcome("xfrm"), "not applicable");
  EXPECT_EQ(outcome("misc_select"), "not applicable");
  sgx->xfrm = MaskedBits{0x1e3, 0xe3};
  sgx->misc_select = MaskedBits{0x3, 0x2};
  EXPECT_EQ(reasons(), "");
  EXPECT_EQ(outcome("xfrm"), "passed");
  enclave.xfrm = 0x1e7;
  EXPECT_EQ(reasons(), "MEASUREMENT_MISMATCH:xfrm");
  enclave.xfrm = 0xc7;
  enclave.misc_select = 0x3;
  EXPECT_EQ(reasons(), "MEASUREMENT_MISMATCH:xfrm MEASUREMENT_MISMATCH:misc_select");
}

TEST_F(ARuleOfSgx, ShowsALongListInShort) {
  sgx->mrenclave = std::vector<Hash32>(6, all(1));
  EXPECT_EQ(outcome("mrenclave"), "failed");
  const std::string one = to_hex(all(1));
  for (const Check& check : report.checks) {
    if (check.name == "mrenclave") {
      EXPECT_EQ(check.expected, one + ", " + one + ", " + one + ", " + one + " and 2 more");
      EXPECT_EQ(check.found, to_hex(all(0xaa)));
      EXPECT_EQ(check.voucher, "CPU");
    }
  }
}

}  // namespace
}  // namespace blindai::evidence
