#include "server/grpc_documents.h"

#include "base/protobuf.h"
#include "grpc/messages.h"

namespace blindai::server {
namespace {

using grpc::put_text;
using protobuf::put_bytes;
using protobuf::put_number;

void put_count(Bytes& out, std::uint32_t field, std::uint64_t value) {
  if (value != 0) {
    put_number(out, field, value);
  }
}

// StatisticDuration: count 1, ns 2.
void put_duration(Bytes& out, std::uint32_t field, const Duration& sum) {
  Bytes inner;
  put_count(inner, 1, sum.count);
  put_count(inner, 2, sum.ns);
  put_bytes(out, field, inner);
}

// ModelStatistics: name 1, version 2, last_inference 3, inference_count 4, execution_count 5, inference_stats 6,
// batch_stats 7.
Bytes statistics_of(const std::string& name, const StatisticsSnapshot& counters) {
  Bytes stages;
  const Duration none{};
  const std::array sums{
      &counters.success,       &counters.fail,           &counters.queue, &counters.compute_input,
      &counters.compute_infer, &counters.compute_output, &none,           &none};  // nothing is cached
  for (std::uint32_t i = 0; i < sums.size(); ++i) {
    put_duration(stages, i + 1, *sums.at(i));
  }
  Bytes out;
  put_text(out, 1, name);
  put_text(out, 2, "1");
  put_count(out, 3, static_cast<std::uint64_t>(counters.last_inference_ms));
  put_count(out, 4, counters.inference_count);
  put_count(out, 5, counters.execution_count);
  put_bytes(out, 6, stages);
  for (const BatchStatistics& batch : counters.batches) {
    Bytes inner;
    put_count(inner, 1, batch.rows);
    put_duration(inner, 2, batch.compute_input);
    put_duration(inner, 3, batch.compute_infer);
    put_duration(inner, 4, batch.compute_output);
    put_bytes(out, 7, inner);
  }
  return out;
}

// inference.DataType of a configuration.
std::uint64_t config_type(DataType type) {
  switch (type) {
    case DataType::boolean:
      return 1;
    case DataType::uint8:
      return 2;
    case DataType::uint16:
      return 3;
    case DataType::uint32:
      return 4;
    case DataType::uint64:
      return 5;
    case DataType::int8:
      return 6;
    case DataType::int16:
      return 7;
    case DataType::int32:
      return 8;
    case DataType::int64:
      return 9;
    case DataType::fp16:
      return 10;
    case DataType::fp32:
      return 11;
    case DataType::fp64:
      return 12;
    case DataType::bytes:
      return 13;
    case DataType::bf16:
      return 14;
  }
  return 0;
}

// ModelInput has its dims in field 4, ModelOutput in field 3.
void put_tensors(Bytes& out, std::uint32_t field, std::uint32_t dims, const std::vector<TensorSpec>& tensors) {
  for (const TensorSpec& tensor : tensors) {
    Bytes inner;
    put_text(inner, 1, tensor.name);
    put_number(inner, 2, config_type(tensor.datatype));
    grpc::put_shape(inner, dims, tensor.shape);
    put_bytes(out, field, inner);
  }
}

}  // namespace

// ModelIndex: name 1, version 2, state 3, reason 4.
Bytes index_message(const std::vector<Listed>& models, bool ready_alone) {
  Bytes out;
  for (const Listed& model : models) {
    if (ready_alone && model.state != "READY") {
      continue;
    }
    Bytes inner;
    put_text(inner, 1, model.name);
    put_text(inner, 2, "1");
    put_text(inner, 3, model.state);
    put_text(inner, 4, model.reason);
    put_bytes(out, 1, inner);
  }
  return out;
}

Bytes statistics_message(const std::vector<std::pair<std::string, StatisticsSnapshot>>& models) {
  Bytes out;
  for (const auto& [name, counters] : models) {
    put_bytes(out, 1, statistics_of(name, counters));
  }
  return out;
}

// ModelConfig: name 1, platform 2, version_policy 3, max_batch_size 4 (0: absent), input 5, output 6, instance_group 7,
// backend 17, model_transaction_policy 19.
Bytes config_message(std::string_view name, std::string_view platform, const std::vector<TensorSpec>& inputs,
                     const std::vector<TensorSpec>& outputs) {
  constexpr std::uint64_t kind_cpu = 2;
  Bytes latest;
  put_number(latest, 1, 1);
  Bytes versions;
  put_bytes(versions, 1, latest);
  Bytes instance;
  put_text(instance, 1, std::string(name) + "_0");
  put_number(instance, 2, 1);
  put_number(instance, 4, kind_cpu);
  Bytes config;
  put_text(config, 1, name);
  put_text(config, 2, platform);
  put_bytes(config, 3, versions);
  put_tensors(config, 5, 4, inputs);
  put_tensors(config, 6, 3, outputs);
  put_bytes(config, 7, instance);
  put_text(config, 17, "onnxruntime");
  put_bytes(config, 19, {});
  Bytes out;
  put_bytes(out, 1, config);
  return out;
}

}  // namespace blindai::server
