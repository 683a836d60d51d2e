#include "server/config.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "channel/keyset.h"
#include "server/models.h"

namespace blindai::server {
namespace {

Result<CommandLine> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "blindai-server");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}
bool accepted(const std::string& toml) { return parse_config(toml, {}).has_value(); }

TEST(AnOption, IsEitherInTheKeysetOrPlacement) {
  const auto config = security_configuration({}, {});
  const auto* limits = config.at("limits").as<cbor::Map>();
  for (const auto& [name, kind] : option_kinds()) {
    const bool in_keyset = config.contains(cbor::Key(name)) || limits->contains(cbor::Key(name));
    EXPECT_EQ(in_keyset, kind == Kind::security) << name;
  }
}

TEST(AnOption, ThatDecidesChangesTheKeyset) {
  const auto config_of = [](const std::string& toml) {
    return cbor::encode(security_configuration(*parse_config(toml, {}), {}));
  };
  const Bytes plain = config_of("");
  for (const char* toml :
       {"auth = [\"open\"]", "isolation = \"model\"", "request_bytes = 2048", "run_ms = 5", "queue = 1"}) {
    EXPECT_NE(config_of(toml), plain) << toml;
  }
  EXPECT_EQ(config_of("port = 1\nthreads = 3\nmeasure_ms = 0\nbatch_rows = 1"), plain);
}

// Who asks for what cannot be is told so, and gets no service that does something else.
TEST(AnOption, ForBatchesAcrossGroupsIsRefusedInWordsWhereGroupsShareNoWorker) {
  const auto refused = parse_config("batch = \"proved\"", {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.str().find("isolation"), std::string::npos);
  EXPECT_TRUE(accepted("batch = \"proved\"\nisolation = \"model\""));
  EXPECT_TRUE(accepted("batch = \"group\""));
}

TEST(Batches, GoAcrossGroupsOnlyWhereThatIsConfiguredAndProved) {
  Config config;
  gate::Admitted proved;
  proved.rows.proved = true;
  const gate::Admitted other;
  EXPECT_EQ(batches_of(config, proved), schedule::Batches::within_a_group);
  config.batch = "proved";
  EXPECT_EQ(batches_of(config, proved), schedule::Batches::within_a_group);
  config.isolation = "model";
  EXPECT_EQ(batches_of(config, proved), schedule::Batches::across_groups);
  EXPECT_EQ(batches_of(config, other), schedule::Batches::within_a_group);
  config.batch = "group";
  EXPECT_EQ(batches_of(config, proved), schedule::Batches::within_a_group);
}

TEST(TheConfiguration, HasAClosedSchema) {
  EXPECT_TRUE(accepted(""));
  EXPECT_FALSE(accepted("prot = 8443"));
  EXPECT_FALSE(accepted("port = \"8443\""));
  EXPECT_FALSE(accepted("port = 65536"));
  EXPECT_TRUE(accepted("port = 65535"));
  EXPECT_FALSE(accepted("port = -1"));
  EXPECT_FALSE(accepted("auth = []"));
  EXPECT_FALSE(accepted("auth = [\"password\"]"));
  EXPECT_FALSE(accepted("isolation = \"none\""));
  EXPECT_FALSE(accepted("batch = \"all\""));
  EXPECT_FALSE(accepted("keyset_seconds = 86101"));
  EXPECT_FALSE(accepted("not toml"));
}

TEST(TheConfiguration, TakesTenants) {
  const std::string key =
      "{id = \"0123456789abcdef\", role = \"owner\", public_key = \"" + std::string(64, 'a') + "\"}";
  const auto config = parse_config("[[tenants]]\nname = \"clinic\"\nkeys = [" + key + "]", {});
  ASSERT_TRUE(config) << config.error().message.str();
  ASSERT_EQ(config->keys.size(), 1u);
  EXPECT_EQ(config->keys[0].tenant, "clinic");
  EXPECT_FALSE(accepted("[[tenants]]\nname = \"clinic\"\n"));
  EXPECT_FALSE(accepted("[[tenants]]\nname = \"open\"\nkeys = [" + key + "]"));
  EXPECT_FALSE(accepted("[[tenants]]\nname = \"a/b\"\nkeys = [" + key + "]"));
  EXPECT_FALSE(accepted("[[tenants]]\nname = \"a\"\nkeys = [" + key + "]\nextra = 1"));
}

TEST(TheConfiguration, SurvivesBeingPrinted) {
  const std::string toml = "port = 1234\nauth = [\"bearer\", \"proof\"]\nisolation = \"model\"\n";
  const std::string printed = to_toml(*parse_config(toml, {}));
  const auto again = parse_config(printed, {});
  ASSERT_TRUE(again) << printed;
  EXPECT_EQ(to_toml(*again), printed);
  EXPECT_EQ(again->port, 1234);
}

TEST(Flags, OverruleTheFileAndNameWhatIsWrong) {
  const auto line =
      parse({"--port", "99", "--auth", "proof", "bearer", "--tenant",
             "demo:owner:0123456789abcdef:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"});
  ASSERT_TRUE(line) << line.error().message.str();
  EXPECT_EQ(line->config.port, 99);
  EXPECT_EQ(line->config.auth, (std::vector<std::string>{"bearer", "proof"}));
  EXPECT_EQ(line->config.keys.size(), 1u);
  EXPECT_FALSE(parse({"--prot", "99"}));
  EXPECT_FALSE(parse({"--port", "ninety"}));
  EXPECT_FALSE(parse({"--tenant", "demo:king:0123456789abcdef:aa"}));
  EXPECT_FALSE(parse({"--config", "/nowhere/at/all.toml"}));
  EXPECT_NE(parse({"--help"})->help.find("--isolation"), std::string::npos);
}

TEST(TheSecurityConfiguration, IsWhatAKeysetMayHold) {
  channel::Keyset keyset;
  keyset.tee = "simulated";
  keyset.session = crypto::Ed25519Key::generate().public_key_der();
  keyset.receipt = crypto::Ed25519Key::generate().public_key_der();
  keyset.config = security_configuration({}, {"landlock", "seccomp"});
  keyset.code = {{"blindai-server", Digest{}}};
  keyset.not_after = 1;
  const auto decoded = channel::Keyset::decode(keyset.encode());
  EXPECT_TRUE(decoded) << decoded.error().detail.text;
}

}  // namespace
}  // namespace blindai::server
