#include "http/server.h"

#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>

#include "http/connection.h"

namespace blindai::http {
namespace {

using asio::ip::tcp;
constexpr auto sweep_time = std::chrono::milliseconds(200);
constexpr auto pause_after_error = std::chrono::milliseconds(50);

// The connections of one I/O context, touched on its thread alone.
class Shard : public std::enable_shared_from_this<Shard> {
 public:
  Shard(asio::io_context& io, const Server::Options& options, std::size_t unauthorised, Handler& handler)
      : io_(io),
        timer_(io),
        limits_(options.limits),
        clock_(*options.clock),
        unauthorised_limit_(unauthorised),
        handler_(handler) {}

  asio::io_context& io() { return io_; }
  std::size_t count() const { return count_.load(); }

  void start() {
    asio::co_spawn(io_, [self = shared_from_this()] { return self->sweep(); }, asio::detached);
  }
  void add(tcp::socket socket, ssl_ctx_st* context) {
    asio::co_spawn(
        io_,
        [self = shared_from_this(), socket = std::move(socket), context]() mutable {
          return self->live(std::move(socket), context);
        },
        asio::detached);
  }
  void drain() {
    asio::post(io_, [self = shared_from_this()] {
      self->draining_ = true;
      for (const auto& connection : self->connections_) {
        connection->close_after_answer();
        if (connection->idle()) {
          connection->close();
        }
      }
    });
  }
  void close_all() {
    asio::post(io_, [self = shared_from_this()] {
      self->stopped_ = true;
      self->timer_.cancel();
      for (const auto& connection : self->connections_) {
        connection->close();
      }
    });
  }

 private:
  Task<void> live(tcp::socket socket, ssl_ctx_st* context) {
    const auto self = shared_from_this();
    if (stopped_ || draining_) {
      SSL_CTX_free(context);
      co_return;
    }
    make_room();
    const auto connection = std::make_shared<LiveConnection>(std::move(socket), context, limits_);
    SSL_CTX_free(context);
    const auto place = connections_.insert(connections_.end(), connection);
    ++count_;
    co_await connection->run(handler_);
    connections_.erase(place);
    --count_;
  }

  // The oldest that has not shown a key yet gives way.
  void make_room() {
    std::size_t unauthorised = 0;
    LiveConnection* oldest = nullptr;
    for (const auto& connection : connections_) {
      if (!connection->authorised()) {
        oldest = oldest == nullptr ? connection.get() : oldest;
        ++unauthorised;
      }
    }
    if (unauthorised >= unauthorised_limit_ && oldest != nullptr) {
      oldest->close();
    }
  }

  Task<void> sweep() {
    const auto self = shared_from_this();
    while (!stopped_) {
      timer_.expires_after(sweep_time);
      boost::system::error_code ignored;
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      const auto now = Steady::now();
      const UnixSeconds wall = clock_.now();
      for (const auto& connection : connections_) {
        if (connection->expired(now, wall)) {
          connection->close();
        }
      }
    }
  }

  asio::io_context& io_;
  asio::steady_timer timer_;
  const Limits limits_;
  const Clock& clock_;
  std::size_t unauthorised_limit_;
  Handler& handler_;
  std::list<std::shared_ptr<LiveConnection>> connections_;
  std::atomic<std::size_t> count_ = 0;
  bool draining_ = false;
  bool stopped_ = false;
};

// Of every connection that is accepted: one whose peer vanished without a word is found dead within minutes, even where a
// call on it waits for as long as its caller likes.
void end_with_the_peer(tcp::acceptor& acceptor) {
  const int on = 1;
  const int idle_seconds = 60;
  const int between_seconds = 15;
  const int probes = 4;
  const int fd = acceptor.native_handle();
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between_seconds, sizeof between_seconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

class Listener final : public Server {
 public:
  Listener(std::vector<asio::io_context*> io, const Options& options, std::function<ssl_ctx_st*()> tls,
           Handler& handler)
      : acceptor_(std::make_shared<tcp::acceptor>(*io.front())), tls_(std::move(tls)), limits_(options.limits) {
    const std::size_t unauthorised = std::max<std::size_t>(1, options.limits.unauthorised_connections / io.size());
    for (asio::io_context* context : io) {
      shards_.push_back(std::make_shared<Shard>(*context, options, unauthorised, handler));
    }
  }
  ~Listener() override {
    stop_accepting();
    close_all();
  }

  Result<void> open(const Options& options) {
    boost::system::error_code error;
    const auto address = asio::ip::make_address(options.address, error);
    if (error) {
      return fail(Code::invalid_argument, {"'{}' is not an address to listen on", Disclosed(options.address)});
    }
    const tcp::endpoint endpoint(address, options.port);
    acceptor_->open(endpoint.protocol(), error);
    if (!error) {
      acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
      end_with_the_peer(*acceptor_);
      acceptor_->bind(endpoint, error);
    }
    if (!error) {
      acceptor_->listen(tcp::acceptor::max_listen_connections, error);
    }
    if (error) {
      return fail(
          Code::unavailable,
          {"port {} of {} cannot be listened on ({}); is another server running there? Choose another with --port",
           options.port, Disclosed(options.address), Disclosed(error.message())});
    }
    port_ = acceptor_->local_endpoint(error).port();
    for (const auto& shard : shards_) {
      shard->start();
    }
    asio::co_spawn(shards_.front()->io(), accept(acceptor_, shards_, tls_, limits_), asio::detached);
    return {};
  }

  std::uint16_t port() const override { return port_; }
  std::size_t connection_count() const override {
    std::size_t count = 0;
    for (const auto& shard : shards_) {
      count += shard->count();
    }
    return count;
  }
  void stop_accepting() override {
    asio::post(shards_.front()->io(), [acceptor = acceptor_] {
      boost::system::error_code ignored;
      acceptor->close(ignored);
    });
  }
  void drain() override {
    for (const auto& shard : shards_) {
      shard->drain();
    }
  }
  void close_all() override {
    for (const auto& shard : shards_) {
      shard->close_all();
    }
  }

 private:
  // Keeps what it uses: the Listener may go away while it waits.
  static Task<void> accept(std::shared_ptr<tcp::acceptor> acceptor, std::vector<std::shared_ptr<Shard>> shards,
                           std::function<ssl_ctx_st*()> tls, Limits limits) {
    for (std::size_t next = 0; acceptor->is_open(); ++next) {
      Shard& shard = *shards[next % shards.size()];
      boost::system::error_code error;
      tcp::socket socket =
          co_await acceptor->async_accept(shard.io(), asio::redirect_error(asio::use_awaitable, error));
      if (error) {
        if (!acceptor->is_open()) {
          co_return;
        }
        asio::steady_timer pause(acceptor->get_executor(), pause_after_error);  // out of descriptors, say
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      std::size_t count = 0;
      for (const auto& each : shards) {
        count += each->count();
      }
      if (count < limits.connections + limits.unauthorised_connections) {
        shard.add(std::move(socket), tls ? tls() : nullptr);
      }
    }
  }

  std::shared_ptr<tcp::acceptor> acceptor_;
  std::vector<std::shared_ptr<Shard>> shards_;
  std::function<ssl_ctx_st*()> tls_;
  Limits limits_;
  std::uint16_t port_ = 0;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::listen(std::vector<asio::io_context*> io, const Options& options,
                                               std::function<ssl_ctx_st*()> tls, Handler& handler) {
  auto listener = std::make_unique<Listener>(std::move(io), options, std::move(tls), handler);
  BLINDAI_CHECK(listener->open(options));
  return listener;
}

}  // namespace blindai::http
