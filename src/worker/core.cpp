#include "worker/core.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "worker/futex.h"

namespace blindai::worker {
namespace {

constexpr auto tick_time = std::chrono::milliseconds(10);
constexpr auto interrupt_again = std::chrono::milliseconds(50);
// How long a run that was asked to end may take to do so before its process is killed.
constexpr auto longest_grace = std::chrono::seconds(1);

std::unexpected<Error> down() {
  return fail(Code::unavailable, {"the model's worker is not running now; try again later"});
}

std::unexpected<Error> crashed() {
  Error error{Code::unavailable,
              {"the model's worker ended while it ran this request; it is not tried again by itself"}};
  error.begun = true;
  return std::unexpected(std::move(error));
}

}  // namespace

// An answer to give once the lock is free.
struct Core::Due {
  RunHandler handler;
  Outcome outcome;
};

Core::Core(boost::asio::io_context& io, Model model, Settings settings)
    : strand_(io.get_executor()),
      model_(std::move(model)),
      settings_(settings),
      ticker_(strand_),
      pause_(strand_),
      control_(strand_) {
  const Share share = share_cpus(settings_.threads);
  threads_ = share.threads;
  runners_ = std::min(share.runs, std::max(1U, settings_.slots));
}

Core::~Core() {
  // Only where the io_context ended before supervise() could: nothing may outlive us.
  if (life_ && life_->child.pidfd) {
    kill_child(life_->child);
    reap(life_->child);
  }
}

void Core::launch() { boost::asio::co_spawn(strand_, supervise(shared_from_this()), boost::asio::detached); }

void Core::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (life_ && life_->child.pidfd) {
      kill_child(life_->child);
    }
  }
  boost::asio::post(strand_, [self = shared_from_this()] { self->pause_.cancel(); });
}

void Core::wait_ready(ReadyHandler handler) {
  Result<void> known;
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::starting) {
      waiting_.push_back(std::move(handler));
      return;
    }
    if (state_ == State::failed && error_) {
      known = std::unexpected(*error_);
    } else if (state_ == State::stopped) {
      known = down();
    }
  }
  handler(std::move(known));
}

Result<std::unique_ptr<Lease>> Core::try_lease() {
  const std::lock_guard lock(mutex_);
  if (!life_ || !life_->ready || stopping_) {
    return down();
  }
  const auto free = std::ranges::find_if(life_->slots, [](const auto& slot) { return !slot.leased && !slot.busy; });
  if (free == life_->slots.end()) {
    return fail(Code::resource_exhausted,
                {"all {} slots of the model are in use; try again later", life_->slots.size()});
  }
  *free = SlotRecord{};
  free->leased = true;
  return make_lease(shared_from_this(), life_, static_cast<std::size_t>(free - life_->slots.begin()));
}

std::size_t Core::free_slots() const {
  const std::lock_guard lock(mutex_);
  if (!life_ || !life_->ready) {
    return 0;
  }
  return static_cast<std::size_t>(
      std::ranges::count_if(life_->slots, [](const auto& slot) { return !slot.leased && !slot.busy; }));
}

void Core::on_change(std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  callbacks_.push_back(std::move(callback));
}

void Core::notify() const {
  std::vector<std::function<void()>> callbacks;
  {
    const std::lock_guard lock(mutex_);
    callbacks = callbacks_;
  }
  for (const auto& callback : callbacks) {
    callback();
  }
}

Status Core::status() const {
  const std::lock_guard lock(mutex_);
  Status status;
  status.state = state_;
  status.reason = state_ == State::failed && error_ ? error_->message.str() : "";
  status.restarts = restarts_;
  status.pid = life_ ? life_->child.pid : -1;
  status.sandbox = sandbox_;
  status.engine = engine_;
  return status;
}

