#include "vault/body.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace blindai::vault {
namespace {

Result<void> seal(const UniqueFd& file, int seals) {
  if (::fcntl(file.get(), F_ADD_SEALS, seals) != 0) {
    return fail_errno(Code::internal, {"the model cannot be sealed"}, "fcntl F_ADD_SEALS");
  }
  return {};
}

}  // namespace

struct BodyReceiver::Impl {
  UniqueFd fd;
  std::optional<crypto::FileHash> hash;
  std::uint64_t received = 0;
  std::uint64_t limit = 0;
  std::optional<std::uint64_t> expected;
};

BodyReceiver::BodyReceiver(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BodyReceiver::BodyReceiver(BodyReceiver&&) noexcept = default;
BodyReceiver& BodyReceiver::operator=(BodyReceiver&&) noexcept = default;
BodyReceiver::~BodyReceiver() = default;

Result<BodyReceiver> BodyReceiver::start(std::optional<std::uint64_t> expected, std::uint64_t limit,
                                         std::shared_ptr<crypto::HashThread> thread) {
  if (expected && *expected > limit) {
    return fail(Code::too_large, {"the model has {} bytes, the limit is {}", *expected, limit});
  }
  auto impl = std::make_unique<Impl>();
  BLINDAI_TRY(impl->fd, make_memfd("blindai-model", 0));
  BLINDAI_TRY(impl->hash, crypto::FileHash::of(impl->fd, std::move(thread)));
  impl->limit = limit;
  impl->expected = expected;
  return BodyReceiver(std::move(impl));
}

Result<void> BodyReceiver::append(ByteView bytes) {
  // No overflow: received is at most limit, and bytes lie in memory.
  if (bytes.size() > impl_->expected.value_or(impl_->limit) - impl_->received) {
    return fail(Code::too_large, {"the model is over the limit of {} bytes", impl_->expected.value_or(impl_->limit)});
  }
  const std::uint64_t received = impl_->received + bytes.size();
  while (!bytes.empty()) {
    const ssize_t count = ::write(impl_->fd.get(), bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) {
        continue;
      }
      return fail_errno(Code::resource_exhausted, {"the server has no memory left for this model"}, "write");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  impl_->received = received;
  impl_->hash->grown_to(received);
  return {};
}

std::uint64_t BodyReceiver::received() const { return impl_->received; }

Result<std::shared_ptr<const Body>> BodyReceiver::finish() {
  if (impl_->expected && impl_->received != *impl_->expected) {
    return fail(Code::invalid_argument, {"the upload ended after {} of {} bytes", impl_->received, *impl_->expected});
  }
  if (impl_->received == 0) {
    return fail(Code::invalid_argument, {"the model is empty"});
  }
  // From here on nobody can write, and what the digest is finished over is what stays. F_SEAL_WRITE, by which the kernel
  // also vouches that no writable mapping is left from before, has to wait until the hash thread reads no more: pages in
  // use make it fail.
  BLINDAI_CHECK(seal(impl_->fd, F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SHRINK));
  auto body = std::make_shared<Body>();
  BLINDAI_TRY(body->sha256_, impl_->hash->finish());
  BLINDAI_CHECK(seal(impl_->fd, F_SEAL_WRITE | F_SEAL_SEAL));
  BLINDAI_TRY(body->mapping_, Mapping::of(impl_->fd.get(), impl_->received, Mapping::Access::read_only));
  body->fd_ = std::move(impl_->fd);
  body->size_ = impl_->received;
  return body;
}

}  // namespace blindai::vault
