// Load: callers that send one request after another, and how long the answers took.
//
// Closed loop: each caller sends the next request when it has the answer to the last. Open loop (`rate`): requests are due
// at times of their own, as from many users who do not wait for each other; a caller takes the next that is due, and its
// latency counts from when it was due, not from when a caller was free. What is due and finds no caller before the end is
// told as `unserved`.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/json.h"

namespace blindai::bench {

struct LoadShape {
  unsigned callers = 1;
  double seconds = 3;  // of counted time, after the warm-up
  double warmup_seconds = 0.5;
  double rate = 0;           // requests a second in all; 0: closed loop
  bool random_times = true;  // open loop: a Poisson process, always the same one; else at equal distances
};

// One request: nothing, or a short word for what went wrong, such as "HTTP 503".
using Ask = std::function<std::optional<std::string>()>;
// Made once for each caller, before the clock starts, and used by that caller's thread alone.
using MakeAsk = std::function<Result<Ask>()>;

// {"count", "per_second", "failures", "failed": {word: count}, "mean_us", "p50_us" ..., "histogram": [[us, count], ...]};
// of an open loop also "offered_per_second" and "unserved". Latencies are those of requests that were begun in the counted
// time and answered well.
Result<json::Object> run_load(const MakeAsk& make, const LoadShape& shape);

}  // namespace blindai::bench
