// SHA-256 of a file that grows, taken behind the thread that writes or sends it.
//
// A HashThread reads what has come and hashes it, in turns where there are several files. It runs at low priority: what
// moves bytes goes first, and it takes what is left of the CPUs. Whoever wants the digest hashes the rest on the spot, so
// nobody ever waits for a thread that others keep from running.
//
//   BLINDAI_TRY(auto hash, crypto::FileHash::of(fd, thread));
//   while (...) {                // write to the file
//     hash.grown_to(size);
//   }
//   BLINDAI_TRY(const Digest digest, hash.finish());
//
// Thread rule: a HashThread is thread-safe; a FileHash belongs to one thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/fd.h"
#include "crypto/crypto.h"

namespace blindai::crypto {

class HashThread;

class FileHash {
 public:
  // Keeps a descriptor of its own. Without a thread finish() does all the work.
  static Result<FileHash> of(const UniqueFd& file, std::shared_ptr<HashThread> thread);
  FileHash(FileHash&&) noexcept = default;
  FileHash& operator=(FileHash&& other) noexcept;
  ~FileHash() { withdraw(); }  // the thread lets go of the file, at most after the piece at hand

  // The file has that many bytes by now, and they do not change any more.
  void grown_to(std::uint64_t size);
  std::uint64_t hashed() const;  // bytes, so far
  // Hashes what is left, and ends it: no thread reads the file any more. `interrupted` is asked from time to time.
  // Errors: cancelled, and unavailable where the file cannot be read as far as it had grown.
  Result<Digest> finish(const std::function<bool()>& interrupted = {});

 private:
  friend class HashThread;
  struct State;
  FileHash(std::shared_ptr<State> state, std::shared_ptr<HashThread> thread)
      : state_(std::move(state)), thread_(std::move(thread)) {}
  void withdraw();

  std::shared_ptr<State> state_;  // with the thread, while it works on it
  std::shared_ptr<HashThread> thread_;
};

class HashThread {
 public:
  HashThread();

 private:
  friend class FileHash;
  using File = std::shared_ptr<FileHash::State>;
  void enlist(const File& file);
  void withdraw(const File& file);
  void work(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<File> queue_;  // of files that have something to hash, each once
  std::jthread thread_;     // the last member: it uses the others
};

}  // namespace blindai::crypto
