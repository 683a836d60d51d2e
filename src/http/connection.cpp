#include "http/connection.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "http/exchange.h"

namespace blindai::http {
namespace {

constexpr auto linger_time = std::chrono::seconds(2);
constexpr int head_too_large = 431;  // RFC 6585 section 5

}  // namespace

LiveConnection::LiveConnection(asio::ip::tcp::socket socket, ssl_ctx_st* tls, const Limits& limits)
    : executor_(socket.get_executor()),
      transport_(std::move(socket), tls),
      limits_(limits),
      first_deadline_(tls == nullptr ? never : Steady::now() + limits.unauthorised_time),
      deadline_(Steady::now() + limits.handshake_time) {}

Task<void> LiveConnection::run(Handler& handler) {
  const auto self = shared_from_this();
  if (co_await transport_.handshake()) {
    handler.opened(*this);
    bool more = !transport_.chose_http2();
    if (more) {
      buffer_.resize(limits_.header_bytes);
    } else {
      co_await handler.serve_http2(*this);
    }
    while (more) {
      more = co_await serve_one(handler);
    }
    deadline_ = Steady::now() + linger_time;
    co_await transport_.linger();
  }
  transport_.close();
}

// A head, or nothing where the peer said goodbye.
Task<Result<std::optional<ParsedHead>>> LiveConnection::next_head() {
  idle_ = begin_ == end_;
  deadline_ = Steady::now() + (idle_ ? limits_.idle_time : limits_.body_stall_time);
  while (true) {
    auto parsed = parse_head(buffered(), limits_.header_bytes);
    if (!parsed || *parsed) {
      idle_ = false;
      co_return parsed;
    }
    if (begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= std::exchange(begin_, 0);
    }
    BLINDAI_CO_TRY(const std::size_t count, co_await transport_.read_some(MutableBytes(buffer_).subspan(end_)));
    if (count == 0) {
      co_return std::nullopt;
    }
    if (idle_) {  // a request has begun: its head must come within the time of a body that stalls
      idle_ = false;
      deadline_ = Steady::now() + limits_.body_stall_time;
    }
    end_ += count;
  }
}

Task<bool> LiveConnection::serve_one(Handler& handler) {
  if (draining_) {
    co_return false;
  }
  auto parsed = co_await next_head();
  if (!parsed) {
    if (parsed.error().code != Code::cancelled) {
      LiveExchange refusal(*this, RequestHead{}, false);
      const int status = parsed.error().code == Code::too_large ? head_too_large : http_status(parsed.error().code);
      std::vector<Header> headers;
      co_await refusal.respond_refusal(status, parsed.error(), std::move(headers));
    }
    co_return false;
  }
  if (!*parsed) {
    co_return false;
  }
  consume((*parsed)->size);
  deadline_ = never;
  LiveExchange exchange(*this, std::move((*parsed)->head), (*parsed)->expects_continue);
  Error failure{Code::internal, {"the server has no answer to this request"}};
  try {
    co_await handler.handle(exchange);
  } catch (const std::bad_alloc&) {  // one request's excess is not everybody's end
    failure = Error{Code::resource_exhausted, {"the server has no memory for this request now; try again later"}};
  }
  if (!exchange.responded()) {
    co_await exchange.respond_error(failure);
  }
  co_return co_await exchange.finish();
}

}  // namespace blindai::http
