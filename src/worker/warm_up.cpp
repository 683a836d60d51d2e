#include "worker/warm_up.h"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <ranges>

#include "base/checked.h"

namespace blindai::worker {
namespace {

constexpr std::array<std::int64_t, 4> free_dimensions{64, 16, 4, 1};
constexpr std::uint64_t most_input_bytes = std::uint64_t{64} << 20U;
constexpr auto trial_time = std::chrono::milliseconds(10);
constexpr int most_tries = 3;      // of a trial
constexpr int share_of_tries = 6;  // of the time to measure, those of one trial take at most
constexpr std::uint64_t large_body = std::uint64_t{1} << 30U;  // not loaded a second time to try
// What a larger batch, or a layout of fewer threads, must gain to be taken.
constexpr double worthwhile = 1.05;

// A fixed sequence (Numerical Recipes' linear congruential generator): the same rows at every start.
class Sequence {
 public:
  std::uint32_t next() { return state_ = state_ * 1664525U + 1013904223U; }
  float number() { return static_cast<float>(next() >> 8U) / static_cast<float>(1U << 23U) - 1.0F; }  // [-1, 1)

 private:
  std::uint32_t state_ = 20;
};

template <typename T>
void put(MutableBytes out, std::size_t element, T value) {
  std::memcpy(out.data() + element * sizeof(T), &value, sizeof(T));
}

// Floats of all kinds, small whole numbers that are good as indices, truth values. Halves are built from their bits.
void fill_element(MutableBytes out, std::size_t element, DataType type, Sequence& sequence) {
  switch (type) {
    case DataType::fp32:
      return put(out, element, sequence.number());
    case DataType::fp64:
      return put(out, element, static_cast<double>(sequence.number()));
    case DataType::fp16:  // a sign, an exponent of 2^-1 or less, ten bits
      return put(out, element, static_cast<std::uint16_t>((sequence.next() >> 16U) & 0xbbffU));
    case DataType::bf16:
      return put(out, element, static_cast<std::uint16_t>(0x3f00U | ((sequence.next() >> 16U) & 0x80ffU)));
    default: {
      out[element * element_size(type)] = static_cast<std::uint8_t>((sequence.next() >> 16U) & 1U);
      return;
    }
  }
}

double rows_a_second(const Trial& trial) {
  constexpr double second = 1e9;
  return trial.ns == 0 ? 0.0 : second * trial.runs * static_cast<double>(trial.rows) / static_cast<double>(trial.ns);
}

}  // namespace

WarmUp::WarmUp(Runners& runners, const LoadPlan& plan, const RingHead& head, Load load)
    : runners_(runners), plan_(plan), head_(head), load_(std::move(load)) {}

Result<WarmUp::Warm> WarmUp::run() {
  warm_.layout.threads = head_.threads[0];
  warm_.layout.runs = runs_of(head_.threads[0], head_);
  const bool measures = head_.weights == Offer::measured && head_.measure_ms != 0;
  const bool in_place = measures || head_.weights == Offer::in_place;
  BLINDAI_CHECK(switch_to(warm_.layout.threads, in_place ? Weights::in_place : Weights::packed));
  BLINDAI_CHECK(runners_.warm_up(warm_.loaded, plan_));
  warm_.layout.placement.weights = loaded_weights_;
  if (head_.measure_ms == 0) {
    warm_.layout.unbatched = head_.most_rows > 1 ? Unbatched::not_tried : Unbatched::not_wanted;
    return std::move(warm_);
  }
  end_ = Steady::now() + std::chrono::milliseconds(head_.measure_ms);
  warm_.layout.unbatched = declared();
  const bool runs = find_inputs();
  if (measures) {
    BLINDAI_CHECK(runs ? place() : switch_to(warm_.layout.threads, Weights::packed));
    warm_.layout.placement.weights = loaded_weights_;
    end_ = Steady::now() + std::chrono::milliseconds(head_.measure_ms);
  }
  if (runs) {
    if (!heavy()) {
      check_size(2);  // most that cannot be batched show it here, and are not tried with more
      warm_.layout.sizes.clear();
    }
    try_layouts();
    choose(most_rows_);
    BLINDAI_CHECK(switch_to(warm_.layout.threads));
    end_ = Steady::now() + std::chrono::milliseconds(head_.measure_ms / 2);
    check_exact();
    if (warm_.layout.unbatched != Unbatched::batched) {  // then what is best for one row
      choose(1);
      BLINDAI_CHECK(switch_to(warm_.layout.threads));
    }
  }
  return std::move(warm_);
}

// The quickest of some runs of one row, or 0 where the engine refuses it.
std::uint64_t WarmUp::time_row() {
  std::uint64_t best = 0;
  const auto began = Steady::now();
  const auto most = std::chrono::milliseconds(head_.measure_ms) / share_of_tries;
  for (int tries = 0; tries < most_tries && (tries == 0 || Steady::now() - began < most); ++tries) {
    const auto start = Steady::now();
    if (!run_rows(0, 0, 1)) {
      return 0;
    }
    const auto took = static_cast<std::uint64_t>(std::chrono::nanoseconds(Steady::now() - start).count());
    best = tries == 0 ? took : std::min(best, took);
  }
  return best;
}

// Whether a request in a batch gets other bits than alone, as the model is loaded.
bool WarmUp::loses_batches() {
  const Unbatched before = warm_.layout.unbatched;
  const bool loses =
      before == Unbatched::batched && most_rows_ > 1 && !check_size(2) && warm_.layout.unbatched == Unbatched::differs;
  warm_.layout.unbatched = before;
  warm_.layout.sizes.clear();
  alone_.clear();
  return loses;
}

// In place is loaded, and has run once. Where there is no time for another run, the weights are packed.
Result<void> WarmUp::place() {
  const bool late = !time_left(one_row_);
  const bool loses = !late && loses_batches();
  const std::uint64_t in_place_ns = late || loses ? 0 : time_row();
  BLINDAI_CHECK(switch_to(warm_.layout.threads, Weights::packed));
  auto bits = run_rows(0, 0, 1);  // the first run is slower
  const std::uint64_t packed_ns = in_place_ns == 0 || !bits ? 0 : time_row();
  warm_.layout.placement = compare(packed_ns, in_place_ns);
  if (loses) {
    warm_.layout.placement.because = Because::batches;
  }
  if (warm_.layout.placement.weights == Weights::packed && bits) {
    first_bits_ = std::move(*bits);
  }
  return switch_to(warm_.layout.threads, warm_.layout.placement.weights);
}

// Whether a run is so long that each one is to be thought about.
bool WarmUp::heavy() const { return one_row_ * std::max(1U, head_.cpus) >= trial_time; }

// By what the model says of itself.
Unbatched WarmUp::declared() const {
  if (head_.most_rows < 2) {
    return Unbatched::not_wanted;
  }
  const auto text = [](const TensorSpec& spec) { return spec.datatype == DataType::bytes; };
  const auto has_axis = [](const TensorSpec& spec) { return !spec.shape.empty() && spec.shape.front() < 0; };
  if (std::ranges::any_of(plan_.inputs, text) || std::ranges::any_of(plan_.outputs, text)) {
    return Unbatched::text;
  }
  if (plan_.inputs.empty() || !std::ranges::all_of(plan_.inputs, has_axis)) {
    return Unbatched::input_axis;
  }
  return std::ranges::all_of(plan_.outputs, has_axis) ? Unbatched::batched : Unbatched::output_axis;
}

bool WarmUp::make_inputs(std::int64_t free_dimension, bool zeros) {
  inputs_.clear();
  Sequence sequence;
  const bool batched = warm_.layout.unbatched == Unbatched::batched;
  const std::uint64_t wanted = batched ? head_.most_rows : 1;
  std::uint64_t row_bytes = 0;
  for (std::size_t index = 0; index < plan_.inputs.size(); ++index) {
    const TensorSpec& spec = plan_.inputs[index];
    Tensor tensor;
    tensor.index = index;
    tensor.datatype = spec.datatype;
    tensor.has_axis = batched;
    tensor.row = spec.shape;
    if (batched) {
      tensor.row.erase(tensor.row.begin());
    } else if (!tensor.row.empty() && tensor.row.front() < 0) {
      tensor.row.front() = 1;
    }
    std::ranges::replace_if(tensor.row, [](std::int64_t dimension) { return dimension < 0; }, free_dimension);
    const auto bytes = byte_size(spec.datatype, tensor.row);
    if (!bytes || *bytes > most_input_bytes) {
      return false;
    }
    tensor.row_bytes = *bytes;
    row_bytes += *bytes;
    inputs_.push_back(std::move(tensor));
  }
  most_rows_ = std::clamp<std::uint64_t>(most_input_bytes / std::max<std::uint64_t>(1, row_bytes), 1, wanted);
  for (Tensor& tensor : inputs_) {
    tensor.data.resize(tensor.row_bytes * most_rows_);
    const std::size_t size = element_size(tensor.datatype);
    const bool whole_number = tensor.datatype < DataType::fp16;
    for (std::size_t i = 0; size != 0 && i < tensor.data.size() / size && !(zeros && whole_number); ++i) {
      fill_element(tensor.data, i, tensor.datatype, sequence);
    }
  }
  return row_bytes <= most_input_bytes;
}

// Inputs that the engine runs on; whole numbers as zeros where it refuses the others.
bool WarmUp::find_inputs() {
  const auto free_inside = [](const TensorSpec& spec) {
    return std::ranges::any_of(spec.shape | std::views::drop(1), [](std::int64_t dimension) { return dimension < 0; });
  };
  if (std::ranges::any_of(plan_.inputs, [](const TensorSpec& spec) { return spec.datatype == DataType::bytes; })) {
    return false;
  }
  const bool free = std::ranges::any_of(plan_.inputs, free_inside);
  for (const std::int64_t dimension : free_dimensions) {
    if (!free && dimension != free_dimensions.back()) {
      continue;
    }
    for (const bool zeros : {false, true}) {
      if (!time_left({}) || !make_inputs(dimension, zeros)) {
        continue;
      }
      const auto began = Steady::now();
      if (auto outputs = run_rows(0, 0, 1)) {
        one_row_ = Steady::now() - began;
        first_bits_ = std::move(*outputs);
        return true;
      }
    }
  }
  if (warm_.layout.unbatched == Unbatched::batched) {
    warm_.layout.unbatched = Unbatched::refused;
  }
  return false;
}

Result<WarmUp::Outputs> WarmUp::run_rows(std::size_t runner, std::size_t first, std::size_t rows) {
  std::vector<engine::InputView> views;
  for (const Tensor& tensor : inputs_) {
    Shape shape = tensor.row;
    if (tensor.has_axis) {
      shape.insert(shape.begin(), static_cast<std::int64_t>(rows));
    }
    views.push_back({.index = warm_.loaded.input_of_engine[tensor.index],
                     .shape = std::move(shape),
                     .data = ByteView(tensor.data).subspan(first * tensor.row_bytes, rows * tensor.row_bytes)});
  }
  Outputs outputs(plan_.outputs.size());
  try {
    const auto sink = [&](std::size_t index, DataType, const Shape& shape, std::uint64_t size) -> Result<MutableBytes> {
      if (index >= outputs.size() || size > head_.answer_bytes) {
        return fail(Code::too_large, {"the model's answer is larger than the limit of {} bytes", head_.answer_bytes});
      }
      outputs[index].shape = shape;
      outputs[index].data.resize(size);
      return MutableBytes(outputs[index].data);
    };
    BLINDAI_CHECK(warm_.loaded.slots[runner]->run(views, sink));
  } catch (const std::bad_alloc&) {
    return fail(Code::resource_exhausted, {"out of memory"});
  }
  return outputs;
}

// The quickest of some tries: other programs, or a thread that starts on a busy CPU, only make one slower.
Trial WarmUp::measure(unsigned threads, std::size_t rows) {
  const auto began = Steady::now();
  Trial best = measure_once(threads, rows);
  const auto once = Steady::now() - began;
  const auto most = std::chrono::milliseconds(head_.measure_ms) / share_of_tries;
  for (int tries = 2; tries <= most_tries && best.ns != 0 && once * tries <= most && time_left(once); ++tries) {
    const Trial trial = measure_once(threads, rows);
    if (trial.ns == 0) {
      return trial;
    }
    best.ns = std::min(best.ns, trial.ns);
  }
  return best;
}

// All runs of the layout at once, for a moment and at least once each.
Trial WarmUp::measure_once(unsigned threads, std::size_t rows) {
  const unsigned runs = runs_of(threads, head_);
  std::vector<std::uint64_t> done(runs);
  std::atomic<bool> failed = false;
  const auto began = Steady::now();
  runners_.together(runs, [&](std::size_t runner) {
    do {
      if (!run_rows(runner, 0, rows)) {
        failed = true;
        return;
      }
      ++done[runner];
    } while (Steady::now() - began < trial_time);
  });
  const auto took = std::chrono::nanoseconds(Steady::now() - began).count();
  std::uint64_t count = 0;
  for (const std::uint64_t each : done) {
    count += each;
  }
  Trial trial{threads, runs, rows, 0};
  if (!failed && count != 0) {
    trial.ns = static_cast<std::uint64_t>(took) * runs / count;
  }
  return trial;
}

void WarmUp::try_layouts() {
  for (const unsigned threads : head_.threads) {
    if (threads == 0) {
      continue;
    }
    if (threads != loaded_threads_) {
      const bool small = head_.body_bytes < large_body || loaded_weights_ == Weights::in_place;
      if (!small || !time_left(load_time_ + 2 * one_row_ * std::max(1U, head_.cpus)) || !switch_to(threads)) {
        return;
      }
    }
    if (threads != head_.threads[0]) {
      const auto bits = run_rows(0, 0, 1);  // not a trial: the first run of a loaded model is slower
      if (!bits) {
        return;
      }
      warm_.layout.threads_agree = equal(first_bits_, *bits);
    } else if (!heavy()) {
      const auto began = Steady::now();
      static_cast<void>(run_rows(0, 0, 1));
      one_row_ = Steady::now() - began;
    }
    try_sizes(threads);
  }
}

// One row, then more and more, for as long as more is better.
void WarmUp::try_sizes(unsigned threads) {
  const std::size_t most = warm_.layout.unbatched == Unbatched::batched ? most_rows_ : 1;
  const std::size_t growth = heavy() ? 4 : 2;
  double best = 0;
  for (std::size_t rows = 1; rows <= most; rows *= growth) {
    if (rows > 1 && !time_left(one_row_ * static_cast<std::int64_t>(rows) * std::max(1U, head_.cpus))) {
      return;
    }
    const Trial trial = measure(threads, rows);
    if (trial.ns == 0) {
      return;
    }
    warm_.layout.trials.push_back(trial);
    if (rows_a_second(trial) <= worthwhile * best) {
      return;
    }
    best = rows_a_second(trial);
  }
}

// The most rows a second; of near equals the first tried, which has more threads and fewer rows.
void WarmUp::choose(std::size_t most_rows) {
  const Trial* best = nullptr;
  for (const Trial& trial : warm_.layout.trials) {
    if (trial.rows > most_rows) {
      continue;
    }
    if (best == nullptr || rows_a_second(trial) > worthwhile * rows_a_second(*best)) {
      best = &trial;
    }
  }
  if (best == nullptr) {
    if (warm_.layout.unbatched == Unbatched::batched) {
      warm_.layout.unbatched = Unbatched::refused;
    }
    return;
  }
  warm_.layout.threads = best->threads;
  warm_.layout.runs = best->runs;
  most_rows_ = best->rows;
  if (warm_.layout.unbatched == Unbatched::batched && best->rows == 1) {
    const bool tried = std::ranges::any_of(warm_.layout.trials, [](const Trial& trial) { return trial.rows > 1; });
    warm_.layout.unbatched = tried ? Unbatched::no_gain : Unbatched::not_tried;
  }
}

// What the rows up to that give alone, on all runs at once.
bool WarmUp::run_alone(std::size_t rows) {
  const std::size_t first = alone_.size();
  alone_.resize(rows);
  std::atomic<bool> failed = false;
  runners_.together(warm_.layout.runs, [&](std::size_t runner) {
    for (std::size_t row = first + runner; row < rows && !failed; row += warm_.layout.runs) {
      if (auto outputs = run_rows(runner, row, 1)) {
        alone_[row] = std::move(*outputs);
      } else {
        failed = true;
      }
    }
  });
  return !failed;
}

// A batch of so many rows beside the same rows alone. False where there are to be no batches: the layout says why.
bool WarmUp::check_size(std::size_t rows) {
  if (warm_.layout.unbatched != Unbatched::batched || rows > most_rows_) {
    return false;
  }
  const auto batch = run_alone(rows) ? run_rows(0, 0, rows) : std::unexpected(Error{Code::internal, {"none"}});
  const bool shaped = batch && std::ranges::all_of(*batch, [rows](const Output& output) {
                        return !output.shape.empty() && output.shape.front() == static_cast<std::int64_t>(rows);
                      });
  if (shaped && rows_equal(*batch, rows)) {
    warm_.layout.sizes.push_back(rows);
    return true;
  }
  warm_.layout.sizes.clear();
  warm_.layout.unbatched = !batch ? Unbatched::refused : shaped ? Unbatched::differs : Unbatched::output_axis;
  return false;
}

// With the layout that was chosen: every size up to its own where that is quick, else powers of two, as far as time
// allows, and one at least.
void WarmUp::check_exact() {
  alone_.clear();
  const bool quick = one_row_ * static_cast<std::int64_t>(most_rows_ * most_rows_) < trial_time;
  for (std::size_t rows = 2; rows <= most_rows_; rows = quick ? rows + 1 : rows * 2) {
    const bool late = !warm_.layout.sizes.empty() && !time_left(one_row_ * static_cast<std::int64_t>(rows));
    if (late || !check_size(rows)) {
      return;
    }
  }
}

bool WarmUp::equal(const Outputs& a, const Outputs& b) {
  return std::ranges::equal(
      a, b, [](const Output& one, const Output& other) { return one.shape == other.shape && one.data == other.data; });
}

bool WarmUp::rows_equal(const Outputs& batch, std::size_t rows) const {
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Output& alone = alone_[row][i];
      const std::size_t size = batch[i].data.size() / rows;
      if (alone.shape.size() != batch[i].shape.size() || alone.data.size() != size ||
          !std::equal(alone.shape.begin() + 1, alone.shape.end(), batch[i].shape.begin() + 1) ||
          !std::ranges::equal(ByteView(batch[i].data).subspan(row * size, size), alone.data)) {
        return false;
      }
    }
  }
  return true;
}

// Loads the model in that form; one that was loaded goes first.
Result<void> WarmUp::switch_to(unsigned threads, Weights weights) {
  if (threads == loaded_threads_ && weights == loaded_weights_) {
    return {};
  }
  loaded_threads_ = 0;
  warm_.loaded.slots.clear();
  warm_.loaded = Loaded{};
  ::malloc_trim(0);
  loaded_weights_ = weights;
  const auto began = Steady::now();
  BLINDAI_TRY(warm_.loaded, load_({threads, runs_of(threads, head_), weights}));
  load_time_ = Steady::now() - began;
  loaded_threads_ = threads;
  return {};
}

}  // namespace blindai::worker
