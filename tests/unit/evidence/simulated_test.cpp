#include "evidence/simulated.h"

#include <gtest/gtest.h>

#include "base/cbor.h"
#include "crypto/cose.h"

namespace blindai::evidence {
namespace {

struct SimulatedEvidence : testing::Test {
  crypto::Ed25519Key root = crypto::Ed25519Key::generate();
  crypto::Ed25519Key key = crypto::Ed25519Key::generate();
  Digest measurement = crypto::sha256(as_bytes("code"));
  std::array<std::uint8_t, 64> report_data = crypto::sha512(as_bytes("report data"));
  Policy policy;
  Report report;
  Item item{"simulated", make_simulated_evidence(root, key, measurement, report_data), {}};

  void SetUp() override { policy.simulated = SimulatedAcceptance{crypto::sha256(root.public_key_der()), Any{}}; }
  Result<VerifiedEvidence> judge() {
    report = {};
    return appraise(item, {}, policy, 0, report);
  }
  std::string failed_check() {
    const auto claims = judge();
    return claims || report.first_failed() == nullptr ? "none" : report.first_failed()->name;
  }
};

TEST_F(SimulatedEvidence, ProvesItsMeasurementAndReportData) {
  const auto evidence = judge();
  ASSERT_TRUE(evidence);
  const Claims& claims = evidence->claims();
  EXPECT_EQ(claims.tee(), "simulated");
  EXPECT_EQ(claims.report_data(), report_data);
  EXPECT_EQ(std::get<SimulatedClaims>(claims.facts()).measurement, measurement);
  EXPECT_EQ(report.claims, (json::Object{{"measurement", measurement.hex()}, {"report_data", to_hex(report_data)}}));
  EXPECT_TRUE(report.accepted());
  EXPECT_TRUE(report.simulated);
}

TEST_F(SimulatedEvidence, OfAnotherRootIsRefused) {
  policy.simulated->root = crypto::sha256(as_bytes("another"));
  EXPECT_EQ(failed_check(), "evidence_root");
}

TEST_F(SimulatedEvidence, WhoseRootDidNotSignIsRefused) {
  // Names the right root, but another key signed.
  const auto thief = crypto::Ed25519Key::generate();
  const Bytes platform = cbor::encode(cbor::Map{
      {"ctx", "blindai simulated platform v1"}, {"root", root.public_key_der()}, {"key", key.public_key_der()}});
  const Bytes evidence = cbor::encode(cbor::Map{
      {"ctx", "blindai simulated evidence v1"}, {"measurement", measurement}, {"report_data", ByteView(report_data)}});
  item.data = cbor::encode(cbor::Array{crypto::cose_sign1(thief, platform), crypto::cose_sign1(key, evidence)});
  EXPECT_EQ(failed_check(), "evidence_platform_signature");
  item.data = cbor::encode(cbor::Array{crypto::cose_sign1(root, platform), crypto::cose_sign1(thief, evidence)});
  EXPECT_EQ(failed_check(), "evidence_signature");
}

TEST_F(SimulatedEvidence, WithAnotherMeasurementThanThePolicyListsIsRefused) {
  policy.simulated->measurement = std::vector<Digest>{crypto::sha256(as_bytes("other code"))};
  EXPECT_EQ(failed_check(), "evidence_measurement");
  policy.simulated->measurement = std::vector<Digest>{crypto::sha256(as_bytes("other code")), measurement};
  EXPECT_EQ(failed_check(), "none");
}

TEST_F(SimulatedEvidence, NeverSatisfiesAProductionPolicy) {
  policy.simulated.reset();
  policy.sgx.emplace();
  policy.tdx.emplace();
  policy.snp.emplace();
  EXPECT_EQ(failed_check(), "evidence_accepted_type");
}

TEST_F(SimulatedEvidence, WithAnyBitFlippedIsRefused) {
  for (std::size_t bit = 0; bit < item.data.size() * 8; ++bit) {
    const auto mask = static_cast<std::uint8_t>(1u << (bit % 8));
    item.data[bit / 8] ^= mask;
    EXPECT_FALSE(judge()) << "bit " << bit;
    EXPECT_FALSE(report.accepted());
    item.data[bit / 8] ^= mask;
  }
}

TEST_F(SimulatedEvidence, CutAnywhereIsRefused) {
  const Bytes whole = item.data;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    item.data = copy(ByteView(whole).first(size));
    EXPECT_FALSE(judge()) << "size " << size;
  }
}

TEST_F(SimulatedEvidence, OverTheLimitIsRefused) {
  item.data.resize(max_evidence_bytes + 1);
  EXPECT_EQ(failed_check(), "evidence_size");
}

TEST_F(SimulatedEvidence, WithAnotherContextIsRefused) {
  const Bytes platform = cbor::encode(cbor::Map{
      {"ctx", "blindai simulated platform v1"}, {"root", root.public_key_der()}, {"key", key.public_key_der()}});
  const Bytes evidence = cbor::encode(cbor::Map{
      {"ctx", "blindai simulated evidence v2"}, {"measurement", measurement}, {"report_data", ByteView(report_data)}});
  item.data = cbor::encode(cbor::Array{crypto::cose_sign1(root, platform), crypto::cose_sign1(key, evidence)});
  EXPECT_EQ(failed_check(), "evidence_signature");
}

TEST_F(SimulatedEvidence, OfHardwareIsRefusedUntilItCanBeVerified) {
  policy.simulated.reset();
  policy.sgx.emplace();
  item.type = "sgx-quote";
  EXPECT_EQ(failed_check(), "evidence_form");
  item.type = "tpm-quote";
  EXPECT_EQ(failed_check(), "evidence_accepted_type");
}

}  // namespace
}  // namespace blindai::evidence
