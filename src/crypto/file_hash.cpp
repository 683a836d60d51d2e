#include "crypto/file_hash.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>

namespace blindai::crypto {
namespace {

constexpr std::size_t read_bytes = 64 * 1024;
constexpr std::uint64_t turn_bytes = 256 * 1024;
constexpr int niceness = 10;

}  // namespace

struct FileHash::State {
  UniqueFd fd;
  std::atomic<std::uint64_t> size = 0;    // that may be hashed
  std::atomic<std::uint64_t> hashed = 0;  // of them
  bool listed = false;                    // guarded by the thread's mutex: in its queue, or at hand
  bool withdrawn = false;                 // the same: not to be listed again
  std::mutex mutex;                       // held for a turn; guards what follows
  Sha256 hash;
  bool broken = false;

  bool behind() const { return hashed < size; }
  bool turn();
};

// Hashes one piece, where there is one. False where the file cannot be read.
bool FileHash::State::turn() {
  const std::scoped_lock lock(mutex);
  const std::uint64_t end = std::min(size.load(), hashed + turn_bytes);
  std::array<std::uint8_t, read_bytes> buffer;
  while (!broken && hashed < end) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end - hashed));
    const ssize_t count = ::pread(fd.get(), buffer.data(), wanted, static_cast<off_t>(hashed.load()));
    if (count > 0) {
      hash.update(ByteView(buffer).first(static_cast<std::size_t>(count)));
      hashed += static_cast<std::uint64_t>(count);
    } else {
      broken = count == 0 || errno != EINTR;
    }
  }
  return !broken;
}

Result<FileHash> FileHash::of(const UniqueFd& file, std::shared_ptr<HashThread> thread) {
  auto state = std::make_shared<State>();
  BLINDAI_TRY(state->fd, file.duplicate());
  return FileHash(std::move(state), std::move(thread));
}

FileHash& FileHash::operator=(FileHash&& other) noexcept {
  if (this != &other) {
    withdraw();
    state_ = std::move(other.state_);
    thread_ = std::move(other.thread_);
  }
  return *this;
}

void FileHash::grown_to(std::uint64_t size) {
  state_->size = size;
  if (thread_) {
    thread_->enlist(state_);
  }
}

std::uint64_t FileHash::hashed() const { return state_->hashed; }

Result<Digest> FileHash::finish(const std::function<bool()>& interrupted) {
  withdraw();
  while (state_->behind()) {
    if (interrupted && interrupted()) {
      return fail(Code::cancelled, {"the call was interrupted"});
    }
    if (!state_->turn()) {
      return fail(Code::unavailable, {"the file cannot be read as far as it had grown"});
    }
  }
  const std::scoped_lock lock(state_->mutex);
  return state_->hash.finish();
}

void FileHash::withdraw() {
  if (state_ && thread_) {
    thread_->withdraw(state_);
  }
}

HashThread::HashThread() : thread_([this](const std::stop_token& stop) { work(stop); }) {}

void HashThread::enlist(const File& file) {
  const std::scoped_lock lock(mutex_);
  if (!file->listed && !file->withdrawn) {
    file->listed = true;
    queue_.push_back(file);
    wake_.notify_one();
  }
}

void HashThread::withdraw(const File& file) {
  const std::scoped_lock lock(mutex_);
  file->withdrawn = true;
  std::erase(queue_, file);
}

void HashThread::work(const std::stop_token& stop) {
  ::setpriority(PRIO_PROCESS, 0, niceness);  // on Linux: of this thread alone
  std::unique_lock lock(mutex_);
  while (wake_.wait(lock, stop, [this] { return !queue_.empty(); })) {
    File file = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    const bool readable = file->turn();
    lock.lock();
    file->listed = readable && !file->withdrawn && file->behind();
    if (file->listed) {
      queue_.push_back(std::move(file));
    }
    lock.unlock();
    file.reset();  // may be the last to hold a large file in memory
    lock.lock();
  }
}

}  // namespace blindai::crypto
