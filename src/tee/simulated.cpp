#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"
#include "evidence/simulated.h"
#include "tee/platform.h"

namespace blindai::tee {
namespace {

constexpr std::size_t seed_size = 32;

class Simulated final : public Platform {
 public:
  Simulated(crypto::Ed25519Key root, Digest measurement)
      : root_(std::move(root)), key_(crypto::Ed25519Key::generate()), measurement_(measurement) {}
  std::string_view kind() const override { return "simulated"; }
  Result<evidence::Item> quote(const std::array<std::uint8_t, 64>& report_data) override {
    return evidence::Item{"simulated", evidence::make_simulated_evidence(root_, key_, measurement_, report_data), {}};
  }

 private:
  crypto::Ed25519Key root_;
  crypto::Ed25519Key key_;
  Digest measurement_;
};

Result<crypto::Ed25519Key> read_root(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) {
    return fail_errno(Code::internal, {"the simulation root key cannot be examined"}, "fstat");
  }
  if (!S_ISREG(status.st_mode) || (status.st_mode & 077U) != 0 || status.st_uid != ::geteuid()) {
    return fail(Code::permission_denied,
                {"the simulation root key file must be a regular file of this user with mode 0600"});
  }
  std::array<std::uint8_t, seed_size + 1> seed{};
  const ssize_t count = ::read(fd, seed.data(), seed.size());
  if (count != static_cast<ssize_t>(seed_size)) {
    return fail(Code::invalid_argument,
                {"the simulation root key file must hold {} bytes; remove it to make a new one", seed_size});
  }
  auto key = crypto::Ed25519Key::from_seed(ByteView(seed).first(seed_size));
  crypto::cleanse(seed);
  return key;
}

// All of it, or errno says why not.
bool write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) {
      return false;
    }
    bytes = bytes.subspan(count < 0 ? 0 : static_cast<std::size_t>(count));
  }
  return true;
}

// Written beside its place and linked to it, so that a whole key or none is there, and the first of two that start at
// once wins.
Result<void> make_root(const std::string& path) {
  std::string draft = path + ".XXXXXX";
  const UniqueFd fd(::mkostemp(draft.data(), O_CLOEXEC));
  if (!fd) {
    return fail_errno(Code::unavailable, {"the simulation root key cannot be written; is its folder there?"},
                      "mkostemp");
  }
  Bytes seed = crypto::random_bytes(seed_size);
  const bool written = ::fchmod(fd.get(), 0600) == 0 && write_all(fd.get(), seed) && ::fsync(fd.get()) == 0;
  crypto::cleanse(seed);
  const bool placed = written && (::link(draft.c_str(), path.c_str()) == 0 || errno == EEXIST);
  const int error = errno;
  ::unlink(draft.c_str());
  if (!placed) {
    errno = error;
    return fail_errno(Code::unavailable, {"the simulation root key cannot be written; is there room on its disk?"},
                      "write or link");
  }
  return {};
}

UniqueFd open_root(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
}

}  // namespace

Result<SimulatedPlatform> open_simulated(const std::string& root_key_file, const Digest& measurement) {
  UniqueFd fd = open_root(root_key_file);
  if (!fd && errno == ENOENT) {
    BLINDAI_CHECK(make_root(root_key_file));
    fd = open_root(root_key_file);
  }
  if (!fd) {
    return fail_errno(Code::unavailable, {"the simulation root key cannot be opened"}, "open");
  }
  BLINDAI_TRY(auto root, read_root(fd.get()));
  const Digest digest = crypto::sha256(root.public_key_der());
  return SimulatedPlatform{std::make_unique<Simulated>(std::move(root), measurement), digest};
}

}  // namespace blindai::tee
