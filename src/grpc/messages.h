// The small messages of the services, between protocol buffers and values: inference.proto, health.proto and
// attestation.proto in this folder. Unknown fields are skipped; of a field that stands twice the last counts.
//
// Thread rule: values.
#pragma once

#include <string>
#include <vector>

#include "base/protobuf.h"
#include "base/tensor.h"

namespace blindai::grpc {

// A message whose fields 1 and 2 are text: name and version in ModelReadyRequest, ModelMetadataRequest,
// ModelConfigRequest and ModelStatisticsRequest.
struct TwoTexts {
  std::string first;
  std::string second;
};
// Error: invalid_argument, for what is no message or text over 1024 bytes.
Result<TwoTexts> read_two_texts(ByteView message);
// RepositoryIndexRequest: repository_name 1, ready 2. RepositoryModelLoadRequest and -UnloadRequest: repository_name 1,
// model_name 2, parameters 3. Errors: as above.
struct RepositoryRequest {
  std::string repository;
  std::string model;
  bool ready = false;
  std::vector<std::pair<std::string, bool>> parameters;  // by name, and whether the value is a truth value
};
Result<RepositoryRequest> read_repository_request(ByteView message);
// HealthCheckRequest. Error: as above.
Result<std::string> read_text(ByteView message);
// AttestRequest: field 1, the JSON. Error: invalid_argument.
Result<ByteView> read_json(ByteView message);
Bytes write_json(std::string_view json);
// The same with one truth value: ServerLiveResponse, ServerReadyResponse, ModelReadyResponse.
Bytes write_truth(bool value);

enum class Health : std::uint8_t { serving = 1, not_serving = 2, service_unknown = 3 };
Bytes write_health(Health health);

// ModelStreamInferResponse: an error, and the id of its request.
Bytes write_stream_error(std::string_view message, std::string_view id);
// What stands before a ModelInferResponse of `size` bytes in a ModelStreamInferResponse.
Bytes stream_answer_tag(std::uint64_t size);

Bytes write_server_metadata(std::string_view name, std::string_view version,
                            const std::vector<std::string>& extensions);
Bytes write_model_metadata(std::string_view name, const std::vector<std::string>& versions, std::string_view platform,
                           const std::vector<TensorSpec>& inputs, const std::vector<TensorSpec>& outputs);
// A shape as a packed field, in messages that hold one.
void put_shape(Bytes& out, std::uint32_t field, std::span<const std::int64_t> shape);
void put_text(Bytes& out, std::uint32_t field, std::string_view text);  // nothing where it is empty

// Reads the fields of a message of which an honest one has few: however long the message, little work is done for it.
inline constexpr std::size_t max_fields = 1024;
class FewFields {
 public:
  explicit FewFields(ByteView message) : reader_(message) {}
  bool done() const { return reader_.done(); }
  std::optional<protobuf::Field> next() { return ++count_ > max_fields ? std::nullopt : reader_.next(); }

 private:
  protobuf::Reader reader_;
  std::size_t count_ = 0;
};
// The error where that gives nothing.
std::unexpected<Error> no_message();

}  // namespace blindai::grpc
