// Evidence and collateral by names of files. Simulated evidence stands for all kinds here: no data is needed for it.
#include "evidence/files.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "evidence/simulated.h"

namespace blindai::evidence {
namespace {

struct EvidenceFiles : testing::Test {
  crypto::Ed25519Key root = crypto::Ed25519Key::generate();
  crypto::Ed25519Key key = crypto::Ed25519Key::generate();
  Digest measurement = crypto::sha256(as_bytes("code"));
  Files files{{"simulated.cbor", make_simulated_evidence(root, key, measurement, {})}};
  std::string policy = "version = 1\n[accept.simulated]\nroot = \"" + crypto::sha256(root.public_key_der()).hex() +
                       "\"\nmeasurement = \"any\"\n";

  std::string reasons() {
    const Report report = appraise_files(files, policy, 0);
    std::string text;
    for (const std::string& reason : report.reasons()) {
      text += (text.empty() ? "" : " ") + reason;
    }
    EXPECT_EQ(report.accepted(), text.empty());
    return text;
  }
};

TEST_F(EvidenceFiles, AreJudged) {
  EXPECT_EQ(reasons(), "");
  const Report report = appraise_files(files, policy, 0);
  EXPECT_EQ(report.claims.at("measurement"), json::Value(measurement.hex()));
  EXPECT_EQ(report.policy_digest, crypto::sha256(as_bytes(policy)));
  EXPECT_TRUE(report.simulated);
}

TEST_F(EvidenceFiles, HoldExactlyOnePieceOfEvidence) {
  files["quote.bin"] = Bytes(100);
  EXPECT_EQ(reasons(), "EVIDENCE_AMBIGUOUS");
  files.erase("simulated.cbor");
  files["report.bin"] = Bytes(100);
  EXPECT_EQ(reasons(), "EVIDENCE_AMBIGUOUS");
  files.clear();
  EXPECT_EQ(reasons(), "EVIDENCE_AMBIGUOUS");
}

TEST_F(EvidenceFiles, TakeCertificatesOutOfTheTableOfAHost) {
  // One entry, a VCEK of three bytes, and the closing one.
  Bytes table = *from_hex("63da758de6644564adc5f4b93be8accd3000000003000000");
  table.resize(48);
  append(table, Bytes{1, 2, 3});
  files["certificate_table.bin"] = table;
  EXPECT_EQ(*collateral_of_files(files)->find("vek"), (Bytes{1, 2, 3}));
  files["vek.der"] = Bytes{4};
  EXPECT_EQ(*collateral_of_files(files)->find("vek"), (Bytes{4})) << "a file of its own comes first";
  files["certificate_table.bin"].resize(50);
  EXPECT_EQ(reasons(), "BAD_COLLATERAL_FORMAT:certificate_table");
}

TEST_F(EvidenceFiles, OfOtherNamesAreIgnored) {
  files["case.json"] = Bytes(3);
  files["Quote.bin"] = Bytes(3);
  EXPECT_EQ(reasons(), "");
  const auto names = file_names();
  EXPECT_EQ(names.size(), 17U);
  for (const char* name : {"quote.bin", "report.bin", "collateral.json", "ark_crl.der", "pck_crl_issuer_chain.pem"}) {
    EXPECT_NE(std::ranges::find(names, name), names.end()) << name;
  }
}

TEST_F(EvidenceFiles, OfCollateralAreBounded) {
  files["vek.der"] = Bytes(max_collateral_item_bytes);
  EXPECT_EQ(reasons(), "");
  files["vek.der"].push_back(0);
  EXPECT_EQ(reasons(), "BAD_COLLATERAL_FORMAT:vek");
}

TEST_F(EvidenceFiles, MayHaveTheirCollateralInAContainer) {
  const auto text = [](std::string_view json) { return copy(as_bytes(json)); };
  files["collateral.json"] = text(R"({"tcb_info": "AQI=", "pck_crl": "AQ=="})");
  EXPECT_EQ(reasons(), "");
  files["tcb_info.json"] = Bytes{3};
  const auto collateral = collateral_of_files(files);
  ASSERT_TRUE(collateral);
  EXPECT_EQ(*collateral->find("tcb_info"), Bytes{3});  // the file of its own
  EXPECT_EQ(*collateral->find("pck_crl"), Bytes{1});
  files["collateral.json"] = text("[]");
  EXPECT_EQ(reasons(), "BAD_COLLATERAL_FORMAT:container");
  files["collateral.json"] = text("{");
  EXPECT_EQ(reasons(), "BAD_COLLATERAL_FORMAT:container");
  files["collateral.json"] = text(R"({"tcb_info": "A"})");
  EXPECT_EQ(reasons(), "BAD_COLLATERAL_FORMAT:tcb_info");
  files["collateral.json"] = text("{}" + std::string(std::size_t{4} * 1024 * 1024 - 2, ' '));
  EXPECT_EQ(reasons(), "");
  files["collateral.json"].push_back(' ');
  EXPECT_EQ(reasons(), "BAD_COLLATERAL_FORMAT:container");
}

TEST_F(EvidenceFiles, UnderAPolicyThatIsNoneAreRefusedWithItsReason) {
  const std::string good = policy;
  policy = "";
  EXPECT_EQ(reasons(), "POLICY_EMPTY:accept");
  policy = good + "debug = true\n";
  EXPECT_EQ(reasons(), "POLICY_INVALID:accept.simulated.debug");
  policy = "\xff";
  EXPECT_EQ(reasons(), "POLICY_INVALID:toml");
}

TEST_F(EvidenceFiles, AreShownWithoutBeingVerified) {
  const Bytes& evidence = files["simulated.cbor"];
  const auto shown = decode_evidence(evidence);
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->at("verified"), json::Value(false));
  EXPECT_EQ(shown->at("measurement"), json::Value(measurement.hex()));
  for (std::size_t size = 0; size < evidence.size(); ++size) {
    EXPECT_FALSE(decode_evidence(ByteView(evidence).first(size)));
  }
  EXPECT_FALSE(decode_evidence(Bytes(max_evidence_bytes + 1, 0x82)));
  EXPECT_FALSE(decode_evidence(Bytes(48, 3)));
}

TEST(TypesOfEvidence, AreGuessedFromTheirFirstBytes) {
  Bytes quote(48);
  for (std::uint8_t version = 3; version <= 5; ++version) {
    quote[0] = version;
    quote[4] = 0;
    EXPECT_EQ(type_of_evidence(quote), "sgx-quote");
    quote[4] = 0x81;
    EXPECT_EQ(type_of_evidence(quote), "tdx-quote");
  }
  EXPECT_EQ(type_of_evidence(ByteView(quote).first(47)), std::nullopt);
  quote[0] = 6;
  EXPECT_EQ(type_of_evidence(quote), std::nullopt);
  Bytes report(1184);
  report[0] = 5;
  EXPECT_EQ(type_of_evidence(report), "snp-report");
  report[2] = 2;  // where a quote has the type of its key
  EXPECT_EQ(type_of_evidence(report), "sgx-quote");
  EXPECT_EQ(type_of_evidence(Bytes{0x82}), "simulated");
  EXPECT_EQ(type_of_evidence({}), std::nullopt);
}

}  // namespace
}  // namespace blindai::evidence
