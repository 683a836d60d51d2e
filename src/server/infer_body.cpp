#include "server/infer_body.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace blindai::server {
namespace {

// A parsed document takes about twelve times its text, so this is some three gigabytes at the worst.
constexpr std::uint64_t json_budget_bytes = std::uint64_t{256} << 20U;
constexpr std::size_t first_piece_bytes = 64 * 1024;

std::unexpected<Error> json_too_large(std::uint64_t limit) {
  return fail(Code::too_large, {"the JSON part has at most {} bytes; send tensors as binary data", limit});
}

}  // namespace

Result<void> JsonBudget::Held::take(std::uint64_t bytes) {
  bytes_ += bytes;
  if (budget_.used_.fetch_add(bytes) + bytes > json_budget_bytes) {
    return fail(Code::resource_exhausted,
                {"the server holds too many JSON requests; send tensors as binary data, or try later"});
  }
  return {};
}

Result<InferBody> InferBody::open(http::Exchange& exchange, const Config& config) {
  const auto limit = static_cast<std::uint64_t>(config.request_bytes) + static_cast<std::uint64_t>(config.json_bytes);
  BLINDAI_TRY(auto body, http::Body::open(exchange, limit));
  InferBody out(std::move(body), config);
  BLINDAI_CHECK(out.divide(exchange.head()));
  return out;
}

Result<void> InferBody::divide(const http::RequestHead& head) {
  const auto limit = static_cast<std::uint64_t>(config_->request_bytes);
  const auto json_limit = static_cast<std::uint64_t>(config_->json_bytes);
  const auto size = body_.size();
  if (const std::string* text = head.find("inference-header-content-length")) {
    std::uint64_t json = 0;
    const auto parsed = std::from_chars(text->data(), text->data() + text->size(), json);
    if (parsed.ec != std::errc() || parsed.ptr != text->data() + text->size() || (size && json > *size)) {
      return fail(Code::invalid_argument, {"Inference-Header-Content-Length must be from 0 to the size of the body"});
    }
    raw_ = json == 0;
    json_ = json;
    binary_ = size ? std::optional(*size - json) : std::nullopt;
  } else {
    json_ = size;
    binary_ = 0;
  }
  if (binary_.value_or(0) > limit) {
    return fail(Code::too_large, {"the request has {} bytes of tensors, the limit is {}", *binary_, limit});
  }
  if (json_.value_or(0) > json_limit) {
    return json_too_large(json_limit);
  }
  return {};
}

http::Task<Result<Bytes>> InferBody::read_part(std::optional<std::uint64_t> size, JsonBudget::Held& held) {
  const auto limit = static_cast<std::uint64_t>(config_->json_bytes);
  Bytes part;
  const std::uint64_t wanted = size.value_or(limit + 1);
  for (std::size_t have = 0; have < wanted;) {
    if (have == part.size()) {
      const std::size_t more = std::min<std::uint64_t>(std::max(first_piece_bytes, have), wanted - have);
      BLINDAI_CO_CHECK(held.take(more));
      part.resize(have + more);
    }
    BLINDAI_CO_TRY(const std::size_t count, co_await body_.read_some(MutableBytes(part).subspan(have)));
    have += count;
    if (count == 0) {
      if (size) {
        co_return fail(Code::invalid_argument, {"the body is shorter than its JSON part"});
      }
      part.resize(have);
      co_return part;
    }
  }
  if (!size) {
    co_return json_too_large(limit);
  }
  co_return part;
}

http::Task<Result<v2::InferRequest>> InferBody::read_raw(const std::vector<TensorSpec>& inputs,
                                                         JsonBudget::Held& held) {
  if (!binary_) {
    BLINDAI_CO_TRY(gathered_, co_await read_part(std::nullopt, held));
    binary_ = gathered_->size();
  }
  BLINDAI_CO_TRY(auto input, v2::raw_input(inputs, *binary_));
  co_return v2::InferRequest::raw(std::move(input));
}

http::Task<Result<v2::InferRequest>> InferBody::read_request(const std::vector<TensorSpec>& inputs,
                                                             JsonBudget::Held& held) {
  if (raw_) {
    co_return co_await read_raw(inputs, held);
  }
  v2::Limits limits;
  limits.json_bytes = static_cast<std::size_t>(config_->json_bytes);
  limits.request_bytes = static_cast<std::uint64_t>(config_->request_bytes);
  BLINDAI_CO_TRY(const Bytes json, co_await read_part(json_, held));
  BLINDAI_CO_TRY(auto request, v2::InferRequest::parse(json, binary_, limits));
  if (request.inputs().empty() && !body_.size()) {
    BLINDAI_CO_CHECK(co_await body_.expect_end());
  }
  co_return request;
}

http::Task<Result<void>> InferBody::read_binary(MutableBytes place) {
  if (!gathered_) {
    co_return co_await body_.read_exact(place);
  }
  std::ranges::copy(*gathered_, place.begin());
  co_return Result<void>();
}

http::Task<Result<void>> InferBody::read_tensor(const v2::InferRequest& request, std::size_t input,
                                                MutableBytes place) {
  const v2::InputHead& head = request.inputs()[input];
  if (!head.binary) {
    BLINDAI_CO_CHECK(request.decode_json(input, place));
  } else if (raw_ && head.datatype == DataType::bytes) {  // one element, which comes without its length
    const auto size = static_cast<std::uint32_t>(place.size() - length_bytes);
    std::memcpy(place.data(), &size, length_bytes);
    BLINDAI_CO_CHECK(co_await read_binary(place.subspan(length_bytes)));
  } else {
    BLINDAI_CO_CHECK(co_await read_binary(place));
  }
  if (input + 1 == request.inputs().size() && !body_.size()) {  // else its parts add up to its size
    co_return co_await body_.expect_end();
  }
  co_return Result<void>();
}

}  // namespace blindai::server
