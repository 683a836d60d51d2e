// How the worker processes of one model ended, in all groups, and whether it may be started again: the quarantine.
//
// A crash is charged to the callers whose requests were in work; which of them it was nobody knows. While one caller can
// have been behind all crashes of the last minute, workers are started again. Where that cannot be, within one group that
// group's worker is stopped, so that no group takes a model from others; where two groups had crashes, the model is, for
// all. The end of a process that the host asked for, or that had no request, is charged to nobody.
//
// Thread rule: thread-safe; callbacks are called with no lock held.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace blindai::worker {

// How a process ended, as its owner and its callers may know it.
struct Ending {
  enum class Kind : std::uint8_t {
    unknown,         // not yet, or nobody could tell
    host,            // a signal that the server did not send and that no fault causes
    fault,           // a signal that a fault causes
    forbidden_call,  // of the system
    stopped,         // by the server, which did not hold anything against it
    hung,            // a run went on past its limit and did not end when it was asked to
    broken_answer,   // it said something that cannot be
    unasked,         // it computed what no request asked of it
    exited,          // by itself
  };
  Kind kind = Kind::unknown;
  int number = 0;  // of the signal, or the status
};
// From what reap() returns: the exit status, or 128 and the signal.
Ending ending_of(int status);
PublicText sentence(const Ending& ending);
bool is_crash(const Ending& ending);  // that a request can have caused

class Conduct {
 public:
  static constexpr auto window = std::chrono::seconds(60);
  using Caller = std::uint64_t;  // 0: not known

  enum class Verdict : std::uint8_t { free, group_stopped, model_stopped };
  // `callers`: with a request in work as it ended.
  Verdict note(const std::string& group, const Ending& ending, const std::vector<Caller>& callers,
               Steady::time_point now);
  Verdict verdict(const std::string& group) const;
  void pardon();  // the owner says so: everything is forgotten
  // Called when the model is stopped, for as long as `owner` lives.
  void on_model_stopped(std::weak_ptr<void> owner, std::function<void()> callback);

 private:
  struct Crash {
    std::string group;
    std::set<Caller> callers;
    Steady::time_point time;
  };
  Verdict verdict_locked(const std::string& group) const;

  mutable std::mutex mutex_;
  std::vector<Crash> crashes_;  // of the window
  std::set<std::string> stopped_groups_;
  bool model_stopped_ = false;
  std::vector<std::pair<std::weak_ptr<void>, std::function<void()>>> callbacks_;
};

}  // namespace blindai::worker
