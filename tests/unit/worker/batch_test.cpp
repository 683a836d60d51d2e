// Several requests in one run of the engine: each gets its own rows, and the bits that it gets alone.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>

#include "worker/a_worker.h"

namespace blindai::worker {
namespace {

struct ABatch : AWorker {
  struct Given {
    std::vector<Shape> shapes;
    std::vector<Bytes> data;
  };
  struct Got {
    Result<std::vector<Bytes>> outputs{};
    std::vector<Shape> shapes{};
    bool alone = false;
  };

  template <typename T>
  static Given request(const Shape& shape, const std::vector<T>& values) {
    Given given;
    given.shapes.push_back(shape);
    Bytes bytes(values.size() * sizeof(T));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    given.data.push_back(std::move(bytes));
    return given;
  }

  std::unique_ptr<Lease> fill(const Given& given) {
    auto lease = *worker->try_lease();
    for (std::size_t i = 0; i < given.shapes.size(); ++i) {
      std::ranges::copy(given.data[i], lease->add_input(i, given.shapes[i], given.data[i].size())->begin());
    }
    return lease;
  }

  // All in one batch.
  std::vector<Got> run(const std::vector<Given>& requests, Steady::duration time = 20s) {
    std::vector<std::unique_ptr<Lease>> leases;
    std::vector<Got> got(requests.size());
    std::vector<Ride> rides;
    std::promise<void> over;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      leases.push_back(fill(requests[i]));
      rides.push_back({leases.back().get(), Steady::now() + time, [&got, i](Ran ran) {
                         got[i].alone = ran.alone;
                         got[i].outputs.emplace();
                         if (!ran.outputs) {
                           got[i].outputs = std::unexpected(ran.outputs.error());
                           return;
                         }
                         for (const OutputView& view : *ran.outputs) {
                           got[i].outputs->push_back(copy(view.data));
                           got[i].shapes.push_back(view.shape);
                         }
                       }});
    }
    worker->submit(std::move(rides), [&over] { over.set_value(); });
    over.get_future().wait();
    return got;
  }
  // Every thread of the worker, until SIGCONT or SIGKILL.
  void halt() const {
    const std::string tasks = "/proc/" + std::to_string(worker->status().pid) + "/task";
    ::kill(worker->status().pid, SIGSTOP);
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
      for (char state = ' '; state != 'T';) {
        std::string text;
        std::getline(std::ifstream(task.path() / "stat"), text);
        const std::size_t name_end = text.rfind(") ");
        ASSERT_NE(name_end, std::string::npos);
        state = text[name_end + 2];
      }
    }
  }
  Bytes alone(const Given& given) { return run({given}).front().outputs->front(); }
};

INSTANTIATE_TEST_SUITE_P(Each, ABatch, testing::Values("onnxruntime", "reference"),
                         [](const auto& one) { return one.param; });

std::vector<float> numbers(std::size_t count, float first) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = first + 0.37F * static_cast<float>(i * i % 17);
  }
  return values;
}

TEST_P(ABatch, GivesEachRequestItsOwnRows) {
  ASSERT_TRUE(start("identity"));
  const std::vector<Given> requests{request({2, 3}, numbers(6, 1)), request({1, 3}, numbers(3, 20)),
                                    request({4, 3}, numbers(12, -5))};
  const auto got = run(requests);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    ASSERT_TRUE(got[i].outputs);
    EXPECT_EQ(got[i].outputs->front(), requests[i].data.front());
    EXPECT_EQ(got[i].shapes.front(), (Shape{requests[i].shapes.front().front(), 3}));
  }
  EXPECT_EQ(worker->free_slots(), 4U);
}

TEST_P(ABatch, OfSeveralInputsKeepsThemApart) {
  ASSERT_TRUE(start("attention"));
  const auto tokens = [](std::int64_t first) {
    Given given = request<std::int64_t>({1, 3}, {first, 2, 5});
    Given mask = request<std::int64_t>({1, 3}, {1, first % 2, 1});
    given.shapes.push_back(mask.shapes.front());
    given.data.push_back(mask.data.front());
    return given;
  };
  if (GetParam() == "reference" && !run({tokens(1)}).front().outputs) {
    GTEST_SKIP() << "the reference engine lacks an operator of this model";
  }
  const auto got = run({tokens(1), tokens(2), tokens(3)});
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(got[i].outputs);
    EXPECT_EQ(got[i].shapes.front(), (Shape{1, 3, 16}));
    EXPECT_EQ(got[i].outputs->front(), alone(tokens(static_cast<std::int64_t>(i) + 1)));
  }
}

