#include "http/transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "channel/tls.h"

namespace blindai::http {
namespace {

using asio::ip::tcp;
constexpr std::size_t max_piece = 256 * 1024;
constexpr std::size_t fair_share_bytes = 1024 * 1024;
constexpr std::size_t exporter_size = 32;
constexpr std::size_t max_linger_bytes = 64 * 1024 * 1024;

std::unexpected<Error> gone(const char* what = "") {
  return fail(Code::cancelled, {"the peer closed the connection"}, {what});
}

}  // namespace

Transport::Transport(tcp::socket socket, ssl_ctx_st* context) : socket_(std::move(socket)) {
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  if (context != nullptr) {
    tls_ = SSL_new(context);
    if (tls_ != nullptr) {
      SSL_set_fd(tls_, socket_.native_handle());
      SSL_set_accept_state(tls_);
    } else {
      close();
    }
  }
}

Transport::~Transport() { SSL_free(tls_); }

void Transport::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

// POLLRDHUP tells of a closed end even where bytes lie before it, as TLS's own goodbye does.
bool Transport::peer_gone() const {
  pollfd entry{socket_.native_handle(), POLLRDHUP, 0};
  return !socket_.is_open() || (::poll(&entry, 1, 0) > 0 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0);
}

Task<Result<void>> Transport::wait_ready(tcp::socket::wait_type type) {
  boost::system::error_code error;
  read_unwaited_ = 0;
  co_await socket_.async_wait(type, asio::redirect_error(asio::use_awaitable, error));
  if (error || !socket_.is_open()) {
    co_return gone("wait");
  }
  co_return Result<void>();
}

Task<Result<void>> Transport::wait(int tls_result) {
  switch (SSL_get_error(tls_, tls_result)) {
    case SSL_ERROR_WANT_READ:
      co_return co_await wait_ready(tcp::socket::wait_read);
    case SSL_ERROR_WANT_WRITE:
      co_return co_await wait_ready(tcp::socket::wait_write);
    default:
      ERR_clear_error();
      co_return gone("TLS");
  }
}

Task<Result<void>> Transport::handshake() {
  while (tls_ != nullptr && socket_.is_open()) {
    ERR_clear_error();
    const int result = SSL_do_handshake(tls_);
    if (result == 1) {
      co_return Result<void>();
    }
    BLINDAI_CO_CHECK(co_await wait(result));
  }
  co_return tls_ == nullptr&& socket_.is_open() ? Result<void>() : gone();
}

void Transport::expect_much() {
  if (tls_ != nullptr) {
    // Into the buffer of one record: in a larger one OpenSSL moves all that lies behind a record to the front.
    SSL_set_read_ahead(tls_, 1);
  }
}

// What can be had without waiting. OpenSSL gives one record at a time; the socket is asked again only where a record has
// begun to come.
std::size_t Transport::read_records(MutableBytes out, int& tls_result) {
  std::size_t have = 0;
  std::size_t count = 0;
  ERR_clear_error();
  do {
    tls_result = SSL_read_ex(tls_, out.data() + have, out.size() - have, &count);
    have += tls_result == 1 ? count : 0;
  } while (tls_result == 1 && have < out.size() && SSL_has_pending(tls_) == 1);
  return have;
}

Task<Result<std::size_t>> Transport::read_some(MutableBytes out) {
  if (read_unwaited_ >= fair_share_bytes) {
    read_unwaited_ = 0;
    co_await asio::post(socket_.get_executor(), asio::use_awaitable);
  }
  while (socket_.is_open()) {
    if (tls_ != nullptr) {
      int result = 0;
      if (const std::size_t count = read_records(out, result); count > 0) {
        read_unwaited_ += count;
        co_return count;
      }
      if (SSL_get_error(tls_, result) == SSL_ERROR_ZERO_RETURN) {
        co_return std::size_t{0};
      }
      BLINDAI_CO_CHECK(co_await wait(result));
      continue;
    }
    const ssize_t count = ::recv(socket_.native_handle(), out.data(), out.size(), 0);
    if (count >= 0) {
      read_unwaited_ += static_cast<std::size_t>(count);
      co_return static_cast<std::size_t>(count);
    }
    if (errno != EAGAIN && errno != EINTR) {
      break;
    }
    BLINDAI_CO_CHECK(co_await wait_ready(tcp::socket::wait_read));
  }
  co_return gone("read");
}

Task<Result<void>> Transport::write(ByteView bytes) {
  while (!bytes.empty()) {
    if (!socket_.is_open()) {
      co_return gone("write");
    }
    const ByteView piece = bytes.first(std::min(bytes.size(), max_piece));
    if (tls_ != nullptr) {
      std::size_t count = 0;
      ERR_clear_error();
      const int result = SSL_write_ex(tls_, piece.data(), piece.size(), &count);
      if (result == 1) {
        bytes = bytes.subspan(count);
      } else {
        BLINDAI_CO_CHECK(co_await wait(result));
      }
      continue;
    }
    const ssize_t count = ::send(socket_.native_handle(), piece.data(), piece.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN || errno == EINTR) {
      BLINDAI_CO_CHECK(co_await wait_ready(tcp::socket::wait_write));
    } else {
      co_return gone("send");
    }
  }
  co_return Result<void>();
}

Task<void> Transport::linger() {
  if (!socket_.is_open()) {
    co_return;
  }
  if (tls_ != nullptr && SSL_is_init_finished(tls_) == 1) {
    ERR_clear_error();
    SSL_shutdown(tls_);
  }
  ::shutdown(socket_.native_handle(), SHUT_WR);
  Bytes dropped(16 * 1024);
  for (std::size_t total = 0; total < max_linger_bytes;) {
    const ssize_t count = ::recv(socket_.native_handle(), dropped.data(), dropped.size(), 0);
    if (count > 0) {
      total += static_cast<std::size_t>(count);
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR) || !co_await wait_ready(tcp::socket::wait_read)) {
      break;
    }
  }
}

bool Transport::chose_http2() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  if (tls_ != nullptr) {
    SSL_get0_alpn_selected(tls_, &name, &size);
  }
  return as_text(ByteView(name, size)) == channel::http2_alpn;
}

Result<Digest> Transport::leaf() const {
  if (tls_ == nullptr) {
    return fail(Code::internal, {"a connection without TLS has no certificate"});
  }
  return channel::own_leaf_spki(tls_);
}

Result<Bytes> Transport::exporter(std::string_view label, ByteView context) const {
  if (tls_ == nullptr) {
    return fail(Code::internal, {"a connection without TLS has no keying material"});
  }
  return channel::export_keying_material(tls_, label, context, exporter_size);
}

}  // namespace blindai::http
