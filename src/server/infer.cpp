// An inference over REST: head and JSON part are read, the tensors go straight from the socket into a slot, the answer
// straight out of it.
#include <charconv>

#include "server/routes.h"
#include "v2/infer.h"

namespace blindai::server {
namespace {

constexpr std::uint64_t json_budget_bytes = std::uint64_t{1} << 30U;  // JSON parts of all requests together

// Counts JSON bytes held in memory; gives them back.
class Held {
 public:
  Held(std::atomic<std::uint64_t>& total, std::uint64_t bytes) : total_(total), bytes_(bytes) {
    before_ = total_.fetch_add(bytes);
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { total_ -= bytes_; }
  bool fits() const { return before_ + bytes_ <= json_budget_bytes; }

 private:
  std::atomic<std::uint64_t>& total_;
  std::uint64_t bytes_;
  std::uint64_t before_ = 0;
};

struct Sizes {
  std::uint64_t json = 0;
  std::uint64_t binary = 0;
};

Result<Sizes> sizes_of(const http::RequestHead& head, const Config& config) {
  if (!head.content_length) {
    return fail(Code::invalid_argument, {"an inference needs Content-Length"});
  }
  const auto limit = static_cast<std::uint64_t>(config.request_bytes);
  const auto json_limit = static_cast<std::uint64_t>(config.json_bytes);
  Sizes sizes{*head.content_length, 0};
  if (const std::string* text = head.find("inference-header-content-length")) {
    const auto parsed = std::from_chars(text->data(), text->data() + text->size(), sizes.json);
    if (parsed.ec != std::errc() || parsed.ptr != text->data() + text->size() || sizes.json > *head.content_length) {
      return fail(Code::invalid_argument, {"Inference-Header-Content-Length must be from 0 to Content-Length"});
    }
    sizes.binary = *head.content_length - sizes.json;
  }
  if (sizes.json == 0) {
    return fail(Code::unimplemented, {"a request without a JSON part is not taken"});
  }
  if (*head.content_length > limit + json_limit || sizes.binary > limit) {
    return fail(Code::too_large, {"the request has {} bytes, the limit is {}", *head.content_length, limit});
  }
  if (sizes.json > json_limit) {
    return fail(Code::too_large,
                {"the JSON part has {} bytes, the limit is {}; send tensors as binary data", sizes.json, json_limit});
  }
  return sizes;
}

Result<void> check_encoding(const http::RequestHead& head) {
  const std::string* encoding = head.find("content-encoding");
  if (encoding != nullptr && *encoding != "identity") {
    return fail(Code::unsupported_media, {"compressed requests are not taken by this release"});
  }
  return {};
}

// A request over HTTP: tensors that follow its JSON part are read from the connection, the others from the JSON.
class HttpCaller final : public Caller {
 public:
  HttpCaller(http::Exchange& exchange, const v2::InferRequest& request) : exchange_(exchange), request_(request) {}
  boost::asio::any_io_executor executor() const override { return exchange_.executor(); }
  bool gone() const override { return exchange_.peer_gone(); }
  Task<Result<void>> read_tensor(std::size_t input, MutableBytes place) override {
    if (request_.inputs()[input].binary) {
      co_return co_await exchange_.read_exact(place);
    }
    co_return request_.decode_json(input, place);
  }

 private:
  http::Exchange& exchange_;
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
  const http::RequestHead& head = exchange.head();
  BLINDAI_CO_CHECK(check_encoding(head));
  BLINDAI_CO_TRY(const Sizes sizes, sizes_of(head, config_));
  BLINDAI_CO_TRY(const auto deployment, co_await models_.deploy(principal, name));
  const Version& version = *deployment->version;
  BLINDAI_CO_CHECK(check_pin(head.find("blindai-model-digest"), version));
  const Held held(json_bytes_in_flight_, sizes.json);
  if (!held.fits()) {
    co_return fail(Code::resource_exhausted,
                   {"the server holds too many JSON requests; send tensors as binary data, or try later"});
  }
  Bytes json(sizes.json);
  BLINDAI_CO_CHECK(co_await exchange.read_exact(json));
  v2::Limits limits;
  limits.json_bytes = static_cast<std::size_t>(config_.json_bytes);
  limits.request_bytes = static_cast<std::uint64_t>(config_.request_bytes);
  BLINDAI_CO_TRY(const auto request, v2::InferRequest::parse(json, sizes.binary, limits));
  BLINDAI_CO_TRY(const auto chosen, v2::choose_outputs(request, version.admitted->outputs));
  HttpCaller caller(exchange, request);
  Ask ask{request.inputs(), chosen, request.timeout()};
  BLINDAI_CO_TRY(const auto answer, co_await inference_.run(deployment, std::move(ask), caller));
  co_return co_await respond(exchange, name, version, request, answer.outputs);
}

}  // namespace blindai::server
