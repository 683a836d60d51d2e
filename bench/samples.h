// What each subcommand of blindai-bench measures. A sample is bounded in time and in count, and is one JSON object.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/tensor.h"
#include "bench/load.h"

namespace blindai::bench {

// An input: name, datatype, shape, filled with small numbers that every model takes (indices below 100, floats below 1).
struct Input {
  TensorSpec spec;
  Bytes data;
};
// "input_ids=INT64[1,128]"
Result<Input> parse_input(const std::string& text);

// The engine alone: `runs_in_parallel` loops over one loaded model.
Result<json::Object> engine_loop(const std::string& model_path, const std::vector<Input>& inputs, unsigned threads,
                                 unsigned runs_in_parallel, const LoadShape& shape);

struct Target {
  std::string url;
  std::string policy_toml;
  std::string api_key;
};
// Load through one verified client, which has a connection for each caller.
Result<json::Object> predict_load(const Target& target, const std::string& model_id, const std::vector<Input>& inputs,
                                  const LoadShape& shape);
// TCP connect, TLS, attest, verification and one request on the new connection, `count` times.
Result<json::Object> connect_probe(const Target& target, unsigned count);
Result<json::Object> upload_probe(const Target& target, const std::string& path, const std::string& model_id);

// Raw TLS 1.3 with the same identity and ciphers as the server, over loopback, in this process.
Result<json::Object> tls_echo(std::size_t message_bytes, const LoadShape& shape);
Result<json::Object> tls_sink(std::uint64_t bytes);
Result<json::Object> tls_handshake(unsigned count);

}  // namespace blindai::bench
