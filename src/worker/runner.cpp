#include "worker/runner.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <new>

#include "base/checked.h"
#include "worker/futex.h"

namespace blindai::worker {
namespace {

std::uint32_t load(std::uint32_t* word) { return std::atomic_ref(*word).load(std::memory_order_acquire); }

Result<std::vector<engine::InputView>> views(const Loaded& loaded, ByteView region, const Request& request) {
  std::vector<engine::InputView> inputs;
  inputs.reserve(request.inputs.size());
  for (const TensorHeader& header : request.inputs) {
    const auto end = checked_add(header.offset, header.size);
    if (header.index >= loaded.input_of_engine.size() || header.rank > max_rank || !end || *end > region.size()) {
      return fail(Code::internal, {"the request's header is damaged"});
    }
    inputs.push_back({.index = loaded.input_of_engine[header.index],
                      .shape = Shape(header.dims.begin(), header.dims.begin() + header.rank),
                      .data = region.subspan(header.offset, header.size)});
  }
  return inputs;
}

void set_error(AnswerHeader& answer, const Error& error) {
  const std::uint64_t sequence = answer.sequence;
  answer = AnswerHeader{};
  answer.sequence = sequence;
  answer.code = 1 + static_cast<std::uint32_t>(error.code);
  const auto& text = error.message.str();
  answer.text_size = static_cast<std::uint32_t>(std::min(text.size(), answer.text.size()));
  std::copy_n(text.begin(), answer.text_size, answer.text.begin());
}

}  // namespace

void Runners::start(unsigned count) {
  running_.resize(count);
  gathered_.resize(count);
  for (std::size_t runner = 0; runner < count; ++runner) {
    threads_.emplace_back([this, runner] {
      idle(runner);
      loop(runner);
    });
  }
}

void Runners::idle(std::size_t runner) {
  std::uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    woken_.wait(lock, [&] { return serving_ || task_number_ != seen; });
    if (serving_) {
      return;
    }
    seen = task_number_;
    if (runner >= task_count_) {
      continue;
    }
    const auto& work = *task_;
    lock.unlock();
    work(runner);
    lock.lock();
    --task_left_;
    woken_.notify_all();
  }
}

void Runners::together(unsigned count, const std::function<void(std::size_t)>& work) {
  std::unique_lock lock(mutex_);
  task_ = &work;
  task_count_ = std::min(count, static_cast<unsigned>(threads_.size()));
  task_left_ = task_count_;
  ++task_number_;
  woken_.notify_all();
  woken_.wait(lock, [this] { return task_left_ == 0; });
}

void Runners::serve(Loaded loaded) {
  {
    const std::lock_guard lock(mutex_);
    loaded_ = std::move(loaded);
    serving_ = true;
  }
  woken_.notify_all();
}

void Runners::loop(std::size_t runner) {
  if (runner >= loaded_.slots.size()) {
    return;  // the layout has fewer runs at once: this thread ends
  }
  for (;;) {
    const auto seen = load(ring_.doorbell());
    std::size_t slot = 0;
    if (!take(slot)) {
      futex_wait(ring_.doorbell(), seen);
      continue;
    }
    const Request request = ring_.read_request(static_cast<unsigned>(slot));
    {
      const std::lock_guard lock(mutex_);
      running_[runner] = {.slot = slot, .sequence = request.sequence, .active = true};
    }
    if (request.others.empty()) {
      answer_one(runner, slot, request);
    } else {
      answer_batch(runner, slot, request);
    }
  }
}

// The oldest submitted request, if there is one.
bool Runners::take(std::size_t& slot) {
  for (;;) {
    bool found = false;
    std::uint64_t oldest = 0;
    for (unsigned i = 0; i < ring_.geometry().slots; ++i) {
      if (load(ring_.state(i)) != static_cast<std::uint32_t>(SlotState::submitted)) {
        continue;
      }
      const std::uint64_t sequence = ring_.sequence(i);
      if (!found || sequence < oldest) {
        found = true;
        slot = i;
        oldest = sequence;
      }
    }
    if (!found) {
      return false;
    }
    // Meanwhile the slot may have been withdrawn and submitted anew: it is read after this.
    auto expected = static_cast<std::uint32_t>(SlotState::submitted);
    if (std::atomic_ref(*ring_.state(static_cast<unsigned>(slot)))
            .compare_exchange_strong(expected, static_cast<std::uint32_t>(SlotState::running))) {
      return true;
    }
  }
}

void Runners::rest(std::size_t runner) {
  const std::lock_guard lock(mutex_);
  running_[runner].active = false;
}

void Runners::answer_one(std::size_t runner, std::size_t slot, const Request& request) {
  AnswerHeader header;
  header.sequence = request.sequence;
  const auto done = run(loaded_, runner, slot, request, header);
  rest(runner);
  if (!done) {
    set_error(header, done.error());
  }
  publish(slot, header);
  const std::array ended{static_cast<std::uint8_t>(slot)};
  tell(ended);
}

