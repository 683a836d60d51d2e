// The methods of gRPC, and who may call them: the Triton service inference.GRPCInferenceService, grpc.health.v1.Health and
// blindai.v1.Attestation. What REST answers under /v2 these answer too, from the same functions.
//
// Thread rule: a call runs on the I/O thread of its connection; what it uses is thread-safe.
#pragma once

#include "grpc/call.h"
#include "grpc/infer_request.h"
#include "grpc/messages.h"
#include "server/access.h"
#include "server/inference.h"
#include "server/models.h"

namespace blindai::server {

class GrpcService final : public grpc::Service {
 public:
  GrpcService(const Config& config, Access& access, Models& models, Inference& inference);
  Result<grpc::Method> find(const grpc::Head& head, http::Connection& connection) override;
  // A connection that chose HTTP/2, to its end.
  Task<void> serve(http::ByteStream& stream);

 private:
  using Principal = auth::Principal;
  // A method of a caller who is known: `Small` takes one message of a few bytes and gives one.
  using Small = Task<Result<Bytes>> (GrpcService::*)(const Principal& principal, ByteView message);
  struct Row;
  static std::span<const Row> table();

  Result<grpc::Method> find_open(std::string_view path, http::Connection& connection);
  Task<Result<void>> answer(grpc::Call& call, Bytes message);
  Task<Result<void>> small(grpc::Call& call, Small method, Principal principal);
  Task<Result<void>> attest(grpc::Call& call);
  static grpc::Health health(const grpc::Call& call, std::string_view service);
  static Task<Result<void>> check_health(grpc::Call& call);
  static Task<Result<void>> watch_health(grpc::Call& call);

  Task<Result<Bytes>> server_metadata(const Principal& principal, ByteView message);
  Task<Result<Bytes>> model_ready(const Principal& principal, ByteView message);
  Task<Result<Bytes>> model_metadata(const Principal& principal, ByteView message);
  Task<Result<Bytes>> model_config(const Principal& principal, ByteView message);
  Task<Result<Bytes>> model_statistics(const Principal& principal, ByteView message);
  Task<Result<Bytes>> repository_index(const Principal& principal, ByteView message);
  Task<Result<Bytes>> load(const Principal& principal, ByteView message);
  Task<Result<Bytes>> unload(const Principal& principal, ByteView message);

  // grpc_infer.cpp
  struct Inferred;
  Task<Result<void>> infer(grpc::Call& call, Principal principal);
  Task<Result<void>> infer_stream(grpc::Call& call, Principal principal);
  Task<Result<void>> stream_one(grpc::Call& call, const Principal& principal, ByteView message);
  Task<Result<Inferred>> run(grpc::Call& call, const Principal& principal, const grpc::InferRequest& request);

  const Config& config_;
  Access& access_;
  Models& models_;
  Inference& inference_;
  grpc::Memory memory_;
};

}  // namespace blindai::server
