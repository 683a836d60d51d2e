#include "auth/auth.h"

#include <gtest/gtest.h>

namespace blindai::auth {
namespace {

TEST(AnApiKey, SurvivesItsText) {
  const auto key = ApiKey::generate();
  const auto again = ApiKey::parse(key.text());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->id, key.id);
  EXPECT_EQ(again->key.public_key(), key.key.public_key());
}

TEST(AnApiKey, IsRefusedInAnyOtherForm) {
  const std::string good = ApiKey::generate().text();
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(ApiKey::parse(good.substr(0, size)));
  }
  EXPECT_FALSE(ApiKey::parse(good + "A"));
  std::string upper = good;
  upper[5] = 'A';
  EXPECT_FALSE(ApiKey::parse(upper));
  // As long as a good one, and wrong in one place.
  const auto changed = [&](std::size_t at, char to) {
    std::string text = good;
    text[at] = to;
    return ApiKey::parse(text).has_value();
  };
  EXPECT_FALSE(changed(0, 'B'));
  EXPECT_FALSE(changed(2, '-'));
  EXPECT_FALSE(changed(3, 'g'));
  EXPECT_FALSE(changed(19, '-'));
  EXPECT_FALSE(changed(25, '*'));
  std::string padded = good;
  padded.back() = '=';
  EXPECT_FALSE(ApiKey::parse(padded));
}

struct Authentication : testing::Test {
  ApiKey key = ApiKey::generate();
  Registry registry;
  std::vector<Digest> keysets{crypto::sha256(as_bytes("old")), crypto::sha256(as_bytes("new"))};
  Modes modes{true, true, false};
  Bytes exporter = Bytes(32, 0x17);

  void SetUp() override { ASSERT_TRUE(registry.add({key.id, key.key.public_key(), "clinic", Role::caller, 0})); }
  Result<Principal> judge(const std::string& header) {
    return authenticate(&header, modes, registry, keysets, [&](std::string_view) { return Result<Bytes>(exporter); });
  }
};

TEST_F(Authentication, TakesAProofForAnyLiveKeyset) {
  for (const Digest& keyset : keysets) {
    const auto principal = judge(proof_header(key, keyset, exporter));
    ASSERT_TRUE(principal);
    EXPECT_EQ(principal->tenant, "clinic");
    EXPECT_EQ(principal->role, Role::caller);
    EXPECT_EQ(principal->key_id, key.id);
  }
}

TEST_F(Authentication, RefusesAProofForAnotherKeysetOrConnectionOrByAnotherKey) {
  EXPECT_FALSE(judge(proof_header(key, crypto::sha256({}), exporter)));
  EXPECT_FALSE(judge(proof_header(key, keysets[0], Bytes(32, 0x18))));
  ApiKey thief = ApiKey::generate();
  thief.id = key.id;
  EXPECT_FALSE(judge(proof_header(thief, keysets[0], exporter)));
  EXPECT_FALSE(judge(proof_header(ApiKey::generate(), keysets[0], exporter)));
}

TEST_F(Authentication, TakesTheHeaderInOneFormAlone) {
  const std::string good = proof_header(key, keysets[0], exporter);
  ASSERT_TRUE(judge(good));
  const auto changed = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return judge(text).has_value();
  };
  EXPECT_FALSE(changed("BlindAI ", "blindai "));
  EXPECT_FALSE(changed("BlindAI ", "BlindAI  "));
  EXPECT_FALSE(changed("id=", "ID="));
  EXPECT_FALSE(changed(", proof=", "; proof="));
  EXPECT_FALSE(changed(", proof=", ",proof= "));
  EXPECT_FALSE(changed(", proof=", ", x=1, proof="));
  std::string no_base64 = good;
  no_base64.back() = '*';
  EXPECT_FALSE(judge(no_base64));
}

TEST_F(Authentication, FailsWhereTheConnectionGivesNoExporter) {
  const std::string header = proof_header(key, keysets[0], exporter);
  EXPECT_FALSE(authenticate(&header, modes, registry, keysets, [](std::string_view) -> Result<Bytes> {
    return fail(Code::internal, {"no keying material"});
  }));
}

TEST_F(Authentication, AsksForTheExporterOfTheKeysOwnId) {
  std::string asked;
  const std::string header = proof_header(key, keysets[0], exporter);
  EXPECT_TRUE(authenticate(&header, modes, registry, keysets, [&](std::string_view id) {
    asked = id;
    return Result<Bytes>(exporter);
  }));
  EXPECT_EQ(asked, key.id);
}

