// The threads of a worker that take requests from the ring, run them and publish answers.
//
// Thread rule: start() before the sandbox closes, serve() once the model is loaded, interrupt() from the main thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "worker/gathered.h"
#include "worker/protocol.h"
#include "worker/ring.h"

namespace blindai::worker {

// A loaded model, and how its tensors are numbered on the two sides: by the gate in the ring, by the engine inside.
struct Loaded {
  std::unique_ptr<engine::Model> model;
  std::vector<std::size_t> input_of_engine;          // ring index to the engine's
  std::vector<std::size_t> output_of_ring;           // engine's index to the ring's
  std::vector<std::unique_ptr<engine::Slot>> slots;  // one per runner
};

class Runners {
 public:
  explicit Runners(Ring& ring) : ring_(ring) {}
  Runners(const Runners&) = delete;
  Runners& operator=(const Runners&) = delete;
  ~Runners() = delete;  // they live as long as the process

  void start(unsigned count);
  // Before serve(): calls `work` on so many of the threads at once, each with its number, and waits for all.
  void together(unsigned count, const std::function<void(std::size_t)>& work);
  void serve(Loaded loaded);
  void interrupt(const Interrupt& which);
  // One run on ring slot 0 with zeros in the declared shapes, a free dimension as 1, before serve().
  Result<void> warm_up(Loaded& loaded, const LoadPlan& plan);

 private:
  struct Running {
    std::size_t slot = 0;
    std::uint64_t sequence = 0;
    bool active = false;
  };

  void loop(std::size_t runner);
  bool take(std::size_t& slot);
  void rest(std::size_t runner);  // nothing to interrupt any more
  void answer_one(std::size_t runner, std::size_t slot, const Request& request);
  void answer_batch(std::size_t runner, std::size_t slot, const Request& leader);
  Result<void> run(const Loaded& loaded, std::size_t runner, std::size_t slot, const Request& request,
                   AnswerHeader& answer);
  void publish(std::size_t slot, const AnswerHeader& answer);
  static void tell(std::span<const std::uint8_t> slots);

  Ring& ring_;
  Loaded loaded_;
  void idle(std::size_t runner);  // until serve(), doing what together() says

  std::mutex mutex_;  // guards what follows
  std::condition_variable woken_;
  bool serving_ = false;
  std::uint64_t task_number_ = 0;
  const std::function<void(std::size_t)>* task_ = nullptr;
  unsigned task_count_ = 0;
  unsigned task_left_ = 0;
  std::vector<Running> running_;
  std::vector<Gathered> gathered_;  // one per runner
  std::vector<std::thread> threads_;
};

}  // namespace blindai::worker
