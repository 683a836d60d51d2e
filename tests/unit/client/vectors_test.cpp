// The protocol's bytes as tests/vectors/protocol.json has them, which a second implementation in Python made.
#include <gtest/gtest.h>

#include "auth/auth.h"
#include "base/fd.h"
#include "base/json.h"
#include "channel/keyset.h"
#include "channel/merkle.h"
#include "evidence/simulated.h"
#include "gate/gate.h"

namespace blindai {
namespace {

struct Vectors : testing::Test {
  json::Value all = *json::parse(as_text(*read_file(BLINDAI_SOURCE_DIR "/tests/vectors/protocol.json", 1 << 20)));

  Bytes bytes(const char* section, const char* member) const {
    const std::string* text = all.find(section)->text(member);
    EXPECT_NE(text, nullptr) << section << "." << member;
    return text == nullptr ? Bytes() : *from_hex(*text);
  }
  Digest digest(const char* section, const char* member) const { return *Digest::from(bytes(section, member)); }
};

TEST_F(Vectors, OfTheKeyset) {
  const Bytes document = bytes("keyset", "document");
  const auto keyset = channel::Keyset::decode(document);
  ASSERT_TRUE(keyset) << keyset.error().detail.text;
  EXPECT_EQ(to_hex(keyset->encode()), to_hex(document));
  EXPECT_EQ(channel::keyset_id(document), digest("keyset", "id"));
  EXPECT_EQ(channel::code_measurement(keyset->code), digest("keyset", "code_measurement"));
}

TEST_F(Vectors, OfTheReportData) {
  const Digest id = digest("keyset", "id");
  const Digest zeros;
  const auto standing = report_data(channel::EvidenceKind::standing, id, zeros.view());
  EXPECT_EQ(to_hex(standing), to_hex(bytes("report_data", "standing")));
  const auto fresh = report_data(channel::EvidenceKind::fresh, id, digest("merkle", "root").view());
  EXPECT_EQ(to_hex(fresh), to_hex(bytes("report_data", "fresh")));
}

TEST_F(Vectors, OfTheMerkleTree) {
  const json::Value& tree = *all.find("merkle");
  std::vector<Bytes> leaves;
  for (const json::Value& leaf : *tree.find("leaves")->as<json::Array>()) {
    leaves.push_back(*from_hex(*leaf.as<std::string>()));
  }
  EXPECT_EQ(channel::merkle_root(leaves), digest("merkle", "root"));
  for (std::size_t index = 0; index < leaves.size(); ++index) {
    const auto path = channel::merkle_path(leaves, index);
    const auto& expected = *(*tree.find("paths")->as<json::Array>())[index].as<json::Array>();
    ASSERT_EQ(path.hashes.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(path.hashes[i].hex(), *expected[i].as<std::string>());
    }
    EXPECT_EQ(channel::root_of_path(leaves[index], path), digest("merkle", "root"));
  }
}

TEST_F(Vectors, OfTheSessionSignature) {
  const Bytes message =
      channel::session_message(digest("keyset", "id"), bytes("session", "nonce"), bytes("session", "exporter"));
  EXPECT_EQ(to_hex(message), to_hex(bytes("session", "message")));
  const auto keyset = channel::Keyset::decode(bytes("keyset", "document"));
  const auto key = crypto::ed25519_from_der(keyset->session);
  EXPECT_TRUE(crypto::ed25519_verify(*key, message, bytes("session", "signature")));
}

TEST_F(Vectors, OfTheProofOfAKey) {
  const Bytes message = auth::proof_message(digest("keyset", "id"), bytes("session", "exporter"));
  EXPECT_EQ(to_hex(message), to_hex(bytes("auth", "message")));
  const auto key = crypto::Ed25519Key::from_seed(bytes("auth", "seed"));
  EXPECT_EQ(to_hex(key->sign(message)), to_hex(bytes("auth", "proof")));
}

TEST_F(Vectors, OfSimulatedEvidence) {
  const auto root = crypto::Ed25519Key::from_seed(bytes("simulated", "root_seed"));
  const auto platform = crypto::Ed25519Key::from_seed(bytes("simulated", "platform_seed"));
  std::array<std::uint8_t, 64> data{};
  std::ranges::copy(bytes("simulated", "report_data"), data.begin());
  const Bytes made = evidence::make_simulated_evidence(*root, *platform, digest("simulated", "measurement"), data);
  EXPECT_EQ(to_hex(made), to_hex(bytes("simulated", "evidence")));
}

TEST_F(Vectors, OfTheHeadOfABundle) {
  const Bytes head = bytes("bundle", "head");
  EXPECT_EQ(crypto::sha256(head), digest("bundle", "digest"));
  const auto index = gate::parse_bundle_index(head, 4 + head.size() + 5 + 5 + 6);
  ASSERT_TRUE(index) << index.error().message.str();
  EXPECT_EQ(index->files[0].file.name, "m.onnx");
  EXPECT_EQ(index->files[1].file.name, "a.data");
}

}  // namespace
}  // namespace blindai
