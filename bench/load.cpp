#include "bench/load.h"

#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "base/clock.h"
#include "bench/histogram.h"

namespace blindai::bench {
namespace {

constexpr auto pause_after_failure = std::chrono::milliseconds(10);

Steady::duration seconds(double value) {
  return std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(value));
}

struct Counted {
  Histogram latency;
  std::map<std::string, std::uint64_t> failed;

  void add(const Counted& other) {
    latency.add(other.latency);
    for (const auto& [word, count] : other.failed) {
      failed[word] += count;
    }
  }
};

// When requests are due, in the order in which callers take them.
class Arrivals {
 public:
  Arrivals(Steady::time_point begin, const LoadShape& shape) : next_(begin), shape_(shape) {}

  Steady::time_point take() {
    const std::scoped_lock lock(mutex_);
    const auto due = next_;
    next_ += gap();
    return due;
  }
  // How many are due before `end` and were not taken.
  std::uint64_t left_before(Steady::time_point end) {
    const std::scoped_lock lock(mutex_);
    std::uint64_t count = 0;
    for (; next_ < end; next_ += gap()) {
      ++count;
    }
    return count;
  }

 private:
  Steady::duration gap() { return seconds(shape_.random_times ? random_(engine_) / shape_.rate : 1.0 / shape_.rate); }

  std::mutex mutex_;  // guards all below
  Steady::time_point next_;
  const LoadShape& shape_;
  std::minstd_rand engine_{7};
  std::exponential_distribution<> random_{1.0};
};

class Run {
 public:
  explicit Run(const LoadShape& shape)
      : shape_(shape),
        start_(Steady::now() + seconds(shape.warmup_seconds)),
        end_(start_ + seconds(shape.seconds)),
        arrivals_(Steady::now(), shape) {}

  void call(const Ask& ask) {
    Counted mine;
    while (const auto due = next()) {
      const auto failure = ask();
      if (*due < start_) {
        continue;
      }
      if (failure) {
        ++mine.failed[*failure];
      } else {
        mine.latency.record(Steady::now() - *due);
      }
      if (failure && shape_.rate == 0) {
        std::this_thread::sleep_for(pause_after_failure);
      }
    }
    const std::scoped_lock lock(mutex_);
    total_.add(mine);
  }

  json::Object result() {
    json::Object out = total_.latency.to_json();
    std::uint64_t failures = 0;
    json::Object failed;
    for (const auto& [word, count] : total_.failed) {
      failures += count;
      failed[word] = count;
    }
    out["callers"] = std::uint64_t{shape_.callers};
    out["seconds"] = shape_.seconds;
    out["per_second"] = static_cast<double>(total_.latency.count()) / shape_.seconds;
    out["failures"] = failures;
    out["failed"] = std::move(failed);
    out["histogram"] = total_.latency.buckets_to_json();
    if (shape_.rate > 0) {
      out["offered_per_second"] = shape_.rate;
      out["unserved"] = arrivals_.left_before(end_);
    }
    return out;
  }

 private:
  // When the next request counts from, once it is to be sent; nothing at the end.
  std::optional<Steady::time_point> next() {
    const auto now = Steady::now();
    if (now >= end_) {
      return std::nullopt;
    }
    if (shape_.rate == 0) {
      return now;
    }
    const auto due = arrivals_.take();
    if (due >= end_) {
      return std::nullopt;
    }
    std::this_thread::sleep_until(due);
    return due;
  }

  const LoadShape& shape_;
  const Steady::time_point start_;
  const Steady::time_point end_;
  Arrivals arrivals_;
  std::mutex mutex_;  // guards the member below
  Counted total_;
};

}  // namespace

Result<json::Object> run_load(const MakeAsk& make, const LoadShape& shape) {
  std::vector<Ask> asks;
  for (unsigned i = 0; i < shape.callers; ++i) {
    BLINDAI_TRY(Ask ask, make());
    asks.push_back(std::move(ask));
  }
  Run run(shape);
  {
    std::vector<std::jthread> callers;
    callers.reserve(asks.size());
    for (const Ask& ask : asks) {
      callers.emplace_back([&run, &ask] { run.call(ask); });
    }
  }
  return run.result();
}

}  // namespace blindai::bench
