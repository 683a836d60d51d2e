#include "grpc/stream.h"

#include <boost/asio/post.hpp>
#include <limits>

#include "grpc/session.h"

namespace blindai::grpc {
namespace {

constexpr std::size_t field_overhead_bytes = 32;                                      // RFC 9113 section 6.5.2
constexpr std::uint64_t max_answer_bytes = std::numeric_limits<std::int32_t>::max();  // no client takes more

constexpr std::size_t inflate_bytes = 64 * 1024;       // at a time
constexpr std::size_t fair_share_bytes = 1024 * 1024;  // inflated before others of the thread get their turn

std::unexpected<Error> caller_gone() { return fail(Code::cancelled, {"the caller gave up"}); }

}  // namespace

std::optional<http::Coding> coding_of(std::string_view encoding) {
  if (encoding.empty() || encoding == "identity") {
    return http::Coding::none;
  }
  if (encoding == "gzip") {
    return http::Coding::gzip;
  }
  return encoding == "deflate" ? std::optional(http::Coding::deflate) : std::nullopt;
}

void Fields::add(std::string_view name, std::string_view value, std::size_t limit) {
  bytes += name.size() + value.size() + field_overhead_bytes;
  if (bytes > limit) {
    return;
  }
  const auto decides = [&](std::string_view wanted, std::string& place) {
    if (name == wanted) {
      doubled = doubled || !place.empty();
      place = value;
    }
  };
  const auto may_be_absent = [&](std::string_view wanted, std::optional<std::string>& place) {
    if (name == wanted) {
      doubled = doubled || place.has_value();
      place = value;
    }
  };
  decides(":method", method);
  decides(":path", head.path);
  decides("content-type", content_type);
  decides("grpc-encoding", encoding);
  decides("grpc-timeout", timeout);
  may_be_absent("authorization", head.authorization);
  may_be_absent("blindai-model-digest", head.pin);
}

Stream::Stream(Session& session, std::int32_t id)
    : session_(session), id_(id), readable_(session.executor()), writable_(session.executor()) {}

http::Connection& Stream::connection() { return session_.connection(); }
boost::asio::any_io_executor Stream::executor() const { return session_.executor(); }

void Stream::accept(Memory& memory, const Method& method) {
  memory_ = &memory;
  in_.emplace(memory, method.message_bytes);
  message_bytes_ = method.message_bytes;
  streams_ = method.streams;
  last_byte_ = waited_since_ = began_ = Steady::now();
}

void Stream::fail_input(Error error) {
  input_error_ = std::move(error);
  in_.reset();
  readable_.set();
}

// Data of a call that wants none is dropped: its sender will hear.
void Stream::feed(ByteView bytes) {
  if (!in_ || finished_ || gone_) {
    return;
  }
  last_byte_ = Steady::now();
  if (!in_->begun()) {
    began_ = last_byte_;
  }
  const auto eaten = in_->feed(bytes);
  if (!eaten) {
    fail_input(eaten.error());
    return;
  }
  session_.consumed(id_, *eaten);
  if (in_->whole()) {
    readable_.set();
  }
}

void Stream::end_input() {
  input_ended_ = true;
  readable_.set();
}

Task<Result<std::optional<Message>>> Stream::opened(Deframer::Taken taken) {
  if (!taken.compressed) {
    co_return std::optional<Message>(std::move(taken.message));
  }
  const auto coding = coding_of(fields.encoding);
  if (!coding || *coding == http::Coding::none) {
    co_return fail(Code::invalid_argument, {"a message is compressed, and grpc-encoding does not say how"});
  }
  BLINDAI_CO_TRY(auto inflater, http::Inflater::make(*coding));
  Message plain{{}, Held(*memory_)};
  Bytes room(inflate_bytes);
  ByteView rest = taken.message.bytes;
  std::size_t made = room.size();
  for (std::size_t unwaited = 0; !rest.empty() || made == room.size(); unwaited += made) {
    if (unwaited >= fair_share_bytes) {
      unwaited = 0;
      co_await boost::asio::post(executor(), boost::asio::use_awaitable);
    }
    BLINDAI_CO_TRY(const auto step, inflater.step(rest, room));
    rest = rest.subspan(step.eaten);
    made = step.made;
    if (plain.bytes.size() + made > message_bytes_) {
      co_return fail(Code::too_large,
                     {"the message inflates to more than {} bytes, the limit of this method", message_bytes_});
    }
    BLINDAI_CO_CHECK(plain.held.take(made));
    append(plain.bytes, ByteView(room).first(made));
  }
  if (!inflater.whole()) {
    co_return fail(Code::invalid_argument, {"a compressed message is cut off"});
  }
  co_return std::optional<Message>(std::move(plain));
}

Task<Result<std::optional<Message>>> Stream::read() {
  waited_since_ = Steady::now();
  while (true) {
    if (gone_) {
      co_return caller_gone();
    }
    if (input_error_) {
      co_return std::unexpected(*input_error_);
    }
    if (in_->whole()) {
      auto taken = in_->take();
      if (!taken) {
        fail_input(taken.error());
        continue;
      }
      session_.consumed(id_, taken->eaten);
      co_return co_await opened(std::move(*taken));
    }
    if (input_ended_) {
      if (in_->begun()) {
        co_return fail(Code::invalid_argument, {"the call ends inside of a message"});
      }
      co_return std::nullopt;
    }
    reading_ = true;
    co_await readable_.wait();
    reading_ = false;
  }
}

bool Stream::draining() const { return session_.draining(); }

Task<void> Stream::until_over() {
  const auto deadline = head().deadline.value_or(Steady::time_point::max());
  while (!gone_ && !draining() && Steady::now() < deadline) {
    co_await readable_.wait(deadline);
  }
}

Task<Result<void>> Stream::write(std::span<const ByteView> parts) { co_return co_await send(parts, false); }
Task<Result<void>> Stream::write_last(std::span<const ByteView> parts) { co_return co_await send(parts, true); }

Task<Result<void>> Stream::send(std::span<const ByteView> parts, bool last) {
  std::uint64_t size = 0;
  for (const ByteView part : parts) {
    size += part.size();
  }
  if (size > max_answer_bytes) {
    co_return fail(Code::too_large,
                   {"the answer has {} bytes, and no message has more than {}", size, max_answer_bytes});
  }
  if (gone_ || finished_) {
    co_return caller_gone();
  }
  prefix_ = prefix_of(static_cast<std::uint32_t>(size));
  out_.assign(1, prefix_);
  out_.insert(out_.end(), parts.begin(), parts.end());
  last_ = finished_ = last;
  last_sent_ = Steady::now();
  if (!std::exchange(answered_, true)) {
    session_.begin_answer(*this);
  }
  session_.resume(id_);
  while (!out_.empty()) {
    co_await writable_.wait();
  }
  co_return cut_off_ ? Result<void>(caller_gone()) : Result<void>();
}

std::size_t Stream::produce(MutableBytes out, bool& ended) {
  std::size_t count = 0;
  std::size_t done = 0;
  while (done < out_.size() && count < out.size()) {
    ByteView& part = out_[done];
    const std::size_t piece = std::min(part.size(), out.size() - count);
    std::ranges::copy(part.first(piece), out.begin() + static_cast<std::ptrdiff_t>(count));
    count += piece;
    part = part.subspan(piece);
    if (part.empty()) {
      ++done;
    }
  }
  out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(done));
  if (count > 0) {
    last_sent_ = Steady::now();
  }
  if (out_.empty()) {
    writable_.set();
    ended = finished_;
  }
  return count;
}

