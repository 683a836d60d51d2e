#include "http/exchange.h"

#include <algorithm>
#include <cstring>

#include "base/json.h"

namespace blindai::http {
namespace {

constexpr std::size_t joined_bytes = 64 * 1024;      // small answers go out in one piece
constexpr std::uint64_t dropped_bytes = 256 * 1024;  // of a body that nobody wanted
constexpr std::uint64_t large_body_bytes = 1024 * 1024;

}  // namespace

Task<void> Exchange::respond_error(const Error& error) {
  std::vector<Header> headers;
  // Clients that see it ask again: never for what was begun and may have brought a worker down.
  if (!error.begun && (error.code == Code::resource_exhausted || error.code == Code::unavailable)) {
    headers.push_back({"Retry-After", "1"});
  }
  co_await respond_refusal(http_status(error.code), error, std::move(headers));
}

Task<void> Exchange::respond_refusal(int status, const Error& error, std::vector<Header> headers) {
  const std::string json = "{\"error\":" + json::quote(error.message.str()) + "}";
  headers.push_back({"Content-Type", "application/json"});
  const ByteView body = as_bytes(json);
  co_await respond(status, std::move(headers), std::span(&body, 1));
}

Task<void> Exchange::respond_json(int status, const std::string& json) {
  const ByteView body = as_bytes(json);
  std::vector<Header> headers(1, Header{"Content-Type", "application/json"});
  co_await respond(status, std::move(headers), std::span(&body, 1));
}

LiveExchange::LiveExchange(LiveConnection& connection, RequestHead head, bool expects_continue)
    : connection_(connection),
      head_(std::move(head)),
      left_(head_.content_length.value_or(0)),
      expects_continue_(expects_continue) {}

bool LiveExchange::body_done() const {
  return head_.chunked ? chunks_.need() == ChunkDecoder::Need::nothing : left_ == 0;
}

// A mean rate below the floor is refused once the time of a stall has passed.
Result<void> LiveExchange::check_rate() {
  const auto elapsed = Steady::now() - body_begun_;
  const Limits& limits = connection_.limits();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(elapsed).count();
  if (elapsed > limits.body_stall_time &&
      body_bytes_ < limits.body_floor_bytes_per_second * static_cast<std::uint64_t>(seconds)) {
    return fail(Code::deadline_exceeded,
                {"the body came slower than {} bytes a second", limits.body_floor_bytes_per_second});
  }
  return {};
}

Task<Result<std::size_t>> LiveExchange::read_raw(MutableBytes out) {
  const MutableBytes ready = connection_.buffered();
  if (!ready.empty()) {
    const std::size_t count = std::min(ready.size(), out.size());
    std::memcpy(out.data(), ready.data(), count);
    connection_.consume(count);
    co_return count;
  }
  co_return co_await receive(out);
}

// From the network, past the buffer of the connection.
Task<Result<std::size_t>> LiveExchange::receive(MutableBytes out) {
  if (std::exchange(expects_continue_, false)) {
    BLINDAI_CO_CHECK(co_await connection_.transport().write(as_bytes("HTTP/1.1 100 Continue\r\n\r\n")));
  }
  if (body_begun_ == Steady::time_point{}) {
    body_begun_ = Steady::now();
    if (left_ >= large_body_bytes) {
      connection_.transport().expect_much();
    }
  }
  BLINDAI_CO_CHECK(check_rate());
  connection_.until(Steady::now() + connection_.limits().body_stall_time);
  auto count = co_await connection_.transport().read_some(out);
  connection_.until(Steady::time_point::max());
  if (count && *count == 0) {
    co_return fail(Code::cancelled, {"the peer closed the connection within a request"});
  }
  if (count) {
    body_bytes_ += *count;
  }
  co_return count;
}

Task<Result<std::size_t>> LiveExchange::read_chunked(MutableBytes out) {
  while (chunks_.need() == ChunkDecoder::Need::control) {
    if (connection_.buffered().empty()) {  // with as much behind it as there is, so that small chunks are cheap
      BLINDAI_CO_TRY(const std::size_t count, co_await receive(connection_.room()));
      connection_.filled(count);
    }
    BLINDAI_CO_TRY(const std::size_t eaten, chunks_.eat(connection_.buffered()));
    connection_.consume(eaten);
  }
  if (chunks_.need() == ChunkDecoder::Need::nothing) {
    co_return std::size_t{0};
  }
  const std::size_t room = std::min<std::uint64_t>(out.size(), chunks_.data_left());
  BLINDAI_CO_TRY(const std::size_t count, co_await read_raw(out.first(room)));
  chunks_.took(count);
  co_return count;
}

Task<Result<std::size_t>> LiveExchange::read_some(MutableBytes out) {
  if (broken_) {
    co_return fail(Code::cancelled, {"the connection is closed"});
  }
  if (body_done() || out.empty()) {
    co_return std::size_t{0};
  }
  Result<std::size_t> count;
  if (head_.chunked) {
    count = co_await read_chunked(out);
  } else {
    count = co_await read_raw(out.first(std::min<std::uint64_t>(out.size(), left_)));
    left_ -= count.value_or(0);
  }
  if (!count) {
    broken_ = count.error().code == Code::cancelled;
  }
  co_return count;
}

Task<Result<void>> LiveExchange::read_exact(MutableBytes out) {
  while (!out.empty()) {
    BLINDAI_CO_TRY(const std::size_t count, co_await read_some(out));
    if (count == 0) {
      co_return fail(Code::invalid_argument, {"the body is shorter than it must be"});
    }
    out = out.subspan(count);
  }
  co_return Result<void>();
}

// In pieces, each with the time of a stall.
Task<Result<void>> LiveExchange::send(ByteView bytes) {
  Result<void> sent;
  while (sent && !bytes.empty()) {
    const ByteView piece = bytes.first(std::min<std::size_t>(bytes.size(), 1024 * 1024));
    connection_.until(Steady::now() + connection_.limits().answer_stall_time);
    sent = co_await connection_.transport().write(piece);
    bytes = bytes.subspan(piece.size());
  }
  connection_.until(Steady::time_point::max());
  co_return sent;
}

Task<void> LiveExchange::respond(int status, std::vector<Header> headers, std::span<const ByteView> body) {
  if (std::exchange(responded_, true) || broken_) {
    co_return;
  }
  std::uint64_t size = 0;
  for (const ByteView part : body) {
    size += part.size();
  }
  // Whether the rest of an unread body will be dropped is known now, and so is what to say about the connection.
  const bool short_rest = body_done() || (!head_.chunked && left_ <= dropped_bytes && !expects_continue_);
  head_.keep_alive = head_.keep_alive && !head_.method.empty() && short_rest && !connection_.draining();
  const std::string_view connection = !head_.keep_alive ? "close" : head_.old ? "keep-alive" : "";
  Bytes out = copy(as_bytes(answer_head(status, headers, size, connection)));
  Result<void> sent;
  for (const ByteView part : body) {
    if (head_.method == "HEAD") {
      break;
    }
    if (out.size() + part.size() <= joined_bytes) {
      append(out, part);
      continue;
    }
    sent = co_await send(out);
    if (sent) {
      sent = co_await send(part);
    }
    out.clear();
  }
  if (sent) {
    sent = co_await send(out);
  }
  broken_ = !sent;
}

Task<bool> LiveExchange::finish() {
  if (broken_ || !head_.keep_alive) {
    co_return false;
  }
  Bytes dropped(16 * 1024);
  while (!body_done()) {
    const auto count = co_await read_some(dropped);
    if (!count) {
      co_return false;
    }
  }
  co_return true;
}

}  // namespace blindai::http
