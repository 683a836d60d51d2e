#include "client/retry.h"

#include <algorithm>
#include <random>
#include <thread>

namespace blindai::client {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr auto first_pause = milliseconds(50);
constexpr auto longest_pause = milliseconds(1000);
constexpr unsigned most_doublings = 5;
constexpr auto tick = milliseconds(20);

bool may_repeat(const Failure& failure, http::Reached reached, Repeatable repeatable) {
  const Code code = failure.error.code;
  if (code != Code::unavailable && code != Code::resource_exhausted) {
    return false;
  }
  switch (reached) {
    case http::Reached::nothing:
      return true;
    case http::Reached::request_begun:
      return repeatable == Repeatable::yes;
    case http::Reached::answer_begun:
      return repeatable == Repeatable::yes && failure.retry_after.has_value();
  }
  return false;
}

// Up to a quarter more than `pause`.
Steady::duration spread(Steady::duration pause) {
  thread_local std::minstd_rand random{std::random_device{}()};
  return pause + duration_cast<Steady::duration>(pause * std::uniform_real_distribution<>(0, 0.25)(random));
}

}  // namespace

bool Attempts::again(const Failure& failure, http::Reached reached, Repeatable repeatable) {
  if (left_ == 0 || !may_repeat(failure, reached, repeatable)) {
    return false;
  }
  const Steady::duration own =
      std::min<Steady::duration>(first_pause * (1U << std::min(made_, most_doublings)), longest_pause);
  const auto end = Steady::now() + spread(failure.retry_after ? Steady::duration(*failure.retry_after) : own);
  if (end >= bounds_.deadline) {
    return false;
  }
  --left_;
  ++made_;
  while (Steady::now() < end && !(bounds_.interrupted && bounds_.interrupted())) {
    std::this_thread::sleep_for(std::min<Steady::duration>(tick, end - Steady::now()));
  }
  return true;
}

}  // namespace blindai::client
