#include "channel/merkle.h"

#include <gtest/gtest.h>

#include <bit>

#include "crypto/crypto.h"

namespace blindai::channel {
namespace {

std::vector<Bytes> leaves(std::size_t count) {
  std::vector<Bytes> out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back({static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8)});
  }
  return out;
}

// RFC 9162 section 2.1.1 as it is written there, top down.
Digest root_by_definition(std::span<const Bytes> list) {
  crypto::Sha256 hash;
  if (list.size() == 1) {
    hash.update(Bytes{0});
    hash.update(list[0]);
    return hash.finish();
  }
  const std::size_t left = std::bit_ceil(list.size()) / 2;
  hash.update(Bytes{1});
  hash.update(root_by_definition(list.first(left)).view());
  hash.update(root_by_definition(list.subspan(left)).view());
  return hash.finish();
}

TEST(AMerkleTree, HasTheRootOfTheRfc) {
  for (std::size_t size = 1; size <= 40; ++size) {
    EXPECT_EQ(merkle_root(leaves(size)), root_by_definition(leaves(size))) << size;
  }
}

TEST(AMerklePath, LeadsFromEveryLeafToTheRootAndFromNoOther) {
  for (std::size_t size = 1; size <= 40; ++size) {
    const auto list = leaves(size);
    const Digest root = merkle_root(list);
    for (std::size_t index = 0; index < size; ++index) {
      const MerklePath path = merkle_path(list, index);
      EXPECT_EQ(root_of_path(list[index], path), root) << index << " of " << size;
      EXPECT_NE(root_of_path(Bytes{9, 9}, path), root);
      for (std::size_t other = 0; other <= size; ++other) {
        MerklePath moved = path;
        moved.index = other;
        EXPECT_EQ(root_of_path(list[index], moved) == root, other == index) << other << " for " << index;
      }
    }
  }
}

TEST(AMerklePath, OfWrongLengthLeadsNowhere) {
  const auto list = leaves(11);
  const MerklePath good = merkle_path(list, 5);
  MerklePath path = good;
  path.hashes.pop_back();
  EXPECT_FALSE(root_of_path(list[5], path));
  path = good;
  path.hashes.emplace_back();
  EXPECT_FALSE(root_of_path(list[5], path));
  path = good;
  path.size = 0;
  EXPECT_FALSE(root_of_path(list[5], path));
}

TEST(AMerklePath, HasAtMostSixteenHashes) {
  MerklePath path{0, std::uint64_t{1} << 16, std::vector<Digest>(16)};
  EXPECT_TRUE(root_of_path(Bytes{1}, path));
  path = {0, std::uint64_t{1} << 17, std::vector<Digest>(17)};
  EXPECT_FALSE(root_of_path(Bytes{1}, path));
  path = {0, UINT64_MAX, std::vector<Digest>(16)};
  EXPECT_FALSE(root_of_path(Bytes{1}, path));
}

}  // namespace
}  // namespace blindai::channel
