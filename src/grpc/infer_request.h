// inference.ModelInferRequest and its answer. A request is read in place: names, shapes and contents stay where they came.
//
// Thread rule: values; a request is valid as long as the bytes it was parsed from.
#pragma once

#include "v2/infer.h"

namespace blindai::grpc {

class InferRequest {
 public:
  // The rules are those of REST where the two have the same thing. Besides: raw contents are given for all inputs or for
  // none, in their order; typed contents have the field of their datatype and no other, and are bounded as JSON is.
  // Errors: invalid_argument, too_large.
  static Result<InferRequest> parse(ByteView message, const v2::Limits& limits);

  const std::string& model_name() const { return model_name_; }
  const std::string& model_version() const { return model_version_; }
  const std::string& id() const { return id_; }  // UTF-8; empty where absent
  const std::vector<v2::InputHead>& inputs() const { return inputs_; }
  const std::optional<std::vector<v2::OutputRequest>>& outputs() const { return outputs_; }
  std::optional<std::chrono::microseconds> timeout() const { return timeout_; }

  // The bytes of an input as they came; nothing where they are typed.
  std::optional<ByteView> raw(std::size_t input) const;
  // Writes typed contents, little-endian, into `out`, which has exactly the input's byte_size. Error: invalid_argument
  // for a number outside of its datatype.
  Result<void> decode(std::size_t input, MutableBytes out) const;

 private:
  Result<void> read(ByteView message, const v2::Limits& limits);
  Result<void> read_input(ByteView message, const v2::Limits& limits);
  Result<void> read_output(ByteView message, const v2::Limits& limits);
  Result<void> read_parameter(ByteView entry);
  Result<void> measure(const v2::Limits& limits);

  std::string model_name_;
  std::string model_version_;
  std::string id_;
  std::vector<v2::InputHead> inputs_;
  std::vector<std::vector<ByteView>> contents_;  // of each input: InferTensorContents, which come in parts if they like
  std::vector<ByteView> raw_;
  std::optional<std::vector<v2::OutputRequest>> outputs_;
  std::optional<std::chrono::microseconds> timeout_;
};

// inference.ModelInferResponse with raw contents: `head`, and before the data of each output its `tags`. All of it in
// order is the message.
struct InferAnswer {
  Bytes head;
  std::vector<Bytes> tags;
  std::vector<ByteView> parts(const std::vector<v2::OutputTensor>& outputs) const;
  std::uint64_t size(const std::vector<v2::OutputTensor>& outputs) const;
};
InferAnswer write_answer(std::string_view model_name, std::string_view model_version, std::string_view id,
                         const std::vector<v2::OutputTensor>& outputs);

}  // namespace blindai::grpc
