// A connection that is memory: what the server reads is put in, what it writes comes out.
#pragma once

#include <algorithm>
#include <boost/asio/io_context.hpp>

#include "grpc/event.h"

namespace blindai::grpc {

struct NoConnection final : http::Connection {
  Result<Bytes> exporter(std::string_view, ByteView) const override { return Bytes(32); }
  bool secure() const override { return true; }
  Result<Digest> leaf() const override { return Digest{}; }
  void set_authorised() override {}
};

// What the server reads is put in, what it writes comes out.
class Wire final : public http::ByteStream {
 public:
  explicit Wire(boost::asio::io_context& io) : io_(io), came_(io.get_executor()), unstuck_(io.get_executor()) {}
  boost::asio::any_io_executor executor() const override { return io_.get_executor(); }
  http::Connection& connection() override { return connection_; }
  const http::Limits& limits() const override { return http_limits; }
  Task<Result<std::size_t>> read_some(MutableBytes room) override {
    while (in.empty() && !closed) {
      co_await came_.wait();
    }
    const std::size_t count = std::min(room.size(), in.size());
    std::ranges::copy(ByteView(in).first(count), room.begin());
    in.erase(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(count));
    co_return closed ? 0 : count;
  }
  Task<Result<void>> write(ByteView bytes) override {
    while (stuck && !closed) {
      co_await unstuck_.wait();
    }
    if (closed) {
      co_return fail(Code::cancelled, {"closed"});
    }
    append(out, bytes);
    co_return Result<void>();
  }
  void until(Steady::time_point deadline) override { ends = deadline; }
  void set_idle(bool now) override { idle = now; }
  bool draining() const override { return drains; }
  void close() override {
    closed = true;
    came_.set();
    unstuck_.set();
  }
  void put(ByteView bytes) {
    append(in, bytes);
    came_.set();
  }

  http::Limits http_limits;
  Bytes in;
  Bytes out;
  Steady::time_point ends = Steady::time_point::max();
  bool stuck = false;
  bool closed = false;
  bool idle = false;
  bool drains = false;

 private:
  boost::asio::io_context& io_;
  Event came_;
  Event unstuck_;
  NoConnection connection_;
};

}  // namespace blindai::grpc
