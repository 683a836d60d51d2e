#include "server/metrics.h"

#include <fmt/format.h>

#include <iterator>

#include "worker/worker.h"

namespace blindai::server {
namespace {

using enum MetricType;

constexpr std::array metrics{
    Metric{"nv_inference_request_success", counter, "Requests that were answered", ""},
    Metric{"nv_inference_request_failure", counter, "Requests that were not, by reason", "reason"},
    Metric{"nv_inference_count", counter, "Inferences: one for each answered request", ""},
    Metric{"nv_inference_exec_count", counter, "Runs of the engine", ""},
    Metric{"nv_inference_pending_request_count", gauge, "Requests that wait for a slot or for their turn", ""},
    Metric{"nv_inference_request_duration_us", counter, "Time of answered requests", ""},
    Metric{"nv_inference_queue_duration_us", counter, "Time that they waited", ""},
    Metric{"nv_inference_compute_input_duration_us", counter, "Time that their tensors took to come in", ""},
    Metric{"nv_inference_compute_infer_duration_us", counter, "Time of the runs that they were part of", ""},
    Metric{"nv_inference_compute_output_duration_us", counter, "Time that checking their outputs took", ""},
    Metric{"blindai_request_seconds", histogram, "Time of answered requests", ""},
    Metric{"blindai_queue_seconds", histogram, "Time that they waited", ""},
    Metric{"blindai_run_seconds", histogram, "Time of a run of the engine", ""},
    Metric{"blindai_models", gauge, "Models that are held", ""},
    Metric{"blindai_workers", gauge, "Worker processes, by state", "state"},
    Metric{"blindai_connections", gauge, "Connections of callers", ""},
};

constexpr std::array<std::string_view, failure_kinds> reasons{"REJECTED", "CANCELED", "BACKEND", "OTHER"};

std::string_view word(MetricType type) {
  switch (type) {
    case counter:
      return "counter";
    case gauge:
      return "gauge";
    case histogram:
      return "histogram";
  }
  return "untyped";
}

std::vector<std::string_view> words_of(std::string_view label) {
  std::vector<std::string_view> words;
  if (label == "reason") {
    words.assign(reasons.begin(), reasons.end());
  } else if (label == "state") {
    for (std::size_t state = 0; state < Counted{}.workers.size(); ++state) {
      words.push_back(worker::word(static_cast<worker::State>(state)));
    }
  }
  return words;
}

std::uint64_t microseconds(const Duration& sum) { return sum.ns / 1000; }

// Of a metric without a label, or of one of its words.
std::uint64_t value_of(std::string_view name, std::size_t at, const Counted& counted) {
  const StatisticsSnapshot& sums = counted.sums;
  const std::array<std::pair<std::string_view, std::uint64_t>, 11> plain{{
      {"nv_inference_request_success", sums.success.count},
      {"nv_inference_count", sums.inference_count},
      {"nv_inference_exec_count", sums.execution_count},
      {"nv_inference_pending_request_count", sums.pending},
      {"nv_inference_request_duration_us", microseconds(sums.success)},
      {"nv_inference_queue_duration_us", microseconds(sums.queue)},
      {"nv_inference_compute_input_duration_us", microseconds(sums.compute_input)},
      {"nv_inference_compute_infer_duration_us", microseconds(sums.compute_infer)},
      {"nv_inference_compute_output_duration_us", microseconds(sums.compute_output)},
      {"blindai_models", counted.models},
      {"blindai_connections", counted.connections},
  }};
  if (name == "nv_inference_request_failure") {
    return sums.failures.at(at);
  }
  if (name == "blindai_workers") {
    return counted.workers.at(at);
  }
  for (const auto& [known, value] : plain) {
    if (known == name) {
      return value;
    }
  }
  return 0;
}

const Histogram& histogram_of(std::string_view name, const StatisticsSnapshot& sums) {
  if (name == "blindai_request_seconds") {
    return sums.request_seconds;
  }
  return name == "blindai_queue_seconds" ? sums.queue_seconds : sums.run_seconds;
}

void put_histogram(std::string& out, std::string_view name, const Histogram& values) {
  constexpr double nanosecond = 1e-9;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < values.counts.size(); ++i) {
    count += values.counts.at(i);
    const std::string bound = i < histogram_seconds.size() ? fmt::format("{}", histogram_seconds.at(i)) : "+Inf";
    fmt::format_to(std::back_inserter(out), "{}_bucket{{le=\"{}\"}} {}\n", name, bound, count);
  }
  fmt::format_to(std::back_inserter(out), "{0}_sum {1:.9f}\n{0}_count {2}\n", name,
                 static_cast<double>(values.ns) * nanosecond, count);
}

}  // namespace

std::span<const Metric> metric_list() { return metrics; }

cbor::Value metrics_document() {
  cbor::Array list;
  for (const Metric& metric : metrics) {
    cbor::Array words;
    for (const std::string_view each : words_of(metric.label)) {
      words.emplace_back(std::string(each));
    }
    list.emplace_back(cbor::Array{std::string(metric.name), std::string(word(metric.type)), std::string(metric.label),
                                  std::move(words)});
  }
  return list;
}

std::string exposition(const Counted& counted) {
  std::string out;
  for (const Metric& metric : metrics) {
    fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} {2}\n", metric.name, metric.help,
                   word(metric.type));
    if (metric.type == histogram) {
      put_histogram(out, metric.name, histogram_of(metric.name, counted.sums));
      continue;
    }
    const auto words = words_of(metric.label);
    for (std::size_t i = 0; i < words.size(); ++i) {
      fmt::format_to(std::back_inserter(out), "{}{{{}=\"{}\"}} {}\n", metric.name, metric.label, words[i],
                     value_of(metric.name, i, counted));
    }
    if (words.empty()) {
      fmt::format_to(std::back_inserter(out), "{} {}\n", metric.name, value_of(metric.name, 0, counted));
    }
  }
  return out;
}

}  // namespace blindai::server