void Core::set_state(State state, std::optional<Error> error) {
  std::vector<ReadyHandler> waiting;
  Result<void> result;
  {
    const std::lock_guard lock(mutex_);
    state_ = state;
    error_ = std::move(error);
    if (state != State::starting) {
      waiting.swap(waiting_);
    }
    if (error_) {
      result = std::unexpected(*error_);
    } else if (state != State::ready) {
      result = down();
    }
  }
  for (auto& handler : waiting) {
    handler(result);
  }
  notify();
}

void Core::submit(const std::shared_ptr<Life>& life, std::size_t slot, const RequestHeader& request,
                  std::uint64_t input_used, Steady::time_point deadline, RunHandler handler) {
  bool accepted = false;
  bool start_ticking = false;
  {
    const std::lock_guard lock(mutex_);
    if (life->ready) {
      accepted = true;
      start_ticking = !std::exchange(ticking_, true);
      auto& record = life->slots[slot];
      record.busy = true;
      record.sequence = next_sequence_++;
      record.input_used = input_used;
      record.deadline = deadline;
      record.handler = std::move(handler);
      auto header = request;
      header.sequence = record.sequence;
      life->ring.write_request(static_cast<unsigned>(slot), header);
      std::atomic_ref(*life->ring.state(static_cast<unsigned>(slot)))
          .store(static_cast<std::uint32_t>(SlotState::submitted), std::memory_order_release);
      std::atomic_ref(*life->ring.doorbell()).fetch_add(1, std::memory_order_acq_rel);
    }
  }
  if (!accepted) {
    handler(down());
    return;
  }
  futex_wake_one(life->ring.doorbell());
  if (start_ticking) {  // time is looked at every tick while a run is in flight, and not at all when idle
    boost::asio::post(strand_, [self = shared_from_this()] { self->tick(); });
  }
}

// The next tick finds the deadline passed.
void Core::abandon(const std::shared_ptr<Life>& life, std::size_t slot) {
  const std::lock_guard lock(mutex_);
  life->slots[slot].deadline = Steady::now();
}

void Core::clean(Life& life, std::size_t slot, std::uint64_t output_used) const {
  const auto index = static_cast<unsigned>(slot);
  if (output_used > life.ring.geometry().answer_bytes) {  // nobody knows what was written
    life.ring.drop_output(index);
    output_used = 0;
  }
  life.ring.wipe(index, life.slots[slot].input_used, output_used);
  std::atomic_ref(*life.ring.state(index))
      .store(static_cast<std::uint32_t>(SlotState::idle), std::memory_order_release);
}

// While `busy` or `leased` stands nobody else takes the slot, so it is cleaned outside the lock.
void Core::release(const std::shared_ptr<Life>& life, std::size_t slot, std::uint64_t input_used,
                   std::uint64_t output_used) {
  auto& record = life->slots[slot];
  bool alive = false;
  {
    const std::lock_guard lock(mutex_);
    record.input_used = input_used;
    alive = life->ready;
    if (record.busy && alive) {
      record.leased = false;  // finished() cleans up
      return;
    }
  }
  if (alive) {  // else the whole ring goes with its last lease
    clean(*life, slot, output_used);
  }
  {
    const std::lock_guard lock(mutex_);
    record.leased = false;
  }
  notify();
}

// The worker says that a slot is done. False where that cannot be.
bool Core::finished(const std::shared_ptr<Life>& life, std::uint8_t slot) {
  RunHandler handler;
  Outcome outcome;
  bool orphan = false;
  {
    const std::lock_guard lock(mutex_);
    if (slot >= life->slots.size() || !life->slots[slot].busy) {
      return false;
    }
    auto& record = life->slots[slot];
    auto checked = check_answer(life->ring.copy_answer(slot), record.sequence, model_.admitted->outputs,
                                life->ring.geometry().answer_bytes);
    if (!checked) {
      return false;
    }
    outcome = std::move(*checked);
    if (!outcome && record.too_long) {
      outcome = fail(Code::deadline_exceeded,
                     {"the model ran longer than the limit of {} ms",
                      std::chrono::duration_cast<std::chrono::milliseconds>(settings_.run_time).count()});
    }
    handler = std::move(record.handler);
    record.handler = nullptr;
    orphan = !record.leased;
    if (!orphan) {
      record.busy = false;
    }
  }
  if (handler) {
    handler(std::move(outcome));
  }
  if (orphan) {
    clean(*life, slot, ~std::uint64_t{0});
    {
      const std::lock_guard lock(mutex_);
      life->slots[slot].busy = false;
    }
    notify();
  }
  return true;
}

