// The server half over plain TCP and over TLS, on loopback, with what peers do wrong.
#include "http/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "base/fd.h"
#include "channel/tls.h"
#include "http/client.h"

namespace blindai::http {
namespace {

using namespace std::chrono_literals;

// Answers with what it was sent, or as the target says.
struct Echo final : Handler {
  Task<void> handle(Exchange& exchange) override {
    ++requests;
    const std::string target = exchange.head().target;
    if (target == "/unread") {
      const Error no{Code::unauthenticated, {"no"}};
      co_await exchange.respond_error(no);
      co_return;
    }
    if (target == "/large") {
      const Bytes large(64 << 20);
      const ByteView view = large;
      std::vector<Header> headers;
      co_await exchange.respond(200, std::move(headers), std::span(&view, 1));
      co_return;
    }
    if (target == "/too-much") {
      throw std::bad_alloc();
    }
    if (target == "/authorise") {
      exchange.connection().set_authorised();
    }
    Bytes body;
    Bytes piece(target == "/laborious" ? 100'000 : 1000);
    while (true) {
      const auto count = co_await exchange.read_some(piece);
      if (!count) {
        co_await exchange.respond_error(count.error());
        co_return;
      }
      if (*count == 0) {
        break;
      }
      if (target == "/laborious") {
        ++pieces;
        std::this_thread::sleep_for(2ms);
        continue;
      }
      append(body, ByteView(piece).first(*count));
    }
    const ByteView view = body;
    std::vector<Header> headers;
    co_await exchange.respond(200, std::move(headers), std::span(&view, 1));
  }
  std::atomic<int> requests = 0;
  std::atomic<int> pieces = 0;  // of a body that is a lot of work for the I/O thread
};

struct HttpServer : testing::Test {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard = asio::make_work_guard(io);
  Echo echo;
  Server::Options options;
  std::optional<channel::ServerIdentity> identity;
  std::unique_ptr<Server> server;
  std::thread thread;

  void start(bool tls = false) {
    ::signal(SIGPIPE, SIG_IGN);
    std::function<ssl_ctx_st*()> context;
    if (tls) {
      identity = *channel::ServerIdentity::generate({"localhost"}, system_clock().now());
      context = [this] { return identity->make_context(); };
    }
    server = *Server::listen({&io}, options, context, echo);
    thread = std::thread([this] { io.run(); });
  }
  void TearDown() override {
    if (server) {
      server->stop_accepting();
      server->close_all();
      guard.reset();
      thread.join();
      EXPECT_EQ(server->connection_count(), 0u);
      server.reset();
    }
  }

