// RFC 9162 section 2.1 Merkle tree over nonces, so that one slow quote serves everyone who waits for it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace blindai::channel {

inline constexpr std::size_t max_path_hashes = 16;  // and so at most 65 536 nonces under one root

struct MerklePath {
  std::uint64_t index = 0;
  std::uint64_t size = 0;
  std::vector<Digest> hashes;  // from the leaf upwards
};

// The whole tree, for those who need many of its paths.
class MerkleTree {
 public:
  explicit MerkleTree(std::span<const Bytes> leaves);
  Digest root() const;
  MerklePath path(std::uint64_t index) const;  // of an existing leaf

 private:
  std::vector<std::vector<Digest>> levels_;  // the leaves first
};
Digest merkle_root(std::span<const Bytes> leaves);
MerklePath merkle_path(std::span<const Bytes> leaves, std::uint64_t index);
// Root that the path leads to (RFC 9162 section 2.1.3.2), or nothing where index, size and count of hashes disagree.
std::optional<Digest> root_of_path(ByteView leaf, const MerklePath& path);

}  // namespace blindai::channel
