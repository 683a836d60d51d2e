#include "base/fd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace blindai {

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void UniqueFd::reset() {
  if (fd_ >= 0) {
    ::close(fd_);
    fd_ = -1;
  }
}

Result<UniqueFd> UniqueFd::duplicate() const {
  UniqueFd copy(::fcntl(fd_, F_DUPFD_CLOEXEC, 3));
  if (!copy) {
    return fail_errno(Code::internal, {"the server is out of descriptors"}, "fcntl F_DUPFD_CLOEXEC");
  }
  return copy;
}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  if (this != &other) {
    reset();
    bytes_ = std::exchange(other.bytes_, {});
  }
  return *this;
}

void Mapping::reset() {
  if (!bytes_.empty()) {
    ::munmap(bytes_.data(), bytes_.size());
    bytes_ = {};
  }
}

Result<Mapping> Mapping::of(int fd, std::size_t size, Access access) {
  Mapping mapping;
  if (size == 0) {
    return mapping;
  }
  const int protection = access == Access::read_only ? PROT_READ : PROT_READ | PROT_WRITE;
  // Nothing is written through a read-only mapping, so a private one sees the same pages. Before Linux 6.7 a shared one of
  // memory that is sealed against writing was refused.
  const int sharing = access == Access::read_only ? MAP_PRIVATE : MAP_SHARED;
  void* address = ::mmap(nullptr, size, protection, sharing, fd, 0);
  if (address == MAP_FAILED) {  // NOLINT
    return fail_errno(Code::resource_exhausted, {"out of memory"}, "mmap");
  }
  mapping.bytes_ = {static_cast<std::uint8_t*>(address), size};
  return mapping;
}

Result<UniqueFd> make_memfd(const char* name, std::size_t size_bytes) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) {
    return fail_errno(Code::resource_exhausted, {"out of memory"}, "memfd_create");
  }
  if (::ftruncate(fd.get(), static_cast<off_t>(size_bytes)) != 0) {
    return fail_errno(Code::resource_exhausted, {"out of memory"}, "ftruncate of a memfd");
  }
  return fd;
}

Result<Bytes> read_file(const char* path, std::size_t limit) {
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) {
    return fail_errno(errno == ENOENT ? Code::not_found : Code::permission_denied, {"the file cannot be opened"}, path);
  }
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return fail(Code::invalid_argument, {"not a regular file"}, Detail{path});
  }
  Bytes out;
  for (;;) {
    const std::size_t have = out.size();
    out.resize(have + 65536);
    const ssize_t got = ::read(fd.get(), out.data() + have, 65536);
    if (got < 0 && errno == EINTR) {
      out.resize(have);
      continue;
    }
    if (got < 0) {
      return fail_errno(Code::unavailable, {"the file cannot be read"}, path);
    }
    out.resize(have + static_cast<std::size_t>(got));
    if (out.size() > limit) {
      return fail(Code::too_large, {"the file is larger than the limit of {} bytes", limit}, Detail{path});
    }
    if (got == 0) {
      return out;
    }
  }
}

}  // namespace blindai
