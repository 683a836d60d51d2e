#include "client/fake_service.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace blindai::client {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

cbor::Map security_configuration(const std::vector<std::string>& auth) {
  cbor::Array modes(auth.begin(), auth.end());
  return {{"engine", "worker"},
          {"isolation", "group"},
          {"batch", "group"},
          {"auth", std::move(modes)},
          {"sandbox", cbor::Array{"rlimits", "seccomp"}},
          {"sealing", "none"},
          {"models", cbor::Null{}},
          {"limits", cbor::Map{{"request_bytes", 1024}}},
          {"metrics", Digest{}}};
}

}  // namespace

std::string Seen::header(std::string_view name) const {
  const std::string all = lower(head);
  const std::size_t at = all.find("\r\n" + lower(name) + ":");
  if (at == std::string::npos) {
    return {};
  }
  const std::size_t begin = head.find_first_not_of(' ', at + name.size() + 3);
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

Reply json_reply(std::string_view json, int status) {
  return {.status = status, .headers = {{"Content-Type", "application/json"}}, .body = copy(as_bytes(json))};
}

// One TLS connection; read and write are whole or fail.
struct FakeService::Link {
  SSL* tls = nullptr;
  int number = 0;
  Bytes buffer{};

  bool more() {
    std::array<std::uint8_t, 65536> chunk{};
    const int got = SSL_read(tls, chunk.data(), static_cast<int>(chunk.size()));
    if (got <= 0) {
      return false;
    }
    append(buffer, ByteView(chunk).first(static_cast<std::size_t>(got)));
    return true;
  }

  bool read(Seen& out) {
    std::size_t end = 0;
    while ((end = as_text(buffer).find("\r\n\r\n")) == std::string_view::npos) {
      if (!more()) {
        return false;
      }
    }
    out.connection = number;
    out.head = std::string(as_text(buffer).substr(0, end + 2));
    out.method = out.head.substr(0, out.head.find(' '));
    const std::size_t target = out.method.size() + 1;
    out.target = out.head.substr(target, out.head.find(' ', target) - target);
    const std::string length = out.header("Content-Length");
    const std::size_t size = length.empty() ? 0 : std::stoull(length);
    while (buffer.size() < end + 4 + size) {
      if (!more()) {
        return false;
      }
    }
    const auto body = buffer.begin() + static_cast<std::ptrdiff_t>(end + 4);
    out.body.assign(body, body + static_cast<std::ptrdiff_t>(size));
    buffer.erase(buffer.begin(), body + static_cast<std::ptrdiff_t>(size));
    return true;
  }

  bool write(const Reply& reply) {
    std::string head = fmt::format("HTTP/1.1 {} Word\r\nContent-Length: {}\r\n", reply.status, reply.body.size());
    for (const auto& [name, value] : reply.headers) {
      head += name + ": " + value + "\r\n";
    }
    head += reply.close ? "Connection: close\r\n\r\n" : "\r\n";
    Bytes all = copy(as_bytes(head));
    append(all, reply.body);
    if (reply.cut) {
      all.resize(std::min(all.size(), *reply.cut));
    }
    // The context allows partial writes.
    for (ByteView left = all; !left.empty();) {
      const int count = SSL_write(tls, left.data(), static_cast<int>(left.size()));
      if (count <= 0) {
        return false;
      }
      left = left.subspan(static_cast<std::size_t>(count));
    }
    return true;
  }
};

FakeService::FakeService(Setup setup) : setup_(std::move(setup)) {
  std::string pattern = (std::filesystem::temp_directory_path() / "client_test_XXXXXX").string();
  folder_ = ::mkdtemp(pattern.data());
  const std::map<std::string, Digest> code = {{"blindai-server", crypto::sha256(as_bytes("server"))}};
  auto platform = tee::open_simulated(folder_ + "/root", channel::code_measurement(code));
  EXPECT_TRUE(platform.has_value());
  platform_ = std::move(platform->platform);
  root_ = platform->root;
  const UnixSeconds now = system_clock().now();
  auto identity = channel::ServerIdentity::generate({"localhost", "127.0.0.1"}, now);
  EXPECT_TRUE(identity.has_value());
  identity_ = std::make_unique<channel::ServerIdentity>(std::move(*identity));

  channel::Keyset keyset;
  keyset.tee = setup_.tee;
  keyset.tls = identity_->spki_digest();
  keyset.session = session_key_.public_key_der();
  keyset.receipt = crypto::Ed25519Key::generate().public_key_der();
  keyset.config = security_configuration(setup_.auth);
  keyset.code = code;
  keyset.build = "test";
  keyset.not_before = setup_.now.value_or(now) + setup_.not_before_from_now;
  keyset.not_after = setup_.now.value_or(now) + setup_.not_after_from_now;
  keyset_ = keyset.encode();
  keyset_id_ = channel::keyset_id(keyset_);

  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);  // NOLINT
  EXPECT_EQ(::listen(listener_, 16), 0);
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);  // NOLINT
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_loop(); });
}

