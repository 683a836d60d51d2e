// The server's side of a worker: one process per model and trust group, behind a shared-memory ring.
//
// The worker gets three descriptors (model body, ring, control socket), an empty environment, no network and no files.
// The server copies every ring header once, checks the copy and uses only the copy: a worker that was taken over can
// alter what its own group sends it, nothing else.
//
// A Lease is one slot of the ring: its input region is filled straight from the socket, submitted, and its output region
// is read in place. A crash, hang or kill fails the requests in flight with Code::unavailable; the worker comes back with
// back-off, and no more once its model is in quarantine (conduct.h).
//
// Thread rule: a Worker may be used from any thread; a Lease belongs to one coroutine.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/tensor.h"
#include "gate/gate.h"
#include "worker/build.h"
#include "worker/conduct.h"
#include "worker/footprint.h"
#include "worker/layout.h"

namespace blindai::worker {

template <typename T>
using Task = boost::asio::awaitable<T>;

struct Settings {
  std::string engine{engine_name};  // that the worker must say it runs
  int executable_fd = -1;           // of blindai-worker, opened and hashed before the keyset was made
  int engine_fd = -1;               // of the engine's library, likewise; -1: the executable has its engine in it
  unsigned cpus = 0;                // that all models together may use; 0: those of the machine
  unsigned threads = 0;             // compute threads of one run; 0: what the warm-up measures to be best
  std::chrono::milliseconds measure_time{2000};  // that a warm-up may take to find the layout; 0: half of the CPUs each
  unsigned most_rows = 0;                        // of a batch; 0: as many as there are slots, 1: no batches
  std::shared_ptr<const Layout> layout;          // known already: nothing is measured
  std::optional<Placement> placement;            // of the weights, without a layout; none: it is measured
  unsigned slots = 16;                           // requests that may be in the ring at once
  std::uint64_t max_request_bytes = 256 * 1024 * 1024;
  std::uint64_t max_answer_bytes = 256 * 1024 * 1024;
  std::uint64_t room_bytes = std::uint64_t{2} << 30U;  // private memory of the process beyond its model's: memory.h
  Steady::duration start_time = std::chrono::seconds(120);
  std::string group;                 // whose worker it is, for the quarantine
  std::shared_ptr<Conduct> conduct;  // of the model, with the workers of its other groups; none: a conduct of its own
  Steady::duration run_time = std::chrono::seconds(30);  // a run that takes longer is a hang
  // Between looks at the CPU time that the process used, and how much of it no request need have asked for: cpu_account.h.
  Steady::duration look_time = std::chrono::seconds(5);
};

struct OutputView {
  std::size_t index = 0;  // of the model's outputs
  DataType datatype{};
  Shape shape;
  ByteView data;  // in the slot; valid while the lease lives
};

class Lease {
 public:
  Lease() = default;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  virtual ~Lease() = default;  // gives the slot back, wiped
  // Room for the model's input of that index, with a shape and a size that go together; at most once each, before run().
  // 64-byte aligned. What is written there is as holds_elements() has it where the datatype is BYTES. Errors: too_large.
  virtual Result<MutableBytes> add_input(std::size_t index, const Shape& shape, std::uint64_t size) = 0;
  // Runs by itself, as Worker::submit() does, and returns all outputs. Errors: invalid_argument with the engine's refusal
  // (fixed words), unavailable (the worker died), deadline_exceeded.
  virtual Task<Result<std::vector<OutputView>>> run(Steady::time_point deadline) = 0;
  // To whom a crash is charged while this request is in work; before it is submitted.
  void charge_to(Conduct::Caller caller) { caller_ = caller; }
  // Ends a run that nobody waits for: run() returns deadline_exceeded soon, and the worker is asked to stop computing.
  virtual void abandon() = 0;

 protected:
  Conduct::Caller caller_ = 0;
};

// How a request ended. `alone`: the batch that it rode in failed, nothing is known of it, and it is to be run by itself.
struct Ran {
  Result<std::vector<OutputView>> outputs;
  bool alone = false;
};
// One request of a batch. `done` is called once, on some thread, with no lock held; the lease must live until then.
struct Ride {
  Lease* lease = nullptr;
  Steady::time_point deadline;
  std::move_only_function<void(Ran)> done;
};

enum class State : std::uint8_t { starting, ready, restarting, failed, stopped, quarantined };
bool is_over(State state);  // there will be no process any more
std::string_view word(State state);

struct Status {
  State state{};
  std::string reason;  // public words, for failed and quarantined
  std::uint64_t restarts = 0;
  std::string last_end;                  // public words: why the last process ended that should have gone on; or empty
  Steady::duration last_end_ago{};       // how long ago that was
  std::optional<Footprint> footprint;    // of the process that is, as it became ready
  int pid = -1;                          // -1 where none runs
  std::vector<std::string> sandbox;      // layers in force
  std::string engine;                    // its name and version, as the worker says; empty before the first start
  std::shared_ptr<const Layout> layout;  // from the first start on
};

class Worker {
 public:
  Worker() = default;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  virtual ~Worker() = default;  // ends the process
  // Waits until the first start succeeded or failed. Errors: model_rejected (the engine refused; operator named),
  // unavailable, deadline_exceeded.
  virtual Task<Result<void>> ready() = 0;
  // A free slot, at once or after others finish; queue and deadline are the caller's (src/schedule). Error: unavailable
  // while the worker is down.
  virtual Result<std::unique_ptr<Lease>> try_lease() = 0;
  // Runs these leases of this worker in one run of the engine: each wholly filled, and more than one only where their
  // inputs are equal in shape but for axis 0. `over` is called once on some thread when the runner is free again, after
  // every `done`: a caller whose deadline passes is told before that.
  virtual void submit(std::vector<Ride> batch, std::move_only_function<void()> over) = 0;
  virtual std::size_t free_slots() const = 0;
  // Called on some thread whenever a slot became free or the state changed.
  virtual void on_change(std::function<void()> callback) = 0;
  virtual Status status() const = 0;
  virtual State state() const = 0;
  virtual void stop() = 0;  // thread-safe; requests in flight fail
};

// The admitted model of one worker. The body's descriptor must stay open as long as the worker lives.
struct Model {
  std::shared_ptr<const gate::Admitted> admitted;
  int body_fd = -1;
  std::uint64_t body_bytes = 0;
};

// How the CPUs are shared out: runs at once, of all models together, and threads of each.
struct Share {
  unsigned threads = 1;
  unsigned runs = 1;
};
// `threads`: of one run; 0: half of the CPUs, so that two runs go on at once. A run leaves CPUs idle wherever its threads
// wait for each other and between one caller and the next, and it gains little from the last half of the CPUs.
Share share_cpus(unsigned threads, unsigned cpus = std::thread::hardware_concurrency());

// Starts the process; ready() tells how it went. `io` runs the control socket.
std::shared_ptr<Worker> start(boost::asio::io_context& io, Model model, Settings settings);

// The sandbox layers that this host allows, as the keyset's `config` shows them: sorted words.
std::vector<std::string> available_sandbox();

}  // namespace blindai::worker
