// gRPC over HTTP/2 ("gRPC over HTTP2", grpc.io) for the server: what a service sees of a call, and serve(), which speaks
// HTTP/2 on a connection whose TLS is already ours. The session is the connection: a call cannot be of another one than
// that whose exporter, leaf and authorisation it is given.
//
// Who may call what is decided from the head of a call, before a byte of its messages is kept.
//
// Thread rule: everything of a connection runs on its I/O thread; Memory is thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "http/server.h"

namespace blindai::grpc {

using http::Task;

// What the messages of all calls of all connections take together, counted while they are held.
class Memory {
 public:
  explicit Memory(std::uint64_t limit) : limit_(limit) {}
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  std::uint64_t used() const { return used_; }

 private:
  friend class Held;
  const std::uint64_t limit_;
  std::atomic<std::uint64_t> used_ = 0;
};

class Held {
 public:
  explicit Held(Memory& memory) : memory_(&memory) {}
  Held(Held&& other) noexcept : memory_(other.memory_), bytes_(std::exchange(other.bytes_, 0)) {}
  Held& operator=(Held&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Held() { memory_->used_ -= bytes_; }
  Result<void> take(std::uint64_t bytes);  // so many more; resource_exhausted
  void give_back(std::uint64_t bytes);     // of those taken

 private:
  Memory* memory_;
  std::uint64_t bytes_ = 0;
};

struct Message {
  Bytes bytes;
  Held held;
};

// What a call says before its messages.
struct Head {
  std::string path;  // "/package.Service/Method"
  std::optional<std::string> authorization;
  std::optional<std::string> pin;  // blindai-model-digest
  std::optional<Steady::time_point> deadline;
};

class Call {
 public:
  Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  virtual ~Call() = default;
  virtual const Head& head() const = 0;
  virtual http::Connection& connection() = 0;
  virtual boost::asio::any_io_executor executor() const = 0;
  virtual bool gone() const = 0;      // nobody waits any more
  virtual bool draining() const = 0;  // the server is about to end
  // Until nobody waits any more, the deadline of the call has passed, or the server drains.
  virtual Task<void> until_over() = 0;
  // Metadata of the answer; before its first message. `name` in lower case.
  virtual void add_metadata(std::string name, std::string value) = 0;
  // The next message; nothing after the last. Errors: cancelled (the caller went away), deadline_exceeded (too slow),
  // too_large, resource_exhausted, invalid_argument and unimplemented (framing, compression).
  virtual Task<Result<std::optional<Message>>> read() = 0;
  // One message, of parts that are sent without joining them; they must live until this is done. Errors: cancelled;
  // too_large for what no client takes.
  virtual Task<Result<void>> write(std::span<const ByteView> parts) = 0;
  // The same of the last message of a call that succeeds, with its status behind it.
  virtual Task<Result<void>> write_last(std::span<const ByteView> parts) = 0;
};

// The only message of a call that has one. Error: invalid_argument where there is none; those of read().
Task<Result<Message>> read_only(Call& call);

// How a call goes on once its head was found good.
struct Method {
  std::size_t message_bytes = 64 * 1024;  // of a message that comes
  bool streams = false;                   // more than one message may come
  // A call ends with the status of what this returns.
  std::function<Task<Result<void>>(Call&)> run;
};

class Service {
 public:
  Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  virtual ~Service() = default;
  // Errors become the status of the call: unimplemented where there is no such method.
  virtual Result<Method> find(const Head& head, http::Connection& connection) = 0;
};

// Bounds of one connection, beside those of http::Limits.
struct Limits {
  std::uint32_t calls = 128;  // at once
  std::uint32_t call_window_bytes = 1024 * 1024;
  std::uint32_t connection_window_bytes = 4 * 1024 * 1024;
  Steady::duration quiet_time = std::chrono::minutes(10);  // of a call that streams, between its messages
  // Frames that carry nothing, calls that were given up, settings, pings: so many may come at once, and each second.
  // Bytes of messages and calls that ended well earn more.
  std::int64_t idle_frames = 2000;
  std::int64_t idle_frames_per_second = 200;
};

// Until the connection ends. Uses `service` and `memory` no longer than that.
Task<void> serve(http::ByteStream& stream, Service& service, Memory& memory, const Limits& limits);

}  // namespace blindai::grpc
