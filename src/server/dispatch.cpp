#include "server/dispatch.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace blindai::server {

namespace asio = boost::asio;

namespace {

constexpr auto look_time = std::chrono::milliseconds(10);  // between looks at deadlines
constexpr int presence_looks = 10;                         // every so many of them, whether callers are still there

Error late() { return {Code::deadline_exceeded, {"the request waited longer than its deadline allows"}}; }
Error absent() { return {Code::cancelled, {"the caller closed the connection before the answer"}}; }

}  // namespace

struct Dispatcher::Request : schedule::Ticket {
  Request(Place its_place, Ready its_ready) : place(std::move(its_place)), ready(std::move(its_ready)) {
    rows = ready.rows;
    form = std::move(ready.form);
    alone = ready.alone;
    deadline = ready.deadline;
  }
  const Place place;
  Ready ready;
  const Steady::time_point entered = Steady::now();
  // Guarded by the dispatcher's mutex.
  std::size_t index = 0;  // in requests_
  bool running = false;
  Steady::time_point started{};
  Steady::time_point ended{};
  std::move_only_function<void(worker::Ran)> resume;
  // Touched on the caller's executor alone.
  bool answered = false;
};

// One run of the scheduler's, from its start to its end.
struct Dispatcher::Execution {
  // What of it is one group's, and all that the group's statistics tell of it.
  struct Part {
    std::shared_ptr<Statistics> statistics;
    std::uint64_t rows = 0;
    Steady::duration input{};
  };
  void count(const Request& request);

  schedule::Run run;
  std::shared_ptr<worker::Worker> worker;
  std::vector<Part> parts;
  std::vector<std::shared_ptr<Request>> requests;
  std::optional<Steady::time_point> first_end;
  std::size_t again = 0;  // requests that are to run alone
};

// Requests of one group stand side by side in a run.
void Dispatcher::Execution::count(const Request& request) {
  if (parts.empty() || parts.back().statistics != request.place.statistics) {
    parts.push_back({request.place.statistics});
  }
  parts.back().rows += request.rows;
  parts.back().input += request.ready.input;
}

std::shared_ptr<Dispatcher> Dispatcher::make(unsigned cpus) {
  return std::shared_ptr<Dispatcher>(new Dispatcher(cpus));
}

Dispatcher::Dispatcher(unsigned cpus) : scheduler_({.cpus = cpus}), looker_([this] { look(); }) {}

Dispatcher::~Dispatcher() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  looker_.join();
}

std::shared_ptr<schedule::Line> Dispatcher::open(const std::string& group, schedule::Layout layout,
                                                 schedule::Batches batches) {
  const std::scoped_lock lock(mutex_);
  return scheduler_.open(group, std::move(layout), batches);
}

std::shared_ptr<schedule::Line> Dispatcher::join(const std::string& group, const schedule::Line& other) {
  const std::scoped_lock lock(mutex_);
  return scheduler_.join(group, other);
}

void Dispatcher::set_layout(const std::shared_ptr<schedule::Line>& line, schedule::Layout layout) {
  const std::scoped_lock lock(mutex_);
  scheduler_.set_layout(line, std::move(layout));
}

asio::awaitable<Dispatcher::Done> Dispatcher::run(const Place& place, Ready ready) {
  const auto request = std::make_shared<Request>(place, std::move(ready));
  const auto self = shared_from_this();
  auto begin = [self, request](auto handler) {
    auto executor = asio::get_associated_executor(handler);
    request->resume = [handler = std::move(handler), work = asio::make_work_guard(executor)](worker::Ran ran) mutable {
      const auto target = work.get_executor();
      asio::post(target, [handler = std::move(handler), ran = std::move(ran)]() mutable {
        std::move(handler)(std::move(ran));
      });
    };
    self->enter(request);
  };
  worker::Ran ran =
      co_await asio::async_initiate<const asio::use_awaitable_t<>, void(worker::Ran)>(begin, asio::use_awaitable);
  request->answered = true;
  Done done;
  done.views = std::move(ran.outputs);
  const std::scoped_lock lock(mutex_);
  if (request->running) {
    done.queue = request->started - request->entered;
    done.infer = request->ended - request->started;
  } else {
    done.queue = Steady::now() - request->entered;
  }
  co_return done;
}

void Dispatcher::enter(const std::shared_ptr<Request>& request) {
  bool wakes = false;
  {
    const std::scoped_lock lock(mutex_);
    wakes = std::exchange(asleep_, false);
    request->index = requests_.size();
    requests_.push_back(request);
    scheduler_.add(request->place.line, *request, request->entered);
  }
  if (wakes) {
    wake_.notify_one();
  }
  pump();
}

// The request is answered, whatever its run still does. Once.
void Dispatcher::leave(Request& request, worker::Ran ran) {
  std::move_only_function<void(worker::Ran)> resume;
  std::shared_ptr<Request> kept;
  {
    const std::scoped_lock lock(mutex_);
    resume = std::exchange(request.resume, nullptr);
    if (!resume) {
      return;
    }
    request.ended = Steady::now();
    const std::size_t index = request.index;
    std::swap(requests_[index], requests_.back());
    requests_[index]->index = index;
    kept = std::move(requests_.back());
    requests_.pop_back();
  }
  resume(std::move(ran));
}

