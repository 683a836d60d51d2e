// One thing wrong at a time: the named check fails, and no other was needed to stop it.
#include <gtest/gtest.h>

#include "sample.h"

namespace blindai::channel {
namespace {

struct Verification : testing::Test {
  Sample sample;
  evidence::Report report;
  UnixSeconds now = noon;

  Result<VerifiedKeyset> judge(const AttestAnswer& answer) {
    report = {};
    return verify_attest(answer, sample.request, sample.tls, sample.policy, now, report);
  }
  std::string failed(const AttestAnswer& answer) {
    const auto verified = judge(answer);
    if (verified) {
      return "none";
    }
    EXPECT_EQ(verified.error().code, Code::attestation_failed);
    EXPECT_FALSE(report.accepted());
    return report.first_failed() == nullptr ? "no check" : report.first_failed()->name;
  }
  std::string failed() { return failed(sample.answer()); }
};

TEST_F(Verification, OfAGoodAnswerHolds) {
  const auto verified = judge(sample.answer());
  ASSERT_TRUE(verified) << (report.first_failed() ? report.first_failed()->name : "");
  EXPECT_TRUE(report.accepted());
  EXPECT_TRUE(report.simulated);
  EXPECT_EQ(verified->id(), keyset_id(sample.keyset.encode()));
  EXPECT_EQ(verified->recheck_at(), noon + 3600);
  sample.policy.freshness.recheck_seconds = 86400;
  EXPECT_EQ(judge(sample.answer())->recheck_at(), sample.keyset.not_after);
}

TEST_F(Verification, OfNoneOrTwoEvidenceItemsFails) {
  auto answer = sample.answer();
  answer.evidence.push_back(answer.evidence[0]);
  EXPECT_EQ(failed(answer), "evidence_item");
  answer.evidence.clear();
  EXPECT_EQ(failed(answer), "evidence_item");
}

// The parser bounds an answer, and so does the verifier, whoever made the answer.
TEST_F(Verification, OfAnAnswerWithAPartOverItsSizeFails) {
  auto answer = sample.answer();
  answer.path->hashes.resize(17);
  EXPECT_EQ(failed(answer), "sizes");
  answer = sample.answer();
  answer.evidence[0].data.resize(evidence::max_evidence_bytes + 1);
  EXPECT_EQ(failed(answer), "sizes");
}

TEST_F(Verification, OfEvidenceThatIsNotOfTheKeysetsTeeFails) {
  sample.keyset.tee = "sgx";
  EXPECT_EQ(failed(), "evidence_item");
  auto answer = sample.answer();
  answer.evidence[0].type = "sgx-quote";
  EXPECT_EQ(failed(answer), "evidence_form");
  answer.evidence[0].type = "unheard-of";
  EXPECT_EQ(failed(answer), "evidence_item");
}

TEST_F(Verification, OfSimulatedEvidenceUnderAProductionPolicyFails) {
  sample.policy.simulated.reset();
  sample.policy.sgx.emplace();
  sample.policy.tdx.emplace();
  sample.policy.snp.emplace();
  EXPECT_EQ(failed(), "evidence_accepted_type");
}

TEST_F(Verification, OfEvidenceForAnotherKeysetFails) {
  auto answer = sample.answer();
  Sample other;
  sample.keyset.build = "another";
  answer.keyset = sample.keyset.encode();
  EXPECT_EQ(failed(answer), "report_data");
}

TEST_F(Verification, OfEvidenceForAnotherNonceFails) {
  const auto answer = sample.answer();
  crypto::fill_random(sample.request.nonce);
  EXPECT_EQ(failed(answer), "report_data");
}

TEST_F(Verification, OfAWrongOrMissingMerklePathFails) {
  auto answer = sample.answer();
  answer.path->hashes[0].bytes[0] ^= 1;
  EXPECT_EQ(failed(answer), "report_data");
  answer = sample.answer();
  answer.path->index = 2;
  EXPECT_EQ(failed(answer), "report_data");
  answer = sample.answer();
  answer.path.reset();
  EXPECT_EQ(failed(answer), "report_data");
}

TEST_F(Verification, TakesTheKindOfEvidenceFromThePolicyAlone) {
  sample.kind = EvidenceKind::standing;
  EXPECT_EQ(failed(), "report_data");
  sample.policy.freshness.fresh_evidence = false;
  EXPECT_EQ(failed(), "none");
  sample.kind = EvidenceKind::fresh;
  EXPECT_EQ(failed(), "report_data");
}

TEST_F(Verification, OfAMalformedKeysetFails) {
  auto answer = sample.answer();
  answer.keyset.push_back(0);
  EXPECT_EQ(failed(answer), "keyset_form");
}

TEST_F(Verification, OfCodeThatWasNotMeasuredFails) {
  // Evidence over this very keyset, but the measurement is of other code.
  auto answer = sample.answer();
  const std::vector<Bytes> nonces{copy(sample.request.nonce)};
  answer.path = merkle_path(nonces, 0);
  answer.evidence[0].data = evidence::make_simulated_evidence(
      sample.root, sample.platform, crypto::sha256(as_bytes("other code")),
      report_data(EvidenceKind::fresh, keyset_id(answer.keyset), merkle_root(nonces).view()));
  EXPECT_EQ(failed(answer), "code");
}

TEST_F(Verification, OfAKeysetThatLivesTooLongFails) {
  sample.keyset.not_after = sample.keyset.not_before + max_keyset_life;
  EXPECT_EQ(failed(), "none");
  sample.keyset.not_after += 1;
  EXPECT_EQ(failed(), "keyset_life");
}

TEST_F(Verification, OutsideTheDatesFails) {
  now = sample.keyset.not_after + clock_skew;
  EXPECT_EQ(failed(), "none");
  now += 1;
  EXPECT_EQ(failed(), "keyset_time");
  now = sample.keyset.not_before - clock_skew;
  EXPECT_EQ(failed(), "none");
  now -= 1;
  EXPECT_EQ(failed(), "keyset_time");
}

TEST_F(Verification, OnAConnectionWithAnotherTlsKeyFails) {
  sample.tls.leaf_spki.bytes[0] ^= 1;
  EXPECT_EQ(failed(), "tls_key");
}

TEST_F(Verification, OnAConnectionWithATicketFails) {
  sample.tls.ticket_received = true;
  EXPECT_EQ(failed(), "tls_tickets");
}

TEST_F(Verification, ForAnotherNameFails) {
  sample.tls.identity_error = "the certificate is for elsewhere.example";
  EXPECT_EQ(failed(), "identity");
  sample.tls.identity_error.reset();
  sample.policy.identity.reset();
  EXPECT_EQ(failed(), "identity");
}

TEST_F(Verification, OfASessionSignatureForAnotherConnectionFails) {
  const auto answer = sample.answer();
  sample.tls.exporter[0] ^= 1;
  EXPECT_EQ(failed(answer), "session_signature");
}

TEST_F(Verification, OfASessionSignatureByAnotherKeyFails) {
  const auto id = keyset_id(sample.keyset.encode());
  auto answer = sample.answer();
  const auto signature =
      crypto::Ed25519Key::generate().sign(session_message(id, sample.request.nonce, sample.tls.exporter));
  answer.session_signature = Bytes(signature.begin(), signature.end());
  EXPECT_EQ(failed(answer), "session_signature");
  answer.session_signature.resize(63);
  EXPECT_EQ(failed(answer), "sizes");
}

TEST_F(Verification, OfAWeakerConfigurationFails) {
  sample.keyset.config["isolation"] = "model";
  EXPECT_EQ(failed(), "config_isolation");
  sample.keyset.config = sample_config();
  sample.keyset.config["engine"] = "in-process";
  EXPECT_EQ(failed(), "config_engine");
  sample.keyset.config = sample_config();
  sample.keyset.config["batch"] = "proved";
  EXPECT_EQ(failed(), "config_batch");
  sample.keyset.config = sample_config();
  sample.keyset.config["auth"] = cbor::Array{"bearer", "proof"};
  EXPECT_EQ(failed(), "config_auth");
  sample.policy.config["auth"] = std::vector<cbor::Value>{"proof", "bearer"};
  EXPECT_EQ(failed(), "none");
  sample.policy.config["auth"] = evidence::Any{};
  EXPECT_EQ(failed(), "none");
}

TEST_F(Verification, ComparesWhatThePolicyNamesBesides) {
  sample.policy.config["sandbox"] = std::vector<cbor::Value>{"seccomp"};
  EXPECT_EQ(failed(), "none");
  sample.policy.config["sandbox"] = std::vector<cbor::Value>{"landlock", "seccomp"};
  EXPECT_EQ(failed(), "config_sandbox");
  sample.policy.config.erase("sandbox");
  sample.policy.config["sealing"] = std::vector<cbor::Value>{"snp"};
  EXPECT_EQ(failed(), "config_sealing");
  sample.policy.config.erase("sealing");
  sample.policy.config["models"] = std::vector<cbor::Value>{crypto::sha256({})};
  EXPECT_EQ(failed(), "config_models");  // null: the service takes any
  sample.keyset.config["models"] = cbor::Array{crypto::sha256({})};
  EXPECT_EQ(failed(), "none");
  sample.keyset.config["models"] = cbor::Array{crypto::sha256({}), crypto::sha256(as_bytes("other"))};
  EXPECT_EQ(failed(), "config_models");
  sample.keyset.config = sample_config();
  sample.policy.config.erase("models");
  sample.policy.config["store"] = std::vector<cbor::Value>{cbor::Map{{"id", "00"}, {"epoch", 1}}};
  EXPECT_EQ(failed(), "config_store");
  sample.policy.config.erase("store");
  cbor::Map code;
  for (const auto& [name, digest] : sample.keyset.code) {
    code.emplace(name, digest);
  }
  sample.policy.config["code"] = std::vector<cbor::Value>{code};
  EXPECT_EQ(failed(), "none");
  code["blindai-server"] = crypto::sha256(as_bytes("other"));
  sample.policy.config["code"] = std::vector<cbor::Value>{code};
  EXPECT_EQ(failed(), "config_code");
}

}  // namespace
}  // namespace blindai::channel
