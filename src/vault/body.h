// The bytes of a model: received into a memfd, hashed behind their arrival, sealed after the last one. Only a whole body
// exists; a receiver that is dropped gives its memory back.
//
// Thread rule: a BodyReceiver belongs to one thread; a Body is immutable and shared.
#pragma once

#include <memory>

#include "base/fd.h"
#include "crypto/file_hash.h"

namespace blindai::vault {

class Body {
 public:
  int fd() const { return fd_.get(); }
  std::uint64_t size() const { return size_; }
  const Digest& sha256() const { return sha256_; }  // of all bytes
  ByteView view() const { return mapping_.view(); }

 private:
  friend class BodyReceiver;
  UniqueFd fd_;
  Mapping mapping_;
  std::uint64_t size_ = 0;
  Digest sha256_;
};

class BodyReceiver {
 public:
  // `expected`: from Content-Length, or nothing for a chunked body. Without a thread finish() hashes all.
  static Result<BodyReceiver> start(std::optional<std::uint64_t> expected, std::uint64_t limit,
                                    std::shared_ptr<crypto::HashThread> thread = nullptr);
  BodyReceiver(BodyReceiver&&) noexcept;
  BodyReceiver& operator=(BodyReceiver&&) noexcept;
  ~BodyReceiver();
  // Errors: too_large, resource_exhausted (memory). After an error the receiver is of no use.
  Result<void> append(ByteView bytes);
  std::uint64_t received() const;
  // Seals against writing, growing and shrinking, hashes what is left, and maps. Takes as long as hashing does. Errors:
  // invalid_argument where bytes are missing.
  Result<std::shared_ptr<const Body>> finish();

 private:
  struct Impl;
  explicit BodyReceiver(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace blindai::vault
