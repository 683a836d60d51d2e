// One inference: head, JSON part, a slot, the tensors straight from the socket into it, a permit, a run, the answer.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>

#include "base/checked.h"
#include "server/routes.h"
#include "v2/infer.h"

namespace blindai::server {
namespace {

constexpr auto look_time = std::chrono::milliseconds(100);            // between looks whether the caller is still there
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

Result<void> check_pin(const http::RequestHead& head, const Version& version) {
  const std::string* pin = head.find("blindai-model-digest");
  if (pin == nullptr) {
    return {};
  }
  const auto digest = Digest::from_text(*pin);
  if (!digest) {
    return fail(Code::invalid_argument, {"Blindai-Model-Digest must be 'sha256:' and 64 hexadecimal digits"});
  }
  if (*digest != version.digest) {
    return fail(Code::already_exists, {"the model of this id is another one than the one that is pinned"});
  }
  return {};
}

// The engine takes 0 and 1 for truth values and nothing else, and elements of BYTES that are whole.
Result<void> check_values(const v2::InputHead& input, ByteView data) {
  if (input.datatype == DataType::boolean && std::ranges::any_of(data, [](std::uint8_t byte) { return byte > 1; })) {
    return fail(Code::invalid_argument, {"input '{}' holds a byte that is neither 0 nor 1", Disclosed(input.name)});
  }
  const std::uint64_t count = element_count(input.shape).value_or(0);
  if (input.datatype == DataType::bytes && !holds_elements(data, count)) {
    return fail(Code::invalid_argument, {"the binary data of input '{}' is not {} elements, each behind its length",
                                         Disclosed(input.name), count});
  }
  return {};
}

http::Task<Result<void>> fill(http::Exchange& exchange, worker::Lease& lease, const v2::InferRequest& request,
                              const std::vector<std::size_t>& order) {
  const auto& inputs = request.inputs();
  for (std::size_t given = 0; given < inputs.size(); ++given) {
    const auto wanted = static_cast<std::size_t>(std::ranges::find(order, given) - order.begin());
    BLINDAI_CO_TRY(const MutableBytes place, lease.add_input(wanted, inputs[given].shape, inputs[given].byte_size));
    if (inputs[given].binary) {
      BLINDAI_CO_CHECK(co_await exchange.read_exact(place));
      BLINDAI_CO_CHECK(check_values(inputs[given], place));
    } else {
      BLINDAI_CO_CHECK(request.decode_json(given, place));
    }
  }
  co_return Result<void>();
}

// Looks from time to time whether the caller is still there while the model runs. Lives on the connection's thread, as
// the run's coroutine does, so that the two never meet.
struct Presence {
  Presence(http::Exchange& watched, worker::Lease& run) : exchange(watched), lease(run), timer(watched.executor()) {}
  http::Exchange& exchange;
  worker::Lease& lease;
  boost::asio::steady_timer timer;
  bool over = false;

  static http::Task<void> watch(std::shared_ptr<Presence> self) {
    while (!self->over) {
      self->timer.expires_after(look_time);
      boost::system::error_code ignored;
      co_await self->timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
      if (!self->over && self->exchange.peer_gone()) {
        self->lease.abandon();
        co_return;
      }
    }
  }
};

http::Task<Result<std::vector<worker::OutputView>>> run_while_awaited(http::Exchange& exchange, worker::Lease& lease,
                                                                      Steady::time_point deadline) {
  const auto presence = std::make_shared<Presence>(exchange, lease);
  boost::asio::co_spawn(exchange.executor(), Presence::watch(presence), boost::asio::detached);
  auto views = co_await lease.run(deadline);
  presence->over = true;
  presence->timer.cancel();
  co_return views;
}

http::Task<Result<void>> answer(http::Exchange& exchange, const std::string& name, const Version& version,
                                const v2::InferRequest& request, const std::vector<v2::ChosenOutput>& chosen,
                                const std::vector<worker::OutputView>& views) {
  std::vector<v2::OutputTensor> outputs;
  for (const v2::ChosenOutput& choice : chosen) {
    const auto view = std::ranges::find(views, choice.index, &worker::OutputView::index);
    if (view == views.end()) {
      co_return fail(Code::internal, {"the model gave fewer outputs than it declares"});
    }
    if (view->datatype == DataType::bytes &&
        !holds_elements(view->data, element_count(view->shape).value_or(0))) {  // the worker has its own group's data
      co_return fail(Code::internal, {"the model's answer is not one"});
    }
    outputs.push_back(
        {version.admitted->outputs[choice.index].name, view->datatype, view->shape, view->data, choice.binary});
  }
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
  BLINDAI_CO_CHECK(check_pin(head, version));
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
  BLINDAI_CO_TRY(const auto order, v2::match_inputs(request.inputs(), version.admitted->inputs));
  BLINDAI_CO_TRY(const auto chosen, v2::choose_outputs(request, version.admitted->outputs));
  const auto longest = std::chrono::microseconds(std::chrono::milliseconds(config_.deadline_ms));
  const auto deadline = Steady::now() + std::min(longest, request.timeout().value_or(longest));

  BLINDAI_CO_TRY(const auto pass, co_await deployment->turnstile->enter(exchange.executor(), deadline));
  BLINDAI_CO_TRY(const auto lease, deployment->worker->try_lease());
  BLINDAI_CO_CHECK(co_await fill(exchange, *lease, request, order));
  Result<std::vector<worker::OutputView>> views;
  {
    BLINDAI_CO_TRY(const auto permit, co_await compute_->enter(exchange.executor(), deadline));
    views = co_await run_while_awaited(exchange, *lease, deadline);
  }
  if (!views) {
    co_return std::unexpected(views.error());
  }
  co_return co_await answer(exchange, name, version, request, chosen, *views);
}

}  // namespace blindai::server
