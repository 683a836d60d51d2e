#include "channel/merkle.h"

#include <bit>

#include "crypto/crypto.h"

namespace blindai::channel {
namespace {

// RFC 9162 section 2.1.1: leaves and nodes are hashed under different prefixes.
Digest leaf_hash(ByteView leaf) {
  crypto::Sha256 hash;
  hash.update(std::array<std::uint8_t, 1>{0x00});
  hash.update(leaf);
  return hash.finish();
}

Digest node_hash(const Digest& left, const Digest& right) {
  crypto::Sha256 hash;
  hash.update(std::array<std::uint8_t, 1>{0x01});
  hash.update(left.view());
  hash.update(right.view());
  return hash.finish();
}

// One level up. The last of an odd count moves up as it is, which builds the RFC's tree from below.
std::vector<Digest> level_above(const std::vector<Digest>& level) {
  std::vector<Digest> above;
  above.reserve((level.size() + 1) / 2);
  for (std::size_t i = 0; i + 1 < level.size(); i += 2) {
    above.push_back(node_hash(level[i], level[i + 1]));
  }
  if (level.size() % 2 == 1) {
    above.push_back(level.back());
  }
  return above;
}

std::vector<Digest> leaf_level(std::span<const Bytes> leaves) {
  std::vector<Digest> level;
  level.reserve(leaves.size());
  for (const Bytes& leaf : leaves) {
    level.push_back(leaf_hash(leaf));
  }
  return level;
}

}  // namespace

MerkleTree::MerkleTree(std::span<const Bytes> leaves) {
  levels_.push_back(leaf_level(leaves));
  while (levels_.back().size() > 1) {
    levels_.push_back(level_above(levels_.back()));
  }
}

Digest MerkleTree::root() const { return levels_.back().empty() ? crypto::sha256({}) : levels_.back().front(); }

MerklePath MerkleTree::path(std::uint64_t index) const {
  MerklePath path{index, levels_.front().size(), {}};
  for (std::size_t level = 0; level + 1 < levels_.size(); ++level, index /= 2) {
    if (const std::uint64_t sibling = index ^ 1U; sibling < levels_[level].size()) {
      path.hashes.push_back(levels_[level][sibling]);
    }
  }
  return path;
}

Digest merkle_root(std::span<const Bytes> leaves) { return MerkleTree(leaves).root(); }
MerklePath merkle_path(std::span<const Bytes> leaves, std::uint64_t index) { return MerkleTree(leaves).path(index); }

std::optional<Digest> root_of_path(ByteView leaf, const MerklePath& path) {
  if (path.index >= path.size || path.hashes.size() > max_path_hashes ||
      path.size > std::uint64_t{1} << max_path_hashes) {
    return std::nullopt;
  }
  std::uint64_t index = path.index;
  std::uint64_t last = path.size - 1;
  Digest hash = leaf_hash(leaf);
  for (const Digest& sibling : path.hashes) {
    if (last == 0) {
      return std::nullopt;
    }
    if (index % 2 == 1 || index == last) {
      hash = node_hash(sibling, hash);
      const int levels = index == 0 ? 0 : std::countr_zero(index);
      index >>= levels;
      last >>= levels;
    } else {
      hash = node_hash(hash, sibling);
    }
    index >>= 1U;
    last >>= 1U;
  }
  return last == 0 ? std::optional(hash) : std::nullopt;
}

}  // namespace blindai::channel
