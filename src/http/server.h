// HTTP/1.1 over TLS for the server: accepts, bounds, and hands each request to a Handler, or a whole connection where the
// peer speaks HTTP/2. The body is pulled by the
// handler, so authorization is decided from the head alone, and bytes go straight to where they belong.
//
// Thread rule: a connection lives on one I/O thread; its Exchange is used there alone. Handler::handle runs as a
// coroutine on that thread and must not block.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"

struct ssl_ctx_st;

namespace blindai::http {

namespace asio = boost::asio;
template <typename T>
using Task = asio::awaitable<T>;

// Design section 14. Times without a body byte, then a floor on the mean rate.
struct Limits {
  std::size_t header_bytes = 16 * 1024;
  std::size_t connections = 1024;
  std::size_t unauthorised_connections = 256;  // outside those; the oldest is dropped first
  Steady::duration unauthorised_time = std::chrono::seconds(10);
  Steady::duration handshake_time = std::chrono::seconds(10);
  Steady::duration idle_time = std::chrono::seconds(60);
  Steady::duration body_stall_time = std::chrono::seconds(30);
  std::size_t body_floor_bytes_per_second = 64 * 1024;
  Steady::duration answer_stall_time = std::chrono::seconds(30);
};

struct Header {
  std::string_view name;
  std::string_view value;
};

struct RequestHead {
  std::string method;
  std::string target;  // in origin form
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<std::uint64_t> content_length;  // absent for a chunked body; 0 without a body
  bool chunked = false;
  bool old = false;  // HTTP/1.0: keeps a connection only where both sides say so, and knows no 100 Continue
  bool keep_alive = true;
  // The value of the only header of that name (any case), or nullptr where there is none. Two different ones of a header
  // that decides something are refused by the plumbing before a handler sees them: Content-Length, Host, Authorization,
  // Inference-Header-Content-Length, Content-Encoding, Repr-Digest, Blindai-Model-Digest.
  const std::string* find(std::string_view name) const;
};

// The connection that an exchange rides on: what is bound to it and what has been proven on it.
class Connection {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection() = default;
  virtual Result<Bytes> exporter(std::string_view label, ByteView context) const = 0;  // 32 bytes
  virtual bool secure() const = 0;                                                     // false on the admin listener
  virtual Result<Digest> leaf() const = 0;  // SHA-256 of the SubjectPublicKeyInfo that this end showed
  virtual void set_authorised() = 0;        // moves it out of the unauthorised ones
  int attests = 0;                          // counted by the attest handler
  // From then on the connection is closed, whatever it is doing. Set by the handler.
  UnixSeconds ends = std::numeric_limits<UnixSeconds>::max();
  // Set by the handler that authorised the last request; lets it skip a second proof on the same connection.
  std::shared_ptr<void> authorisation;
  std::string authorisation_header;
};

// The bytes of a connection whose peer chose HTTP/2 (ALPN "h2"): for the one that speaks it. One coroutine reads and
// another writes, on the connection's thread.
class ByteStream {
 public:
  ByteStream() = default;
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;
  virtual ~ByteStream() = default;
  virtual asio::any_io_executor executor() const = 0;
  virtual Connection& connection() = 0;
  virtual const Limits& limits() const = 0;
  virtual Task<Result<std::size_t>> read_some(MutableBytes out) = 0;  // 0 at an orderly end
  virtual Task<Result<void>> write(ByteView bytes) = 0;
  virtual void until(Steady::time_point deadline) = 0;  // closed then, unless told another time before
  virtual void set_idle(bool idle) = 0;                 // whether it may be closed without harm
  virtual bool draining() const = 0;                    // the server stops: nothing new is to be begun
  virtual void close() = 0;                             // ends whatever waits
};

class Exchange {
 public:
  Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  virtual ~Exchange() = default;
  virtual const RequestHead& head() const = 0;
  virtual Connection& connection() = 0;
  virtual asio::any_io_executor executor() const = 0;
  // Next bytes of the body, de-chunked; 0 at its end. Sends 100 Continue first where it is expected. Errors: cancelled
  // (the peer went away), deadline_exceeded (too slow), invalid_argument (framing).
  virtual Task<Result<std::size_t>> read_some(MutableBytes out) = 0;
  // Exactly so many, else invalid_argument where the body ends before.
  virtual Task<Result<void>> read_exact(MutableBytes out) = 0;
  // The answer, once. Content-Length, Date-less; the parts are written without joining them. A body not read by then is
  // read and dropped if small, else the connection closes after the answer.
  virtual Task<void> respond(int status, std::vector<Header> headers, std::span<const ByteView> body) = 0;
  // {"error": "..."} with the status of the code, or with another and more headers. `message` is public by type.
  Task<void> respond_error(const Error& error);
  Task<void> respond_refusal(int status, const Error& error, std::vector<Header> headers);
  Task<void> respond_json(int status, const std::string& json);
  // Whether the peer has closed its end: nobody waits for the answer any more. Costs one system call.
  virtual bool peer_gone() const = 0;
  bool responded() const { return responded_; }

 protected:
  bool responded_ = false;
};

class Handler {
 public:
  Handler() = default;
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;
  virtual ~Handler() = default;
  virtual void opened(Connection&) {}  // after the handshake, before the first request
  virtual Task<void> handle(Exchange& exchange) = 0;
  // A connection that speaks HTTP/2, to its end. Here: closes it.
  virtual Task<void> serve_http2(ByteStream&) { co_return; }
};

// Listens until stop(). Runs its connections on the given I/O contexts, in turn.
class Server {
 public:
  struct Options {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  // 0: any free one
    Limits limits;
    const Clock* clock = &system_clock();  // for Connection::ends
  };
  // `tls` null: plain HTTP, for the admin listener. Errors: unavailable, "port in use" for people.
  static Result<std::unique_ptr<Server>> listen(std::vector<asio::io_context*> io, const Options& options,
                                                std::function<ssl_ctx_st*()> tls, Handler& handler);
  virtual ~Server() = default;
  virtual std::uint16_t port() const = 0;
  virtual std::size_t connection_count() const = 0;
  virtual void stop_accepting() = 0;  // thread-safe; the drain begins
  // Closes idle connections now and the others after their answer. Thread-safe.
  virtual void drain() = 0;
  virtual void close_all() = 0;
};

}  // namespace blindai::http