void Core::fail_all(const std::shared_ptr<Life>& life) {
  std::vector<RunHandler> handlers;
  {
    const std::lock_guard lock(mutex_);
    life->ready = false;
    for (auto& record : life->slots) {
      record.busy = false;
      if (record.handler) {
        handlers.push_back(std::move(record.handler));
        record.handler = nullptr;
      }
    }
  }
  for (auto& handler : handlers) {
    handler(crashed());
  }
}

void Core::tick() {
  std::vector<Due> due;
  bool again = false;
  {
    const std::lock_guard lock(mutex_);
    again = life_ && life_->ready && check_times(*life_, due);
    ticking_ = again;
  }
  for (auto& item : due) {
    item.handler(std::move(item.outcome));
  }
  if (again) {
    ticker_.expires_after(tick_time);
    ticker_.async_wait([self = shared_from_this()](const boost::system::error_code&) { self->tick(); });
  }
}

bool Core::check_times(Life& life, std::vector<Due>& due) {
  const auto now = Steady::now();
  std::vector<std::size_t> busy;
  for (std::size_t i = 0; i < life.slots.size(); ++i) {
    if (life.slots[i].busy) {
      busy.push_back(i);
    }
  }
  std::ranges::sort(busy, {}, [&life](std::size_t i) { return life.slots[i].sequence; });
  for (std::size_t rank = 0; rank < busy.size(); ++rank) {
    auto& record = life.slots[busy[rank]];
    if (rank < runners_ && !record.started) {
      record.started = now;
    }
    if (now >= record.deadline && record.handler) {
      expire(life, busy[rank], due);
    }
    if (record.busy && record.started && now - *record.started >= settings_.run_time) {
      record.too_long = true;
    }
    if (record.busy && (record.too_long || !record.handler)) {
      press(life, busy[rank], now);
    }
  }
  return !busy.empty();
}

// The caller's time is over. A request that no runner took is withdrawn; one that runs goes on without its caller.
void Core::expire(Life& life, std::size_t slot, std::vector<Due>& due) {
  auto& record = life.slots[slot];
  due.push_back({std::move(record.handler),
                 fail(Code::deadline_exceeded, {"the request's deadline passed before the model answered"})});
  record.handler = nullptr;
  auto expected = static_cast<std::uint32_t>(SlotState::submitted);
  if (std::atomic_ref(*life.ring.state(static_cast<unsigned>(slot)))
          .compare_exchange_strong(expected, static_cast<std::uint32_t>(SlotState::withdrawn))) {
    record.busy = false;
  }
}

// Asks a run to end, again and again, and kills the process where that does not help.
void Core::press(Life& life, std::size_t slot, Steady::time_point now) {
  auto& record = life.slots[slot];
  const auto grace = std::min<Steady::duration>(longest_grace, settings_.run_time);
  if (record.started && now - *record.started >= settings_.run_time + grace) {
    kill_child(life.child);
    return;
  }
  if (record.interrupted && now - *record.interrupted < interrupt_again) {
    return;
  }
  record.interrupted = now;
  const Interrupt message{.slot = slot, .sequence = record.sequence};
  const auto sent = ::send(control_.native_handle(), &message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0 && sent != static_cast<ssize_t>(sizeof(message))) {
    kill_child(life.child);  // it does not read, and the stream is out of step
  }
}

}  // namespace blindai::worker
