// Before a model is READY: a first run, and then, as far as the time given allows, how it runs best and whether its
// batches are exact.
//
//   weights  where it is to be measured, the model is loaded with its weights in place first, which is quick, and then
//            packed, and one run of each is timed. Packed at once where batches are exact only so.
//   layout   runs at once, threads of each, rows of a batch: each candidate is run for a moment with all its runs at
//            once, and the one with the most rows a second is taken. Fewer rows and more threads are taken where the gain
//            is small: they cost a single caller less.
//   exact    every size of batch that will be used is run on rows of which no two are alike, and each row of each output
//            is compared with what the engine gives for that row alone, bit by bit. One that differs: no batches.
//
// Inputs are made up: numbers from a fixed sequence, a free dimension of 64, or of less where the engine refuses that.
//
// One model is in memory at a time: a candidate is dropped before the next one is loaded.
//
// Thread rule: the main thread of the worker, before it serves; runs are on the threads of `runners`.
#pragma once

#include "worker/runner.h"

namespace blindai::worker {

class WarmUp {
 public:
  struct Form {
    unsigned threads = 1;  // of one run
    unsigned runs = 1;     // at once: a slot for each
    Weights weights = Weights::packed;
  };
  using Load = std::function<Result<Loaded>(const Form& form)>;
  WarmUp(Runners& runners, const LoadPlan& plan, const RingHead& head, Load load);

  struct Warm {
    Loaded loaded;
    Layout layout;
  };
  // Errors: those of loading and of the first run.
  Result<Warm> run();

 private:
  struct Tensor {  // rows of an input, one after another
    std::size_t index = 0;
    DataType datatype{};
    Shape row;  // without the batch axis
    std::size_t row_bytes = 0;
    bool has_axis = false;  // else it is given as it is, whatever the rows
    Bytes data;
  };
  struct Output {
    Shape shape;
    Bytes data;
  };
  using Outputs = std::vector<Output>;

  Unbatched declared() const;
  bool heavy() const;
  bool make_inputs(std::int64_t free_dimension, bool zeros);
  bool find_inputs();
  Result<Outputs> run_rows(std::size_t runner, std::size_t first, std::size_t rows);
  Trial measure(unsigned threads, std::size_t rows);
  Trial measure_once(unsigned threads, std::size_t rows);
  Result<void> place();
  bool loses_batches();
  std::uint64_t time_row();
  void try_layouts();
  void try_sizes(unsigned threads);
  void choose(std::size_t most_rows);
  bool check_size(std::size_t rows);
  void check_exact();
  bool run_alone(std::size_t rows);
  static bool equal(const Outputs& a, const Outputs& b);
  bool rows_equal(const Outputs& batch, std::size_t rows) const;
  Result<void> switch_to(unsigned threads) { return switch_to(threads, loaded_weights_); }
  Result<void> switch_to(unsigned threads, Weights weights);
  bool time_left(Steady::duration wanted) const { return Steady::now() + wanted <= end_; }

  Runners& runners_;
  const LoadPlan& plan_;
  const RingHead& head_;
  const Load load_;
  Warm warm_;
  unsigned loaded_threads_ = 0;  // 0: nothing is loaded
  Weights loaded_weights_ = Weights::packed;
  Steady::time_point end_;
  Steady::duration load_time_{};
  Steady::duration one_row_{};  // a run of one row, with the first count of threads; of a heavy model the first run
  std::size_t most_rows_ = 1;
  std::vector<Tensor> inputs_;
  Outputs first_bits_;          // of the first row, with the first count of threads
  std::vector<Outputs> alone_;  // by row
};

}  // namespace blindai::worker
