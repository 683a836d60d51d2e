// The C++ client. Nothing can be sent but through a VerifiedSession, and a VerifiedSession exists only after every check
// of design section 5 passed on its own connection.
//
// Client keeps a small pool of verified connections; each new connection is attested anew, and again before the keyset
// or the appraisal grows too old.
//
// What is repeated, and what never is, stands in retry.h.
//
// Thread rule: Client is thread-safe; calls block. `interrupted` is asked at least every 100 ms on the calling thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/tensor.h"
#include "evidence/policy.h"
#include "evidence/report.h"

namespace blindai::client {

struct CallOptions {
  // For the call in all, with connecting, repeating and the pauses between; for an upload: without progress.
  Steady::duration timeout = std::chrono::seconds(60);
  Steady::duration load = std::chrono::seconds(300);  // from the last byte of an upload to the answer
  unsigned retries = 0;                               // how often a call may be repeated
  std::function<bool()> interrupted{};                // true ends the call with Code::cancelled
};

struct Options {
  std::string url;  // https://host[:port]; nothing else
  evidence::Policy policy;
  std::string api_key;                                          // empty: none (auth "open")
  Steady::duration connect_timeout = std::chrono::seconds(10);  // of one connection, until it is verified
  std::size_t max_idle_connections = 8;
  CallOptions calls;  // of connect(), and of calls that bring none of their own
};

// The failed attestation's report rides beside the error, and what the service itself said of it.
struct Failure {
  Error error;
  std::optional<evidence::Report> report{};
  std::string answer{};  // the service's own sentence, for people: printable, at most 4 KiB; empty where there is none
  std::optional<std::chrono::seconds> retry_after{};  // of a 429 or 503 that names it
};
template <typename T>
using Outcome = std::expected<T, Failure>;

struct Tensor {
  std::string name;  // empty in inputs: by position
  DataType datatype{};
  Shape shape;
  ByteView data;  // of the caller, for inputs; of the Prediction, for outputs
};

struct Prediction {
  Bytes body;                // owns what the outputs view
  std::string model_digest;  // "sha256:..."
  std::vector<Tensor> outputs;
};

// Files of one model as they lie on disk: the model first. `name` is what the graph calls a file.
struct ModelFile {
  std::string name;
  std::string path;
};

class Client {
 public:
  // Connects, attests, verifies. Nothing but the one attest request is sent before.
  static Outcome<std::unique_ptr<Client>> connect(Options options);
  virtual ~Client() = default;
  virtual evidence::Report report() const = 0;  // of the newest verified connection

  // In each call `own` are the options of this call; null: those of the client.
  //
  // Uploads one file, or a bundle where there are several. Answer: the server's JSON. `progress` is told the total when
  // the last byte has gone out; the model is then loaded and warmed up before the answer comes.
  using Progress = std::function<void(std::uint64_t sent_bytes, std::uint64_t total_bytes)>;
  // `weights`: how the service keeps them, "auto", "packed" or "in-place"; empty: as the service does.
  virtual Outcome<std::string> upload(const std::vector<ModelFile>& files, const std::string& model_id, bool save,
                                      const Progress& progress, const CallOptions* own = nullptr,
                                      const std::string& weights = {}) = 0;
  // `pin`: the digest that must answer, or none.
  virtual Outcome<Prediction> predict(const std::string& model_id, const std::vector<Tensor>& inputs,
                                      const std::optional<Digest>& pin, const CallOptions* own = nullptr) = 0;
  // Any JSON route: listing, inspection, deletion, keys. Answer: the body of a 2xx.
  virtual Outcome<std::string> call(const std::string& method, const std::string& target, const std::string& json_body,
                                    const CallOptions* own = nullptr) = 0;
  virtual void close() = 0;
};

}  // namespace blindai::client
