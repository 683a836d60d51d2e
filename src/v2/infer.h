// KServe V2 / Open Inference Protocol infer messages with Triton's binary tensor extension: the JSON part and where the
// tensor bytes lie. Used by the server (parse request, write response) and by the client (write request, parse response).
//
// Thread rule: values; no shared state.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/tensor.h"

namespace blindai::v2 {

struct Limits {
  std::size_t json_bytes = 64 * 1024 * 1024;
  int json_depth = 100;
  std::size_t tensors = 64;
  std::uint64_t request_bytes = 256 * 1024 * 1024;
};

struct InputHead {
  std::string name;
  DataType datatype{};
  Shape shape;
  std::uint64_t byte_size = 0;  // of the tensor; by datatype and shape, but for BYTES
  bool binary = false;          // its bytes follow the JSON, in order; else they are in the JSON
};

struct OutputRequest {
  std::string name;
  bool binary = false;
};

class InferRequest {
 public:
  // The JSON part. `binary_bytes`: how many bytes follow it, where that is known; the binary sizes must add up to that.
  static Result<InferRequest> parse(ByteView json, std::optional<std::uint64_t> binary_bytes, const Limits& limits);
  // One without a JSON part: that input, in binary; all outputs, in binary.
  static InferRequest raw(InputHead input);
  InferRequest(InferRequest&&) noexcept;
  InferRequest& operator=(InferRequest&&) noexcept;
  ~InferRequest();

  const std::string& id() const;  // empty where absent
  const std::vector<InputHead>& inputs() const;
  const std::optional<std::vector<OutputRequest>>& outputs() const;  // absent: all, in the model's order
  bool binary_by_default() const;                                    // parameters.binary_data_output
  std::optional<std::chrono::microseconds> timeout() const;          // parameters.timeout
  std::uint64_t binary_bytes() const;                                // of all binary inputs together
  // Writes the elements of a JSON input, little-endian, into `out`, which has exactly its byte_size. Integers are exact;
  // a number outside its datatype, NaN, or a wrong count is invalid_argument. Texts become elements of BYTES.
  Result<void> decode_json(std::size_t input, MutableBytes out) const;

 private:
  struct Impl;
  explicit InferRequest(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What a body of so many bytes is where it has no JSON part: the only input of the model, along its only free dimension.
// Of BYTES it is one element, which comes without its length; byte_size counts that. Errors: invalid_argument.
Result<InputHead> raw_input(const std::vector<TensorSpec>& inputs, std::uint64_t bytes);

// Names, datatypes and shapes against what the model says: for each input of the model, in the model's order, the index
// of the request's input. Errors name the input, what was given and what the model wants.
Result<std::vector<std::size_t>> match_inputs(const std::vector<InputHead>& given,
                                              const std::vector<TensorSpec>& wanted);
// Indices into the model's outputs and whether each is binary, in the order of the answer.
struct ChosenOutput {
  std::size_t index = 0;
  bool binary = false;
};
// `given` absent or empty: all, in the model's order.
Result<std::vector<ChosenOutput>> choose_outputs(const std::optional<std::vector<OutputRequest>>& given,
                                                 bool binary_by_default, const std::vector<TensorSpec>& outputs);
Result<std::vector<ChosenOutput>> choose_outputs(const InferRequest& request, const std::vector<TensorSpec>& outputs);

struct OutputTensor {
  std::string name;
  DataType datatype{};
  Shape shape;
  ByteView data;
  bool binary = false;
};

// The JSON part of an answer; tensor bytes of binary outputs follow it in order.
struct EncodedAnswer {
  std::string json;
  bool any_binary = false;
};
Result<EncodedAnswer> encode_answer(std::string_view model_name, std::string_view model_version, std::string_view id,
                                    const std::vector<OutputTensor>& outputs,
                                    const std::vector<std::pair<std::string, std::string>>& parameters = {});

// Client side.
struct RequestTensor {
  std::string name;
  DataType datatype{};
  Shape shape;
  std::uint64_t byte_size = 0;
};
// JSON part of a request with every input and output binary. `outputs` empty: all.
std::string encode_request(const std::vector<RequestTensor>& inputs, const std::vector<std::string>& outputs,
                           std::optional<std::chrono::microseconds> timeout = std::nullopt);

struct AnswerTensor {
  std::string name;
  DataType datatype{};
  Shape shape;
  std::size_t offset = 0;  // of its bytes behind the JSON part
  std::size_t size = 0;
};
struct Answer {
  std::string model_name;
  std::string model_version;
  std::string id;
  std::vector<AnswerTensor> outputs;
};
// A server's answer with all outputs binary; the server is not trusted with arithmetic either.
Result<Answer> parse_answer(ByteView json, std::uint64_t binary_bytes, const Limits& limits);

}  // namespace blindai::v2
