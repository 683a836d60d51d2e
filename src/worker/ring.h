// The shared memory between the server and one worker process, and the checks on what the worker writes there.
//
// One sparse memfd: a head page, then for each slot a header, an input region and an output region. Pages cost memory
// only once touched. The file is sealed against shrinking and growing, so neither side can be made to fault.
//
// The server writes requests and never reads them back. It reads an answer header by copying it once (copy_answer), and
// check_answer() looks at that copy alone. Tensor bytes are read in place: a worker that was taken over may change them
// while they are read, so readers must not rely on reading a byte twice and finding the same.
//
// Thread rule: a Ring is a mapping with no state of its own; a slot belongs to whoever holds its lease.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/tensor.h"

namespace blindai::worker {

inline constexpr unsigned max_slots = 128;
inline constexpr std::size_t max_tensors = 64;
inline constexpr std::size_t tensor_alignment = 64;
inline constexpr std::size_t max_answer_text = 120;

// Where things are in the ring. Both sides compute it from the same three numbers.
struct Geometry {
  std::uint32_t slots = 0;
  std::uint64_t request_bytes = 0;  // of one slot's input region; whole pages
  std::uint64_t answer_bytes = 0;   // of one slot's output region; whole pages
  std::uint64_t stride = 0;
  std::uint64_t total = 0;

  std::uint64_t request_header(unsigned slot) const;
  std::uint64_t answer_header(unsigned slot) const;
  std::uint64_t input(unsigned slot) const;
  std::uint64_t output(unsigned slot) const;
};
// Errors: invalid_argument for no or too many slots and for regions that do not fit an address space.
Result<Geometry> make_geometry(unsigned slots, std::uint64_t request_bytes, std::uint64_t answer_bytes);

// Where the weights may be: fixed, or the warm-up measures it.
enum class Offer : std::uint32_t { packed = 0, in_place = 1, measured = 2 };

// Written by the server before the worker starts.
struct RingHead {
  std::uint32_t version = 3;
  std::uint32_t slots = 0;
  std::uint64_t request_bytes = 0;
  std::uint64_t answer_bytes = 0;
  std::uint64_t body_bytes = 0;
  std::uint64_t memory_bytes = 0;  // that the process may add to what it has when its sandbox closes
  std::uint32_t cpus = 1;          // that the model may use
  std::uint32_t runners = 1;       // most runs at once
  // Threads of one run that the warm-up chooses from: the first, or a second where it is not 0. Of those that are more
  // than 1 there is one number: it is that of the engine's pool.
  std::array<std::uint32_t, 2> threads{1, 0};
  std::uint32_t measure_ms = 0;  // how long the warm-up may try; 0: not at all
  std::uint32_t most_rows = 1;   // of a batch; 1: none
  Offer weights = Offer::packed;
};
// Bumped by the server at each submission; runners sleep on it.
inline constexpr std::size_t doorbell_offset = 2048;

// A slot that rides in another's batch is `joined`: no runner takes it by itself.
enum class SlotState : std::uint32_t { idle = 0, submitted = 1, running = 2, done = 3, withdrawn = 4, joined = 5 };

struct TensorHeader {
  std::uint32_t index = 0;
  std::uint32_t datatype = 0;
  std::uint32_t rank = 0;
  std::uint32_t reserved = 0;
  std::array<std::int64_t, max_rank> dims{};
  std::uint64_t offset = 0;  // in the region
  std::uint64_t size = 0;
};

// The server's half of a slot's header. The server says which slots make a batch: in the header of the one that is
// submitted. Each of them has a header, a sequence and an answer of its own.
struct RequestHeader {
  std::uint64_t sequence = 0;  // rises with each submission; the oldest is taken first
  std::uint32_t count = 0;
  std::uint32_t other_count = 0;  // slots that ride with this one
  std::array<std::uint8_t, max_slots> others{};
  std::array<TensorHeader, max_tensors> inputs{};
};
// The same as a runner takes it.
struct Request {
  std::uint64_t sequence = 0;
  std::vector<std::uint8_t> others;
  std::vector<TensorHeader> inputs;
};

// The worker's half.
inline constexpr std::uint32_t run_it_alone = 0xffff'ffff;  // the batch failed: nothing is known of this request
struct AnswerHeader {
  std::uint64_t sequence = 0;  // of the request it answers
  std::uint32_t code = 0;      // 0: success, run_it_alone, else 1 + Code
  std::uint32_t count = 0;
  std::uint32_t text_size = 0;  // of the engine's refusal
  std::uint32_t reserved = 0;
  std::array<char, max_answer_text> text{};
  std::array<TensorHeader, max_tensors> outputs{};
};

// A mapping of the ring and typed access to it.
class Ring {
 public:
  static Result<Ring> create(const Geometry& geometry, const RingHead& head);  // the server
  static Result<Ring> open(int fd);                                            // the worker, which trusts the head

  int fd() const { return fd_.get(); }
  const Geometry& geometry() const { return geometry_; }
  const RingHead& head() const { return head_; }

  std::uint32_t* doorbell();
  std::uint32_t* state(unsigned slot);  // a SlotState, atomically
  MutableBytes input(unsigned slot);
  MutableBytes output(unsigned slot);

  void write_request(unsigned slot, std::uint64_t sequence, std::span<const TensorHeader> inputs,
                     std::span<const std::uint8_t> others);
  std::uint64_t sequence(unsigned slot) const;  // of the request
  Request read_request(unsigned slot) const;
  void write_answer(unsigned slot, const AnswerHeader& header);
  // One copy of each byte, of as many outputs as it says; nothing else of the header is ever read.
  void copy_answer(unsigned slot, AnswerHeader& copy) const;

  // Clears a slot's headers of so many tensors and the first bytes of its regions; what was large is given back to the
  // system.
  void wipe(unsigned slot, std::uint64_t input_used, std::uint64_t output_used, std::size_t inputs = max_tensors,
            std::size_t outputs = max_tensors);
  // Gives all memory of a slot's output region back.
  void drop_output(unsigned slot);

 private:
  void clear(std::uint64_t offset, std::uint64_t size);
  UniqueFd fd_;
  Mapping mapping_;
  Geometry geometry_;
  RingHead head_;
};

// Up to this many bytes of a region are overwritten and kept; more are given back.
inline constexpr std::uint64_t kept_bytes = 1024 * 1024;

// An answer whose numbers have been checked; offsets are in the output region.
struct CheckedOutput {
  std::size_t index = 0;
  DataType datatype{};
  Shape shape;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};
// What a run came to: its outputs by index, or the engine's refusal.
using Outcome = Result<std::vector<CheckedOutput>>;
struct Answered {
  Outcome outcome;
  bool alone = false;  // no outcome: the batch failed, and the request is to be run by itself
};
// What was asked. `rows`: of a request that rode in a batch; its outputs have as many, and only it may be told to run
// alone.
struct Asked {
  std::uint64_t sequence = 0;
  std::optional<std::int64_t> rows{};
};
// Every output of the model exactly once, in its datatype, inside the region. An error of the outer Result is a lie:
// such a worker is not to be believed again.
Result<Answered> check_answer(const AnswerHeader& copy, const Asked& asked, const std::vector<TensorSpec>& outputs,
                              std::uint64_t answer_bytes);

}  // namespace blindai::worker
