#include "http/body.h"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace blindai::http {
namespace {

constexpr std::size_t packed_bytes = 16 * 1024;
constexpr std::size_t fair_share_bytes = 1024 * 1024;

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return out;
}

std::unexpected<Error> too_large(std::uint64_t limit) {
  return fail(Code::too_large, {"the body of this request has at most {} bytes", limit});
}

}  // namespace

Result<Coding> coding_of(const RequestHead& head) {
  const std::string* header = head.find("content-encoding");
  Coding coding = Coding::none;
  std::string_view rest = header == nullptr ? std::string_view() : *header;
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    const std::string name = lower(trimmed(item));
    if (name.empty() || name == "identity") {
      continue;
    }
    const bool gzip = name == "gzip" || name == "x-gzip";  // RFC 9110 section 8.4.1.3
    if ((!gzip && name != "deflate") || coding != Coding::none) {
      return fail(Code::unsupported_media,
                  {"a request is sent plain, or with the one Content-Encoding gzip or deflate"});
    }
    coding = gzip ? Coding::gzip : Coding::deflate;
  }
  return coding;
}

Result<void> check_plain(const RequestHead& head) {
  BLINDAI_TRY(const Coding coding, coding_of(head));
  if (coding != Coding::none) {
    return fail(Code::unsupported_media, {"this request is sent plain, without Content-Encoding"});
  }
  return {};
}

Result<Body> Body::open(Exchange& exchange, std::uint64_t limit) {
  BLINDAI_TRY(const Coding coding, coding_of(exchange.head()));
  Body body(exchange, limit);
  const std::uint64_t bound = coding == Coding::none ? limit : body.packed_limit();
  if (exchange.head().content_length.value_or(0) > bound) {
    return too_large(limit);
  }
  if (coding != Coding::none) {
    BLINDAI_TRY(body.inflater_, Inflater::make(coding));
    body.packed_.resize(packed_bytes);
  }
  return body;
}

std::optional<std::uint64_t> Body::size() const { return inflater_ ? std::nullopt : exchange_->head().content_length; }

Task<Result<std::size_t>> Body::read_some(MutableBytes out) {
  // One byte over the limit is looked for, and is an error.
  const MutableBytes place = out.first(std::min<std::uint64_t>(out.size(), limit_ - read_ + 1));
  Result<std::size_t> count;
  if (inflater_) {
    count = co_await inflate(place);
  } else {
    count = co_await exchange_->read_some(place);
  }
  if (!count) {
    co_return count;
  }
  if (*count > limit_ - read_) {
    read_ = limit_;
    co_return too_large(limit_);
  }
  read_ += *count;
  co_return count;
}

Task<Result<std::size_t>> Body::inflate(MutableBytes out) {
  while (!out.empty()) {
    if (unwaited_ >= fair_share_bytes) {
      unwaited_ = 0;
      co_await asio::post(exchange_->executor(), asio::use_awaitable);
    }
    const MutableBytes slice = out.first(std::min(out.size(), fair_share_bytes));
    BLINDAI_CO_TRY(const Inflater::Step step, inflater_->step(ByteView(packed_).subspan(begin_, end_ - begin_), slice));
    begin_ += step.eaten;
    unwaited_ += step.eaten + step.made;
    if (step.made > 0) {
      co_return step.made;
    }
    BLINDAI_CO_CHECK(co_await refill());
    if (end_ == 0) {
      break;
    }
  }
  co_return std::size_t{0};
}

// All that had come is inflated. Nothing is there afterwards where the body ended as it may.
Task<Result<void>> Body::refill() {
  begin_ = end_ = 0;
  BLINDAI_CO_TRY(end_, co_await exchange_->read_some(packed_));
  packed_read_ += end_;
  if (packed_read_ > packed_limit()) {  // of streams that make nothing there is no end
    co_return too_large(limit_);
  }
  if (end_ == 0 && !inflater_->whole()) {
    co_return fail(Code::invalid_argument, {"the compressed body is cut off"});
  }
  co_return Result<void>();
}

Task<Result<void>> Body::read_exact(MutableBytes out) {
  if (!inflater_ && out.size() <= limit_ - read_) {  // no further step between the connection and where bytes belong
    read_ += out.size();
    co_return co_await exchange_->read_exact(out);
  }
  while (!out.empty()) {
    BLINDAI_CO_TRY(const std::size_t count, co_await read_some(out));
    if (count == 0) {
      co_return fail(Code::invalid_argument, {"the body is shorter than it must be"});
    }
    out = out.subspan(count);
  }
  co_return Result<void>();
}

Task<Result<void>> Body::expect_end() {
  std::array<std::uint8_t, 1> byte{};
  BLINDAI_CO_TRY(const std::size_t count, co_await read_some(byte));
  if (count != 0) {
    co_return fail(Code::invalid_argument, {"the body is longer than its parts"});
  }
  co_return Result<void>();
}

Task<void> refuse_coding(Exchange& exchange, const Error& error) {
  std::vector<Header> headers(1, Header{"Accept-Encoding", "gzip, deflate"});
  co_await exchange.respond_refusal(http_status(error.code), error, std::move(headers));
}

}  // namespace blindai::http
