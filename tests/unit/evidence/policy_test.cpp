#include "evidence/policy.h"

#include <gtest/gtest.h>

namespace blindai::evidence {
namespace {

const std::string root_hex(64, 'a');
const std::string good =
    "version = 1\nname = \"lab\"\n[identity]\nserver_name = \"localhost\"\nca = \"any\"\n[accept.simulated]\nroot = "
    "\"" +
    root_hex + "\"\nmeasurement = \"any\"\n";

std::string refusal(const std::string& text, Purpose purpose = Purpose::session) {
  const auto policy = parse_policy(text, purpose);
  return policy ? "" : policy.error().message.str();
}

TEST(APolicy, TakesTheStrictestValuesWhereNothingIsSaid) {
  const auto policy = parse_policy(good, Purpose::session);
  ASSERT_TRUE(policy) << policy.error().message.str();
  EXPECT_EQ(policy->name, "lab");
  EXPECT_EQ(policy->identity->server_name, "localhost");
  EXPECT_FALSE(policy->production());
  EXPECT_TRUE(policy->freshness.fresh_evidence);
  EXPECT_EQ(policy->freshness.recheck_seconds, 3600);
  EXPECT_FALSE(policy->unpinned_models_allowed);
  EXPECT_EQ(policy->config.at("engine"), Allowed(std::vector<cbor::Value>{"worker"}));
  EXPECT_EQ(policy->config.at("isolation"), Allowed(std::vector<cbor::Value>{"group"}));
  EXPECT_EQ(policy->config.at("batch"), Allowed(std::vector<cbor::Value>{"group"}));
  EXPECT_EQ(policy->config.at("auth"), Allowed(std::vector<cbor::Value>{"proof"}));
}

TEST(APolicy, RefusesAnUnknownKeyInEverySection) {
  for (const std::string extra : {"[config]\nspeed = [\"fast\"]\n", "[accept.sev]\n", "[extra]\n"}) {
    EXPECT_NE(refusal(good + extra), "") << extra;
  }
  EXPECT_EQ(refusal(good + "[freshness]\nlazy = true\n"), "unknown key 'freshness.lazy' in the policy");
  EXPECT_EQ(refusal("surprise = 1\n" + good), "unknown key 'surprise' in the policy");
  EXPECT_EQ(refusal(good + "debug = true\n"), "unknown key 'accept.simulated.debug' in the policy");
}

TEST(APolicy, NeverMeansAnyByAbsenceOrEmptiness) {
  EXPECT_NE(refusal("version = 1\nname = \"x\"\n[identity]\nserver_name = \"localhost\"\n"), "");
  EXPECT_NE(refusal("version = 1\nname = \"x\"\n[identity]\nserver_name = \"localhost\"\n[accept]\n"), "");
  const std::string head = "version = 1\nname = \"x\"\n[identity]\nserver_name = \"localhost\"\n[accept.simulated]\n";
  EXPECT_EQ(refusal(head + "root = \"" + root_hex + "\"\n"),
            "the policy lacks 'accept.simulated.measurement', which has no default");
  EXPECT_NE(refusal(head + "root = \"" + root_hex + "\"\nmeasurement = []\n"), "");
  EXPECT_NE(refusal(head + "root = \"aa\"\nmeasurement = \"any\"\n"), "");
  EXPECT_NE(refusal(good + "[config]\nisolation = []\n"), "");
  EXPECT_NE(refusal("name = \"x\"\n"), "");
  EXPECT_NE(refusal("version = 2\nname = \"x\"\n"), "");
}

TEST(APolicy, NeedsAnIdentityForASession) {
  const std::string text =
      "version = 1\nname = \"x\"\n[accept.simulated]\nroot = \"" + root_hex + "\"\nmeasurement = \"any\"\n";
  EXPECT_EQ(refusal(text), "the policy lacks 'identity', which has no default");
  EXPECT_EQ(refusal(text, Purpose::evidence_only), "");
}

TEST(APolicy, OpensNoFileWhereEvidenceAloneIsJudged) {
  std::string text = good;
  text.replace(text.find("ca = \"any\""), 10, "ca = \"/absent/ca.pem\"");
  EXPECT_EQ(refusal(text), "the file that 'identity.ca' names cannot be read");
  EXPECT_EQ(refusal(text, Purpose::evidence_only), "");
}

TEST(APolicy, WithSimulationAcceptsNothingElse) {
  const std::string snp = "[accept.snp]\nmeasurement = \"any\"\nproducts = [\"Genoa\"]\nplatform_ids = \"any\"\n";
  EXPECT_NE(refusal(good + snp), "");
  const std::string head = "version = 1\nname = \"x\"\n[identity]\nserver_name = \"a.example\"\n";
  const auto policy = parse_policy(head + snp, Purpose::session);
  ASSERT_TRUE(policy);
  EXPECT_TRUE(policy->production());
}

TEST(APolicy, ChecksTheSchemaOfHardwareSections) {
  const std::string head = "version = 1\nname = \"x\"\n[accept.sgx]\n";
  const std::string hex(64, 'b');
  const std::string sgx =
      "mrenclave = [\"" + hex + "\"]\nmrsigner = \"any\"\ntcb_status = [\"UpToDate\"]\nallowed_advisories = []\n";
  EXPECT_EQ(refusal(head + sgx + "platform_ids = \"any\"\n", Purpose::evidence_only), "");
  EXPECT_EQ(refusal(head + sgx, Purpose::evidence_only),
            "the policy lacks 'accept.sgx.platform_ids', which has no default");
  EXPECT_NE(refusal(head + sgx + "platform_ids = []\n", Purpose::evidence_only), "");
  EXPECT_NE(refusal(head + sgx + "platform_ids = \"any\"\nallow_debug = 1\n", Purpose::evidence_only), "");
  const std::string revoked =
      "mrenclave = \"any\"\nmrsigner = \"any\"\ntcb_status = [\"Revoked\"]\nallowed_advisories = []\nplatform_ids = "
      "\"any\"\n";
  EXPECT_NE(refusal(head + revoked, Purpose::evidence_only), "");
}

TEST(APolicy, ReadsConfigAndModels) {
  const auto policy =
      parse_policy(good +
                       "[config]\nauth = [\"proof\", \"bearer\"]\nengine = \"any\"\n[models]\nunpinned = \"allow\"\n"
                       "distilbert = \"sha256:" +
                       root_hex + "\"\n",
                   Purpose::session);
  ASSERT_TRUE(policy) << policy.error().message.str();
  EXPECT_EQ(policy->config.at("auth"), Allowed(std::vector<cbor::Value>{"proof", "bearer"}));
  EXPECT_EQ(policy->config.at("engine"), Allowed(Any{}));
  EXPECT_TRUE(policy->unpinned_models_allowed);
  EXPECT_EQ(policy->model_pins.at("distilbert").hex(), root_hex);
  EXPECT_NE(refusal(good + "[models]\nunpinned = \"maybe\"\n"), "");
  EXPECT_NE(refusal(good + "[models]\nx = \"md5:00\"\n"), "");
}

TEST(APolicy, RefusesValuesOfAnotherKind) {
  const std::string evidence = good.substr(good.find("[accept"));
  for (const std::string table : {"identity", "config", "freshness", "models"}) {
    EXPECT_EQ(refusal("version = 1\n" + table + " = 1\n" + evidence, Purpose::evidence_only),
              "'" + table + "' in the policy must be a table");
  }
  EXPECT_EQ(refusal(good + "[freshness]\nfresh_evidence = 1\n"),
            "'freshness.fresh_evidence' in the policy must be true or false");
  const auto with_name = [](const std::string& name) { return refusal("version = 1\nname = " + name + "\n"); };
  for (const std::string& name : {std::string("1"), std::string("\"\""), "\"" + std::string(1025, 'n') + "\""}) {
    EXPECT_EQ(with_name(name), "'name' in the policy must be text of 1 to 1024 bytes");
  }
  EXPECT_EQ(with_name("\"" + std::string(1024, 'n') + "\""), "the policy lacks 'identity', which has no default");
}

TEST(APolicy, BoundsItsNumbersAndItsSize) {
  EXPECT_EQ(refusal(good + "[freshness]\nrecheck_seconds = 1\n"), "");
  EXPECT_NE(refusal(good + "[freshness]\nrecheck_seconds = 0\n"), "");
  EXPECT_EQ(refusal(good + "[freshness]\nrecheck_seconds = 86400\n"), "");
  EXPECT_NE(refusal(good + "[freshness]\nrecheck_seconds = 86401\n"), "");
  EXPECT_NE(refusal(good + "[freshness]\nrecheck_seconds = true\n"), "");
  EXPECT_NE(refusal(good + std::string(1024 * 1024, '\n')), "");
  EXPECT_NE(refusal("not toml"), "");
}

}  // namespace
}  // namespace blindai::evidence
