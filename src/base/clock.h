// Time as an argument. Wall time comes from the host and is a claim; deadlines use the steady clock.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

namespace blindai {

// Seconds since 1970-01-01 UTC.
using UnixSeconds = std::int64_t;
using Steady = std::chrono::steady_clock;

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;
  virtual UnixSeconds now() const = 0;
};

// The clock of the system. Thread-safe.
const Clock& system_clock();

// A clock that tests turn by hand. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(UnixSeconds start) : now_(start) {}
  UnixSeconds now() const override { return now_.load(); }
  void set(UnixSeconds now) { now_ = now; }
  void advance(UnixSeconds seconds) { now_ += seconds; }

 private:
  std::atomic<UnixSeconds> now_;
};

// 2026-11-24T08:52:20Z, for people.
std::string to_iso8601(UnixSeconds time);

}  // namespace blindai
