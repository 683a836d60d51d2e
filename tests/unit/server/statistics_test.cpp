#include "server/statistics.h"

#include <gtest/gtest.h>

#include <numeric>

namespace blindai::server {
namespace {

using namespace std::chrono_literals;

TEST(Statistics, SumsWhatWasServed) {
  Statistics statistics;
  statistics.succeeded({.rows = 3, .total = 10ms, .queue = 1ms, .input = 2ms, .infer = 6ms, .output = 1us});
  statistics.succeeded({.rows = 1, .total = 4ms, .queue = 0ms, .input = 1ms, .infer = 3ms, .output = 1us});
  statistics.executed(4, 3ms, 6ms, 2us);
  const auto sums = statistics.snapshot();
  EXPECT_EQ(sums.inference_count, 2U);
  EXPECT_EQ(sums.execution_count, 1U);
  EXPECT_EQ(sums.success.count, 2U);
  EXPECT_EQ(sums.success.ns, 14'000'000U);
  EXPECT_EQ(sums.compute_infer.ns, 9'000'000U);
  EXPECT_GT(sums.last_inference_ms, 0);
  ASSERT_EQ(sums.batches.size(), 1U);
  EXPECT_EQ(sums.batches[0].rows, 4U);
  EXPECT_EQ(sums.batches[0].compute_infer.ns, 6'000'000U);
}

TEST(Statistics, FailuresHaveAKindAndNoInference) {
  Statistics statistics;
  statistics.failed(Code::resource_exhausted, 1ms);
  statistics.failed(Code::cancelled, 1ms);
  statistics.failed(Code::unavailable, 1ms);
  statistics.failed(Code::invalid_argument, 1ms);
  const auto sums = statistics.snapshot();
  EXPECT_EQ(sums.fail.count, 4U);
  EXPECT_EQ(sums.failures, (std::array<std::uint64_t, failure_kinds>{1, 1, 1, 1}));
  EXPECT_EQ(sums.inference_count, 0U);
  EXPECT_EQ(sums.last_inference_ms, 0);
}

TEST(Statistics, ADurationFallsIntoTheFirstBucketThatHoldsIt) {
  Statistics statistics;
  statistics.succeeded({.total = 50us});
  statistics.succeeded({.total = 51us});
  statistics.succeeded({.total = 31s});
  const auto counts = statistics.snapshot().request_seconds.counts;
  EXPECT_EQ(counts.front(), 1U);
  EXPECT_EQ(counts[1], 1U);
  EXPECT_EQ(counts.back(), 1U);
}

// A caller chooses how many rows a request has, and must not make the server remember every number there is.
TEST(Statistics, CountsOfRowsThatAreToldApartAreBounded) {
  Statistics statistics;
  for (std::uint64_t rows = 1; rows <= 1000; ++rows) {
    statistics.executed(rows, 0ms, 1ms, 0ms);
  }
  const auto sums = statistics.snapshot();
  EXPECT_EQ(sums.batches.size(), 128U);
  const auto runs = std::accumulate(sums.batches.begin(), sums.batches.end(), std::uint64_t{0},
                                    [](auto sum, const auto& batch) { return sum + batch.compute_infer.count; });
  EXPECT_EQ(runs, 1000U);
}

}  // namespace
}  // namespace blindai::server
