#include "schedule/turnstile.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <mutex>

namespace blindai::schedule {

namespace asio = boost::asio;

namespace {
constexpr auto look_time = std::chrono::milliseconds(100);  // between looks whether a waiter is still there
}

// Shared with the handler that wakes it, which may run after the waiter has gone.
struct Turnstile::Waiter {
  explicit Waiter(const asio::any_io_executor& executor) : timer(executor) {}
  asio::steady_timer timer;
  bool granted = false;  // guarded by the turnstile's mutex
};

struct Turnstile::Impl {
  mutable std::mutex mutex;
  std::size_t free = 0;
  std::size_t places = 0;
  std::list<std::shared_ptr<Waiter>> queue;
};

Pass& Pass::operator=(Pass&& other) noexcept {
  if (this != &other) {
    release();
    turnstile_ = std::move(other.turnstile_);
  }
  return *this;
}

void Pass::release() {
  if (const auto turnstile = std::exchange(turnstile_, nullptr)) {
    turnstile->give_back();
  }
}

Turnstile::Turnstile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Turnstile::~Turnstile() = default;

std::shared_ptr<Turnstile> Turnstile::make(std::size_t passes, std::size_t places) {
  auto impl = std::make_unique<Impl>();
  impl->free = passes;
  impl->places = places;
  return std::shared_ptr<Turnstile>(new Turnstile(std::move(impl)));
}

std::size_t Turnstile::waiting() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->queue.size();
}

std::size_t Turnstile::free() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->free;
}

asio::awaitable<Result<Pass>> Turnstile::enter(asio::any_io_executor executor, Steady::time_point deadline,
                                               std::function<bool()> gone) {
  const auto self = shared_from_this();
  std::shared_ptr<Waiter> waiter;
  std::list<std::shared_ptr<Waiter>>::iterator place;
  {
    const std::scoped_lock lock(impl_->mutex);
    if (impl_->free > 0) {
      --impl_->free;
      co_return Pass(self);
    }
    if (impl_->queue.size() >= impl_->places) {
      co_return fail(Code::resource_exhausted, {"the queue of this model is full; try again later"});
    }
    waiter = std::make_shared<Waiter>(executor);
    place = impl_->queue.insert(impl_->queue.end(), waiter);
  }
  for (;;) {
    const auto now = Steady::now();
    if (now < deadline) {
      waiter->timer.expires_at(gone ? std::min(deadline, now + look_time) : deadline);
      boost::system::error_code ignored;
      co_await waiter->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    {
      const std::scoped_lock lock(impl_->mutex);
      if (waiter->granted) {
        co_return Pass(self);
      }
    }
    const bool absent = gone && gone();
    const bool late = Steady::now() >= deadline;
    const std::scoped_lock lock(impl_->mutex);
    if (waiter->granted) {
      co_return Pass(self);
    }
    if (late || absent) {
      impl_->queue.erase(place);
      co_return late ? fail(Code::deadline_exceeded, {"the request waited longer than its deadline allows"})
                     : fail(Code::cancelled, {"the caller closed the connection before the answer"});
    }
  }
}

void Turnstile::give_back() {
  std::shared_ptr<Waiter> next;
  {
    const std::scoped_lock lock(impl_->mutex);
    if (impl_->queue.empty()) {
      ++impl_->free;
      return;
    }
    next = std::move(impl_->queue.front());
    impl_->queue.pop_front();
    next->granted = true;
  }
  // The timer belongs to the waiter's executor. By the time this handler runs there its coroutine has been suspended, or
  // has found that it may pass.
  const auto executor = next->timer.get_executor();
  asio::post(executor, [next = std::move(next)] { next->timer.cancel(); });
}

}  // namespace blindai::schedule
