// An inference over REST: head and JSON part are read, the tensors go straight from the socket into a slot, the answer
// straight out of it.
#include "server/routes.h"

namespace blindai::server {
namespace {

class HttpCaller final : public Caller {
 public:
  HttpCaller(http::Exchange& exchange, InferBody& body, const v2::InferRequest& request)
      : exchange_(exchange), body_(body), request_(request) {}
  boost::asio::any_io_executor executor() const override { return exchange_.executor(); }
  bool gone() const override { return exchange_.peer_gone(); }
  Task<Result<void>> read_tensor(std::size_t input, MutableBytes place) override {
    return body_.read_tensor(request_, input, place);
  }

 private:
  http::Exchange& exchange_;
  InferBody& body_;
  const v2::InferRequest& request_;
};

http::Task<Result<void>> respond(http::Exchange& exchange, const std::string& name, const Version& version,
                                 const v2::InferRequest& request, const std::vector<v2::OutputTensor>& outputs) {
  BLINDAI_CO_TRY(const auto encoded, v2::encode_answer(name, "1", request.id(), outputs));
  std::vector<ByteView> body(1, as_bytes(encoded.json));
  for (const v2::OutputTensor& output : outputs) {
    if (output.binary) {
      body.push_back(output.data);
    }
  }
  const std::string digest = version.digest.text();
  const std::string json_size = std::to_string(encoded.json.size());
  std::vector<http::Header> headers(1, http::Header{"Blindai-Model-Digest", digest});
  headers.push_back({"Content-Type", encoded.any_binary ? "application/octet-stream" : "application/json"});
  if (encoded.any_binary) {
    headers.push_back({"Inference-Header-Content-Length", json_size});
  }
  co_await exchange.respond(200, std::move(headers), body);
  co_return Result<void>();
}

}  // namespace

http::Task<Result<void>> Routes::infer(http::Exchange& exchange, const std::string& name, const Principal& principal) {
  BLINDAI_CO_TRY(InferBody body, InferBody::open(exchange, config_));
  BLINDAI_CO_TRY(const auto deployment, co_await models_.deploy(principal, name));
  const Version& version = *deployment->version;
  BLINDAI_CO_CHECK(check_pin(exchange.head().find("blindai-model-digest"), version));
  JsonBudget::Held held(json_budget_);
  BLINDAI_CO_TRY(const auto request, co_await body.read_request(version.admitted->inputs, held));
  BLINDAI_CO_TRY(const auto chosen, v2::choose_outputs(request, version.admitted->outputs));
  HttpCaller caller(exchange, body, request);
  Ask ask{request.inputs(), chosen, request.timeout(), caller_number(principal)};
  BLINDAI_CO_TRY(const auto answer, co_await inference_.run(deployment, std::move(ask), caller));
  co_return co_await respond(exchange, name, version, request, answer.outputs);
}

}  // namespace blindai::server