FakeService::~FakeService() {
  stopping_ = true;
  acceptor_.join();
  drop_connections();
  for (auto& thread : threads_) {
    thread.join();
  }
  ::close(listener_);
  std::filesystem::remove_all(folder_);
}

void FakeService::drop_connections() {
  const std::scoped_lock lock(mutex_);
  for (const int fd : open_) {
    ::shutdown(fd, SHUT_RDWR);
  }
}

evidence::Policy FakeService::policy(std::string_view more, std::string_view freshness) const {
  std::string auth;
  for (const auto& word : setup_.auth) {
    auth += (auth.empty() ? "\"" : ", \"") + word + "\"";
  }
  const std::string text = fmt::format(
      "version = 1\nname = \"test\"\n[identity]\nserver_name = \"localhost\"\nca = \"any\"\n[config]\nauth = [{}]\n"
      "{}[freshness]\nfresh_evidence = true\n{}\n{}",
      auth,
      setup_.accept.empty() ? "[accept.simulated]\nroot = \"" + root_.hex() + "\"\nmeasurement = \"any\"\n"
                            : setup_.accept,
      freshness, more);
  auto policy = evidence::parse_policy(text, evidence::Purpose::session);
  EXPECT_TRUE(policy.has_value()) << (policy ? "" : policy.error().message.str());
  return policy ? *policy : evidence::Policy{};
}

std::vector<Seen> FakeService::seen() const {
  const std::scoped_lock lock(mutex_);
  return seen_;
}
std::vector<Seen> FakeService::attests() const {
  const std::scoped_lock lock(mutex_);
  return attests_;
}

void FakeService::accept_loop() {
  while (!stopping_) {
    pollfd wait{.fd = listener_, .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, 20) <= 0) {
      continue;
    }
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      continue;
    }
    const std::scoped_lock lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd, number = ++connections_] { serve(fd, number); });
  }
}

Reply FakeService::attest(const Seen& seen, Link& link) {
  auto request = channel::AttestRequest::parse(as_text(seen.body));
  if (!request) {
    return json_reply(R"({"error": "bad attest request"})", 400);
  }
  const std::array leaves = {copy(request->nonce)};
  const Digest root = channel::merkle_root(leaves);
  const auto data = channel::report_data(channel::EvidenceKind::fresh, keyset_id_, root.view());
  auto item = platform_->quote(data);
  auto exporter = channel::export_keying_material(link.tls, channel::session_exporter_label, request->nonce, 32);
  EXPECT_TRUE(item.has_value() && exporter.has_value());
  channel::AttestAnswer answer;
  answer.keyset = keyset_;
  if (setup_.prove) {
    setup_.prove(*request, data, answer);
  } else {
    answer.evidence = {*item};
  }
  answer.path = channel::merkle_path(leaves, 0);
  const auto signature = session_key_.sign(channel::session_message(keyset_id_, request->nonce, *exporter));
  answer.session_signature.assign(signature.begin(), signature.end());
  if (setup_.tamper) {
    setup_.tamper(answer);
  }
  return json_reply(answer.to_json());
}

void FakeService::serve(int fd, int number) {
  // For this thread alone: the client must do without the help of a handler.
  sigset_t pipe_signal;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, nullptr);
  SSL_CTX* context = identity_->make_context();
  SSL* tls = SSL_new(context);
  SSL_set_fd(tls, fd);
  Link link{.tls = tls, .number = number};
  bool going = SSL_accept(tls) == 1;
  Seen request;
  while (going && link.read(request)) {
    Reply reply;
    if (request.target == "/blindai/v1/attest") {
      int count = 0;
      {
        const std::scoped_lock lock(mutex_);
        attests_.push_back(request);
        count = static_cast<int>(attests_.size());
      }
      auto instead = setup_.instead ? setup_.instead(count) : std::nullopt;
      reply = instead ? std::move(*instead) : attest(request, link);
    } else {
      {
        const std::scoped_lock lock(mutex_);
        seen_.push_back(request);
      }
      reply = setup_.answer ? setup_.answer(request) : json_reply("{}");
    }
    if (reply.silent) {
      continue;
    }
    going = !reply.vanish && link.write(reply) && !reply.close && !reply.cut;
    request = {};
  }
  SSL_shutdown(tls);
  SSL_free(tls);
  SSL_CTX_free(context);
  const std::scoped_lock lock(mutex_);
  std::erase(open_, fd);
  ::close(fd);
}

}  // namespace blindai::client
