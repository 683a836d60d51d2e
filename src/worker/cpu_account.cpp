#include "worker/cpu_account.h"

#include <time.h>

#include <algorithm>

namespace blindai::worker {

Steady::duration CpuAccount::allowed(Steady::time_point now) const {
  return (in_work_ + runs_ * (now - counted_)) * threads_;
}

void CpuAccount::begin(Steady::time_point now) {
  in_work_ += runs_ * (now - counted_);
  counted_ = now;
  ++runs_;
}

void CpuAccount::end(Steady::time_point now) {
  in_work_ += runs_ * (now - counted_) + tail;
  counted_ = now;
  --runs_;
}

bool CpuAccount::computed_unasked(const Look& look) {
  if (base_) {
    const auto besides = (look.used - base_->used) - (allowed(look.after) - base_->allowed);
    const auto tolerated = (look.after - base_->time) / tolerated_part;
    debt_ = std::max(Steady::duration::zero(), debt_ + besides - tolerated);
  }
  base_ = {look.before, look.used, allowed(look.before)};
  return debt_ > most_debt_;
}

std::optional<Steady::duration> cpu_time_of(int pid) {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0) {
    return std::nullopt;
  }
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

}  // namespace blindai::worker
