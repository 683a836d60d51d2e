// What the admin listener tells of the service: numbers from a list that is compiled in, as Prometheus text.
//
// All models and groups are counted together. A label is one of a fixed few words: no text of a request and no name of a
// tenant, a key or a model is ever in one, because what an operator may not know does not belong into what they scrape.
// The digest of the list stands in the keyset (config.metrics), so that a caller can pin what is told.
//
// Names are Triton's where it has one of the same meaning (nv_inference_*, microseconds), so that dashboards work; the
// others are of blindai_*, in seconds.
//
// Thread rule: pure functions.
#pragma once

#include <span>
#include <string>

#include "base/cbor.h"
#include "server/statistics.h"

namespace blindai::server {

enum class MetricType : std::uint8_t { counter, gauge, histogram };

struct Metric {
  const char* name;
  MetricType type;
  const char* help;
  const char* label;  // its name; "" where there is none
};
std::span<const Metric> metric_list();
// [name, type, label, words of the label] of each, in the order of the list: what config.metrics is the digest of.
cbor::Value metrics_document();

struct Counted {
  StatisticsSnapshot sums;  // of all models together
  std::uint64_t models = 0;
  std::array<std::uint64_t, 6> workers{};  // by worker::State
  std::uint64_t connections = 0;
};
// Text format 0.0.4.
std::string exposition(const Counted& counted);

}  // namespace blindai::server
