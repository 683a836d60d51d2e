#include "bench/histogram.h"
#include "bench/samples.h"
#include "client/client.h"

namespace blindai::bench {
namespace {

Result<std::unique_ptr<client::Client>> connect(const Target& target, unsigned connections = 1) {
  BLINDAI_TRY(evidence::Policy policy, evidence::parse_policy(target.policy_toml, evidence::Purpose::session));
  client::Options options;
  options.url = target.url;
  options.policy = std::move(policy);
  options.api_key = target.api_key;
  options.max_idle_connections = connections;
  auto client = client::Client::connect(std::move(options));
  if (!client) {
    return std::unexpected(client.error().error);
  }
  return std::move(*client);
}

std::vector<client::Tensor> tensors(const std::vector<Input>& inputs) {
  std::vector<client::Tensor> out;
  for (const auto& input : inputs) {
    out.push_back(
        {.name = input.spec.name, .datatype = input.spec.datatype, .shape = input.spec.shape, .data = input.data});
  }
  return out;
}

}  // namespace

Result<json::Object> predict_load(const Target& target, const std::string& model_id, const std::vector<Input>& inputs,
                                  const LoadShape& shape) {
  BLINDAI_TRY(const auto client, connect(target, shape.callers));
  const auto request = tensors(inputs);
  return run_load(
      [&]() -> Result<Ask> {
        return Ask([&]() -> std::optional<std::string> {
          const auto answer = client->predict(model_id, request, std::nullopt);
          return answer ? std::nullopt : std::optional(std::string(word(answer.error().error.code)));
        });
      },
      shape);
}

Result<json::Object> connect_probe(const Target& target, unsigned count) {
  Histogram histogram;
  for (unsigned i = 0; i < count; ++i) {
    const auto begin = Steady::now();
    BLINDAI_TRY(const auto client, connect(target));
    const auto answer = client->call("GET", "/v2/health/live", "");
    if (!answer) {
      return std::unexpected(answer.error().error);
    }
    histogram.record(Steady::now() - begin);
  }
  return histogram.to_json();
}

Result<json::Object> upload_probe(const Target& target, const std::string& path, const std::string& model_id) {
  BLINDAI_TRY(const auto client, connect(target));
  std::uint64_t total = 0;
  auto sent_at = Steady::now();
  const auto begin = Steady::now();
  const auto answer = client->upload({{.name = "model.onnx", .path = path}}, model_id, false,
                                     [&](std::uint64_t sent, std::uint64_t all) {
                                       if (sent == all) {
                                         sent_at = Steady::now();
                                       }
                                       total = all;
                                     });
  const auto end = Steady::now();
  if (!answer) {
    return std::unexpected(answer.error().error);
  }
  const auto seconds = [](Steady::duration d) { return std::chrono::duration<double>(d).count(); };
  return json::Object{{"bytes", total},
                      {"send_seconds", seconds(sent_at - begin)},
                      {"ready_seconds", seconds(end - begin)},
                      {"bytes_per_second", static_cast<double>(total) / seconds(sent_at - begin)}};
}

}  // namespace blindai::bench
