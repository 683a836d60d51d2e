// Which request goes where, and who may make it. Authorization is decided from the head, before a byte of the body.
//
// Thread rule: handle() runs on the I/O thread of its connection; what it uses is thread-safe.
#pragma once

#include "http/server.h"
#include "server/access.h"
#include "server/grpc_service.h"
#include "server/infer_body.h"
#include "server/inference.h"

namespace blindai::server {

class Routes final : public http::Handler {
 public:
  Routes(const Config& config, Access& access, Models& models, Inference& inference, GrpcService& grpc,
         auth::Registry& registry, const Clock& clock);
  void opened(http::Connection& connection) override;
  http::Task<void> handle(http::Exchange& exchange) override;
  http::Task<void> serve_http2(http::ByteStream& stream) override;

  // The path after the query is cut off, split at '/', each part percent-decoded.
  struct Target {
    std::vector<std::string> path;
    std::map<std::string, std::string> query;
  };
  static Result<Target> parse_target(std::string_view target);

 private:
  using Principal = auth::Principal;
  http::Task<Result<void>> route(http::Exchange& exchange);
  http::Task<Result<void>> route_blindai(http::Exchange& exchange, const Target& target);
  http::Task<Result<void>> route_v2(http::Exchange& exchange, const Target& target);
  Result<Principal> authorise(http::Exchange& exchange);

  http::Task<Result<void>> attest(http::Exchange& exchange);
  http::Task<Result<void>> models_route(http::Exchange& exchange, const Target& target, const Principal& principal);
  http::Task<Result<void>> upload(http::Exchange& exchange, const Target& target, const Principal& principal);
  http::Task<Result<void>> one_model(http::Exchange& exchange, const Target& target, const Principal& principal);
  http::Task<Result<void>> share(http::Exchange& exchange, const Target& target, const Principal& principal);
  http::Task<Result<void>> keys_route(http::Exchange& exchange, const Target& target, const Principal& principal);
  http::Task<Result<void>> v2(http::Exchange& exchange, const Target& target, const Principal& principal);
  http::Task<Result<void>> model_v2(http::Exchange& exchange, const Target& target, const Principal& principal);
  http::Task<Result<void>> describe_v2(http::Exchange& exchange, const std::string& name, const std::string& verb,
                                       const Principal& principal);
  http::Task<Result<void>> repository(http::Exchange& exchange, const Target& target, const Principal& principal);
  http::Task<Result<void>> repository_index(http::Exchange& exchange, const Principal& principal);
  http::Task<Result<void>> infer(http::Exchange& exchange, const std::string& name, const Principal& principal);

  const Config& config_;
  Access& access_;
  Models& models_;
  Inference& inference_;
  GrpcService& grpc_;
  auth::Registry& registry_;
  const Clock& clock_;
  JsonBudget json_budget_;
  const std::shared_ptr<crypto::HashThread> hash_thread_ = std::make_shared<crypto::HashThread>();  // of uploads
};

// The admin listener: health and metrics, and nothing of anybody's data.
class AdminRoutes final : public http::Handler {
 public:
  // `count`: thread-safe; what /metrics tells.
  explicit AdminRoutes(std::function<Counted()> count) : count_(std::move(count)) {}
  http::Task<void> handle(http::Exchange& exchange) override;
  std::atomic<bool> ready = false;

 private:
  const std::function<Counted()> count_;
};

// An answer of JSON from a coroutine: g++ 12 miscompiles temporaries in braces within co_await, so values are named.
http::Task<Result<void>> answer_json(http::Exchange& exchange, int status, json::Value value);
http::Task<Result<void>> answer_nothing(http::Exchange& exchange);  // 200, an empty body
// A body of at most so many plain bytes. Errors: those of http::Body.
http::Task<Result<Bytes>> read_small_body(http::Exchange& exchange, std::size_t limit);

// Methods of a path, as an Allow header has them.
inline constexpr std::string_view reading = "GET, HEAD";
inline constexpr std::string_view posting = "POST";
bool takes(std::string_view methods, const http::Exchange& exchange);
http::Task<Result<void>> refuse_method(http::Exchange& exchange, std::string_view methods);  // 405

}  // namespace blindai::server
