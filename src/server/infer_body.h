// The body of a request for inference over REST: its JSON part, and the tensors behind it, whatever its framing. A body
// without a JSON part is one tensor (Inference-Header-Content-Length: 0).
//
// Thread rule: as the Exchange that it comes from.
#pragma once

#include <atomic>

#include "http/body.h"
#include "server/config.h"
#include "v2/infer.h"

namespace blindai::server {

// What the JSON parts of all requests take together, counted while they are held.
class JsonBudget {
 public:
  class Held {
   public:
    explicit Held(JsonBudget& budget) : budget_(budget) {}
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() { budget_.used_ -= bytes_; }
    Result<void> take(std::uint64_t bytes);  // resource_exhausted

   private:
    JsonBudget& budget_;
    std::uint64_t bytes_ = 0;
  };

 private:
  std::atomic<std::uint64_t> used_ = 0;
};

class InferBody {
 public:
  // From the head alone. Errors: invalid_argument, too_large, those of http::Body::open().
  static Result<InferBody> open(http::Exchange& exchange, const Config& config);

  // The JSON part, read and parsed; memory follows the bytes that have come. `inputs`: of the model, which tell what a
  // tensor without a JSON part is.
  http::Task<Result<v2::InferRequest>> read_request(const std::vector<TensorSpec>& inputs, JsonBudget::Held& held);
  // That input of the request, in their order. Nothing may follow the last. `place` has exactly its byte_size.
  http::Task<Result<void>> read_tensor(const v2::InferRequest& request, std::size_t input, MutableBytes place);

 private:
  InferBody(http::Body body, const Config& config) : body_(std::move(body)), config_(&config) {}
  Result<void> divide(const http::RequestHead& head);
  http::Task<Result<Bytes>> read_part(std::optional<std::uint64_t> size, JsonBudget::Held& held);
  http::Task<Result<v2::InferRequest>> read_raw(const std::vector<TensorSpec>& inputs, JsonBudget::Held& held);
  http::Task<Result<void>> read_binary(MutableBytes place);

  http::Body body_;
  const Config* config_;
  std::optional<std::uint64_t> json_;    // bytes of the JSON part; absent: as many as come
  std::optional<std::uint64_t> binary_;  // of the tensors behind it; absent: not known yet
  bool raw_ = false;                     // no JSON part
  std::optional<Bytes> gathered_;        // a tensor without a JSON part whose size only its end told
};

}  // namespace blindai::server