  UniqueFd connect() const {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);  // NOLINT
    return fd;
  }
  static void send(const UniqueFd& fd, std::string_view text) {
    EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // All until the server closes, or until `quiet_ms` pass without a byte, `first_ms` without the first.
  static std::string receive(const UniqueFd& fd, int quiet_ms = 300, int first_ms = 0) {
    std::string out;
    std::array<char, 4096> buffer{};
    pollfd entry{fd.get(), POLLIN, 0};
    while (::poll(&entry, 1, out.empty() ? std::max(quiet_ms, first_ms) : quiet_ms) > 0) {
      const ssize_t count = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
      if (count <= 0) {
        return out + (count == 0 ? "<end>" : "<reset>");
      }
      out.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return out;
  }
  std::string ask(std::string_view text) const {
    const UniqueFd fd = connect();
    send(fd, text);
    return receive(fd, 300, 10'000);
  }
};

TEST_F(HttpServer, AnswersAndKeepsTheConnection) {
  start();
  const UniqueFd fd = connect();
  for (int i = 0; i < 3; ++i) {
    send(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_EQ(receive(fd), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  }
}

TEST_F(HttpServer, TakesPipelinedChunkedHeadAndHttp10) {
  start();
  const std::string one = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n";
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
  EXPECT_EQ(ask(one + "a" + one + "b"), answer + "a" + answer + "b");
  EXPECT_EQ(ask("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_EQ(ask("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n<end>");
}

TEST_F(HttpServer, SaysContinueOnlyWhenTheBodyIsWanted) {
  start();
  const UniqueFd fd = connect();
  send(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(receive(fd), "HTTP/1.1 100 Continue\r\n\r\n");
  send(fd, "a");
  EXPECT_TRUE(receive(fd).starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(ask("POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
                  .starts_with("HTTP/1.1 401"));
}

TEST_F(HttpServer, KeepsAConnectionOfHttp10WhereBothSaySo) {
  start();
  EXPECT_EQ(ask("POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na"
                "POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nb"),
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\na"
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nb<end>");
  const UniqueFd fd = connect();
  send(fd, "POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(receive(fd, 100), "");  // it knows no 100
  send(fd, "a");
  EXPECT_TRUE(receive(fd).starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServer, TakesAHundredThousandChunksOfOneByte) {
  start();
  std::string body;
  for (int i = 0; i < 100'000; ++i) {
    body += "1\r\na\r\n";
  }
  const std::string answer = ask("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body +
                                 "0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n")) << answer.substr(0, 100);
  EXPECT_TRUE(answer.ends_with("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
}

TEST_F(HttpServer, RefusesWhatIsAmbiguousOrNoHttp) {
  start();
  for (const std::string request :
       {"nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        "GET x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http:///x HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\na",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nInference-Header-Content-Length: 1\r\nInference-Header-Content-Length: 2\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Encoding: identity\r\nContent-Encoding: gzip\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nRepr-Digest: a\r\nrepr-digest: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nBlindai-Model-Digest: a\r\nBLINDAI-MODEL-DIGEST: b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "GET /a\x7f HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"}) {
    const std::string answer = ask(request);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400") || answer.starts_with("HTTP/1.1 501")) << request << answer;
    EXPECT_TRUE(answer.ends_with("<end>")) << request << answer;
  }
  EXPECT_EQ(echo.requests, 0);
}

TEST_F(HttpServer, BoundsTheHead) {
  start();
  const auto with = [](std::size_t size) {
    const std::string head = "GET / HTTP/1.1\r\nHost: x\r\nX: ";
    return head + std::string(size - head.size() - 4, 'a') + "\r\n\r\n";
  };
  EXPECT_TRUE(ask(with(16 * 1024)).starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(ask(with(16 * 1024 + 1)).starts_with("HTTP/1.1 431"));
  EXPECT_TRUE(ask(with(1024 * 1024)).starts_with("HTTP/1.1 431"));
}

TEST_F(HttpServer, AnswersBeforeAnUnwantedBodyAndCloses) {
  start();
  const UniqueFd fd = connect();
  send(fd, "POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n");
  const std::string answer = receive(fd, 500);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 401")) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

TEST_F(HttpServer, TakesNoUnwantedBodyForARequest) {
  start();
  const std::string hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string answer =
      ask("POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(hidden.size()) + "\r\n\r\n" + hidden +
          "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 401")) << answer;
  EXPECT_NE(answer.find("HTTP/1.1 200"), std::string::npos) << answer;
  EXPECT_EQ(echo.requests, 2);
}

TEST_F(HttpServer, TakesNoBodyThatIsCutOffForAWholeOne) {
  start();
  for (const char* request : {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
                              "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"}) {
    const UniqueFd fd = connect();
    send(fd, request);
    ::shutdown(fd.get(), SHUT_WR);
    EXPECT_EQ(receive(fd, 2000).find("200"), std::string::npos) << request;
  }
}

// One limit at a time, the others far away.
TEST_F(HttpServer, DropsAConnectionThatIsIdleBetweenRequests) {
  options.limits.idle_time = 200ms;
  start();
  const UniqueFd fd = connect();
  send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(receive(fd, 3000).ends_with("<end>"));
}

TEST_F(HttpServer, DropsAHeadThatHasBegunAndStalls) {
  options.limits.body_stall_time = 200ms;
  start();
  const UniqueFd together = connect();
  send(together, "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT");
  EXPECT_TRUE(receive(together, 3000).ends_with("<end>"));
  const UniqueFd later = connect();
  send(later, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_FALSE(receive(later, 300).ends_with("<end>"));
  send(later, "GET / HT");
  EXPECT_TRUE(receive(later, 3000).ends_with("<end>"));
}

TEST_F(HttpServer, DropsABodySlowerThanTheFloor) {
  options.limits.body_stall_time = 300ms;
  start();
  const UniqueFd fd = connect();
  send(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
  std::string answer;
  for (int i = 0; i < 60 && answer.empty(); ++i) {
    ::send(fd.get(), "a", 1, MSG_NOSIGNAL);
    answer = receive(fd, 50);
  }
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 504")) << answer;
}

TEST_F(HttpServer, DropsWhoDoesNotTakeItsAnswer) {
  options.limits.answer_stall_time = 300ms;
  start();
  const UniqueFd fd = connect();
  send(fd, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  std::array<char, 10> first{};
  ASSERT_EQ(::recv(fd.get(), first.data(), first.size(), MSG_WAITALL), 10);
  EXPECT_EQ(server->connection_count(), 1u);
  const auto end = Steady::now() + 5s;
  while (server->connection_count() > 0 && Steady::now() < end) {
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(server->connection_count(), 0u);
}

TEST_F(HttpServer, DropsAHandshakeThatDoesNotCome) {
  options.limits.handshake_time = 200ms;
  start(true);
  EXPECT_FALSE(receive(connect(), 3000).empty());
}

TEST_F(HttpServer, DropsWhoShowsNoKeyInTime) {
  options.limits.unauthorised_time = 600ms;
  start(true);
  channel::ClientOptions client;
  client.host = "127.0.0.1";
  client.port = server->port();
  const auto authorised = *channel::ClientStream::connect(client);
  const auto stranger = *channel::ClientStream::connect(client);
  const auto ask_again = [](channel::ClientStream& stream, const char* target) {
    stream.set_deadline(Steady::now() + 5s);
    ClientRequest get;
    get.method = "GET";
    get.target = target;
    return exchange(stream, "x", get, 1000).has_value();
  };
  ASSERT_TRUE(ask_again(*authorised, "/authorise"));
  bool alive = true;
  for (int i = 0; i < 30 && alive; ++i) {
    alive = ask_again(*stranger, "/");
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_FALSE(alive) << "however busy it is";
  EXPECT_TRUE(ask_again(*authorised, "/"));
}

TEST_F(HttpServer, HasACountOfConnections) {
  options.limits.connections = 2;
  options.limits.unauthorised_connections = 1;
  start();
  std::vector<UniqueFd> all;
  for (int i = 0; i < 3; ++i) {
    all.push_back(connect());
    send(all.back(), "GET /authorise HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(receive(all.back()).starts_with("HTTP/1.1 200")) << i;
  }
  EXPECT_FALSE(receive(connect(), 2000).empty());
  all.pop_back();
  std::this_thread::sleep_for(100ms);
  const UniqueFd next = connect();
  send(next, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(receive(next).starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServer, DropsWhoIsSlow) {
  options.limits.idle_time = 200ms;
  options.limits.body_stall_time = 200ms;
  options.limits.handshake_time = 200ms;
  start();
  EXPECT_TRUE(receive(connect(), 3000).ends_with("<end>"));
  const UniqueFd half_head = connect();
  send(half_head, "GET / HT");
  EXPECT_TRUE(receive(half_head, 3000).ends_with("<end>"));
  const UniqueFd half_body = connect();
  send(half_body, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_NE(receive(half_body, 3000), "");
}

TEST_F(HttpServer, OutlivesARequestThatMemoryDoesNotSufficeFor) {
  start();
  const std::string answer = ask("GET /too-much HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 429")) << answer;
  EXPECT_TRUE(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServer, ClosesAConnectionWhenItsTimeHasCome) {
  struct Ending final : Handler {
    void opened(Connection& connection) override { connection.ends = 1000; }
    Task<void> handle(Exchange& exchange) override {
      Bytes byte(1);
      while (co_await exchange.read_some(byte)) {
      }
    }
  } ending;
  ManualClock clock(999);
  Server::Options until;
  until.clock = &clock;
  auto other = *Server::listen({&io}, until, nullptr, ending);
  thread = std::thread([this] { io.run(); });
  server = std::move(other);
  const UniqueFd idle = connect();
  const UniqueFd busy = connect();
  send(busy, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(receive(idle, 500), "");
  EXPECT_EQ(receive(busy, 500), "");
  clock.set(1000);
  EXPECT_FALSE(receive(idle, 2000).empty());
  EXPECT_FALSE(receive(busy, 2000).empty());
  TearDown();  // before the handler goes
}

TEST_F(HttpServer, DropsTheOldestThatHasShownNoKey) {
  options.limits.unauthorised_connections = 3;
  start(true);
  channel::ClientOptions client;
  client.host = "127.0.0.1";
  client.port = server->port();
  const auto connect_tls = [&] { return *channel::ClientStream::connect(client); };
  const auto request = [](channel::ClientStream& stream, const char* target) {
    stream.set_deadline(Steady::now() + 5s);
    ClientRequest get;
    get.method = "GET";
    get.target = target;
    return exchange(stream, "x", get, 1000);
  };
  const auto authorised = connect_tls();
  ASSERT_TRUE(request(*authorised, "/authorise"));
  const auto oldest = connect_tls();
  ASSERT_TRUE(request(*oldest, "/"));
  std::vector<std::unique_ptr<channel::ClientStream>> others;
  for (int i = 0; i < 3; ++i) {
    others.push_back(connect_tls());
    ASSERT_TRUE(request(*others.back(), "/"));
  }
  EXPECT_FALSE(request(*oldest, "/"));
  EXPECT_TRUE(request(*authorised, "/"));
  EXPECT_TRUE(request(*others.back(), "/"));
}

TEST_F(HttpServer, CarriesLargeBodiesOverTls) {
  start(true);
  channel::ClientOptions client;
  client.host = "127.0.0.1";
  client.port = server->port();
  const auto stream = *channel::ClientStream::connect(client);
  stream->set_deadline(Steady::now() + 20s);
  Bytes body(3'000'001);
  for (std::size_t i = 0; i < body.size(); ++i) {
    body[i] = static_cast<std::uint8_t>(i * 7);
  }
  ClientRequest post;
  post.method = "POST";
  post.target = "/";
  post.body = {body};
  const auto answer = exchange(*stream, "x", post, 10'000'000);
  ASSERT_TRUE(answer) << answer.error().message.str();
  EXPECT_EQ(answer->body, body);
  const auto too_much = exchange(*stream, "x", post, 1000);
  EXPECT_EQ(too_much.error().code, Code::too_large);
}

// Its bytes are always there before the server has dealt with those it has: the connection never waits.
TEST_F(HttpServer, AFastPeerDoesNotKeepTheThreadFromTheOthers) {
  start(true);
  channel::ClientOptions client;
  client.host = "127.0.0.1";
  client.port = server->port();
  const auto fast = *channel::ClientStream::connect(client);
  const auto other = *channel::ClientStream::connect(client);
  fast->set_deadline(Steady::now() + 60s);
  other->set_deadline(Steady::now() + 60s);
  const Bytes body(40'000'000);  // most of a second of work
  ClientRequest post{.method = "POST", .target = "/laborious", .body = {body}};
  std::thread sender([&] { EXPECT_TRUE(exchange(*fast, "x", post, 1000)); });
  while (echo.pieces < 20) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(exchange(*other, "x", ClientRequest{.method = "GET", .target = "/"}, 1000));
  EXPECT_LT(echo.pieces, 300) << "the other was answered only after the body";
  sender.join();
}

TEST_F(HttpServer, SaysThatItsPortIsTaken) {
  start();
  Server::Options second;
  second.port = server->port();
  const auto other = Server::listen({&io}, second, nullptr, echo);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::unavailable);
  EXPECT_NE(other.error().message.str().find("--port"), std::string::npos);
}

TEST_F(HttpServer, DrainsIdleConnectionsAndFinishesOthers) {
  start();
  const UniqueFd idle = connect();
  send(idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(receive(idle).starts_with("HTTP/1.1 200"));
  const UniqueFd busy = connect();
  send(busy, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na");
  std::this_thread::sleep_for(50ms);
  server->stop_accepting();
  server->drain();
  EXPECT_TRUE(receive(idle, 2000).ends_with("<end>"));
  send(busy, "b");
  const std::string answer = receive(busy, 2000);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

}  // namespace
}  // namespace blindai::http
