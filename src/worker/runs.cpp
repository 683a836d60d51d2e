// What a worker has in work: submission, answers, deadlines, runs that take too long, computing without a run.
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "worker/core.h"
#include "worker/futex.h"

namespace blindai::worker {
namespace {

constexpr auto tick_time = std::chrono::milliseconds(10);
constexpr auto interrupt_again = std::chrono::milliseconds(50);
// How long a run that was asked to end may take to do so before its process is killed.
constexpr auto longest_grace = std::chrono::seconds(1);

Answered down() { return {fail(Code::unavailable, {"the model's worker is not running now; try again later"})}; }

Answered crashed(const Ending& ending) {
  Error error{Code::unavailable,
              {"the model's worker ended while it ran this request, which is not tried again by itself: {}",
               Disclosed(sentence(ending).str())}};
  error.begun = true;
  return {std::unexpected(std::move(error))};
}

void mark(Life& life, std::size_t slot, SlotState state) {
  std::atomic_ref(*life.ring.state(static_cast<unsigned>(slot)))
      .store(static_cast<std::uint32_t>(state), std::memory_order_release);
}

// Takes a slot out of its batch. True where it was the last of it: the run is over.
bool leave(Life& life, std::size_t slot) {
  const auto batch = std::exchange(life.slots[slot].batch, nullptr);
  std::erase(batch->slots, slot);
  if (!batch->slots.empty()) {
    return false;
  }
  std::erase(life.batches, batch);
  life.cpu->end(Steady::now());
  return true;
}

}  // namespace

// An answer to give once the lock is free, or a run whose end is to be told.
struct Core::Due {
  RunHandler handler;
  Answered answer;
  OverHandler over;
};

void Core::submit(const std::shared_ptr<Life>& life, std::vector<Submission> submissions, OverHandler over) {
  bool accepted = false;
  bool start_ticking = false;
  {
    const std::lock_guard lock(mutex_);
    if (life->ready && !submissions.empty()) {
      accepted = true;
      start_ticking = !std::exchange(ticking_, true);
      const auto batch = std::make_shared<Batch>();
      batch->leader = submissions.front().slot;
      batch->over = std::move(over);
      std::vector<std::uint8_t> others;
      for (Submission& each : submissions) {
        SlotRecord& record = life->slots[each.slot];
        record.busy = true;
        record.asked = {next_sequence_++, {}};
        if (submissions.size() > 1) {
          record.asked.rows = each.inputs.front().dims.front();
        }
        record.input_used = each.input_used;
        record.deadline = each.deadline;
        record.caller = each.caller;
        record.handler = std::move(each.handler);
        record.batch = batch;
        batch->slots.push_back(each.slot);
        if (each.slot != batch->leader) {
          others.push_back(static_cast<std::uint8_t>(each.slot));
          life->ring.write_request(static_cast<unsigned>(each.slot), record.asked.sequence, each.inputs, {});
          mark(*life, each.slot, SlotState::joined);
        }
      }
      batch->sequence = life->slots[batch->leader].asked.sequence;
      life->batches.push_back(batch);
      life->cpu->begin(Steady::now());
      life->ring.write_request(static_cast<unsigned>(batch->leader), batch->sequence, submissions.front().inputs,
                               others);
      mark(*life, batch->leader, SlotState::submitted);
      std::atomic_ref(*life->ring.doorbell()).fetch_add(1, std::memory_order_acq_rel);
    }
  }
  if (!accepted) {
    for (Submission& each : submissions) {
      each.handler(down());
    }
    over();
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

// The worker says that a slot is done. False where that cannot be.
bool Core::finished(const std::shared_ptr<Life>& life, std::uint8_t slot) {
  Due due;
  bool orphan = false;
  {
    const std::lock_guard lock(mutex_);
    if (slot >= life->slots.size() || !life->slots[slot].batch) {
      return false;
    }
    auto& record = life->slots[slot];
    life->ring.copy_answer(slot, answer_);
    auto checked = check_answer(answer_, record.asked, model_.admitted->outputs, life->ring.geometry().answer_bytes);
    if (!checked) {
      return false;
    }
    due.answer = std::move(*checked);
    const auto batch = record.batch;
    if (!due.answer.outcome && batch->too_long) {
      due.answer = {fail(Code::deadline_exceeded,
                         {"the model ran longer than the limit of {} ms",
                          std::chrono::duration_cast<std::chrono::milliseconds>(settings_.run_time).count()})};
    }
    due.handler = std::exchange(record.handler, nullptr);
    orphan = !record.leased;
    if (!orphan) {
      record.busy = false;
    }
    if (leave(*life, slot)) {
      due.over = std::move(batch->over);
    }
  }
  if (due.handler) {
    due.handler(std::move(due.answer));
  }
  if (due.over) {
    due.over();
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

std::vector<Conduct::Caller> Core::callers_at_work(const Life& life) const {
  const std::lock_guard lock(mutex_);
  std::vector<Conduct::Caller> callers;
  for (const SlotRecord& record : life.slots) {
    if (record.busy) {
      callers.push_back(record.caller);
    }
  }
  return callers;
}

void Core::fail_all(const std::shared_ptr<Life>& life) {
  std::vector<Due> due;
  {
    const std::lock_guard lock(mutex_);
    life->ready = false;
    for (auto& record : life->slots) {
      record.busy = false;
      record.batch.reset();
      if (record.handler) {
        due.push_back({std::exchange(record.handler, nullptr), crashed(life->ending), nullptr});
      }
    }
    for (const auto& batch : std::exchange(life->batches, {})) {
      due.push_back({nullptr, down(), std::move(batch->over)});
    }
  }
  for (Due& item : due) {
    if (item.handler) {
      item.handler(std::move(item.answer));
    } else {
      item.over();
    }
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
  for (Due& item : due) {
    if (item.handler) {
      item.handler(std::move(item.answer));
    } else {
      item.over();
    }
  }
  if (again) {
    ticker_.expires_after(tick_time);
    ticker_.async_wait([self = shared_from_this()](const boost::system::error_code&) { self->tick(); });
  }
}

bool Core::check_times(Life& life, std::vector<Due>& due) {
  const auto now = Steady::now();
  const unsigned runs = layout_ ? layout_->runs : 1;
  std::size_t rank = 0;
  for (const auto& batch : std::vector(life.batches)) {
    if (rank++ < runs && !batch->started) {
      batch->started = now;
    }
    expire(life, *batch, now, due);
    const bool awaited =
        std::ranges::any_of(batch->slots, [&life](std::size_t slot) { return bool{life.slots[slot].handler}; });
    if (batch->slots.empty()) {
      continue;  // it was withdrawn
    }
    if (batch->started && now - *batch->started >= settings_.run_time) {
      batch->too_long = true;
    }
    if (batch->too_long || !awaited) {
      press(life, *batch, now);
    }
  }
  return !life.batches.empty();
}

// Answers callers whose time is over. A request that no runner took is withdrawn; one that runs goes on without its
// caller, and so does a batch, which is only submitted where a runner is free.
void Core::expire(Life& life, Batch& batch, Steady::time_point now, std::vector<Due>& due) {
  for (const std::size_t slot : batch.slots) {
    SlotRecord& record = life.slots[slot];
    if (record.handler && now >= record.deadline) {
      due.push_back({std::exchange(record.handler, nullptr),
                     {fail(Code::deadline_exceeded, {"the request's deadline passed before the model answered"})},
                     nullptr});
    }
  }
  if (batch.slots.size() != 1 || life.slots[batch.slots.front()].handler || batch.slots.front() != batch.leader) {
    return;
  }
  auto expected = static_cast<std::uint32_t>(SlotState::submitted);
  if (std::atomic_ref(*life.ring.state(static_cast<unsigned>(batch.leader)))
          .compare_exchange_strong(expected, static_cast<std::uint32_t>(SlotState::withdrawn))) {
    life.slots[batch.leader].busy = false;
    OverHandler over = std::move(batch.over);
    leave(life, batch.leader);
    due.push_back({nullptr, down(), std::move(over)});
  }
}

void Core::watch(const std::shared_ptr<Life>& life) {
  if (!look(*life)) {
    return;
  }
  watch_.expires_after(settings_.look_time);
  watch_.async_wait([self = shared_from_this(), life](const boost::system::error_code& error) {
    if (!error) {
      self->watch(life);
    }
  });
}

// A process that is ready has not been reaped, and is not while we hold the lock: its number is its own.
bool Core::look(Life& life) {
  const std::lock_guard lock(mutex_);
  if (!life.ready) {
    return false;
  }
  const auto before = Steady::now();
  const auto used = cpu_time_of(life.child.pid);
  if (used && life.cpu->computed_unasked({before, *used, Steady::now()})) {
    life.ending.kind = Ending::Kind::unasked;
    kill_child(life.child);
    return false;
  }
  return true;
}

// Asks a run to end, again and again, and kills the process where that does not help.
void Core::press(Life& life, Batch& batch, Steady::time_point now) {
  const auto grace = std::min<Steady::duration>(longest_grace, settings_.run_time);
  if (batch.started && now - *batch.started >= settings_.run_time + grace) {
    life.ending.kind = Ending::Kind::hung;
    kill_child(life.child);
    return;
  }
  if (batch.interrupted && now - *batch.interrupted < interrupt_again) {
    return;
  }
  batch.interrupted = now;
  const Interrupt message{.slot = batch.leader, .sequence = batch.sequence};
  const auto sent = ::send(control_.native_handle(), &message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0 && sent != static_cast<ssize_t>(sizeof(message))) {
    life.ending.kind = Ending::Kind::hung;
    kill_child(life.child);  // it does not read, and the stream is out of step
  }
}

}  // namespace blindai::worker
