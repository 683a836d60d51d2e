#include "schedule/turnstile.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>
#include <vector>

namespace blindai::schedule {
namespace {

namespace asio = boost::asio;
constexpr auto long_time = std::chrono::seconds(20);

asio::awaitable<void> pause(asio::io_context& io, std::chrono::milliseconds time) {
  asio::steady_timer timer(io, time);
  co_await timer.async_wait(asio::use_awaitable);
}

TEST(ATurnstile, LetsPassWhoeverComesWhileOneIsFree) {
  asio::io_context io;
  const auto turnstile = Turnstile::make(2, 0);
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        auto a = co_await turnstile->enter(io.get_executor(), Steady::now());
        auto b = co_await turnstile->enter(io.get_executor(), Steady::now());
        EXPECT_TRUE(a && b);
        auto c = co_await turnstile->enter(io.get_executor(), Steady::now() + long_time);
        EXPECT_EQ(c.error().code, Code::resource_exhausted);
        a->release();
        auto d = co_await turnstile->enter(io.get_executor(), Steady::now());
        EXPECT_TRUE(d);
      },
      asio::detached);
  io.run();
  EXPECT_EQ(turnstile->free(), 2u);
}

TEST(ATurnstile, ServesInTheOrderOfArrival) {
  asio::io_context io;
  const auto turnstile = Turnstile::make(1, 10);
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) {
    asio::co_spawn(
        io,
        [&, i]() -> asio::awaitable<void> {
          auto pass = co_await turnstile->enter(io.get_executor(), Steady::now() + long_time);
          EXPECT_TRUE(pass);
          co_await pause(io, std::chrono::milliseconds(2));
          order.push_back(i);
        },
        asio::detached);
  }
  io.run();
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
  EXPECT_EQ(turnstile->free(), 1u);
  EXPECT_EQ(turnstile->waiting(), 0u);
}

TEST(ATurnstile, SendsAwayAtTheDeadlineAndForgets) {
  asio::io_context io;
  const auto turnstile = Turnstile::make(1, 1);
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        auto pass = co_await turnstile->enter(io.get_executor(), Steady::now());
        auto late = co_await turnstile->enter(io.get_executor(), Steady::now() + std::chrono::milliseconds(20));
        EXPECT_EQ(late.error().code, Code::deadline_exceeded);
        EXPECT_EQ(turnstile->waiting(), 0u);
      },
      asio::detached);
  io.run();
  EXPECT_EQ(turnstile->free(), 1u);
}

TEST(ATurnstile, LosesNoPassBetweenThreads) {
  const auto turnstile = Turnstile::make(2, 1000);
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::atomic<int> served = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      asio::io_context io(1);
      for (int i = 0; i < 50; ++i) {
        asio::co_spawn(
            io,
            [&]() -> asio::awaitable<void> {
              auto pass = co_await turnstile->enter(io.get_executor(), Steady::now() + long_time);
              EXPECT_TRUE(pass);
              most = std::max(most.load(), ++inside);
              co_await pause(io, std::chrono::milliseconds(0));
              --inside;
              ++served;
            },
            asio::detached);
      }
      io.run();
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(served, 200);
  EXPECT_LE(most, 2);
  EXPECT_EQ(turnstile->free(), 2u);
}

}  // namespace
}  // namespace blindai::schedule
