// A bounded queue with deadlines in front of something of which there are a few: the slots of a worker, the permits to
// compute that all models share.
//
//   BLINDAI_CO_TRY(schedule::Pass pass, co_await turnstile->enter(executor, deadline));
//   ...                      // the pass goes back when it is destroyed, to whoever waited longest
//
// Nobody waits while one is free. A waiter whose deadline passes, or whose caller is gone, leaves the queue; one too many
// is refused at once.
//
// Thread rule: thread-safe. The executor must run one handler at a time (a strand, or an I/O context with one thread),
// and be the one that the calling coroutine runs on.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/error.h"

namespace blindai::schedule {

class Turnstile;

class Pass {
 public:
  Pass() = default;
  Pass(Pass&&) noexcept = default;
  Pass& operator=(Pass&& other) noexcept;
  ~Pass() { release(); }
  void release();

 private:
  friend class Turnstile;
  explicit Pass(std::shared_ptr<Turnstile> turnstile) : turnstile_(std::move(turnstile)) {}
  std::shared_ptr<Turnstile> turnstile_;
};

class Turnstile : public std::enable_shared_from_this<Turnstile> {
 public:
  // `passes` at once, `places` in the queue behind them.
  static std::shared_ptr<Turnstile> make(std::size_t passes, std::size_t places);
  ~Turnstile();

  // `gone`: asked from time to time while it waits, on the executor. Errors: resource_exhausted (the queue is full),
  // deadline_exceeded, cancelled (gone).
  boost::asio::awaitable<Result<Pass>> enter(boost::asio::any_io_executor executor, Steady::time_point deadline,
                                             std::function<bool()> gone = {});
  std::size_t waiting() const;
  std::size_t free() const;

 private:
  friend class Pass;
  struct Impl;
  struct Waiter;
  explicit Turnstile(std::unique_ptr<Impl> impl);
  void give_back();
  std::unique_ptr<Impl> impl_;
};

}  // namespace blindai::schedule
