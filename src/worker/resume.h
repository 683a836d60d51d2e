// A coroutine's completion handler as a plain function that resumes it on its own executor.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <utility>

namespace blindai::worker {

template <typename Value, typename Handler>
std::move_only_function<void(Value)> resume_by(Handler handler) {
  auto executor = boost::asio::get_associated_executor(handler);
  return [handler = std::move(handler), work = boost::asio::make_work_guard(executor)](Value value) mutable {
    const auto target = work.get_executor();
    boost::asio::post(target, [handler = std::move(handler), value = std::move(value)]() mutable {
      std::move(handler)(std::move(value));
    });
  };
}

}  // namespace blindai::worker
