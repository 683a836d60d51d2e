// Private to this folder: what coroutines of one thread wait for.
#pragma once

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "grpc/call.h"

namespace blindai::grpc {

// Wakes the one coroutine that waits, if one does: who waits looks at a condition of its own before and after.
class Event {
 public:
  explicit Event(const boost::asio::any_io_executor& executor) : timer_(executor) {}
  void set() { timer_.cancel(); }
  Task<void> wait(Steady::time_point until = Steady::time_point::max()) {
    boost::system::error_code ignored;
    timer_.expires_at(until);
    co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  }

 private:
  boost::asio::steady_timer timer_;
};

}  // namespace blindai::grpc
