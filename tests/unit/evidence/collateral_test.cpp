#include "evidence/collateral.h"

#include <gtest/gtest.h>

#include "base/cbor.h"
#include "crypto/crypto.h"

namespace blindai::evidence {
namespace {

std::string refusal(const json::Object& container) {
  const auto collateral = Collateral::from_json(container);
  return collateral ? "" : collateral.error().text();
}

TEST(TheCollateralContainer, KeepsWhatItWasGiven) {
  Collateral collateral;
  EXPECT_TRUE(collateral.set("tcb_info", Bytes{1, 2}));
  EXPECT_TRUE(collateral.set("tcb_info", Bytes{3}));
  EXPECT_TRUE(collateral.set("ark_crl", Bytes{}));
  const auto again = Collateral::from_json(collateral.to_json());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->items(), collateral.items());
  ASSERT_NE(again->find("tcb_info"), nullptr);
  EXPECT_EQ(*again->find("tcb_info"), Bytes{3});
  EXPECT_EQ(again->find("qe_identity"), nullptr);
  EXPECT_EQ(again->digest(), crypto::sha256(cbor::encode(cbor::Map{{"ark_crl", Bytes{}}, {"tcb_info", Bytes{3}}})));
}

TEST(TheCollateralContainer, IsAClosedListOfBoundedItems) {
  Collateral collateral;
  EXPECT_FALSE(collateral.set("tcb_infos", {}));
  EXPECT_TRUE(collateral.set("vek", Bytes(max_collateral_item_bytes)));
  EXPECT_FALSE(collateral.set("vek", Bytes(max_collateral_item_bytes + 1)));
  EXPECT_EQ(collateral.find("vek")->size(), max_collateral_item_bytes);
  EXPECT_EQ(refusal({}), "");
  EXPECT_EQ(refusal({{"quote", "AA=="}}), "BAD_COLLATERAL_FORMAT:name");
  EXPECT_EQ(refusal({{"vek", 1}}), "BAD_COLLATERAL_FORMAT:vek");
  EXPECT_EQ(refusal({{"vek", "AA"}}), "BAD_COLLATERAL_FORMAT:vek");
  EXPECT_EQ(refusal({{"vek", to_base64(Bytes(max_collateral_item_bytes))}}), "");
  EXPECT_EQ(refusal({{"vek", to_base64(Bytes(max_collateral_item_bytes + 1))}}), "BAD_COLLATERAL_FORMAT:vek");
  EXPECT_EQ(refusal({{"vek", std::string(4 * max_collateral_item_bytes, '!')}}), "BAD_COLLATERAL_FORMAT:vek");
}

Digest key(int number) { return crypto::sha256(as_bytes(std::to_string(number))); }

TEST(TheCollateralCache, ForgetsWhatWasUsedLongestAgo) {
  CollateralCache cache(2);
  cache.keep(key(1), std::make_shared<int>(1));
  cache.keep(key(2), std::make_shared<int>(2));
  EXPECT_NE(cache.find(key(1)), nullptr);  // used last
  cache.keep(key(3), std::make_shared<int>(3));
  EXPECT_EQ(cache.find(key(2)), nullptr);
  ASSERT_NE(cache.find(key(1)), nullptr);
  EXPECT_EQ(*std::static_pointer_cast<const int>(cache.find(key(3))), 3);
  cache.keep(key(3), std::make_shared<int>(4));
  EXPECT_EQ(*std::static_pointer_cast<const int>(cache.find(key(3))), 4);
  EXPECT_NE(cache.find(key(1)), nullptr);
  CollateralCache smallest(0);
  smallest.keep(key(1), std::make_shared<int>(1));
  EXPECT_NE(smallest.find(key(1)), nullptr);
}

}  // namespace
}  // namespace blindai::evidence