// One bad request fails no other: all are told to run alone, and then the bad one is refused.
TEST_P(ABatch, ThatFailsSaysSoForEachOfIts) {
  ASSERT_TRUE(start("embed"));
  const std::vector<Given> requests{request<std::int64_t>({1, 2}, {0, 1}), request<std::int64_t>({1, 2}, {99, 1}),
                                    request<std::int64_t>({1, 2}, {2, 3})};
  for (const Got& each : run(requests)) {
    EXPECT_TRUE(each.alone);
    EXPECT_FALSE(each.outputs);
  }
  EXPECT_TRUE(run({requests[0]}).front().outputs);
  EXPECT_EQ(run({requests[1]}).front().outputs.error().code, Code::invalid_argument);
  EXPECT_FALSE(run({requests[1]}).front().alone);
  EXPECT_TRUE(run({requests[2]}).front().outputs);
}

TEST_P(ABatch, WhoseOutputHasNoRowsIsRunOneByOne) {
  ASSERT_TRUE(start("counted_rows"));
  for (const Got& each : run({request({1, 2}, numbers(2, 1)), request({1, 2}, numbers(2, 3))})) {
    EXPECT_TRUE(each.alone);
  }
}

TEST_P(ABatch, OfRequestsThatDoNotGoTogetherIsRunOneByOne) {
  ASSERT_TRUE(start("identity"));
  for (const Got& each : run({request({1, 2}, numbers(2, 1)), request({1, 3}, numbers(3, 3))})) {
    EXPECT_TRUE(each.alone);
  }
}

TEST_P(ABatch, ThatIsKilledFailsAllOfIts) {
  settings.run_time = 20s;
  ASSERT_TRUE(start("identity"));
  halt();
  std::thread killer([this] {
    std::this_thread::sleep_for(50ms);
    ::kill(worker->status().pid, SIGKILL);
  });
  const auto got = run({request({1, 2}, numbers(2, 1)), request({1, 2}, numbers(2, 3))});
  killer.join();
  for (const Got& each : got) {
    ASSERT_FALSE(each.outputs);
    EXPECT_EQ(each.outputs.error().code, Code::unavailable);
    EXPECT_FALSE(each.alone);
  }
}

// A caller whose time is over is told so; the run goes on for the others, and is over once.
TEST_P(ABatch, OutlivesACallerWhoseTimeIsOver) {
  settings.run_time = 20s;
  ASSERT_TRUE(start("identity"));
  halt();
  std::thread wakes([this] {
    std::this_thread::sleep_for(150ms);
    ::kill(worker->status().pid, SIGCONT);
  });
  std::vector<std::unique_ptr<Lease>> leases;
  leases.push_back(fill(request({1, 2}, numbers(2, 1))));
  leases.push_back(fill(request({1, 2}, numbers(2, 3))));
  std::promise<Code> late;
  std::promise<bool> served;
  std::promise<void> over;
  std::vector<Ride> rides;
  rides.push_back({leases[0].get(), Steady::now() + 30ms, [&late](const Ran& ran) {
                     late.set_value(ran.outputs ? Code::internal : ran.outputs.error().code);
                   }});
  rides.push_back(
      {leases[1].get(), Steady::now() + 20s, [&served](const Ran& ran) { served.set_value(ran.outputs.has_value()); }});
  worker->submit(std::move(rides), [&over] { over.set_value(); });
  EXPECT_EQ(late.get_future().get(), Code::deadline_exceeded);
  leases[0].reset();
  EXPECT_EQ(worker->free_slots(), 2U) << "a slot is not free before the worker is done with it";
  EXPECT_TRUE(served.get_future().get());
  over.get_future().wait();
  leases[1].reset();
  wakes.join();
  for (int i = 0; i < 1000 && worker->free_slots() != 4; ++i) {
    std::this_thread::sleep_for(2ms);
  }
  EXPECT_EQ(worker->free_slots(), 4U);
}

TEST_P(ABatch, HoldsNoLeaseOfAnEarlierProcess) {
  ASSERT_TRUE(start("identity"));
  auto old = fill(request({1, 2}, numbers(2, 1)));
  ::kill(worker->status().pid, SIGKILL);
  ASSERT_TRUE(becomes(State::restarting));
  ASSERT_TRUE(becomes(State::ready));
  auto fresh = fill(request({1, 2}, numbers(2, 3)));
  std::promise<Code> refused;
  std::promise<void> over;
  std::vector<Ride> rides;
  rides.push_back({fresh.get(), Steady::now() + 20s, [](const Ran& ran) { EXPECT_TRUE(ran.outputs); }});
  rides.push_back({old.get(), Steady::now() + 20s, [&refused](const Ran& ran) {
                     refused.set_value(ran.outputs ? Code::internal : ran.outputs.error().code);
                   }});
  worker->submit(std::move(rides), [&over] { over.set_value(); });
  EXPECT_EQ(refused.get_future().get(), Code::unavailable);
  over.get_future().wait();
}

}  // namespace
}  // namespace blindai::worker
