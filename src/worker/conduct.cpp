#include "worker/conduct.h"

#include <signal.h>

#include <algorithm>

namespace blindai::worker {
namespace {

constexpr int signal_base = 128;
constexpr std::size_t most_crashes = 64;  // that are remembered; a minute of back-off has fewer in a group

}  // namespace

Ending ending_of(int status) {
  if (status < signal_base) {
    return {Ending::Kind::exited, status};
  }
  const int number = status - signal_base;
  switch (number) {
    case SIGSYS:
      return {Ending::Kind::forbidden_call, number};
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
    case SIGABRT:
    case SIGTRAP:
    case SIGXCPU:
      return {Ending::Kind::fault, number};
    default:
      return {Ending::Kind::host, number};
  }
}

PublicText sentence(const Ending& ending) {
  switch (ending.kind) {
    case Ending::Kind::host:
      return {"the process was ended from outside (signal {})", ending.number};
    case Ending::Kind::fault:
      return {"a fault ended the process (signal {})", ending.number};
    case Ending::Kind::forbidden_call:
      return {"the process asked the system for something that it may not have, and was ended"};
    case Ending::Kind::stopped:
      return {"the server ended the process"};
    case Ending::Kind::hung:
      return {"a run did not end within its limit, nor when it was asked to, and the process was ended"};
    case Ending::Kind::broken_answer:
      return {"the process gave an answer that cannot be, and was ended"};
    case Ending::Kind::unasked:
      return {"the process computed what no request asked of it, and was ended"};
    case Ending::Kind::exited:
      return {"the process ended by itself (status {})", ending.number};
    case Ending::Kind::unknown:
      break;
  }
  return {"the process ended"};
}

bool is_crash(const Ending& ending) {
  return ending.kind != Ending::Kind::host && ending.kind != Ending::Kind::unknown &&
         ending.kind != Ending::Kind::stopped;
}

Conduct::Verdict Conduct::note(const std::string& group, const Ending& ending, const std::vector<Caller>& callers,
                               Steady::time_point now) {
  std::vector<std::function<void()>> told;
  Verdict out = Verdict::free;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(crashes_, [now](const Crash& crash) { return now - crash.time > window; });
    Crash crash{group, {callers.begin(), callers.end()}, now};
    crash.callers.erase(0);
    if (is_crash(ending) && !crash.callers.empty()) {
      if (crashes_.size() == most_crashes) {
        crashes_.erase(crashes_.begin());
      }
      crashes_.push_back(std::move(crash));
      std::set<Caller> behind_all = crashes_.back().callers;
      for (const Crash& each : crashes_) {
        if (each.group != group) {
          model_stopped_ = true;
        }
        std::erase_if(behind_all, [&each](Caller caller) { return !each.callers.contains(caller); });
      }
      if (behind_all.empty()) {
        stopped_groups_.insert(group);
      }
      if (model_stopped_) {
        std::erase_if(callbacks_, [](const auto& callback) { return callback.first.expired(); });
        for (const auto& [owner, callback] : callbacks_) {
          told.push_back(callback);
        }
      }
    }
    out = verdict_locked(group);
  }
  for (const auto& callback : told) {
    callback();
  }
  return out;
}

Conduct::Verdict Conduct::verdict_locked(const std::string& group) const {
  if (model_stopped_) {
    return Verdict::model_stopped;
  }
  return stopped_groups_.contains(group) ? Verdict::group_stopped : Verdict::free;
}

Conduct::Verdict Conduct::verdict(const std::string& group) const {
  const std::lock_guard lock(mutex_);
  return verdict_locked(group);
}

void Conduct::pardon() {
  const std::lock_guard lock(mutex_);
  crashes_.clear();
  stopped_groups_.clear();
  model_stopped_ = false;
}

void Conduct::on_model_stopped(std::weak_ptr<void> owner, std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  std::erase_if(callbacks_, [](const auto& each) { return each.first.expired(); });
  callbacks_.emplace_back(std::move(owner), std::move(callback));
}

}  // namespace blindai::worker
