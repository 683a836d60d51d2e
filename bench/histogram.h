// Latency histogram with logarithmic-linear buckets: 64 linear steps per power of two, so every value is kept within
// 1.6 % from 1 ns to hours in fixed memory.
//
// Thread rule: one thread records; add() joins histograms of several threads afterwards.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

#include "base/json.h"

namespace blindai::bench {

class Histogram {
 public:
  Histogram();
  void record(std::chrono::nanoseconds value);
  void add(const Histogram& other);
  std::uint64_t count() const { return count_; }
  // Upper bound of the bucket that holds the quantile, in nanoseconds; 0 where nothing was recorded.
  std::uint64_t quantile_ns(double q) const;
  // {"count", "mean_us", "p50_us", "p90_us", "p99_us", "p999_us", "max_us"}
  json::Object to_json() const;
  // [[upper bound in microseconds, count], ...] of the buckets that hold anything, in order.
  json::Array buckets_to_json() const;

 private:
  static constexpr unsigned steps_log2 = 6;
  static std::size_t bucket_of(std::uint64_t ns);
  static std::uint64_t upper_bound(std::size_t bucket);
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ns_ = 0;
  std::uint64_t max_ns_ = 0;
};

}  // namespace blindai::bench
