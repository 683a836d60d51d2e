#include "bench/tls_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

namespace blindai::bench {
namespace {

constexpr std::size_t buffer_bytes = 64 * 1024;

bool write_all(SSL* tls, ByteView bytes) {
  for (std::size_t count = 0; !bytes.empty(); bytes = bytes.subspan(count)) {
    if (SSL_write_ex(tls, bytes.data(), bytes.size(), &count) != 1) {
      return false;
    }
  }
  return true;
}

bool read_all(SSL* tls, MutableBytes bytes) {
  for (std::size_t count = 0; !bytes.empty(); bytes = bytes.subspan(count)) {
    if (SSL_read_ex(tls, bytes.data(), bytes.size(), &count) != 1) {
      return false;
    }
  }
  return true;
}

void serve_one(int fd, SSL_CTX* context, TlsPeer::Mode mode, std::size_t message_bytes) {
  const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context), SSL_free);
  SSL_set_fd(tls.get(), fd);
  if (SSL_accept(tls.get()) != 1) {
    return;
  }
  Bytes buffer(std::max(message_bytes, buffer_bytes));
  const MutableBytes message = MutableBytes(buffer).first(message_bytes);
  while (mode == TlsPeer::Mode::echo) {
    if (!read_all(tls.get(), message) || !write_all(tls.get(), message)) {
      return;
    }
  }
  for (;;) {
    const int got = SSL_read(tls.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (got <= 0) {
      return;
    }
    // A sink answers the byte that ends the upload, so that the client times what has arrived.
    if (buffer[static_cast<std::size_t>(got) - 1] == 1) {
      SSL_write(tls.get(), "1", 1);
    }
  }
}

}  // namespace

TlsPeer::TlsPeer(UniqueFd listener, channel::ServerIdentity identity, std::uint16_t port, Mode mode,
                 std::size_t message_bytes)
    : listener_(std::move(listener)),
      identity_(std::move(identity)),
      port_(port),
      mode_(mode),
      message_bytes_(message_bytes),
      thread_([this] { serve(); }) {}

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
    serve_one(fd.get(), context.get(), mode_, message_bytes_);
  }
}

Result<std::unique_ptr<TlsPeer>> TlsPeer::start(Mode mode, std::size_t message_bytes) {
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
  return std::unique_ptr<TlsPeer>(
      new TlsPeer(std::move(listener), std::move(identity), ntohs(address.sin_port), mode, message_bytes));
}

Result<std::unique_ptr<channel::ClientStream>> TlsPeer::connect() const {
  channel::ClientOptions options;
  options.host = "127.0.0.1";
  options.port = port_;
  options.identity = {.server_name = "localhost", .ca = evidence::Any{}};
  return channel::ClientStream::connect(options);
}

}  // namespace blindai::bench
