// Counters of one model at work for one trust group: what V2 statistics and metrics tell.
//
// Durations are sums of nanoseconds. `queue` is the time a request waited for a slot and for its turn to compute;
// `compute_input` that of bringing its tensors into the slot; `compute_infer` that of the run it was part of;
// `compute_output` that of checking what came out. Rows are the length of the batch axis, 1 where the model has none.
//
// Thread rule: thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace blindai::server {

struct Duration {
  std::uint64_t count = 0;
  std::uint64_t ns = 0;
};

// Runs of so many rows; count is that of runs, and the time of each stands once however many requests rode in it.
struct BatchStatistics {
  std::uint64_t rows = 0;
  Duration compute_input{};
  Duration compute_infer{};
  Duration compute_output{};
};

// Why a request failed, as Triton's metrics have it.
enum class Failure : std::uint8_t { rejected, cancelled, backend, other };
inline constexpr std::size_t failure_kinds = 4;
Failure failure_of(Code code);

// Counts of durations at most as long as each bound, in seconds; the last holds all.
inline constexpr std::array<double, 14> histogram_seconds{0.000'05, 0.000'1, 0.000'25, 0.000'5, 0.001, 0.002'5, 0.005,
                                                          0.01,     0.05,    0.1,      0.5,     1.0,   5.0,     30.0};
struct Histogram {
  std::array<std::uint64_t, histogram_seconds.size() + 1> counts{};  // not cumulative
  std::uint64_t ns = 0;
};

struct StatisticsSnapshot {
  std::int64_t last_inference_ms = 0;  // since 1970; 0: none yet
  std::uint64_t inference_count = 0;   // requests: a model of max_batch_size 0 has one inference in each
  std::uint64_t execution_count = 0;   // runs of the engine
  Duration success;
  Duration fail;
  Duration queue;
  Duration compute_input;
  Duration compute_infer;
  Duration compute_output;
  std::vector<BatchStatistics> batches;  // by rows, rising
  std::array<std::uint64_t, failure_kinds> failures{};
  Histogram request_seconds;  // of those that succeeded
  Histogram queue_seconds;
  Histogram run_seconds;      // each run once
  std::uint64_t pending = 0;  // waiting for a slot or for their turn, now
};

// A request that was answered.
struct Served {
  std::uint64_t rows = 1;
  Steady::duration total{};
  Steady::duration queue{};
  Steady::duration input{};
  Steady::duration infer{};
  Steady::duration output{};
};

class Statistics;

// The sum of all, with those that are no more: a counter never falls because a model was deleted.
class Totals {
 public:
  StatisticsSnapshot sum() const;  // without batches and the time of the last inference

 private:
  friend class Statistics;
  void join(const Statistics* statistics);
  void leave(const Statistics* statistics);
  mutable std::mutex mutex_;  // taken before that of a Statistics
  StatisticsSnapshot gone_;
  std::set<const Statistics*> there_;
};

class Statistics {
 public:
  explicit Statistics(std::shared_ptr<Totals> totals = nullptr);
  Statistics(const Statistics&) = delete;
  Statistics& operator=(const Statistics&) = delete;
  ~Statistics();
  void succeeded(const Served& request);
  void failed(Code code, Steady::duration total);
  // One run of the engine. `input` and `output` are those of all requests in it.
  void executed(std::uint64_t rows, Steady::duration input, Steady::duration infer, Steady::duration output);
  StatisticsSnapshot snapshot() const;

  // Held by a request while it waits for a slot or for its turn.
  class Waiting {
   public:
    explicit Waiting(std::shared_ptr<Statistics> statistics) : statistics_(std::move(statistics)) {
      ++statistics_->pending_;
    }
    Waiting(Waiting&&) noexcept = default;
    Waiting& operator=(Waiting&&) = delete;
    ~Waiting() { end(); }
    void end() {
      if (const auto statistics = std::exchange(statistics_, nullptr)) {
        --statistics->pending_;
      }
    }

   private:
    std::shared_ptr<Statistics> statistics_;
  };

 private:
  const std::shared_ptr<Totals> totals_;
  std::atomic<std::uint64_t> pending_ = 0;
  mutable std::mutex mutex_;
  StatisticsSnapshot sums_;
  std::map<std::uint64_t, BatchStatistics> batches_;  // of bounded size: see executed()
};

}  // namespace blindai::server
