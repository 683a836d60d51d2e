#include "worker/runner.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "base/checked.h"
#include "worker/futex.h"

namespace blindai::worker {
namespace {

std::uint32_t load(std::uint32_t* word) { return std::atomic_ref(*word).load(std::memory_order_acquire); }

// Gives out the output region of a slot from its start, and remembers what it gave.
class OutputRegion {
 public:
  OutputRegion(MutableBytes region, const Loaded& loaded, AnswerHeader& answer)
      : region_(region), loaded_(loaded), answer_(answer) {}

  Result<MutableBytes> place(std::size_t index, DataType datatype, const Shape& shape, std::uint64_t size) {
    if (index >= loaded_.output_of_ring.size() || answer_.count >= max_tensors || shape.size() > max_rank) {
      return fail(Code::internal, {"the engine returned an output that the model does not have"});
    }
    const auto end = checked_add(used_, size);
    if (!end || *end > region_.size()) {
      return fail(Code::too_large, {"the model's answer is larger than the limit of {} bytes", region_.size()});
    }
    auto& header = answer_.outputs[answer_.count++];
    header.index = static_cast<std::uint32_t>(loaded_.output_of_ring[index]);
    header.datatype = static_cast<std::uint32_t>(datatype);
    header.rank = static_cast<std::uint32_t>(shape.size());
    std::ranges::copy(shape, header.dims.begin());
    header.offset = used_;
    header.size = size;
    const auto place = region_.subspan(used_, size);
    used_ =
        std::min<std::uint64_t>((*end + tensor_alignment - 1) / tensor_alignment * tensor_alignment, region_.size());
    return place;
  }

  void erase() { std::memset(region_.data(), 0, used_); }

 private:
  MutableBytes region_;
  const Loaded& loaded_;
  AnswerHeader& answer_;
  std::uint64_t used_ = 0;
};

Result<std::vector<engine::InputView>> views(const Loaded& loaded, ByteView region, const RequestHeader& request) {
  if (request.count > max_tensors) {
    return fail(Code::internal, {"the request's header is damaged"});
  }
  std::vector<engine::InputView> inputs;
  inputs.reserve(request.count);
  for (std::size_t i = 0; i < request.count; ++i) {
    const auto& header = request.inputs[i];
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

}  // namespace

void Runners::start(unsigned count) {
  running_.resize(count);
  for (std::size_t runner = 0; runner < count; ++runner) {
    threads_.emplace_back([this, runner] {
      serving_.wait(false);
      loop(runner);
    });
  }
}

void Runners::serve(Loaded loaded) {
  loaded_ = std::move(loaded);
  serving_ = true;
  serving_.notify_all();
}

void Runners::loop(std::size_t runner) {
  for (;;) {
    const auto seen = load(ring_.doorbell());
    std::size_t slot = 0;
    RequestHeader request;
    if (!take(slot, request)) {
      futex_wait(ring_.doorbell(), seen);
      continue;
    }
    const auto result = answer(runner, slot, request);
    publish(slot, result);
  }
}

// The oldest submitted request, if there is one.
bool Runners::take(std::size_t& slot, RequestHeader& request) {
  for (;;) {
    bool found = false;
    for (unsigned i = 0; i < ring_.geometry().slots; ++i) {
      if (load(ring_.state(i)) != static_cast<std::uint32_t>(SlotState::submitted)) {
        continue;
      }
      const auto candidate = ring_.read_request(i);
      if (!found || candidate.sequence < request.sequence) {
        found = true;
        slot = i;
        request = candidate;
      }
    }
    if (!found) {
      return false;
    }
    auto expected = static_cast<std::uint32_t>(SlotState::submitted);
    if (std::atomic_ref(*ring_.state(static_cast<unsigned>(slot)))
            .compare_exchange_strong(expected, static_cast<std::uint32_t>(SlotState::running))) {
      // Between the look and the exchange the slot may have been withdrawn and submitted anew.
      request = ring_.read_request(static_cast<unsigned>(slot));
      return true;
    }
  }
}

AnswerHeader Runners::answer(std::size_t runner, std::size_t slot, const RequestHeader& request) {
  {
    const std::lock_guard lock(mutex_);
    running_[runner] = {.slot = slot, .sequence = request.sequence, .active = true};
  }
  AnswerHeader header;
  header.sequence = request.sequence;
  const auto done = run(loaded_, runner, slot, request, header);
  {
    const std::lock_guard lock(mutex_);
    running_[runner].active = false;
  }
  if (!done) {
    header = AnswerHeader{};
    header.sequence = request.sequence;
    header.code = 1 + static_cast<std::uint32_t>(done.error().code);
    const auto& text = done.error().message.str();
    header.text_size = static_cast<std::uint32_t>(std::min(text.size(), header.text.size()));
    std::copy_n(text.begin(), header.text_size, header.text.begin());
  }
  return header;
}

// The engine keeps its exceptions to itself; what allocates here may still run out of the memory that rlimits leave.
Result<void> Runners::run(const Loaded& loaded, std::size_t runner, std::size_t slot, const RequestHeader& request,
                          AnswerHeader& answer) {
  OutputRegion region(ring_.output(static_cast<unsigned>(slot)), loaded, answer);
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

void Runners::publish(std::size_t slot, const AnswerHeader& answer) {
  ring_.write_answer(static_cast<unsigned>(slot), answer);
  std::atomic_ref(*ring_.state(static_cast<unsigned>(slot)))
      .store(static_cast<std::uint32_t>(SlotState::done), std::memory_order_release);
  const auto byte = static_cast<std::uint8_t>(slot);
  if (::send(control_descriptor, &byte, 1, MSG_NOSIGNAL) != 1) {
    ::_exit(0);  // the server is gone
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
  RequestHeader request;
  std::uint64_t offset = 0;
  bool free_dimensions = false;
  for (std::size_t i = 0; i < plan.inputs.size() && i < max_tensors; ++i) {
    const auto& spec = plan.inputs[i];
    auto& header = request.inputs[request.count++];
    header.index = static_cast<std::uint32_t>(i);
    header.rank = static_cast<std::uint32_t>(spec.shape.size());
    for (std::size_t axis = 0; axis < spec.shape.size(); ++axis) {
      free_dimensions = free_dimensions || spec.shape[axis] < 0;
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
  if (!done && done.error().code == Code::invalid_argument && free_dimensions) {
    return {};  // 1 was our guess: a convolution may need more than one sample. A crash or a hang would have shown.
  }
  return done;
}

}  // namespace blindai::worker
