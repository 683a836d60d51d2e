#include "server/statistics.h"

#include <algorithm>

namespace blindai::server {
namespace {

// Different counts of rows that are told apart. A caller chooses how many rows a request has; those beyond share the
// entry of the largest.
constexpr std::size_t max_batch_entries = 128;

std::uint64_t nanoseconds(Steady::duration time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, std::chrono::nanoseconds(time).count()));
}

void add(Duration& sum, Steady::duration time) {
  ++sum.count;
  sum.ns += nanoseconds(time);
}

void add(Histogram& histogram, Steady::duration time) {
  const double seconds = std::chrono::duration<double>(time).count();
  const auto bound = std::ranges::lower_bound(histogram_seconds, seconds);
  ++histogram.counts.at(static_cast<std::size_t>(bound - histogram_seconds.begin()));
  histogram.ns += nanoseconds(time);
}

void add(Duration& sum, const Duration& more) {
  sum.count += more.count;
  sum.ns += more.ns;
}

void add(Histogram& sum, const Histogram& more) {
  for (std::size_t i = 0; i < sum.counts.size(); ++i) {
    sum.counts.at(i) += more.counts.at(i);
  }
  sum.ns += more.ns;
}

void add(StatisticsSnapshot& sum, const StatisticsSnapshot& more) {
  sum.inference_count += more.inference_count;
  sum.execution_count += more.execution_count;
  for (const auto member :
       {&StatisticsSnapshot::success, &StatisticsSnapshot::fail, &StatisticsSnapshot::queue,
        &StatisticsSnapshot::compute_input, &StatisticsSnapshot::compute_infer, &StatisticsSnapshot::compute_output}) {
    add(sum.*member, more.*member);
  }
  for (std::size_t i = 0; i < failure_kinds; ++i) {
    sum.failures.at(i) += more.failures.at(i);
  }
  add(sum.request_seconds, more.request_seconds);
  add(sum.queue_seconds, more.queue_seconds);
  add(sum.run_seconds, more.run_seconds);
  sum.pending += more.pending;
}

}  // namespace

Statistics::Statistics(std::shared_ptr<Totals> totals) : totals_(std::move(totals)) {
  if (totals_) {
    totals_->join(this);
  }
}

Statistics::~Statistics() {
  if (totals_) {
    totals_->leave(this);
  }
}

void Totals::join(const Statistics* statistics) {
  const std::scoped_lock lock(mutex_);
  there_.insert(statistics);
}

void Totals::leave(const Statistics* statistics) {
  const std::scoped_lock lock(mutex_);
  there_.erase(statistics);
  add(gone_, statistics->snapshot());
}

StatisticsSnapshot Totals::sum() const {
  const std::scoped_lock lock(mutex_);
  StatisticsSnapshot sum = gone_;
  for (const Statistics* each : there_) {
    add(sum, each->snapshot());
  }
  return sum;
}

Failure failure_of(Code code) {
  switch (code) {
    case Code::resource_exhausted:
    case Code::deadline_exceeded:
      return Failure::rejected;
    case Code::cancelled:
      return Failure::cancelled;
    case Code::unavailable:
    case Code::internal:
      return Failure::backend;
    default:
      return Failure::other;
  }
}

void Statistics::succeeded(const Served& request) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::scoped_lock lock(mutex_);
  sums_.last_inference_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  ++sums_.inference_count;
  add(sums_.success, request.total);
  add(sums_.queue, request.queue);
  add(sums_.compute_input, request.input);
  add(sums_.compute_infer, request.infer);
  add(sums_.compute_output, request.output);
  add(sums_.request_seconds, request.total);
  add(sums_.queue_seconds, request.queue);
}

void Statistics::failed(Code code, Steady::duration total) {
  const std::scoped_lock lock(mutex_);
  add(sums_.fail, total);
  ++sums_.failures.at(static_cast<std::size_t>(failure_of(code)));
}

void Statistics::executed(std::uint64_t rows, Steady::duration input, Steady::duration infer, Steady::duration output) {
  const std::scoped_lock lock(mutex_);
  ++sums_.execution_count;
  add(sums_.run_seconds, infer);
  auto place = batches_.find(rows);
  if (place == batches_.end()) {
    place = batches_.size() < max_batch_entries ? batches_.emplace(rows, BatchStatistics{.rows = rows}).first
                                                : std::prev(batches_.end());
  }
  add(place->second.compute_input, input);
  add(place->second.compute_infer, infer);
  add(place->second.compute_output, output);
}

StatisticsSnapshot Statistics::snapshot() const {
  const std::scoped_lock lock(mutex_);
  StatisticsSnapshot out = sums_;
  out.pending = pending_;
  for (const auto& [rows, batch] : batches_) {
    out.batches.push_back(batch);
  }
  return out;
}

}  // namespace blindai::server
