// The CPU time that a worker's process used, beside what the requests in it may have used. A worker that a model took over
// could compute for itself, between requests or beside them, at the cost of everybody else on the machine, and no limit
// of a run would end it.
//
// A worker may use all threads of its layout for as long as a run is in work, once for each run, and `tail` on each of
// them after a run is over. An honest worker uses no more, and is not ended however busy the machine is:
//
//   - It has nothing to do but runs: its threads sleep on the ring, on the control socket or in a pool that does not spin.
//   - A run is in work from before the worker can see it until the server has read that it is over. A server that is
//     late, as one of a busy machine is, makes that longer. A busy machine gives the worker less CPU in it, never more.
//   - A thread's CPU time never runs faster than the clock, and a look's CPU time lies between two readings of the clock:
//     the look that ends a span counts the runs up to the later one, the look that begins it up to the earlier one. A
//     server that stands still in the middle of a look gives away time, and takes none.
//   - What is left after an answer is told is a search of the ring: microseconds, against `tail`. The interrupts of a run,
//     its last pages, clocks that drift: `tolerated_part` of one CPU.
//
// What was used besides is a debt that `tolerated_part` of the time pays off, so that computing by fits and starts gains
// nothing; a debt of more than `most_debt` is proof.
//
// Thread rule: none of its own; times do not go back from one call to the next.
#pragma once

#include <optional>

#include "base/clock.h"

namespace blindai::worker {

class CpuAccount {
 public:
  static constexpr Steady::duration tail = std::chrono::milliseconds(10);
  static constexpr int tolerated_part = 10;  // one tenth

  CpuAccount(unsigned threads, Steady::duration most_debt) : threads_(threads), most_debt_(most_debt) {}

  void begin(Steady::time_point now);  // a run, before the worker is told
  void end(Steady::time_point now);    // of a run, after the worker has told it

  struct Look {
    Steady::time_point before;  // the CPU time was read
    Steady::duration used;      // CPU time of all threads since the process was born
    Steady::time_point after;
  };
  // Whether the process computed what nobody asked of it. The first look finds nothing: what came before is nobody's
  // business.
  bool computed_unasked(const Look& look);

 private:
  Steady::duration allowed(Steady::time_point now) const;

  struct Base {
    Steady::time_point time;
    Steady::duration used;
    Steady::duration allowed;
  };

  const unsigned threads_;
  const Steady::duration most_debt_;
  std::int64_t runs_ = 0;       // in work
  Steady::duration in_work_{};  // of all runs, up to `counted_`, with tails
  Steady::time_point counted_;
  std::optional<Base> base_;  // of the last look
  Steady::duration debt_{};
};

// CPU time of all threads of a process since its birth. Nothing where the kernel does not tell. The process must not have
// been reaped: its number may be another's by then.
std::optional<Steady::duration> cpu_time_of(int pid);

}  // namespace blindai::worker
