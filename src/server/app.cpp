#include "server/app.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdio>
#include <thread>

#include "base/fd.h"
#include "http/server.h"
#include "server/attester.h"
#include "server/code.h"
#include "server/events.h"
#include "server/routes.h"
#include "tee/platform.h"
#include "worker/build.h"

namespace blindai::server {
namespace {

namespace asio = boost::asio;
constexpr auto drain_time = std::chrono::seconds(20);
constexpr auto drain_look = std::chrono::milliseconds(20);

struct Threads {
  std::vector<std::unique_ptr<asio::io_context>> contexts;
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> guards;
  std::vector<std::thread> threads;

  explicit Threads(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      contexts.push_back(std::make_unique<asio::io_context>(1));
      guards.push_back(asio::make_work_guard(*contexts.back()));
    }
  }
  void start() {
    for (const auto& context : contexts) {
      threads.emplace_back([&io = *context] { io.run(); });
    }
  }
  // Lets what is ready finish, then ends.
  void stop() {
    guards.clear();
    for (const auto& context : contexts) {
      context->stop();
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
  std::vector<asio::io_context*> pointers() const {
    std::vector<asio::io_context*> out;
    for (const auto& context : contexts) {
      out.push_back(context.get());
    }
    return out;
  }
};

http::Limits limits_of_http(const Config& config) {
  http::Limits limits;
  limits.connections = static_cast<std::size_t>(config.connections);
  limits.unauthorised_connections = static_cast<std::size_t>(config.unauthorised_connections);
  return limits;
}

Result<void> fill_registry(const Config& config, auth::Registry& registry) {
  for (const auth::KeyRecord& key : config.keys) {
    BLINDAI_CHECK(registry.add(key));
  }
  const bool open = std::ranges::find(config.auth, "open") != config.auth.end();
  if (config.keys.empty() && !open) {
    return fail(Code::invalid_argument,
                {"nobody could use this server: give a key with --tenant, or [[tenants]] in the configuration"});
  }
  return {};
}

// One line for the program that started us, which waits for it.
Result<void> announce(const Config& config, std::uint16_t port, std::uint16_t admin_port, const Digest& root) {
  const std::string host = config.server_names.front();
  const json::Object line{{"url", fmt::format("https://{}:{}", host, port)},
                          {"admin_url", fmt::format("http://{}:{}", config.admin_address, admin_port)},
                          {"tee", "simulated"},
                          {"root", root.hex()},
                          {"auth", json::Array(config.auth.begin(), config.auth.end())},
                          {"pid", std::int64_t{::getpid()}}};
  if (std::puts(json::write(line).c_str()) < 0 || std::fflush(stdout) != 0) {
    return fail_errno(Code::unavailable, {"standard output does not take the line that says where this server listens"},
                      "write");
  }
  return {};
}

void wait_for_signal(const sigset_t& signals) {
  int received = 0;
  while (::sigwait(&signals, &received) != 0) {
  }
}

void drain(http::Server& server, AdminRoutes& admin) {
  log(Event::draining);
  admin.ready = false;
  server.stop_accepting();
  server.drain();
  const auto end = Steady::now() + drain_time;
  while (server.connection_count() > 0 && Steady::now() < end) {
    std::this_thread::sleep_for(drain_look);
  }
  server.close_all();
}

}  // namespace

Result<void> run(const Config& config) {
  // Before any thread, so that all inherit it: signals are waited for in one place.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a limit on what may be written is an error like any other

  BLINDAI_TRY(const MeasuredCode code, measure_code(config));
  const auto digests = digests_of(code);
  const std::string root_file = config.state_dir + "/simulation-root.key";
  BLINDAI_TRY(const auto tee, tee::open_simulated(root_file, channel::code_measurement(digests)));
  auth::Registry registry;
  BLINDAI_CHECK(fill_registry(config, registry));
  Keysets::Template form;
  form.tee = "simulated";
  form.config = security_configuration(config, worker::available_sandbox());
  form.code = digests;
  form.build = std::string(BLINDAI_VERSION) + std::string(worker::build_note);
  form.server_names = config.server_names;
  form.life = config.keyset_seconds;
  BLINDAI_TRY(const auto keysets, Keysets::make(std::move(form), system_clock()));

  Threads threads(static_cast<std::size_t>(config.io_threads));
  Attester attester(*keysets, *tee.platform);
  const int engine_fd = worker::engine_has_library ? code.at("libonnxruntime.so.1").fd.get() : -1;
  const Models::Programs programs{code.at("blindai-worker").fd.get(), engine_fd};
  Models models(*threads.contexts.front(), config, programs, system_clock());
  Access access(config, *keysets, attester, registry, system_clock());
  Inference inference(config);
  GrpcService grpc(config, access, models, inference);
  Routes routes(config, access, models, inference, grpc, registry, system_clock());
  const http::Server* callers = nullptr;  // set before any thread runs
  AdminRoutes admin([&models, &callers] {
    Counted counted = models.count();
    counted.connections = callers->connection_count();
    return counted;
  });
  http::Server::Options options{config.address, static_cast<std::uint16_t>(config.port), limits_of_http(config)};
  BLINDAI_TRY(const auto server,
              http::Server::listen(threads.pointers(), options, [&] { return keysets->tls_context(); }, routes));
  callers = server.get();
  http::Server::Options admin_options{config.admin_address, static_cast<std::uint16_t>(config.admin_port), {}};
  BLINDAI_TRY(const auto admin_server,
              http::Server::listen({threads.contexts.front().get()}, admin_options, nullptr, admin));
  threads.start();
  admin.ready = true;
  log(Event::listening, {{"port", server->port()}, {"admin_port", admin_server->port()}});
  const auto announced = announce(config, server->port(), admin_server->port(), tee.root);
  if (announced) {
    wait_for_signal(signals);
  }
  drain(*server, admin);
  admin_server->stop_accepting();
  admin_server->close_all();
  models.stop_all();
  std::this_thread::sleep_for(drain_look);
  threads.stop();
  log(Event::stopped);
  return announced;
}

}  // namespace blindai::server
