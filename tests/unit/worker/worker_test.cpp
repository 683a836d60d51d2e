// The real worker process in its sandbox, with each engine.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "worker/a_worker.h"

namespace blindai::worker {
namespace {

TEST(TheCpus, AreSharedOutAsAskedOrTwoRunsAtOnce) {
  const auto share = [](unsigned threads, unsigned cpus) {
    const Share given = share_cpus(threads, cpus);
    return std::pair(given.threads, given.runs);
  };
  EXPECT_EQ(share(0, 0), std::pair(1U, 1U));  // nobody knows how many there are
  EXPECT_EQ(share(0, 1), std::pair(1U, 1U));
  EXPECT_EQ(share(0, 2), std::pair(1U, 2U));
  EXPECT_EQ(share(0, 3), std::pair(1U, 3U));
  EXPECT_EQ(share(0, 16), std::pair(8U, 2U));
  EXPECT_EQ(share(1, 16), std::pair(1U, 16U));
  EXPECT_EQ(share(16, 16), std::pair(16U, 1U));
  EXPECT_EQ(share(100, 16), std::pair(100U, 1U));
}

INSTANTIATE_TEST_SUITE_P(Each, AWorker, testing::Values("onnxruntime", "reference"),
                         [](const auto& one) { return one.param; });

TEST_P(AWorker, AnswersLikeTheEngine) {
  const auto ready = start("loop");
  ASSERT_TRUE(ready) << ready.error().message.str() << " (" << ready.error().detail.text << ")";
  expect_loop(3, 8);
  expect_loop(10, 1024);
  EXPECT_EQ(worker->free_slots(), 4u);
}

TEST_P(AWorker, CarriesTexts) {
  ASSERT_TRUE(start("strings"));
  Bytes sent;
  for (const std::string& element :
       {std::string(), std::string("a\0b", 3), std::string("\xff\xfe"), std::string(9000, 'z')}) {
    put_element(sent, as_bytes(element));
  }
  const auto carried = [&](const Shape& shape, const Bytes& elements) {
    return call([&]() -> Task<Result<Bytes>> {
      BLINDAI_CO_TRY(auto lease, worker->try_lease());
      EXPECT_FALSE(lease->add_input(0, shape, elements.size() / 5000));  // less than the lengths of as many elements
      BLINDAI_CO_TRY(const auto place, lease->add_input(0, shape, elements.size()));
      std::ranges::copy(elements, place.begin());
      BLINDAI_CO_TRY(const auto outputs, co_await lease->run(Steady::now() + 20s));
      EXPECT_EQ(outputs[0].shape, shape);
      co_return copy(outputs[0].data);
    });
  };
  const auto four = carried({4}, sent);
  ASSERT_TRUE(four) << four.error().message.str();
  EXPECT_EQ(*four, sent);
  // What no server sends: the engine is not run on it.
  const auto broken = carried({3}, sent);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Code::internal);
}

TEST_P(AWorker, SaysWhatTheEngineRefuses) {
  ASSERT_TRUE(start("gather"));
  const auto result = call([&]() -> Task<Result<void>> {
    BLINDAI_CO_TRY(auto lease, worker->try_lease());
    BLINDAI_CO_TRY(const auto x, lease->add_input(0, {2}, 8));
    put<float>(x, {1, 2});
    BLINDAI_CO_TRY(const auto at, lease->add_input(1, {1}, 8));
    put<std::int64_t>(at, {99});
    BLINDAI_CO_TRY(const auto outputs, co_await lease->run(Steady::now() + 20s));
    co_return Result<void>();
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::invalid_argument);
  EXPECT_EQ(worker->status().restarts, 0u);
}

TEST_P(AWorker, NamesAnUnsupportedOperatorAndStaysDown) {
  const auto ready = start("unsupported_operator");
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().code, Code::model_rejected);
  EXPECT_NE(ready.error().message.str().find("Det"), std::string::npos) << ready.error().message.str();
  EXPECT_EQ(worker->status().state, State::failed);
}

TEST_P(AWorker, LivesInItsSandbox) {
  ASSERT_TRUE(start("loop"));
  const auto status = worker->status();
  EXPECT_EQ(status.sandbox, available_sandbox());
  const std::string proc = "/proc/" + std::to_string(status.pid);
  std::ifstream file(proc + "/status");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_NE(text.find(instrumented ? "Seccomp:\t0" : "Seccomp:\t2"), std::string::npos);
  EXPECT_NE(text.find("NoNewPrivs:\t1"), std::string::npos);
  std::size_t descriptors = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(proc + "/fd")) {
    ++descriptors;
  }
  EXPECT_EQ(descriptors, instrumented ? 4u : 3u);  // and standard error
  std::ifstream environment(proc + "/environ");
  EXPECT_EQ(environment.peek(), std::ifstream::traits_type::eof());
  const auto& layers = status.sandbox;
  if (std::ranges::find(layers, "namespaces") != layers.end()) {
    EXPECT_NE(std::filesystem::read_symlink(proc + "/ns/net"), std::filesystem::read_symlink("/proc/self/ns/net"));
  }
}

