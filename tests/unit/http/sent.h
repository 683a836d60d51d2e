// A request without a connection: what its head says, and a body that comes in pieces.
#pragma once

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cstdlib>

#include "http/server.h"

namespace blindai::http {

// A body that comes in pieces of `piece` bytes, with a length or (`chunked`) without.
class Sent final : public Exchange {
 public:
  Sent(asio::io_context& io, Bytes body, std::string coding, bool chunked, std::size_t piece)
      : io_(io), body_(std::move(body)), piece_(piece) {
    head_.method = "POST";
    head_.chunked = chunked;
    if (!chunked) {
      head_.content_length = body_.size();
    }
    if (!coding.empty()) {
      head_.headers.emplace_back("Content-Encoding", std::move(coding));
    }
  }
  void add(std::string name, std::string value) { head_.headers.emplace_back(std::move(name), std::move(value)); }
  const RequestHead& head() const override { return head_; }
  Connection& connection() override { std::abort(); }
  asio::any_io_executor executor() const override { return io_.get_executor(); }
  Task<Result<std::size_t>> read_some(MutableBytes out) override {
    const std::size_t count = std::min({out.size(), piece_, body_.size() - read});
    std::ranges::copy(ByteView(body_).subspan(read, count), out.begin());
    read += count;
    co_return count;
  }
  Task<Result<void>> read_exact(MutableBytes out) override {
    while (!out.empty()) {
      BLINDAI_CO_TRY(const std::size_t count, co_await read_some(out));
      if (count == 0) {
        co_return fail(Code::invalid_argument, {"the body is shorter than it must be"});
      }
      out = out.subspan(count);
    }
    co_return Result<void>();
  }
  Task<void> respond(int, std::vector<Header>, std::span<const ByteView>) override { co_return; }
  bool peer_gone() const override { return false; }
  std::size_t read = 0;

 private:
  asio::io_context& io_;
  RequestHead head_;
  Bytes body_;
  std::size_t piece_;
};

// Runs it to its end.
template <typename T>
T wait(asio::io_context& io, Task<T> task) {
  std::optional<T> out;
  asio::co_spawn(io, [&]() -> Task<void> { out = co_await std::move(task); }, asio::detached);
  io.restart();
  io.run();
  return std::move(*out);
}

}  // namespace blindai::http
