// From an answer of the service to values: errors with their sentence, metadata, predictions. The service was verified,
// and is still not trusted with arithmetic or with text that is printed.
#pragma once

#include "client/client.h"
#include "http/client.h"

namespace blindai::client {

inline constexpr std::size_t max_json_answer_bytes = 16 * 1024 * 1024;
inline constexpr std::size_t max_predict_answer_bytes = 320 * 1024 * 1024;

// The failure that a status outside 2xx stands for, with the service's own sentence.
Failure failure_of(const http::ClientResponse& response);

// The delay that a 429 or 503 asks for (RFC 9110 section 10.2.3), in seconds; a date is not taken.
std::optional<std::chrono::seconds> retry_after_of(const http::ClientResponse& response);

// Text of the service for people: control characters become spaces, what is not UTF-8 is dropped, 4 KiB at most.
std::string printable(std::string_view text);

struct Metadata {
  std::vector<TensorSpec> inputs;
};
// The answer of GET /v2/models/{id}.
Result<Metadata> parse_metadata(ByteView json);

// The answer of an infer request. `pin`: the digest that must have answered.
Result<Prediction> parse_prediction(http::ClientResponse response, const std::optional<Digest>& pin);

// Digest in the answer of an upload.
Result<Digest> uploaded_digest(std::string_view json);

}  // namespace blindai::client