TEST_P(AWorker, SaysWhichEngineItRuns) {
  ASSERT_TRUE(start("double"));
  EXPECT_TRUE(worker->status().engine.starts_with(GetParam() + " ")) << worker->status().engine;
}

TEST_P(AWorker, WithAnotherEngineIsNotGivenTheModel) {
  settings.engine = "another";
  const auto ready = start("double");
  ASSERT_FALSE(ready);
  EXPECT_NE(ready.error().message.str().find("another engine"), std::string::npos) << ready.error().message.str();
  EXPECT_EQ(ready.error().detail.text, GetParam());
  EXPECT_EQ(worker->status().state, State::failed);
}

// What is not a test is built for one engine, and that is not the reference engine.
TEST_P(AWorker, ThatClosedFewerLayersIsNotGivenTheModel) {
  const UniqueFd lax(::open(BLINDAI_LAX_WORKER, O_RDONLY | O_CLOEXEC));
  settings.executable_fd = lax.get();
  settings.engine = "lax";
  const auto ready = start("double");
  ASSERT_FALSE(ready);
  EXPECT_NE(ready.error().message.str().find("could not close its sandbox"), std::string::npos)
      << ready.error().message.str();
  EXPECT_EQ(worker->status().state, State::failed);
}

TEST(TheSettings, TakeOnnxRuntimeWhereNothingElseWasBuilt) {
#if defined(BLINDAI_REFERENCE_ENGINE)
  EXPECT_EQ(Settings().engine, "reference");
#else
  EXPECT_EQ(Settings().engine, "onnxruntime");
#endif
}

TEST_P(AWorker, DoesNotStartWithoutItsEngine) {
  if (GetParam() == "reference") {
    GTEST_SKIP() << "the reference engine is part of the program";
  }
  const UniqueFd text(::open(BLINDAI_SOURCE_DIR "/README.md", O_RDONLY | O_CLOEXEC));
  for (const int descriptor : {-1, text.get()}) {
    settings.engine_fd = descriptor;
    const auto ready = start("loop");
    ASSERT_FALSE(ready);
    EXPECT_EQ(ready.error().code, Code::unavailable) << ready.error().message.str();
    EXPECT_NE(ready.error().detail.text.find("cannot be loaded"), std::string::npos) << ready.error().detail.text;
    EXPECT_EQ(worker->status().state, State::failed);
  }
}

