#include "worker/core.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

namespace blindai::worker {
namespace {

std::unexpected<Error> down() {
  return fail(Code::unavailable, {"the model's worker is not running now; try again later"});
}

}  // namespace

namespace {

// What the warm-up may choose from.
RingHead offer_of(const Settings& settings) {
  RingHead head;
  head.cpus = std::max(1U, settings.cpus != 0 ? settings.cpus : std::thread::hardware_concurrency());
  head.measure_ms = static_cast<std::uint32_t>(std::clamp<std::int64_t>(settings.measure_time.count(), 0, 600'000));
  head.most_rows = settings.most_rows == 0 ? settings.slots : std::min(settings.most_rows, settings.slots);
  if (settings.threads != 0) {
    head.threads = {settings.threads, 0};
  } else if (head.measure_ms == 0) {
    head.threads = {share_cpus(0, head.cpus).threads, 0};
  } else {
    head.threads = {head.cpus, head.cpus > 1 ? 1U : 0U};
  }
  head.runners = std::max(1U, settings.slots);
  const unsigned narrowest = head.threads[1] != 0 ? head.threads[1] : head.threads[0];
  head.runners = runs_of(narrowest, head);
  head.weights = settings.placement ? static_cast<Offer>(settings.placement->weights) : Offer::measured;
  return head;
}

}  // namespace

Core::Core(boost::asio::io_context& io, Model model, Settings settings)
    : strand_(io.get_executor()),
      model_(std::move(model)),
      settings_(settings),
      ticker_(strand_),
      pause_(strand_),
      watch_(strand_),
      control_(strand_) {
  layout_ = settings_.layout;
  if (!settings_.conduct) {
    settings_.conduct = std::make_shared<Conduct>();
  }
  head_ = offer_of(settings_);
}

Core::~Core() {
  // Only where the io_context ended before supervise() could: nothing may outlive us.
  if (life_ && life_->child.pidfd) {
    kill_child(life_->child);
    reap(life_->child);
  }
}

void Core::launch() {
  settings_.conduct->on_model_stopped(weak_from_this(), [weak = weak_from_this()] {
    if (const auto core = weak.lock()) {
      core->end_life(Ending::Kind::stopped);
    }
  });
  boost::asio::co_spawn(strand_, supervise(shared_from_this()), boost::asio::detached);
}

void Core::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  end_life(Ending::Kind::stopped);
}

void Core::end_life(Ending::Kind kind) {
  {
    const std::lock_guard lock(mutex_);
    if (life_ && life_->child.pidfd) {
      if (life_->ending.kind == Ending::Kind::unknown) {
        life_->ending.kind = kind;
      }
      kill_child(life_->child);
    }
  }
  boost::asio::post(strand_, [self = shared_from_this()] { self->pause_.cancel(); });
}

void Core::note_end(PublicText why) {
  const std::lock_guard lock(mutex_);
  last_end_.emplace(std::move(why), Steady::now());
}

void Core::wait_ready(ReadyHandler handler) {
  Result<void> known;
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::starting) {
      waiting_.push_back(std::move(handler));
      return;
    }
    if (is_over(state_) && error_) {
      known = std::unexpected(*error_);
    } else if (state_ == State::stopped) {
      known = down();
    }
  }
  handler(std::move(known));
}

Result<std::unique_ptr<Lease>> Core::try_lease() {
  const std::lock_guard lock(mutex_);
  if (is_over(state_) && error_) {
    return std::unexpected(*error_);
  }
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
  status.reason = is_over(state_) && error_ ? error_->message.str() : "";
  if (last_end_) {
    status.last_end = last_end_->first.str();
    status.last_end_ago = Steady::now() - last_end_->second;
  }
  status.restarts = restarts_;
  status.pid = life_ ? life_->child.pid : -1;
  status.footprint = life_ ? life_->footprint : std::nullopt;
  status.sandbox = sandbox_;
  status.engine = engine_;
  status.layout = layout_;
  return status;
}

State Core::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
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

void Core::clean(Life& life, std::size_t slot, std::uint64_t output_used) const {
  const auto index = static_cast<unsigned>(slot);
  if (output_used > life.ring.geometry().answer_bytes) {  // nobody knows what was written
    life.ring.drop_output(index);
    output_used = 0;
  }
  life.ring.wipe(index, life.slots[slot].input_used, output_used, admitted().inputs.size(), admitted().outputs.size());
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

}  // namespace blindai::worker
