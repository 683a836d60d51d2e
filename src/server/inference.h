// One inference, whatever brought it: a slot of the model's worker, the tensors into it, its turn to compute, the run.
// REST and gRPC read requests and write answers around it.
//
// Thread rule: run() on the executor of the caller's connection; an Answer belongs to one coroutine.
#pragma once

#include "http/server.h"
#include "server/models.h"
#include "v2/infer.h"

namespace blindai::server {

// The caller that waits, and where the tensors of its request come from.
class Caller {
 public:
  Caller() = default;
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  virtual ~Caller() = default;
  virtual boost::asio::any_io_executor executor() const = 0;
  // The bytes of that input of the request, in the request's order, each once. `place` has exactly its byte_size.
  virtual Task<Result<void>> read_tensor(std::size_t input, MutableBytes place) = 0;
  virtual bool gone() const = 0;  // nobody waits any more
};

// A request as every protocol tells it. `inputs` must outlive the run.
struct Ask {
  const std::vector<v2::InputHead>& inputs;
  std::vector<v2::ChosenOutput> outputs;
  std::optional<std::chrono::microseconds> timeout;  // of the request; the server's own where absent or longer
  worker::Conduct::Caller caller = 0;                // to whom a crash is charged
};

// Outputs in the order that was asked for, read in place: the slot is theirs as long as this lives.
struct Answer {
  std::shared_ptr<Deployment> deployment;
  schedule::Pass slot;  // goes back after the lease
  std::unique_ptr<worker::Lease> lease;
  std::vector<v2::OutputTensor> outputs;
};

// A number of the key that asks; 0 where there is none.
worker::Conduct::Caller caller_number(const auth::Principal& principal);

// The version of a request: absent (empty), or 1. Error: not_found.
Result<void> check_version(std::string_view version);

// A pin is what the Blindai-Model-Digest header or metadata says. Errors: invalid_argument, already_exists.
Result<void> check_pin(const std::string* pin, const Version& version);

class Inference {
 public:
  explicit Inference(const Config& config);
  // Errors: invalid_argument, too_large, those of the caller's tensors and of the engine; resource_exhausted and
  // deadline_exceeded of the queues; unavailable where the worker died.
  Task<Result<Answer>> run(std::shared_ptr<Deployment> deployment, Ask ask, Caller& caller);

 private:
  Task<Result<Answer>> attempt(std::shared_ptr<Deployment> deployment, Ask ask, Caller& caller);
  const Config& config_;
};

}  // namespace blindai::server
