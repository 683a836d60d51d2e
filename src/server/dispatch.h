// Where requests of all models meet the CPUs: it runs what the scheduler chooses, tells each caller how its request ended,
// and drops requests whose caller is gone or whose deadline has passed.
//
//   BLINDAI_CO_TRY(const auto views, co_await dispatcher->run(place, std::move(request)));
//
// Thread rule: thread-safe. One thread of its own looks at deadlines, absent callers and held batches while anything waits or
// runs, and sleeps otherwise. Callbacks of workers come on any thread; callers are resumed on their own executor.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "schedule/scheduler.h"
#include "server/statistics.h"
#include "worker/worker.h"

namespace blindai::server {

// A model at work for a group, as the dispatcher sees it.
struct Place {
  std::shared_ptr<worker::Worker> worker;
  std::shared_ptr<schedule::Line> line;
  std::shared_ptr<Statistics> statistics;
};

class Dispatcher : public std::enable_shared_from_this<Dispatcher> {
 public:
  static std::shared_ptr<Dispatcher> make(unsigned cpus);
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;
  ~Dispatcher();

  // As the scheduler's.
  std::shared_ptr<schedule::Line> open(const std::string& group, schedule::Layout layout, schedule::Batches batches);
  std::shared_ptr<schedule::Line> join(const std::string& group, const schedule::Line& other);
  void set_layout(const std::shared_ptr<schedule::Line>& line, schedule::Layout layout);

  // A request that lies wholly in its slot.
  struct Ready {
    worker::Lease* lease = nullptr;
    std::uint64_t rows = 1;
    std::vector<std::int64_t> form;
    bool alone = false;
    Steady::time_point deadline;
    Steady::duration input{};                    // what bringing it into the slot took
    std::optional<Statistics::Waiting> waiting;  // ended when it starts
    boost::asio::any_io_executor executor;
    std::function<bool()> gone;  // called on the executor while the request waits or runs
  };
  struct Done {
    Result<std::vector<worker::OutputView>> views;
    Steady::duration queue{};
    Steady::duration infer{};
  };
  // Errors: deadline_exceeded, cancelled (the caller is gone), those of worker::Lease::run().
  boost::asio::awaitable<Done> run(const Place& place, Ready ready);

 private:
  struct Request;
  struct Execution;
  explicit Dispatcher(unsigned cpus);
  void enter(const std::shared_ptr<Request>& request);
  void leave(Request& request, worker::Ran ran);
  void pump();
  void start(std::unique_ptr<Execution> execution);
  void ran(Execution& execution, Request& request, worker::Ran ran);
  void over(Execution& execution);
  void look();
  void look_for(const std::shared_ptr<Request>& request);
  void abandon(const std::shared_ptr<Request>& request);

  std::mutex mutex_;  // guards what follows, and the members of Request that say so
  schedule::Scheduler scheduler_;
  std::vector<std::shared_ptr<Request>> requests_;  // that wait or run
  bool pumping_ = false;
  bool again_ = false;
  bool stopping_ = false;
  bool asleep_ = false;                           // the looker, until a request wakes it
  std::optional<Steady::time_point> held_until_;  // when the looker pumps
  std::condition_variable wake_;
  std::thread looker_;
};

}  // namespace blindai::server
