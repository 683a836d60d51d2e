#include "channel/keyset.h"

#include <gtest/gtest.h>

#include "sample.h"

namespace blindai::channel {
namespace {

cbor::Map document() { return *cbor::decode(Sample().keyset.encode())->as<cbor::Map>(); }
bool accepted(const cbor::Map& map) { return Keyset::decode(cbor::encode(map)).has_value(); }

TEST(AKeyset, SurvivesItsEncoding) {
  Sample sample;
  sample.keyset.hpke = Bytes{1, 2, 3};
  sample.keyset.store = {Bytes{4, 5}, 7};
  const Bytes bytes = sample.keyset.encode();
  const auto again = Keyset::decode(bytes);
  ASSERT_TRUE(again) << again.error().detail.text;
  EXPECT_EQ(again->encode(), bytes);
  EXPECT_EQ(again->store->second, 7);
}

TEST(AKeyset, IsRefusedWithAMemberMissingAddedOrOfAnotherType) {
  const cbor::Map good = document();
  ASSERT_TRUE(accepted(good));
  for (const auto& [key, value] : good) {
    cbor::Map map = good;
    map.erase(key);
    EXPECT_FALSE(accepted(map)) << std::get<std::string>(key.value);
    map = good;
    map[key] = cbor::Value(cbor::Array{true});
    EXPECT_FALSE(accepted(map)) << std::get<std::string>(key.value);
  }
  cbor::Map map = good;
  map["extra"] = 1;
  EXPECT_FALSE(accepted(map));
}

TEST(AKeyset, IsRefusedWithAConfigOutsideItsSchema) {
  const auto with = [](const char* member, cbor::Value value) {
    cbor::Map map = document();
    cbor::Map config = sample_config();
    config[member] = std::move(value);
    map["config"] = config;
    return accepted(map);
  };
  EXPECT_TRUE(with("engine", "in-process"));
  EXPECT_FALSE(with("engine", "gpu"));
  EXPECT_FALSE(with("isolation", "none"));
  EXPECT_FALSE(with("batch", "any"));
  EXPECT_TRUE(with("auth", cbor::Array{"bearer", "proof"}));
  EXPECT_FALSE(with("auth", cbor::Array{"proof", "bearer"}));
  EXPECT_FALSE(with("auth", cbor::Array{"proof", "proof"}));
  EXPECT_FALSE(with("auth", cbor::Array{"password"}));
  EXPECT_FALSE(with("sandbox", cbor::Array{1}));
  EXPECT_FALSE(with("sealing", "rot13"));
  EXPECT_TRUE(with("models", cbor::Array{crypto::sha256({})}));
  EXPECT_FALSE(with("models", cbor::Array{Bytes{1}}));
  EXPECT_FALSE(with("limits", cbor::Map{{"x", -1}}));
  EXPECT_FALSE(with("metrics", Bytes{1}));
  EXPECT_FALSE(with("extra", 1));
}

TEST(AKeyset, IsBoundedInAllItsLists) {
  const auto with = [](const char* member, std::size_t count, const auto& make) {
    cbor::Map map = document();
    cbor::Map config = sample_config();
    config[member] = make(count);
    map["config"] = config;
    return accepted(map);
  };
  const auto layers = [](std::size_t count) {
    cbor::Array list;
    for (std::size_t i = 0; i < count; ++i) {
      list.emplace_back("layer" + std::to_string(1000 + i));
    }
    return cbor::Value(list);
  };
  EXPECT_TRUE(with("sandbox", 64, layers));
  EXPECT_FALSE(with("sandbox", 65, layers));
  const auto limits = [](std::size_t count) {
    cbor::Map map;
    for (std::size_t i = 0; i < count; ++i) {
      map.emplace("limit" + std::to_string(i), 1);
    }
    return cbor::Value(map);
  };
  EXPECT_TRUE(with("limits", 64, limits));
  EXPECT_FALSE(with("limits", 65, limits));
  const auto models = [](std::size_t count) { return cbor::Value(cbor::Array(count, crypto::sha256({}))); };
  EXPECT_TRUE(with("models", 4096, models));
  EXPECT_FALSE(with("models", 4097, models));
  const auto with_code = [](std::size_t count) {
    cbor::Map map = document();
    cbor::Map code;
    for (std::size_t i = 0; i < count; ++i) {
      code.emplace("file" + std::to_string(i), crypto::sha256({}));
    }
    map["code"] = code;
    return accepted(map);
  };
  EXPECT_TRUE(with_code(64));
  EXPECT_FALSE(with_code(65));
}

TEST(AKeyset, NamesAStoreByIdAndEpochAndNothingElse) {
  const auto with = [](cbor::Array store) {
    cbor::Map map = document();
    map["store"] = std::move(store);
    return accepted(map);
  };
  EXPECT_TRUE(with({Bytes{1}, 0}));
  EXPECT_FALSE(with({Bytes{1}, -1}));
  EXPECT_FALSE(with({Bytes{1}}));
  EXPECT_FALSE(with({Bytes{1}, 0, 0}));
  EXPECT_FALSE(with({"1", 0}));
  EXPECT_FALSE(with({Bytes{1}, "0"}));
}

TEST(AKeyset, IsRefusedWithKeysThatAreNotEd25519AndWithDatesThatRunBackwards) {
  cbor::Map map = document();
  map["session"] = Bytes(44, 0);
  EXPECT_FALSE(accepted(map));
  map = document();
  map["receipt"] = Bytes(43, 0);
  EXPECT_FALSE(accepted(map));
  map = document();
  map["not_after"] = map["not_before"];
  EXPECT_FALSE(accepted(map));
  map = document();
  map["not_before"] = -1;
  EXPECT_FALSE(accepted(map));
  map = document();
  map["ctx"] = "blindai keyset v2";
  EXPECT_FALSE(accepted(map));
  map = document();
  map["tee"] = "tpm";
  EXPECT_FALSE(accepted(map));
  map = document();
  map["code"] = cbor::Map{};
  EXPECT_FALSE(accepted(map));
}

TEST(ReportData, DependsOnKindKeysetAndValue) {
  const Digest id = crypto::sha256(as_bytes("keyset"));
  const Digest value = crypto::sha256(as_bytes("value"));
  const auto data = report_data(EvidenceKind::fresh, id, value.view());
  EXPECT_NE(data, report_data(EvidenceKind::standing, id, value.view()));
  EXPECT_NE(data, report_data(EvidenceKind::fresh, value, value.view()));
  EXPECT_NE(data, report_data(EvidenceKind::fresh, id, id.view()));
}

}  // namespace
}  // namespace blindai::channel
