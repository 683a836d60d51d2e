// Private to this folder: one request and its answer.
#pragma once

#include "http/chunks.h"
#include "http/connection.h"

namespace blindai::http {

class LiveExchange final : public Exchange {
 public:
  LiveExchange(LiveConnection& connection, RequestHead head, bool expects_continue);
  const RequestHead& head() const override { return head_; }
  Connection& connection() override { return connection_; }
  asio::any_io_executor executor() const override { return connection_.executor(); }
  Task<Result<std::size_t>> read_some(MutableBytes out) override;
  Task<Result<void>> read_exact(MutableBytes out) override;
  Task<void> respond(int status, std::vector<Header> headers, std::span<const ByteView> body) override;
  bool peer_gone() const override { return broken_ || connection_.transport().peer_gone(); }

  // After the answer: whether the connection may carry another request.
  Task<bool> finish();

 private:
  Task<Result<std::size_t>> read_raw(MutableBytes out);
  Task<Result<std::size_t>> receive(MutableBytes out);
  Task<Result<std::size_t>> read_chunked(MutableBytes out);
  Task<Result<void>> send(ByteView bytes);
  Result<void> check_rate();
  bool body_done() const;

  LiveConnection& connection_;
  RequestHead head_;
  std::uint64_t left_ = 0;  // of a body with a length
  ChunkDecoder chunks_;
  bool expects_continue_;
  bool broken_ = false;  // nothing more can be read or written
  Steady::time_point body_begun_{};
  std::uint64_t body_bytes_ = 0;
};

}  // namespace blindai::http
