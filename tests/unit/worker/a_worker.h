// A real worker process for a test, in its sandbox, with each engine.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <cstring>
#include <thread>

#include "vault/body.h"
#include "worker/worker.h"

namespace blindai::worker {

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct AWorker : testing::TestWithParam<std::string> {
  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> guard = asio::make_work_guard(io);
  std::thread thread{[this] { io.run(); }};
  UniqueFd executable;
  UniqueFd engine;
  std::shared_ptr<const vault::Body> body;
  Settings settings;
  std::shared_ptr<Worker> worker;

  void SetUp() override {
    if (instrumented && GetParam() == "onnxruntime") {
      GTEST_SKIP() << "ONNX Runtime is not instrumented: under a sanitizer the worker runs the reference engine alone";
    }
    if (GetParam() == "onnxruntime") {
      executable = UniqueFd(::open(BLINDAI_WORKER, O_RDONLY | O_CLOEXEC));
      engine = UniqueFd(::open(BLINDAI_ENGINE_LIBRARY, O_RDONLY | O_CLOEXEC));
    } else {
      executable = UniqueFd(::open(BLINDAI_WORKER_REFERENCE, O_RDONLY | O_CLOEXEC));
    }
    settings.engine = GetParam();
    settings.executable_fd = executable.get();
    settings.engine_fd = engine.get();
    settings.threads = 1;
    settings.slots = 4;
    settings.max_request_bytes = 1 << 20;
    settings.max_answer_bytes = 1 << 20;
    settings.run_time = 1s;
  }
  void TearDown() override {
    TearDownWorker();
    guard.reset();
    thread.join();
  }
  void TearDownWorker() {
    if (worker) {
      worker->stop();
      for (int i = 0; i < 1000 && worker->status().state != State::stopped && worker->status().state != State::failed;
           ++i) {
        std::this_thread::sleep_for(5ms);
      }
      worker.reset();
    }
  }

  template <typename F>
  auto call(F make) {
    return asio::co_spawn(io, make(), asio::use_future).get();
  }

  Result<void> start(const std::string& name) {
    const auto bytes = read_file((BLINDAI_SOURCE_DIR "/tests/data/models/" + name + ".onnx").c_str(), 1 << 20);
    auto receiver = vault::BodyReceiver::start(bytes->size(), 1 << 20);
    BLINDAI_CHECK(receiver->append(*bytes));
    BLINDAI_TRY(body, receiver->finish());
    BLINDAI_TRY(auto admitted, gate::scan(body->view(), {{"m.onnx", 0, body->size()}}));
    worker =
        worker::start(io, {std::make_shared<gate::Admitted>(std::move(admitted)), body->fd(), body->size()}, settings);
    return call([&]() -> Task<Result<void>> { co_return co_await worker->ready(); });
  }

  template <typename T>
  static void put(MutableBytes out, const std::vector<T>& values) {
    std::memcpy(out.data(), values.data(), values.size() * sizeof(T));
  }
  template <typename T>
  static std::vector<T> get(const OutputView& view) {
    std::vector<T> values(view.data.size() / sizeof(T));
    std::memcpy(values.data(), view.data.data(), view.data.size());
    return values;
  }

  // One run of the Loop model: `count` times around, doubling x each time.
  Result<std::vector<float>> loop(std::int64_t count, Steady::duration time = 20s) {
    return call([&]() -> Task<Result<std::vector<float>>> {
      BLINDAI_CO_TRY(auto lease, worker->try_lease());
      BLINDAI_CO_TRY(const auto n, lease->add_input(0, {}, 8));
      put<std::int64_t>(n, {count});
      BLINDAI_CO_TRY(const auto x, lease->add_input(1, {1}, 4));
      put<float>(x, {1});
      BLINDAI_CO_TRY(const auto outputs, co_await lease->run(Steady::now() + time));
      co_return get<float>(outputs[0]);
    });
  }

  void expect_loop(std::int64_t count, float wanted) {
    const auto result = loop(count);
    ASSERT_TRUE(result) << result.error().message.str();
    EXPECT_EQ(*result, std::vector<float>{wanted});
  }

  bool becomes(State state, Steady::duration time = 20s) const {
    const auto end = Steady::now() + time;
    while (worker->status().state != state && Steady::now() < end) {
      std::this_thread::sleep_for(2ms);
    }
    return worker->status().state == state;
  }
};

}  // namespace blindai::worker