// Starts whatever may start. Whoever comes while another thread is at it, or from within a start, leaves it to that one.
void Dispatcher::pump() {
  {
    const std::scoped_lock lock(mutex_);
    again_ = true;
    if (std::exchange(pumping_, true)) {
      return;
    }
  }
  for (;;) {
    std::vector<std::unique_ptr<Execution>> executions;
    std::vector<std::shared_ptr<Request>> dropped;
    bool wakes = false;
    {
      const std::scoped_lock lock(mutex_);
      if (!std::exchange(again_, false)) {
        pumping_ = false;
        return;
      }
      const auto now = Steady::now();
      while (auto run = scheduler_.next(now)) {
        auto execution = std::make_unique<Execution>();
        for (schedule::Ticket* ticket : run->tickets) {
          auto& request = static_cast<Request&>(*ticket);
          request.running = true;
          request.started = now;
          request.ready.waiting.reset();
          execution->count(request);
          execution->requests.push_back(requests_[request.index]);
        }
        execution->worker = execution->requests.front()->place.worker;
        execution->run = std::move(*run);
        executions.push_back(std::move(execution));
      }
      for (schedule::Ticket* ticket : scheduler_.take_met()) {
        dropped.push_back(requests_[static_cast<Request&>(*ticket).index]);
      }
      held_until_ = scheduler_.held_until(now);
      wakes = held_until_.has_value();
    }
    if (wakes) {
      wake_.notify_one();
    }
    for (auto& execution : executions) {
      start(std::move(execution));
    }
    for (const auto& request : dropped) {
      leave(*request, {std::unexpected(request->gone ? absent() : late())});
    }
  }
}

void Dispatcher::start(std::unique_ptr<Execution> owned) {
  const std::shared_ptr<Execution> execution = std::move(owned);
  const auto self = shared_from_this();
  std::vector<worker::Ride> rides;
  rides.reserve(execution->requests.size());
  for (const auto& request : execution->requests) {
    auto done = [self, execution, request](worker::Ran result) { self->ran(*execution, *request, std::move(result)); };
    rides.push_back({request->ready.lease, request->deadline, std::move(done)});
  }
  execution->worker->submit(std::move(rides), [self, execution] { self->over(*execution); });
}

void Dispatcher::ran(Execution& execution, Request& request, worker::Ran result) {
  {
    const std::scoped_lock lock(mutex_);
    if (!execution.first_end) {
      execution.first_end = Steady::now();
    }
    if (result.alone && !request.gone && !stopping_) {
      request.alone = true;
      request.running = false;
      ++execution.again;
      scheduler_.add(request.place.line, request, Steady::now(), true);
      return;  // over() follows, and pumps
    }
    if (request.gone) {
      result.outputs = std::unexpected(absent());
    }
  }
  leave(request, std::move(result));
}

void Dispatcher::over(Execution& execution) {
  const auto now = Steady::now();
  const auto end = execution.first_end.value_or(now);
  {
    const std::scoped_lock lock(mutex_);
    scheduler_.over(execution.run, now);
  }
  if (execution.again == 0) {
    for (const Execution::Part& part : execution.parts) {
      part.statistics->executed(part.rows, part.input, end - execution.run.started, now - end);
    }
  }
  pump();
}

void Dispatcher::look() {
  int looks = 0;
  auto next_look = Steady::now() + look_time;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (requests_.empty()) {
      asleep_ = true;
      wake_.wait(lock, [this] { return !asleep_ || stopping_; });
      next_look = Steady::now() + look_time;
      continue;
    }
    // But for a held batch no request wakes it from here: while one follows another it costs none a system call.
    const auto until = std::min(next_look, held_until_.value_or(next_look));
    wake_.wait_until(lock, until, [&] { return stopping_ || (held_until_ && *held_until_ < until); });
    if (held_until_ && Steady::now() >= *held_until_ && !requests_.empty()) {
      held_until_.reset();
      // Not here: what a start keeps may be the last that keeps the dispatcher, which joins this thread.
      asio::post(requests_.front()->ready.executor, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
          self->pump();
        }
      });
    }
    if (stopping_) {
      return;
    }
    if (Steady::now() < next_look) {
      continue;
    }
    next_look = Steady::now() + look_time;
    std::vector<std::shared_ptr<Request>> dropped;
    for (schedule::Ticket* ticket : scheduler_.take_dropped(Steady::now())) {
      dropped.push_back(requests_[static_cast<Request&>(*ticket).index]);
    }
    std::vector<std::shared_ptr<Request>> present;
    if (++looks % presence_looks == 0) {
      present = requests_;
    }
    lock.unlock();
    for (const auto& request : dropped) {
      leave(*request, {std::unexpected(request->gone ? absent() : late())});
    }
    for (const auto& request : present) {
      look_for(request);
    }
    dropped.clear();
    present.clear();
    lock.lock();
  }
}

// Asks on the caller's executor, where the request's coroutine is suspended or has been answered.
void Dispatcher::look_for(const std::shared_ptr<Request>& request) {
  asio::post(request->ready.executor, [weak = weak_from_this(), request] {
    const auto self = weak.lock();
    if (self && !request->answered && request->ready.gone && request->ready.gone()) {
      self->abandon(request);
    }
  });
}

void Dispatcher::abandon(const std::shared_ptr<Request>& request) {
  bool waited = false;
  {
    const std::scoped_lock lock(mutex_);
    request->gone = true;
    waited = scheduler_.remove(request->place.line, *request);
  }
  if (waited) {
    leave(*request, {std::unexpected(absent())});
  } else {
    request->ready.lease->abandon();  // it is the coroutine's, which has not been resumed
  }
}

}  // namespace blindai::server
