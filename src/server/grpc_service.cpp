#include "server/grpc_service.h"

#include <algorithm>

#include "server/grpc_documents.h"
#include "server/repository.h"
#include "v2/metadata.h"

namespace blindai::server {
namespace {

constexpr std::uint64_t memory_bytes = std::uint64_t{1} << 30U;  // messages of all calls together
constexpr std::string_view inference_package = "/inference.GRPCInferenceService/";

std::unexpected<Error> no_method() { return fail(Code::unimplemented, {"there is no such method"}); }

Result<void> check_repository(std::string_view name) {
  if (!name.empty()) {
    return fail(Code::invalid_argument, {"there is one repository: leave out its name"});
  }
  return {};
}

Result<void> no_parameters(const grpc::RepositoryRequest& request, std::string_view harmless) {
  for (const auto& [name, is_truth] : request.parameters) {
    if (name != harmless || !is_truth) {
      return not_with_parameter(name);
    }
  }
  return {};
}

// As a Check of the health service has it: "" is the server, and each of its services is as well as that.
bool is_service(std::string_view name) {
  return name.empty() || name == "inference.GRPCInferenceService" || name == "blindai.v1.Attestation" ||
         name == "grpc.health.v1.Health";
}

}  // namespace

struct GrpcService::Row {
  std::string_view name;
  Small small = nullptr;  // null: known, and not offered
};

std::span<const GrpcService::Row> GrpcService::table() {
  static constexpr std::array rows{
      Row{"ServerMetadata", &GrpcService::server_metadata},
      Row{"ModelReady", &GrpcService::model_ready},
      Row{"ModelMetadata", &GrpcService::model_metadata},
      Row{"ModelConfig", &GrpcService::model_config},
      Row{"ModelStatistics", &GrpcService::model_statistics},
      Row{"RepositoryIndex", &GrpcService::repository_index},
      Row{"RepositoryModelLoad", &GrpcService::load},
      Row{"RepositoryModelUnload", &GrpcService::unload},
      // Shared memory lies outside of what is protected; the others would let a caller change what the server tells.
      Row{"SystemSharedMemoryStatus"},
      Row{"SystemSharedMemoryRegister"},
      Row{"SystemSharedMemoryUnregister"},
      Row{"CudaSharedMemoryStatus"},
      Row{"CudaSharedMemoryRegister"},
      Row{"CudaSharedMemoryUnregister"},
      Row{"TraceSetting"},
      Row{"LogSettings"},
  };
  return rows;
}

GrpcService::GrpcService(const Config& config, Access& access, Models& models, Inference& inference)
    : config_(config), access_(access), models_(models), inference_(inference), memory_(memory_bytes) {}

Task<void> GrpcService::serve(http::ByteStream& stream) {
  const grpc::Limits limits;
  co_await grpc::serve(stream, *this, memory_, limits);
}

// What stands before authentication.
Result<grpc::Method> GrpcService::find_open(std::string_view path, http::Connection& connection) {
  grpc::Method method;
  if (path == "/blindai.v1.Attestation/Attest") {
    BLINDAI_CHECK(Access::begin_attest(connection));
    method.message_bytes = channel::max_attest_request_bytes + 16;
    method.run = [this](grpc::Call& call) { return attest(call); };
  } else if (path == "/grpc.health.v1.Health/Check") {
    method.run = [](grpc::Call& call) { return check_health(call); };
  } else if (path == "/grpc.health.v1.Health/Watch") {
    method.run = [](grpc::Call& call) { return watch_health(call); };
  } else if (path == "/inference.GRPCInferenceService/ServerLive" ||
             path == "/inference.GRPCInferenceService/ServerReady") {
    method.run = [this](grpc::Call& call) { return answer(call, grpc::write_truth(true)); };
  }
  return method;
}

Result<grpc::Method> GrpcService::find(const grpc::Head& head, http::Connection& connection) {
  BLINDAI_TRY(auto method, find_open(head.path, connection));
  if (method.run) {
    return method;
  }
  const std::string_view path = head.path;
  if (!path.starts_with(inference_package)) {
    return no_method();
  }
  BLINDAI_TRY(const Principal principal,
              access_.authorise(connection, head.authorization ? &*head.authorization : nullptr));
  const std::string_view name = path.substr(inference_package.size());
  if (name == "ModelInfer" || name == "ModelStreamInfer") {
    method.message_bytes = static_cast<std::size_t>(config_.request_bytes + config_.json_bytes);
    method.streams = name == "ModelStreamInfer";
    method.run = [this, principal, streams = method.streams](grpc::Call& call) {
      return streams ? infer_stream(call, principal) : infer(call, principal);
    };
    return method;
  }
  const auto row = std::ranges::find(table(), name, &Row::name);
  if (row == table().end()) {
    return no_method();
  }
  if (row->small == nullptr) {
    return fail(Code::unimplemented, {"this extension is not offered"});
  }
  method.run = [this, small_method = row->small, principal](grpc::Call& call) {
    return small(call, small_method, principal);
  };
  return method;
}

Task<Result<void>> GrpcService::answer(grpc::Call& call, Bytes message) {
  BLINDAI_CO_TRY(const grpc::Message ignored, co_await grpc::read_only(call));
  const ByteView view = message;
  co_return co_await call.write_last(std::span(&view, 1));
}

Task<Result<void>> GrpcService::small(grpc::Call& call, Small method, Principal principal) {
  BLINDAI_CO_TRY(const grpc::Message message, co_await grpc::read_only(call));
  BLINDAI_CO_TRY(const Bytes out, co_await (this->*method)(principal, message.bytes));
  const ByteView view = out;
  co_return co_await call.write_last(std::span(&view, 1));
}

Task<Result<void>> GrpcService::attest(grpc::Call& call) {
  BLINDAI_CO_TRY(const grpc::Message message, co_await grpc::read_only(call));
  BLINDAI_CO_TRY(const ByteView request, grpc::read_json(message.bytes));
  BLINDAI_CO_TRY(const std::string json, co_await access_.attest(call.connection(), call.executor(), request));
  const Bytes out = grpc::write_json(json);
  const ByteView view = out;
  co_return co_await call.write_last(std::span(&view, 1));
}

grpc::Health GrpcService::health(const grpc::Call& call, std::string_view service) {
  if (!is_service(service)) {
    return grpc::Health::service_unknown;
  }
  return call.draining() ? grpc::Health::not_serving : grpc::Health::serving;
}

Task<Result<void>> GrpcService::check_health(grpc::Call& call) {
  BLINDAI_CO_TRY(const grpc::Message message, co_await grpc::read_only(call));
  BLINDAI_CO_TRY(const std::string service, grpc::read_text(message.bytes));
  const grpc::Health state = health(call, service);
  if (state == grpc::Health::service_unknown) {
    co_return fail(Code::not_found, {"there is no such service"});
  }
  const Bytes out = grpc::write_health(state);
  const ByteView view = out;
  co_return co_await call.write_last(std::span(&view, 1));
}

// One state now, and another when this server is about to end; the call ends with that. A service that is not there is told
// as unknown, and never comes.
Task<Result<void>> GrpcService::watch_health(grpc::Call& call) {
  BLINDAI_CO_TRY(const grpc::Message message, co_await grpc::read_only(call));
  BLINDAI_CO_TRY(const std::string service, grpc::read_text(message.bytes));
  if (!call.draining()) {
    const Bytes now = grpc::write_health(health(call, service));
    const ByteView view = now;
    BLINDAI_CO_CHECK(co_await call.write(std::span(&view, 1)));
    co_await call.until_over();
  }
  if (!call.draining()) {
    co_return fail(Code::deadline_exceeded, {"the deadline of the call has passed"});
  }
  const Bytes last = grpc::write_health(health(call, service));
  const ByteView view = last;
  co_return co_await call.write_last(std::span(&view, 1));
}

Task<Result<Bytes>> GrpcService::server_metadata(const Principal&, ByteView) {
  co_return grpc::write_server_metadata(v2::server_name, BLINDAI_VERSION, v2::extensions());
}

Task<Result<Bytes>> GrpcService::model_ready(const Principal& principal, ByteView message) {
  BLINDAI_CO_TRY(const auto request, grpc::read_two_texts(message));
  if (!check_version(request.second)) {
    co_return grpc::write_truth(false);
  }
  const auto deployed = co_await models_.deploy(principal, request.first);
  co_return grpc::write_truth(deployed.has_value());
}

Task<Result<Bytes>> GrpcService::model_metadata(const Principal& principal, ByteView message) {
  BLINDAI_CO_TRY(const auto request, grpc::read_two_texts(message));
  BLINDAI_CO_CHECK(check_version(request.second));
  BLINDAI_CO_TRY(const auto version, models_.find(principal, request.first));
  const std::vector<std::string> versions(1, "1");
  co_return grpc::write_model_metadata(request.first, versions, v2::platform_name, version->admitted->inputs,
                                       version->admitted->outputs);
}

Task<Result<Bytes>> GrpcService::model_config(const Principal& principal, ByteView message) {
  BLINDAI_CO_TRY(const auto request, grpc::read_two_texts(message));
  BLINDAI_CO_CHECK(check_version(request.second));
  BLINDAI_CO_TRY(const auto version, models_.find(principal, request.first));
  co_return config_message(request.first, v2::platform_name, version->admitted->inputs, version->admitted->outputs);
}

Task<Result<Bytes>> GrpcService::model_statistics(const Principal& principal, ByteView message) {
  BLINDAI_CO_TRY(const auto request, grpc::read_two_texts(message));
  BLINDAI_CO_CHECK(check_version(request.second));
  if (request.first.empty()) {
    co_return statistics_message(models_.statistics(principal));
  }
  BLINDAI_CO_TRY(const auto snapshot, models_.statistics(principal, request.first));
  const std::vector<std::pair<std::string, StatisticsSnapshot>> one(1, {request.first, snapshot});
  co_return statistics_message(one);
}

Task<Result<Bytes>> GrpcService::repository_index(const Principal& principal, ByteView message) {
  BLINDAI_CO_TRY(const auto request, grpc::read_repository_request(message));
  BLINDAI_CO_CHECK(check_repository(request.repository));
  co_return index_message(models_.index(principal), request.ready);
}

Task<Result<Bytes>> GrpcService::load(const Principal& principal, ByteView message) {
  BLINDAI_CO_CHECK(may_load(principal));
  BLINDAI_CO_TRY(const auto request, grpc::read_repository_request(message));
  BLINDAI_CO_CHECK(check_repository(request.repository));
  BLINDAI_CO_CHECK(no_parameters(request, ""));
  BLINDAI_CO_CHECK(co_await models_.load(principal, request.model));
  co_return Bytes();
}

Task<Result<Bytes>> GrpcService::unload(const Principal& principal, ByteView message) {
  BLINDAI_CO_CHECK(may_load(principal));
  BLINDAI_CO_TRY(const auto request, grpc::read_repository_request(message));
  BLINDAI_CO_CHECK(check_repository(request.repository));
  BLINDAI_CO_CHECK(no_parameters(request, "unload_dependents"));
  BLINDAI_CO_CHECK(models_.unload(principal, request.model));
  co_return Bytes();
}

}  // namespace blindai::server
