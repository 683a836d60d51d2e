// Private to this folder: one connection of a server, from handshake to close, on the thread of its shard.
//
// Deadlines are looked at by the shard's sweep (server.cpp), several times a second: a request sets a time and pays no
// timer of its own.
#pragma once

#include "http/head.h"
#include "http/transport.h"

namespace blindai::http {

class LiveConnection final : public Connection, public ByteStream, public std::enable_shared_from_this<LiveConnection> {
 public:
  LiveConnection(asio::ip::tcp::socket socket, ssl_ctx_st* tls, const Limits& limits);

  Result<Bytes> exporter(std::string_view label, ByteView context) const override {
    return transport_.exporter(label, context);
  }
  bool secure() const override { return transport_.secure(); }
  Result<Digest> leaf() const override { return transport_.leaf(); }
  void set_authorised() override { authorised_ = true; }

  // Until either end closes.
  Task<void> run(Handler& handler);

  bool authorised() const { return authorised_; }
  bool idle() const { return idle_; }
  bool expired(Steady::time_point now, UnixSeconds wall) const {
    return now >= std::min(deadline_, authorised_ ? never : first_deadline_) || wall >= ends;
  }
  void close() override { transport_.close(); }
  void close_after_answer() { draining_ = true; }
  bool draining() const override { return draining_; }

  // As a stream of bytes, for HTTP/2.
  Connection& connection() override { return *this; }
  Task<Result<std::size_t>> read_some(MutableBytes out) override { return transport_.read_some(out); }
  Task<Result<void>> write(ByteView bytes) override { return transport_.write(bytes); }
  void set_idle(bool idle) override { idle_ = idle; }

  // For an Exchange.
  Transport& transport() { return transport_; }
  const Limits& limits() const override { return limits_; }
  MutableBytes buffered() { return MutableBytes(buffer_).subspan(begin_, end_ - begin_); }
  void consume(std::size_t count) { begin_ += count; }
  // Where nothing is buffered: room for what comes next, and how much of it did.
  MutableBytes room() {
    begin_ = end_ = 0;
    return buffer_;
  }
  void filled(std::size_t count) { end_ = count; }
  void until(Steady::time_point deadline) override { deadline_ = deadline; }
  asio::any_io_executor executor() const override { return executor_; }

 private:
  static constexpr auto never = Steady::time_point::max();
  Task<Result<std::optional<ParsedHead>>> next_head();
  Task<bool> serve_one(Handler& handler);

  asio::any_io_executor executor_;
  Transport transport_;
  const Limits& limits_;
  Bytes buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  Steady::time_point first_deadline_;  // to be authorised by
  Steady::time_point deadline_;        // of what is being waited for
  bool authorised_ = false;
  bool idle_ = false;
  bool draining_ = false;
};

}  // namespace blindai::http
