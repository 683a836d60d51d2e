// Descriptors and mappings that close themselves.
#pragma once

#include <cstddef>
#include <utility>

#include "base/bytes.h"

namespace blindai {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();
  Result<UniqueFd> duplicate() const;  // close-on-exec

 private:
  int fd_ = -1;
};

// A mapping of a descriptor from offset 0, shared where it may be written. Unmapped on destruction; the address stays when moved.
class Mapping {
 public:
  enum class Access { read_only, read_write };
  Mapping() = default;
  Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { reset(); }

  // `size` in bytes; zero gives an empty mapping. The caller has checked that the file is that long.
  static Result<Mapping> of(int fd, std::size_t size, Access access);
  ByteView view() const { return bytes_; }
  MutableBytes bytes() { return bytes_; }  // writing needs Access::read_write
  void reset();

 private:
  MutableBytes bytes_;
};

// An anonymous file in memory, close-on-exec, sealable. `name` shows in /proc only.
Result<UniqueFd> make_memfd(const char* name, std::size_t size_bytes);

// The whole of a regular file of at most `limit` bytes.
Result<Bytes> read_file(const char* path, std::size_t limit);

}  // namespace blindai
