// KServe V2 but for the inference itself: what the server and the models say of themselves.
#include <algorithm>
#include <array>

#include "server/repository.h"
#include "server/routes.h"
#include "v2/metadata.h"

namespace blindai::server {
namespace {

std::unexpected<Error> no_route() { return fail(Code::not_found, {"there is nothing at this path"}); }

// models/{name}[/versions/{version}][/verb]
struct ModelPath {
  std::string name;
  std::string verb;  // empty: the metadata
};
Result<ModelPath> model_path(const std::vector<std::string>& path) {
  ModelPath out{path[2], ""};
  std::size_t next = 3;
  if (path.size() > 4 && path[3] == "versions") {
    BLINDAI_CHECK(check_version(path[4].empty() ? "0" : std::string_view(path[4])));
    next = 5;
  }
  if (path.size() > next) {
    out.verb = path[next];
  }
  if (path.size() > next + 1) {
    return no_route();
  }
  return out;
}

// Shared memory lies outside of what is protected; the others would let a caller change what the server tells.
bool refused_extension(const std::vector<std::string>& path) {
  const auto has = [&](std::size_t at, std::string_view word) { return path.size() > at && path[at] == word; };
  const bool of_a_model = has(1, "models") && (has(3, "trace") || has(3, "logging"));
  return of_a_model || has(1, "systemsharedmemory") || has(1, "cudasharedmemory") || has(1, "trace") ||
         has(1, "logging");
}

}  // namespace

http::Task<Result<void>> Routes::v2(http::Exchange& exchange, const Target& target, const Principal& principal) {
  const auto& path = target.path;
  if (path.size() == 1 || (path.size() == 2 && path[1].empty())) {
    if (!takes(reading, exchange)) {
      co_return co_await refuse_method(exchange, reading);
    }
    const std::string json = v2::server_metadata(BLINDAI_VERSION);
    co_await exchange.respond_json(200, json);
    co_return Result<void>();
  }
  if (refused_extension(path)) {
    co_return fail(Code::unimplemented, {"this extension is not offered"});
  }
  if (path.size() >= 3 && path[1] == "repository") {
    co_return co_await repository(exchange, target, principal);
  }
  if (path.size() == 3 && path[1] == "models" && path[2] == "stats") {
    if (!takes(reading, exchange)) {
      co_return co_await refuse_method(exchange, reading);
    }
    co_return co_await answer_json(exchange, 200, statistics_document(models_.statistics(principal)));
  }
  if (path.size() >= 3 && path[1] == "models") {
    co_return co_await model_v2(exchange, target, principal);
  }
  co_return no_route();
}

http::Task<Result<void>> Routes::model_v2(http::Exchange& exchange, const Target& target, const Principal& principal) {
  constexpr std::array<std::string_view, 5> verbs{"", "ready", "config", "stats", "infer"};
  BLINDAI_CO_TRY(const ModelPath path, model_path(target.path));
  if (std::ranges::find(verbs, path.verb) == verbs.end()) {
    co_return no_route();
  }
  const std::string_view methods = path.verb == "infer" ? posting : reading;
  if (!takes(methods, exchange)) {
    co_return co_await refuse_method(exchange, methods);
  }
  if (path.verb == "infer") {
    co_return co_await infer(exchange, path.name, principal);
  }
  co_return co_await describe_v2(exchange, path.name, path.verb, principal);
}

http::Task<Result<void>> Routes::describe_v2(http::Exchange& exchange, const std::string& name, const std::string& verb,
                                             const Principal& principal) {
  BLINDAI_CO_TRY(const auto version, models_.find(principal, name));
  const gate::Admitted& model = *version->admitted;
  if (verb.empty()) {
    const std::vector<std::string> versions(1, "1");
    const std::string json = v2::model_metadata(name, versions, v2::platform_name, model.inputs, model.outputs);
    co_await exchange.respond_json(200, json);
    co_return Result<void>();
  }
  if (verb == "config") {
    const std::string json = v2::model_config(name, v2::platform_name, model.inputs, model.outputs);
    co_await exchange.respond_json(200, json);
    co_return Result<void>();
  }
  if (verb == "stats") {
    BLINDAI_CO_TRY(const auto snapshot, models_.statistics(principal, name));
    const std::vector<std::pair<std::string, StatisticsSnapshot>> one(1, {name, snapshot});
    co_return co_await answer_json(exchange, 200, statistics_document(one));
  }
  const auto deployed = co_await models_.deploy(principal, name);
  if (!deployed) {
    co_return fail(Code::invalid_argument, {"the model is not ready"});
  }
  co_return co_await answer_nothing(exchange);
}

}  // namespace blindai::server
