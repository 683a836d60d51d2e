#include "server/repository.h"

namespace blindai::server {
namespace {

constexpr int body_depth = 8;

Result<json::Value> read_object(ByteView body) {
  if (body.empty()) {
    return json::Value(json::Object());
  }
  auto document = json::parse(as_text(body), body_depth);
  if (!document || document->as<json::Object>() == nullptr) {
    return fail(Code::invalid_argument, {"the body must be empty or a JSON object"});
  }
  return document;
}

json::Object duration(const Duration& sum) { return {{"count", sum.count}, {"ns", sum.ns}}; }

json::Object statistics_of(const std::string& name, const StatisticsSnapshot& counters) {
  json::Array batches;
  for (const BatchStatistics& batch : counters.batches) {
    batches.emplace_back(json::Object{{"batch_size", batch.rows},
                                      {"compute_input", duration(batch.compute_input)},
                                      {"compute_infer", duration(batch.compute_infer)},
                                      {"compute_output", duration(batch.compute_output)}});
  }
  json::Object stages{{"success", duration(counters.success)},
                      {"fail", duration(counters.fail)},
                      {"queue", duration(counters.queue)},
                      {"compute_input", duration(counters.compute_input)},
                      {"compute_infer", duration(counters.compute_infer)},
                      {"compute_output", duration(counters.compute_output)},
                      {"cache_hit", duration({})},  // nothing is cached
                      {"cache_miss", duration({})}};
  return {{"name", name},
          {"version", "1"},
          {"last_inference", counters.last_inference_ms},
          {"inference_count", counters.inference_count},
          {"execution_count", counters.execution_count},
          {"inference_stats", std::move(stages)},
          {"batch_stats", std::move(batches)}};
}

}  // namespace

json::Value index_document(const std::vector<Listed>& models, bool ready_alone) {
  json::Array list;
  for (const Listed& model : models) {
    if (ready_alone && model.state != "READY") {
      continue;
    }
    json::Object entry{{"name", model.name}, {"version", "1"}, {"state", model.state}};
    if (!model.reason.empty()) {
      entry["reason"] = model.reason;
    }
    list.emplace_back(std::move(entry));
  }
  return list;
}

json::Value statistics_document(const std::vector<std::pair<std::string, StatisticsSnapshot>>& models) {
  json::Array list;
  for (const auto& [name, counters] : models) {
    list.emplace_back(statistics_of(name, counters));
  }
  return json::Object{{"model_stats", std::move(list)}};
}

Result<bool> ready_alone(ByteView body) {
  BLINDAI_TRY(const auto document, read_object(body));
  const json::Value* ready = document.find("ready");
  if (ready == nullptr) {
    return false;
  }
  if (ready->as<bool>() == nullptr) {
    return fail(Code::invalid_argument, {"'ready' must be true or false"});
  }
  return *ready->as<bool>();
}

std::unexpected<Error> not_with_parameter(std::string_view name) {
  return fail(Code::invalid_argument,
              {"parameter '{}' is not taken: a model is uploaded, and loaded as it is", Disclosed(name)});
}

Result<void> may_load(const auth::Principal& principal) {
  if (principal.role != auth::Role::owner) {
    return fail(Code::permission_denied, {"only an owner's key may load and unload models"});
  }
  return {};
}

Result<void> check_parameters(ByteView body, std::string_view harmless) {
  BLINDAI_TRY(const auto document, read_object(body));
  const json::Value* value = document.find("parameters");
  if (value == nullptr) {
    return {};
  }
  const auto* parameters = value->as<json::Object>();
  if (parameters == nullptr) {
    return fail(Code::invalid_argument, {"'parameters' must be an object"});
  }
  for (const auto& [name, given] : *parameters) {
    if (harmless.empty() || name != harmless || given.as<bool>() == nullptr) {
      return not_with_parameter(name);
    }
  }
  return {};
}

}  // namespace blindai::server