// The engine keeps its exceptions to itself; what allocates here may still run out of the memory that rlimits leave.
Result<void> Runners::run(const Loaded& loaded, std::size_t runner, std::size_t slot, const Request& request,
                          AnswerHeader& answer) {
  OutputRegion region(ring_.output(static_cast<unsigned>(slot)), loaded.output_of_ring, answer);
  try {
    BLINDAI_TRY(const auto inputs, views(loaded, ring_.input(static_cast<unsigned>(slot)), request));
    auto done = loaded.slots[runner]->run(
        inputs, [&region](std::size_t index, DataType datatype, const Shape& shape, std::uint64_t size) {
          return region.place(index, datatype, shape, size);
        });
    if (!done) {
      region.erase();
    }
    return done;
  } catch (const std::bad_alloc&) {
    region.erase();
    return fail(Code::resource_exhausted, {"out of memory"});
  }
}

// Every request of the batch gets an answer of its own. Where the batch failed, whoever is to blame, each is to be run
// alone: one bad request fails no other.
void Runners::answer_batch(std::size_t runner, std::size_t slot, const Request& leader) {
  std::vector<std::uint8_t> slots = leader.others;
  slots.push_back(static_cast<std::uint8_t>(slot));
  std::vector<Gathered::Member> members;
  std::vector<std::uint64_t> sequences;
  for (const std::uint8_t each : slots) {
    Request request = each == slot ? leader : ring_.read_request(each);
    sequences.push_back(request.sequence);
    members.push_back({ring_.input(each), std::move(request.inputs), 0});
  }
  Gathered& gathered = gathered_[runner];
  bool whole = false;
  try {
    const auto inputs = gathered.gather(members, loaded_.model->inputs(), loaded_.input_of_engine);
    whole = inputs && loaded_.slots[runner]->run(*inputs, gathered.sink()) && gathered.whole();
  } catch (const std::bad_alloc&) {
    whole = false;
  }
  rest(runner);
  std::int64_t first = 0;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    AnswerHeader header;
    header.sequence = sequences[i];
    if (!whole) {
      header.code = run_it_alone;
    } else {
      OutputRegion region(ring_.output(slots[i]), loaded_.output_of_ring, header);
      const auto done = gathered.scatter(first, members[i].rows, region);
      first += members[i].rows;
      if (!done) {
        region.erase();
        set_error(header, done.error());
      }
    }
    publish(slots[i], header);
  }
  gathered.release();
  tell(slots);
}

void Runners::publish(std::size_t slot, const AnswerHeader& answer) {
  ring_.write_answer(static_cast<unsigned>(slot), answer);
  std::atomic_ref(*ring_.state(static_cast<unsigned>(slot)))
      .store(static_cast<std::uint32_t>(SlotState::done), std::memory_order_release);
}

void Runners::tell(std::span<const std::uint8_t> slots) {
  while (!slots.empty()) {
    const ssize_t sent = ::send(control_descriptor, slots.data(), slots.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      ::_exit(0);  // the server is gone
    }
    slots = slots.subspan(static_cast<std::size_t>(sent));
  }
}

void Runners::interrupt(const Interrupt& which) {
  const std::lock_guard lock(mutex_);
  for (std::size_t runner = 0; runner < running_.size(); ++runner) {
    const auto& run = running_[runner];
    if (run.active && run.slot == which.slot && run.sequence == which.sequence) {
      loaded_.slots[runner]->interrupt();
    }
  }
}

Result<void> Runners::warm_up(Loaded& loaded, const LoadPlan& plan) {
  Request request;
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < plan.inputs.size() && i < max_tensors; ++i) {
    const auto& spec = plan.inputs[i];
    auto& header = request.inputs.emplace_back();
    header.index = static_cast<std::uint32_t>(i);
    header.rank = static_cast<std::uint32_t>(spec.shape.size());
    for (std::size_t axis = 0; axis < spec.shape.size(); ++axis) {
      header.dims[axis] = std::max<std::int64_t>(spec.shape[axis], spec.shape[axis] < 0 ? 1 : 0);
    }
    const auto shape = std::span(header.dims).first(header.rank);
    // Of BYTES, elements without a byte: each a length of 0.
    const auto size = byte_size(spec.datatype == DataType::bytes ? DataType::uint32 : spec.datatype, shape);
    const auto end = size ? checked_add(offset, *size) : std::nullopt;
    if (!end || *end > ring_.geometry().request_bytes) {
      return fail(Code::model_rejected, {"input {} as the model declares it is larger than a request may be", i});
    }
    header.offset = offset;
    header.size = *size;
    offset = (*end + tensor_alignment - 1) / tensor_alignment * tensor_alignment;
  }
  AnswerHeader answer;
  auto done = run(loaded, 0, 0, request, answer);
  if (!done && done.error().code == Code::invalid_argument) {
    // Sizes of 1 and values of 0 were our guess: a convolution may need more than one sample, a step may not be 0. A crash
    // or a hang would have shown.
    return {};
  }
  return done;
}

}  // namespace blindai::worker