void Stream::finish(const Result<void>& done) {
  if (gone_ || finished_) {
    return;
  }
  finished_ = true;
  if (!done) {
    status_ = grpc_status(done.error().code);
    status_message_ = encode_status_message(done.error().message.str());
  }
  if (std::exchange(answered_, true)) {
    session_.resume(id_);
  } else {
    session_.answer_with_status_alone(*this);
  }
}

void Stream::close() {
  gone_ = true;
  cut_off_ = cut_off_ || !out_.empty();
  out_.clear();
  readable_.set();
  writable_.set();
}

void Stream::look(Steady::time_point now, const http::Limits& http, const Limits& limits) {
  if (!out_.empty() && now - last_sent_ > http.answer_stall_time) {
    session_.give_up(*this);
    return;
  }
  if (draining()) {
    readable_.set();  // for until_over()
  }
  if (!reading_ || !in_ || input_error_) {
    return;
  }
  const auto since = std::max(waited_since_, last_byte_);
  const bool between = streams_ && !in_->begun();
  const auto coming = now - began_;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(coming).count();
  const bool slow = in_->begun() && coming > http.body_stall_time &&
                    in_->have() < http.body_floor_bytes_per_second * static_cast<std::uint64_t>(seconds);
  if (now - since > (between ? limits.quiet_time : http.body_stall_time) || slow) {
    fail_input(Error{Code::deadline_exceeded,
                     {"the message came slower than {} bytes a second", http.body_floor_bytes_per_second}});
  }
}

Task<Result<Message>> read_only(Call& call) {
  BLINDAI_CO_TRY(auto first, co_await call.read());
  if (!first) {
    co_return fail(Code::invalid_argument, {"the call holds no message"});
  }
  BLINDAI_CO_TRY(const auto second, co_await call.read());
  if (second) {
    co_return fail(Code::invalid_argument, {"this method takes one message"});
  }
  co_return std::move(*first);
}

}  // namespace blindai::grpc
