#include "bench/histogram.h"

#include <algorithm>
#include <bit>

namespace blindai::bench {

Histogram::Histogram() : buckets_((64 - steps_log2 + 1) << steps_log2) {}

std::size_t Histogram::bucket_of(std::uint64_t ns) {
  constexpr std::uint64_t steps = 1U << steps_log2;
  if (ns < steps) {
    return ns;
  }
  const auto exponent = static_cast<unsigned>(std::bit_width(ns)) - 1 - steps_log2;
  return ((exponent + 1ULL) << steps_log2) + ((ns >> exponent) - steps);
}

std::uint64_t Histogram::upper_bound(std::size_t bucket) {
  constexpr std::uint64_t steps = 1U << steps_log2;
  if (bucket < steps) {
    return bucket;
  }
  const unsigned exponent = static_cast<unsigned>(bucket >> steps_log2) - 1;
  const std::uint64_t lower = (steps + (bucket & (steps - 1))) << exponent;
  return lower + (std::uint64_t{1} << exponent) - 1;
}

void Histogram::record(std::chrono::nanoseconds value) {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(0, value.count()));
  ++buckets_[bucket_of(ns)];
  ++count_;
  sum_ns_ += ns;
  max_ns_ = std::max(max_ns_, ns);
}

void Histogram::add(const Histogram& other) {
  std::ranges::transform(buckets_, other.buckets_, buckets_.begin(), std::plus<>());
  count_ += other.count_;
  sum_ns_ += other.sum_ns_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

std::uint64_t Histogram::quantile_ns(double q) const {
  if (count_ == 0) {
    return 0;
  }
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(q * static_cast<double>(count_) + 0.5));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) {
      return std::min(upper_bound(i), max_ns_);
    }
  }
  return max_ns_;
}

json::Object Histogram::to_json() const {
  const auto us = [](std::uint64_t ns) { return static_cast<double>(ns) / 1000.0; };
  return {{"count", count_},
          {"mean_us", count_ == 0 ? 0.0 : us(sum_ns_) / static_cast<double>(count_)},
          {"p50_us", us(quantile_ns(0.5))},
          {"p90_us", us(quantile_ns(0.9))},
          {"p99_us", us(quantile_ns(0.99))},
          {"p999_us", us(quantile_ns(0.999))},
          {"max_us", us(max_ns_)}};
}

json::Array Histogram::buckets_to_json() const {
  json::Array out;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    if (buckets_[i] != 0) {
      out.emplace_back(json::Array{static_cast<double>(upper_bound(i)) / 1000.0, buckets_[i]});
    }
  }
  return out;
}

}  // namespace blindai::bench
