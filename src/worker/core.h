// What one worker's leases, its control socket and its callers share: the table of slots and the state.
//
// Thread rule: everything here is guarded by one mutex except the ring's bytes, which belong to the holder of the slot.
// Handlers and callbacks are called without the lock. supervise(), tick() and look() run on the strand.
// core.cpp holds state and leases, runs.cpp what is in work.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <memory>
#include <mutex>
#include <optional>

#include "worker/conduct.h"
#include "worker/cpu_account.h"
#include "worker/protocol.h"
#include "worker/ring.h"
#include "worker/spawn.h"
#include "worker/worker.h"

namespace blindai::worker {

using RunHandler = std::move_only_function<void(Answered)>;
using OverHandler = std::move_only_function<void()>;
using ReadyHandler = std::move_only_function<void(Result<void>)>;

// What a runner does in one go: one request, or several.
struct Batch {
  std::vector<std::size_t> slots;                 // that the worker has not answered
  std::size_t leader = 0;                         // the slot that the runner takes
  std::uint64_t sequence = 0;                     // of the leader
  std::optional<Steady::time_point> started;      // when it came among the runs that the worker can do at once
  std::optional<Steady::time_point> interrupted;  // when it was last asked to end
  bool too_long = false;
  OverHandler over;
};

struct SlotRecord {
  bool leased = false;  // a Lease exists
  bool busy = false;    // submitted, and the worker has not answered
  Asked asked;
  std::uint64_t input_used = 0;
  Conduct::Caller caller = 0;
  Steady::time_point deadline{};
  std::shared_ptr<Batch> batch;
  RunHandler handler;  // empty once the caller has been answered
};

// One process and its ring, from birth to burial. Leases keep it, so that memory they look at stays.
struct Life {
  Ring ring;
  Child child;
  std::vector<SlotRecord> slots;
  std::vector<std::shared_ptr<Batch>> batches;  // in work, in the order of submission
  bool ready = false;                           // takes requests
  std::optional<Footprint> footprint;           // once it is
  std::optional<CpuAccount> cpu;                // likewise
  Ending ending;                                // once the server has ended it, or knows how it ended
};

// One request that is submitted. `inputs` must live until submit() returns.
struct Submission {
  std::size_t slot = 0;
  std::span<const TensorHeader> inputs;
  std::uint64_t input_used = 0;
  Conduct::Caller caller = 0;
  Steady::time_point deadline;
  RunHandler handler;
};

class Core : public std::enable_shared_from_this<Core> {
 public:
  using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;
  Core(boost::asio::io_context& io, Model model, Settings settings);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  ~Core();

  void launch();  // starts supervise()
  void stop();

  // For the callers.
  void wait_ready(ReadyHandler handler);
  Result<std::unique_ptr<Lease>> try_lease();
  std::size_t free_slots() const;
  void on_change(std::function<void()> callback);
  Status status() const;
  State state() const;
  const gate::Admitted& admitted() const { return *model_.admitted; }

  // For a Lease.
  void submit(const std::shared_ptr<Life>& life, std::vector<Submission> batch, OverHandler over);
  void abandon(const std::shared_ptr<Life>& life, std::size_t slot);
  void release(const std::shared_ptr<Life>& life, std::size_t slot, std::uint64_t input_used,
               std::uint64_t output_used);

 private:
  friend class Supervision;
  struct Due;

  void set_state(State state, std::optional<Error> error);
  void notify() const;
  bool finished(const std::shared_ptr<Life>& life, std::uint8_t slot);
  std::vector<Conduct::Caller> callers_at_work(const Life& life) const;
  void fail_all(const std::shared_ptr<Life>& life);
  void end_life(Ending::Kind kind);  // kills the process that is
  void note_end(PublicText why);
  void tick();
  bool check_times(Life& life, std::vector<Due>& due);
  void expire(Life& life, Batch& batch, Steady::time_point now, std::vector<Due>& due);
  void press(Life& life, Batch& batch, Steady::time_point now);
  void watch(const std::shared_ptr<Life>& life);  // looks at its CPU time every now and then while it is ready
  bool look(Life& life);  // false where it is over, or is ended now for what it computed unasked
  void clean(Life& life, std::size_t slot, std::uint64_t output_used) const;

  Strand strand_;
  const Model model_;
  Settings settings_;  // as given, with a conduct
  RingHead head_;      // but for what give_birth() adds
  boost::asio::steady_timer ticker_;
  boost::asio::steady_timer pause_;                      // between restarts
  boost::asio::steady_timer watch_;                      // between looks at the life that is
  boost::asio::local::stream_protocol::socket control_;  // of the life that is

  mutable std::mutex mutex_;
  State state_ = State::starting;
  std::optional<Error> error_;                                         // why it failed
  std::optional<std::pair<PublicText, Steady::time_point>> last_end_;  // of a process that should have gone on
  std::uint64_t restarts_ = 0;
  std::uint64_t next_sequence_ = 1;
  AnswerHeader answer_;  // the copy that is being checked
  bool stopping_ = false;
  bool ticking_ = false;
  std::vector<std::string> sandbox_;
  std::string engine_;
  std::shared_ptr<const Layout> layout_;  // from the first start on, or given
  std::shared_ptr<Life> life_;
  std::vector<ReadyHandler> waiting_;
  std::vector<std::function<void()>> callbacks_;
};

// The coroutine that gives birth, loads, listens and buries (supervise.cpp).
Task<void> supervise(std::shared_ptr<Core> core);
std::unique_ptr<Lease> make_lease(std::shared_ptr<Core> core, std::shared_ptr<Life> life, std::size_t slot);
void submit_leases(std::vector<Ride> batch, OverHandler over);

}  // namespace blindai::worker