TEST_F(Authentication, TakesABearerKeyOnlyWhereThatIsAllowed) {
  EXPECT_TRUE(judge("Bearer " + key.text()));
  EXPECT_FALSE(judge("Bearer " + ApiKey::generate().text()));
  ApiKey thief = ApiKey::generate();
  thief.id = key.id;
  EXPECT_FALSE(judge("Bearer " + thief.text()));
  modes.bearer = false;
  EXPECT_FALSE(judge("Bearer " + key.text()));
  modes = {false, true, false};
  EXPECT_FALSE(judge(proof_header(key, keysets[0], exporter)));
}

TEST_F(Authentication, AnswersAllFailuresAlike) {
  const auto text = [&](const std::string& header) { return judge(header).error().message.str(); };
  const std::string refusal = text("Bearer nonsense");
  EXPECT_EQ(text(proof_header(ApiKey::generate(), keysets[0], exporter)), refusal);
  EXPECT_EQ(text(proof_header(key, crypto::sha256({}), exporter)), refusal);
  EXPECT_EQ(text("Basic Zm9vOmJhcg=="), refusal);
  EXPECT_EQ(text("BlindAI id="), refusal);
  const auto nothing = authenticate(nullptr, modes, registry, keysets, nullptr);
  EXPECT_EQ(nothing.error().message.str(), refusal);
  EXPECT_EQ(nothing.error().code, Code::unauthenticated);
}

TEST_F(Authentication, IsOpenOnlyWhereConfiguredAndNeverForAWrongKey) {
  modes.open = true;
  const auto principal = authenticate(nullptr, modes, registry, keysets, nullptr);
  ASSERT_TRUE(principal);
  EXPECT_EQ(principal->tenant, "open");
  EXPECT_FALSE(judge("Bearer nonsense"));
}

TEST(TheRegistry, KeepsTheLastOwnerAndHidesOtherTenants) {
  Registry registry;
  ASSERT_TRUE(registry.add({"a", {}, "one", Role::owner, 0}));
  ASSERT_TRUE(registry.add({"b", {}, "one", Role::caller, 0}));
  ASSERT_TRUE(registry.add({"c", {}, "two", Role::owner, 0}));
  EXPECT_EQ(registry.add({"a", {}, "two", Role::owner, 0}).error().code, Code::already_exists);
  EXPECT_EQ(registry.remove("two", "a").error().code, Code::not_found);
  EXPECT_EQ(registry.remove("one", "a").error().code, Code::already_exists);
  EXPECT_TRUE(registry.remove("one", "b"));
  EXPECT_EQ(registry.list("one").size(), 1u);
  EXPECT_TRUE(registry.has_tenant("two"));
  EXPECT_FALSE(registry.has_tenant("three"));
}

TEST(TheRegistry, CountsOwnersByTenantAndByRole) {
  Registry registry;
  ASSERT_TRUE(registry.add({"a", {}, "one", Role::owner, 0}));
  ASSERT_TRUE(registry.add({"b", {}, "one", Role::caller, 0}));
  ASSERT_TRUE(registry.add({"c", {}, "one", Role::owner, 0}));
  ASSERT_TRUE(registry.add({"d", {}, "two", Role::owner, 0}));
  EXPECT_TRUE(registry.remove("one", "a"));
  EXPECT_FALSE(registry.remove("one", "c")) << "the owner of another tenant does not count, nor does a caller";
  ASSERT_EQ(registry.list("one").size(), 2u);
  EXPECT_EQ(registry.list("one")[0].id, "b");
}

TEST(TheRegistry, HoldsAHundredThousandKeys) {
  Registry registry;
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_TRUE(registry.add({std::to_string(i), {}, "one", Role::caller, 0}));
  }
  EXPECT_EQ(registry.add({"more", {}, "one", Role::caller, 0}).error().code, Code::resource_exhausted);
}

TEST(AnId, HasALengthAndAnAlphabet) {
  EXPECT_TRUE(valid_id("distilbert-1.0_b"));
  EXPECT_TRUE(valid_id(std::string(64, 'a')));
  EXPECT_FALSE(valid_id(std::string(65, 'a')));
  for (const char* id : {"", ".hidden", "-x", "a/b", "a b", "\xc3\xa9", "a%2fb"}) {
    EXPECT_FALSE(valid_id(id)) << id;
  }
}

}  // namespace
}  // namespace blindai::auth
