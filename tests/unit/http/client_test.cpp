// The client's half against peers that answer as no server should.
#include "http/client.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "channel/loopback.h"

namespace blindai::http {
namespace {

// What the client makes of an answer, given byte by byte, after which the peer closes.
Result<ClientResponse> answered(const std::string& text, std::size_t limit = 1000, const std::string& method = "GET") {
  ::signal(SIGPIPE, SIG_IGN);
  const auto identity = *channel::ServerIdentity::generate({"localhost"}, system_clock().now());
  const channel::Loopback server(identity.make_context(), [&](SSL* tls) {
    std::array<char, 4096> request{};
    SSL_read(tls, request.data(), request.size());
    for (std::size_t at = 0; at < text.size(); at += 8192) {
      SSL_write(tls, text.data() + at, static_cast<int>(std::min<std::size_t>(8192, text.size() - at)));
    }
  });
  channel::ClientOptions options;
  options.host = "127.0.0.1";
  options.port = server.port();
  const auto stream = *channel::ClientStream::connect(options);
  stream->set_deadline(Steady::now() + std::chrono::seconds(5));
  ClientRequest get;
  get.method = method;
  get.target = "/";
  return exchange(*stream, "localhost", get, limit);
}

std::string with_head_of(std::size_t size) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: ";
  return head + std::string(size - head.size() - 4, 'a') + "\r\n\r\nok";
}

Code refused(const std::string& text, std::size_t limit = 1000) {
  const auto answer = answered(text, limit);
  EXPECT_FALSE(answer) << text.substr(0, 200);
  return answer ? Code::internal : answer.error().code;
}

TEST(AnAnswer, HasALengthAndABody) {
  const auto answer = answered("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nName: value\r\n\r\nhello");
  ASSERT_TRUE(answer) << answer.error().message.str();
  EXPECT_EQ(as_text(answer->body), "hello");
  EXPECT_EQ(*answer->find("name"), "value");
  EXPECT_TRUE(answer->keep_alive);
  EXPECT_TRUE(answered("HTTP/1.1 204 No Content\r\n\r\n"));
  EXPECT_TRUE(answered("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 1000, "HEAD"));
}

TEST(AnAnswer, IsRefusedInAnyOtherForm) {
  EXPECT_EQ(refused("SSH-2.0-OpenSSH_9.2p1\r\n\r\n"), Code::attestation_failed);
  EXPECT_EQ(refused("HTTP/1.1 200 OK\r\n\r\nhello"), Code::attestation_failed);
  EXPECT_EQ(refused("HTTP/1.1 200 OK\r\n\r\n"), Code::attestation_failed);
  EXPECT_EQ(refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
            Code::attestation_failed);
  EXPECT_EQ(refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello"),
            Code::attestation_failed);
  EXPECT_EQ(refused("HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
            Code::attestation_failed);
  EXPECT_EQ(refused("HTTP/1.1 101 Switching Protocols\r\nContent-Length: 0\r\n\r\n"), Code::attestation_failed);
  EXPECT_EQ(refused("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello"), Code::attestation_failed);
  EXPECT_EQ(refused("HTTP/1.1 200 OK\r\nContent-Le"), Code::attestation_failed);
}

TEST(AnAnswer, IsBounded) {
  EXPECT_TRUE(answered(with_head_of(16 * 1024 - 100)));
  EXPECT_EQ(refused(with_head_of(16 * 1024 + 100)), Code::attestation_failed);
  EXPECT_EQ(refused(with_head_of(1024 * 1024)), Code::attestation_failed);
  const std::string body(1001, 'x');
  EXPECT_TRUE(answered("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + body.substr(1)));
  EXPECT_EQ(refused("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + body), Code::too_large);
  EXPECT_EQ(refused("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n"), Code::too_large);
}

TEST(AnAnswer, ThatIsCutOffIsNone) {
  EXPECT_EQ(refused("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"), Code::unavailable);
  EXPECT_EQ(refused(""), Code::unavailable);
}

}  // namespace
}  // namespace blindai::http
