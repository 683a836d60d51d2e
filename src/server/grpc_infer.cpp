// An inference over gRPC: the request is read in place, its tensors are copied into a slot, the answer goes out of it.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "grpc/messages.h"
#include "server/grpc_service.h"

namespace blindai::server {
namespace {

constexpr std::size_t slice_bytes = 1024 * 1024;  // copied before others of the thread get their turn

class GrpcCaller final : public Caller {
 public:
  GrpcCaller(grpc::Call& call, const grpc::InferRequest& request) : call_(call), request_(request) {}
  boost::asio::any_io_executor executor() const override { return call_.executor(); }
  bool gone() const override { return call_.gone(); }
  Task<Result<void>> read_tensor(std::size_t input, MutableBytes place) override {
    const auto raw = request_.raw(input);
    if (!raw) {
      co_return request_.decode(input, place);
    }
    for (std::size_t at = 0; at < raw->size(); at += slice_bytes) {
      if (at > 0) {
        co_await boost::asio::post(executor(), boost::asio::use_awaitable);
      }
      const ByteView slice = raw->subspan(at, std::min(slice_bytes, raw->size() - at));
      std::ranges::copy(slice, place.begin() + static_cast<std::ptrdiff_t>(at));
    }
    co_return Result<void>();
  }

 private:
  grpc::Call& call_;
  const grpc::InferRequest& request_;
};

// The smaller of what the request says and what is left of the call's deadline.
Result<std::optional<std::chrono::microseconds>> time_for(const grpc::Call& call, const grpc::InferRequest& request) {
  auto timeout = request.timeout();
  if (const auto& deadline = call.head().deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(*deadline - Steady::now());
    if (left.count() <= 0) {
      return fail(Code::deadline_exceeded, {"the time given for this request ran out"});
    }
    timeout = std::min(left, timeout.value_or(left));
  }
  return timeout;
}

v2::Limits bounds_of(const Config& config) {
  v2::Limits limits;
  limits.json_bytes = static_cast<std::size_t>(config.json_bytes);
  limits.request_bytes = static_cast<std::uint64_t>(config.request_bytes);
  return limits;
}

}  // namespace

struct GrpcService::Inferred {
  Answer answer;
  grpc::InferAnswer encoded;
};

Task<Result<GrpcService::Inferred>> GrpcService::run(grpc::Call& call, const Principal& principal,
                                                     const grpc::InferRequest& request) {
  BLINDAI_CO_CHECK(check_version(request.model_version()));
  BLINDAI_CO_TRY(const auto deployment, co_await models_.deploy(principal, request.model_name()));
  const Version& version = *deployment->version;
  BLINDAI_CO_CHECK(check_pin(call.head().pin ? &*call.head().pin : nullptr, version));
  BLINDAI_CO_TRY(auto chosen, v2::choose_outputs(request.outputs(), true, version.admitted->outputs));
  BLINDAI_CO_TRY(const auto timeout, time_for(call, request));
  GrpcCaller caller(call, request);
  Ask ask{request.inputs(), std::move(chosen), timeout, caller_number(principal)};
  Inferred inferred;
  BLINDAI_CO_TRY(inferred.answer, co_await inference_.run(deployment, std::move(ask), caller));
  inferred.encoded = grpc::write_answer(request.model_name(), "1", request.id(), inferred.answer.outputs);
  co_return inferred;
}

Task<Result<void>> GrpcService::infer(grpc::Call& call, Principal principal) {
  BLINDAI_CO_TRY(const grpc::Message message, co_await grpc::read_only(call));
  BLINDAI_CO_TRY(const auto request, grpc::InferRequest::parse(message.bytes, bounds_of(config_)));
  BLINDAI_CO_TRY(const Inferred inferred, co_await run(call, principal, request));
  call.add_metadata("blindai-model-digest", inferred.answer.deployment->version->digest.text());
  const auto parts = inferred.encoded.parts(inferred.answer.outputs);
  co_return co_await call.write_last(parts);
}

// One answer for each request, in their order. What is wrong with one stands in its answer, and the call goes on.
Task<Result<void>> GrpcService::infer_stream(grpc::Call& call, Principal principal) {
  while (true) {
    BLINDAI_CO_TRY(const auto message, co_await call.read());
    if (!message) {
      co_return Result<void>();
    }
    BLINDAI_CO_CHECK(co_await stream_one(call, principal, message->bytes));
  }
}

Task<Result<void>> GrpcService::stream_one(grpc::Call& call, const Principal& principal, ByteView message) {
  const auto request = grpc::InferRequest::parse(message, bounds_of(config_));
  Result<Inferred> inferred = fail(Code::internal, {"the request has no answer"});
  if (request) {
    inferred = co_await run(call, principal, *request);
  } else {
    inferred = std::unexpected(request.error());
  }
  std::vector<ByteView> parts;
  Bytes first;
  if (inferred) {
    first = grpc::stream_answer_tag(inferred->encoded.size(inferred->answer.outputs));
    parts = inferred->encoded.parts(inferred->answer.outputs);
  } else {
    first = grpc::write_stream_error(inferred.error().message.str(), request ? request->id() : "");
  }
  parts.insert(parts.begin(), ByteView(first));
  co_return co_await call.write(parts);
}

}  // namespace blindai::server
