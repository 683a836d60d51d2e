#include "bench/tls_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

namespace blindai::bench {
namespace {

constexpr std::size_t buffer_bytes = 64 * 1024;

void serve_one(int fd, SSL_CTX* context, TlsPeer::Mode mode) {
  const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context), SSL_free);
  SSL_set_fd(tls.get(), fd);
  if (SSL_accept(tls.get()) != 1) {
    return;
  }
  Bytes buffer(buffer_bytes);
  for (;;) {
    const int got = SSL_read(tls.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (got <= 0) {
      return;
    }
    if (mode == TlsPeer::Mode::echo && SSL_write(tls.get(), buffer.data(), got) != got) {
      return;
    }
    // A sink answers the byte that ends the upload, so that the client times what has arrived.
    if (mode == TlsPeer::Mode::sink && buffer[static_cast<std::size_t>(got) - 1] == 1) {
      SSL_write(tls.get(), "1", 1);
    }
  }
}

}  // namespace

TlsPeer::TlsPeer(UniqueFd listener, channel::ServerIdentity identity, std::uint16_t port, Mode mode)
    : listener_(std::move(listener)), identity_(std::move(identity)), port_(port), mode_(mode), thread_([this] {
        serve();
      }) {}

TlsPeer::~TlsPeer() {
  ::shutdown(listener_.get(), SHUT_RDWR);
  thread_.join();
}

void TlsPeer::serve() {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(identity_.make_context(), SSL_CTX_free);
  for (;;) {
    const UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) {
      return;
    }
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    serve_one(fd.get(), context.get(), mode_);
  }
}

Result<std::unique_ptr<TlsPeer>> TlsPeer::start(Mode mode) {
  BLINDAI_TRY(auto identity, channel::ServerIdentity::generate({"localhost"}, system_clock().now()));
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);  // NOLINT
  if (!listener || ::bind(listener.get(), generic, size) != 0 || ::listen(listener.get(), 16) != 0 ||
      ::getsockname(listener.get(), generic, &size) != 0) {
    return fail_errno(Code::unavailable, {"cannot listen on loopback"}, "bind");
  }
  return std::unique_ptr<TlsPeer>(new TlsPeer(std::move(listener), std::move(identity), ntohs(address.sin_port), mode));
}

Result<std::unique_ptr<channel::ClientStream>> TlsPeer::connect() const {
  channel::ClientOptions options;
  options.host = "127.0.0.1";
  options.port = port_;
  options.identity = {.server_name = "localhost", .ca = evidence::Any{}};
  return channel::ClientStream::connect(options);
}

}  // namespace blindai::bench
