// Private to this folder: bytes over a TCP connection, with TLS or without, as coroutines on one thread.
//
// OpenSSL works on the socket itself: what a caller reads is decrypted into the caller's memory, with no buffer between.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "http/server.h"

struct ssl_st;

namespace blindai::http {

class Transport {
 public:
  // `context` null: plain. Takes no reference of its own: it is used here and now.
  Transport(asio::ip::tcp::socket socket, ssl_ctx_st* context);
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  ~Transport();

  Task<Result<void>> handshake();
  // What has come, up to the whole of `out`; 0 at an orderly end. However fast the peer, the other connections of this
  // thread get their turn from time to time.
  Task<Result<std::size_t>> read_some(MutableBytes out);
  // A large body comes: takes a record from the socket at once, not its head and its body.
  void expect_much();
  Task<Result<void>> write(ByteView bytes);
  // Says goodbye, and reads what the peer still sends, so that our last words are not lost to a reset.
  Task<void> linger();
  void close();  // ends whatever waits
  bool peer_gone() const;
  bool secure() const { return tls_ != nullptr; }
  bool chose_http2() const;  // by ALPN
  Result<Bytes> exporter(std::string_view label, ByteView context) const;
  Result<Digest> leaf() const;

 private:
  std::size_t read_records(MutableBytes out, int& tls_result);
  Task<Result<void>> wait(int tls_result);
  Task<Result<void>> wait_ready(asio::ip::tcp::socket::wait_type type);
  mutable asio::ip::tcp::socket socket_;  // asio's native_handle() is not const
  ssl_st* tls_ = nullptr;
  std::size_t read_unwaited_ = 0;  // bytes, since this connection last let others run
};

}  // namespace blindai::http