TEST_P(AWorker, ThatIsKilledFailsItsRequestAndComesBack) {
  for (const int signal : {SIGKILL, SIGSEGV}) {
    settings.run_time = 20s;
    ASSERT_TRUE(start("loop"));
    const int pid = worker->status().pid;
    std::thread killer([&] {
      std::this_thread::sleep_for(100ms);
      ::kill(pid, signal);
    });
    const auto result = loop(INT64_MAX);
    killer.join();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::unavailable);
    ASSERT_TRUE(becomes(State::ready));
    EXPECT_NE(worker->status().pid, pid);
    EXPECT_EQ(worker->status().restarts, 1u);
    expect_loop(3, 8);
    worker->stop();
    ASSERT_TRUE(becomes(State::stopped));
  }
}

TEST_P(AWorker, ThatRunsTooLongIsInterrupted) {
  settings.run_time = 300ms;
  ASSERT_TRUE(start("loop"));
  const auto begin = Steady::now();
  const auto result = loop(INT64_MAX);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::deadline_exceeded) << result.error().message.str();
  EXPECT_LT(Steady::now() - begin, 10s);
  ASSERT_TRUE(becomes(State::ready));
  expect_loop(3, 8);
}

TEST_P(AWorker, AnswersTheCallerAtTheDeadline) {
  ASSERT_TRUE(start("loop"));
  const auto result = loop(INT64_MAX, 50ms);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::deadline_exceeded);
}

TEST_P(AWorker, StopsARunThatIsAbandoned) {
  settings.run_time = 20s;
  ASSERT_TRUE(start("loop"));
  const auto result = call([&]() -> Task<Result<void>> {
    BLINDAI_CO_TRY(auto lease, worker->try_lease());
    BLINDAI_CO_TRY(const auto n, lease->add_input(0, {}, 8));
    put<std::int64_t>(n, {INT64_MAX});
    BLINDAI_CO_TRY(const auto x, lease->add_input(1, {1}, 4));
    put<float>(x, {1});
    std::thread other([&lease] {
      std::this_thread::sleep_for(50ms);
      lease->abandon();
    });
    auto outputs = co_await lease->run(Steady::now() + 20s);
    other.join();
    EXPECT_EQ(outputs.error().code, Code::deadline_exceeded);
    co_return Result<void>();
  });
  EXPECT_TRUE(result);
  expect_loop(3, 8);  // the engine is free again, and the process is the same
  EXPECT_EQ(worker->status().restarts, 0u);
}

TEST_P(AWorker, HasOnlyItsSlots) {
  ASSERT_TRUE(start("loop"));
  const auto codes = call([&]() -> Task<Result<std::vector<bool>>> {
    std::vector<std::unique_ptr<Lease>> leases;
    std::vector<bool> got;
    for (int i = 0; i < 5; ++i) {
      auto lease = worker->try_lease();
      got.push_back(lease.has_value());
      if (lease) {
        leases.push_back(std::move(*lease));
      }
    }
    co_return got;
  });
  EXPECT_EQ(*codes, (std::vector<bool>{true, true, true, true, false}));
  EXPECT_EQ(worker->free_slots(), 4u);
}

TEST_P(AWorker, TakesNoInputTwiceTooLargeOrOfAnotherShape) {
  ASSERT_TRUE(start("gather"));
  const auto checked = call([&]() -> Task<Result<void>> {
    BLINDAI_CO_TRY(auto lease, worker->try_lease());
    EXPECT_FALSE(lease->add_input(0, {2, 2}, 16));
    EXPECT_FALSE(lease->add_input(2, {2}, 8));
    EXPECT_FALSE(lease->add_input(0, {2}, 4));
    EXPECT_FALSE(lease->add_input(0, {2}, 12));
    EXPECT_EQ(lease->add_input(0, {1 << 20}, 4 << 20).error().code, Code::too_large);
    EXPECT_TRUE(lease->add_input(0, {2}, 8));
    EXPECT_FALSE(lease->add_input(0, {2}, 8));
    EXPECT_EQ((co_await lease->run(Steady::now() + 1s)).error().code, Code::invalid_argument);
    co_return Result<void>();
  });
  EXPECT_TRUE(checked);
}

}  // namespace
}  // namespace blindai::worker
