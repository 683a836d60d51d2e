#include "channel/socket.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

namespace blindai::channel {
namespace {

constexpr auto tick = std::chrono::milliseconds(100);

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

std::unexpected<Error> cancelled() { return fail(Code::cancelled, {"the call was interrupted"}); }
std::unexpected<Error> too_late() { return fail(Code::deadline_exceeded, {"the time for the call ran out"}); }

// The resolver cannot be interrupted, so it runs beside and is left behind where it takes too long; the state is shared
// with it for that reason.
struct Lookup {
  std::mutex mutex;
  std::condition_variable done;
  bool finished = false;
  int error = 0;
  Addresses addresses;
};

Result<Addresses> resolve(const std::string& host, std::uint16_t port, Steady::time_point deadline,
                          const Interrupted& interrupted) {
  auto lookup = std::make_shared<Lookup>();
  std::thread([lookup, host, service = std::to_string(port)] {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const int error = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &list);
    const std::scoped_lock lock(lookup->mutex);
    lookup->error = error;
    lookup->addresses.reset(list);
    lookup->finished = true;
    lookup->done.notify_all();
  }).detach();
  std::unique_lock lock(lookup->mutex);
  while (!lookup->done.wait_for(lock, tick, [&] { return lookup->finished; })) {
    if (interrupted && interrupted()) {
      return cancelled();
    }
    if (Steady::now() >= deadline) {
      return too_late();
    }
  }
  if (lookup->error != 0) {
    return fail(Code::unavailable, {"the name of the host cannot be resolved"}, {::gai_strerror(lookup->error)});
  }
  return std::move(lookup->addresses);
}

Result<UniqueFd> connect_to(const addrinfo& address, Steady::time_point deadline, const Interrupted& interrupted) {
  UniqueFd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) {
    return fail_errno(Code::unavailable, {"no socket can be made"}, "socket");
  }
  const int yes = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) {
      return fail_errno(Code::unavailable, {"the server cannot be reached"}, "connect");
    }
    BLINDAI_CHECK(wait_for(fd.get(), POLLOUT, deadline, interrupted));
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
      errno = error;
      return fail_errno(Code::unavailable, {"the server cannot be reached: nobody listens there"}, "connect");
    }
  }
  return fd;
}

int descriptor_of(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))); }  // NOLINT

int bio_write(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t count = ::send(descriptor_of(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    BIO_set_retry_write(bio);
  }
  return static_cast<int>(count);
}

int bio_read(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t count = ::recv(descriptor_of(bio), data, static_cast<std::size_t>(size), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    BIO_set_retry_read(bio);
  }
  return static_cast<int>(count);
}

long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD* make_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
  if (method != nullptr) {
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_ctrl(method, bio_control);
  }
  return method;
}

}  // namespace

Result<void> wait_for(int fd, short events, Steady::time_point deadline, const Interrupted& interrupted) {
  while (true) {
    if (interrupted && interrupted()) {
      return cancelled();
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Steady::now());
    if (left <= std::chrono::milliseconds(0)) {
      return too_late();
    }
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::min(left, std::chrono::milliseconds(tick)).count()));
    if (ready > 0) {
      return {};
    }
    if (ready < 0 && errno != EINTR) {
      return fail_errno(Code::unavailable, {"the connection cannot be waited for"}, "poll");
    }
  }
}

Result<UniqueFd> connect_tcp(const std::string& host, std::uint16_t port, Steady::time_point deadline,
                             const Interrupted& interrupted) {
  BLINDAI_TRY(const auto addresses, resolve(host, port, deadline, interrupted));
  Result<UniqueFd> fd = fail(Code::unavailable, {"the host has no address"});
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    fd = connect_to(*address, deadline, interrupted);
    if (fd || fd.error().code != Code::unavailable) {
      break;
    }
  }
  return fd;
}

BIO* make_socket_bio(int fd) {
  static BIO_METHOD* const method = make_method();
  BIO* bio = method == nullptr ? nullptr : BIO_new(method);
  if (bio != nullptr) {
    BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));  // NOLINT
    BIO_set_init(bio, 1);
  }
  return bio;
}

}  // namespace blindai::channel
