// How a model runs, as the warm-up of its worker finds it: runs at once, threads of each, and which batches give every
// request the bits that it gets alone.
//
// Thread rule: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "worker/placement.h"

namespace blindai::worker {

// Why requests of a model are not batched.
enum class Unbatched : std::uint8_t {
  batched,      // they are
  not_wanted,   // by configuration
  text,         // an input or output is BYTES
  input_axis,   // an input has no free first dimension
  output_axis,  // an output has not, or gave another number of rows
  refused,      // the engine does not run what was tried
  differs,      // bits alone and in a batch are not the same
  no_gain,      // a batch is not faster
  not_tried,    // no time, or no measuring
};
std::string_view sentence(Unbatched reason);  // "" where they are batched

// What the warm-up tried: so many runs at once, each of so many rows on so many threads, took so long each.
struct Trial {
  unsigned threads = 1;
  unsigned runs = 1;
  std::uint64_t rows = 1;
  std::uint64_t ns = 0;
};

// How a model runs: what the warm-up of its first worker chose. Later workers of the same model are given it.
struct Layout {
  unsigned threads = 1;              // of one run
  unsigned runs = 1;                 // at once
  std::vector<std::uint64_t> sizes;  // rows of a batch whose bits were compared with those of a request alone
  Unbatched unbatched = Unbatched::not_tried;
  std::optional<bool> threads_agree;  // whether the counts of threads tried gave the same bits
  std::vector<Trial> trials;
  Placement placement;  // of the weights
};

}  // namespace blindai::worker
