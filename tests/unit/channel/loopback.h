// A TLS server on loopback that serves one connection on a thread of its own.
#pragma once

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <functional>
#include <thread>

#include "base/fd.h"

namespace blindai::channel {

class Loopback {
 public:
  // `serve` runs after the handshake, with the connection; takes over the context.
  Loopback(SSL_CTX* context, std::function<void(SSL*)> serve) : context_(context) {
    listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);  // NOLINT
    if (::bind(listener_.get(), generic, size) != 0 || ::listen(listener_.get(), 4) != 0 ||
        ::getsockname(listener_.get(), generic, &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, serve = std::move(serve)] {
      const UniqueFd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer) {
        return;
      }
      SSL* tls = SSL_new(context_);
      SSL_set_fd(tls, peer.get());
      if (SSL_accept(tls) == 1) {
        serve(tls);
        SSL_shutdown(tls);
      }
      SSL_free(tls);
    });
  }
  Loopback(const Loopback&) = delete;
  Loopback& operator=(const Loopback&) = delete;
  ~Loopback() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
    SSL_CTX_free(context_);
  }
  std::uint16_t port() const { return port_; }

 private:
  SSL_CTX* context_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace blindai::channel
