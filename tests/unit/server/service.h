// A whole service in this process, on a clock that tests turn: TLS, keysets, evidence, routes. Its models have no worker.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <thread>

#include "auth/auth.h"
#include "http/client.h"
#include "http/server.h"
#include "server/attester.h"
#include "server/routes.h"
#include "tee/platform.h"

namespace blindai::server {

class Service {
 public:
  ManualClock clock{1'800'000'000};
  Config config;
  auth::ApiKey key = auth::ApiKey::generate();
  auth::Registry registry;
  std::unique_ptr<Keysets> keysets;

  explicit Service(UnixSeconds keyset_life, const std::function<void(Config&)>& change = {}) {
    ::signal(SIGPIPE, SIG_IGN);  // as run() does: a peer that closed is an error of the write
    folder_ = std::filesystem::temp_directory_path() / ("blindai-service-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder_);
    config.keyset_seconds = keyset_life;
    if (change) {
      change(config);
    }
    Keysets::Template form;
    form.tee = "simulated";
    form.config = security_configuration(config, {});
    form.code = {{"blindai-server", crypto::sha256(as_bytes("server"))}};
    form.build = "test";
    form.server_names = {"localhost"};
    form.life = keyset_life;
    tee_ = *tee::open_simulated((folder_ / "root.key").string(), channel::code_measurement(form.code));
    keysets = *Keysets::make(std::move(form), clock);
    registry.add({key.id, key.key.public_key(), "clinic", auth::Role::owner, clock.now()}).value();
    attester_.emplace(*keysets, *tee_.platform);
    models_.emplace(io_, config, Models::Programs{}, clock);
    access_.emplace(config, *keysets, *attester_, registry, clock);
    inference_.emplace(config);
    grpc_.emplace(config, *access_, *models_, *inference_);
    routes_.emplace(config, *access_, *models_, *inference_, *grpc_, registry, clock);
    http::Server::Options options;
    options.clock = &clock;
    server_ = *http::Server::listen({&io_}, options, [this] { return keysets->tls_context(); }, *routes_);
    thread_ = std::thread([this] { io_.run(); });
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service() {
    server_->stop_accepting();
    server_->close_all();
    guard_.reset();
    thread_.join();
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::uint16_t port() const { return server_->port(); }

  // A caller's connection.
  class Caller {
   public:
    explicit Caller(Service& service) : service_(service) {
      channel::ClientOptions options;
      options.host = "127.0.0.1";
      options.port = service.server_->port();
      stream_ = *channel::ClientStream::connect(options);
    }
    using Headers = std::vector<std::pair<std::string, std::string>>;
    // The status of the answer, 0 where the connection is closed.
    int ask(const std::string& method, const std::string& target, std::string_view body = {}, Headers headers = {}) {
      http::ClientRequest request;
      request.method = method;
      request.target = target;
      request.headers = std::move(headers);
      request.body = {as_bytes(body)};
      stream_->set_deadline(Steady::now() + std::chrono::seconds(10));
      auto response = http::exchange(*stream_, "localhost", request, 1 << 20);
      if (!response) {
        return 0;
      }
      answer_ = std::move(*response);
      return answer_.status;
    }
    // As the owner of tenant "clinic".
    int ask_with_proof(const std::string& method, const std::string& target, std::string_view body = {},
                       Headers headers = {}) {
      if (proof_.empty()) {
        proof_ = proof(service_.key);
      }
      headers.emplace_back("Authorization", proof_);
      return ask(method, target, body, std::move(headers));
    }
    std::string proof(const auth::ApiKey& of) const {
      const Bytes exporter = *stream_->exporter(channel::auth_exporter_label, as_bytes(of.id));
      return auth::proof_header(of, service_.keysets->current()->id, exporter);
    }
    int attest() {
      channel::AttestRequest request;
      crypto::fill_random(request.nonce);
      return ask("POST", "/blindai/v1/attest", request.to_json());
    }
    // Whether the server closes it, soon and without being asked anything.
    bool is_closed() {
      stream_->set_deadline(Steady::now() + std::chrono::seconds(2));
      std::array<std::uint8_t, 1> byte{};
      const auto got = stream_->read_some(byte);
      return got ? *got == 0 : got.error().code == Code::unavailable;
    }
    const http::ClientResponse& answer() const { return answer_; }

   private:
    Service& service_;
    std::unique_ptr<channel::ClientStream> stream_;
    std::string proof_;
    http::ClientResponse answer_;
  };

 private:
  std::filesystem::path folder_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_ = boost::asio::make_work_guard(io_);
  tee::SimulatedPlatform tee_;
  std::optional<Attester> attester_;
  std::optional<Models> models_;
  std::optional<Access> access_;
  std::optional<Inference> inference_;
  std::optional<GrpcService> grpc_;
  std::optional<Routes> routes_;
  std::unique_ptr<http::Server> server_;
  std::thread thread_;
};

}  // namespace blindai::server
