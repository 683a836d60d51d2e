#include "grpc/session.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <new>

namespace blindai::grpc {
namespace {

constexpr std::size_t read_bytes = 16 * 1024;
constexpr std::size_t write_bytes = 64 * 1024;
constexpr std::size_t max_queued_frames = 1000;  // while more wait to be sent, nothing is read
constexpr std::int64_t frames_per_call = 8;      // what a call that ended well has earned
constexpr auto look_time = std::chrono::seconds(1);
constexpr auto leave_time = std::chrono::seconds(2);

}  // namespace

Session::Session(http::ByteStream& stream, Service& service, Memory& memory, const Limits& limits)
    : stream_(stream),
      service_(service),
      memory_(memory),
      limits_(limits),
      frames_(limits.idle_frames),
      refilled_(Steady::now()),
      idle_since_(refilled_),
      to_write_(stream.executor()),
      written_(stream.executor()),
      tick_(stream.executor()),
      ended_(stream.executor()) {}

Task<void> Session::run() {
  const auto self = shared_from_this();
  if (!open()) {
    co_return;
  }
  stream_.until(Steady::time_point::max());
  stream_.set_idle(true);
  helpers_ = 2;
  boost::asio::co_spawn(executor(), write(), boost::asio::detached);
  boost::asio::co_spawn(executor(), watch(), boost::asio::detached);
  co_await read();
  over_ = true;
  while (!streams_.empty()) {
    end_stream(streams_.begin()->first, false);
  }
  stream_.until(Steady::now() + leave_time);
  to_write_.set();
  tick_.set();
  while (calls_ > 0 || helpers_ > 0) {
    co_await ended_.wait();
  }
}

bool Session::lives() const {
  return nghttp2_session_want_read(session_.get()) != 0 || nghttp2_session_want_write(session_.get()) != 0;
}

Task<void> Session::read() {
  Bytes buffer(read_bytes);
  while (true) {
    const auto count = co_await stream_.read_some(buffer);
    if (!count || *count == 0) {
      stream_.close();
      co_return;
    }
    refill(Steady::now());
    const auto taken = nghttp2_session_mem_recv(session_.get(), buffer.data(), *count);
    if (frames_ < 0) {
      shut_down(NGHTTP2_ENHANCE_YOUR_CALM);
    }
    to_write_.set();
    if (taken < 0 || frames_ < 0 || !lives()) {
      co_return;
    }
    while (nghttp2_session_get_outbound_queue_size(session_.get()) > max_queued_frames && helpers_ == 2) {
      co_await written_.wait();
    }
  }
}

Task<void> Session::write() {
  const auto self = shared_from_this();
  Bytes out;
  while (true) {
    const std::uint8_t* piece = nullptr;
    ssize_t count = 0;
    while (out.size() < write_bytes && (count = nghttp2_session_mem_send(session_.get(), &piece)) > 0) {
      append(out, ByteView(piece, static_cast<std::size_t>(count)));
    }
    if (count < 0) {
      stream_.close();
      break;
    }
    if (out.empty()) {
      if (over_ || !lives()) {
        break;
      }
      Bytes().swap(out);  // a connection that is quiet holds nothing
      co_await to_write_.wait();
      continue;
    }
    write_began_ = Steady::now();
    const auto written = co_await stream_.write(out);
    write_began_.reset();
    out.clear();
    written_.set();
    if (!written) {
      stream_.close();
      break;
    }
  }
  stream_.until(Steady::now() + leave_time);  // the peer has its time to hear what was said last
  --helpers_;
  written_.set();
  ended_.set();
}

// Times out what stands still, and says goodbye to a peer that wants nothing.
Task<void> Session::watch() {
  const auto self = shared_from_this();
  while (!over_) {
    const bool idle = streams_.empty() && calls_ == 0 && !std::exchange(had_calls_, false);
    const auto now = Steady::now();
    const http::Limits& http = stream_.limits();
    if (write_began_ && now - *write_began_ > http.answer_stall_time) {
      stream_.close();
      break;
    }
    if (!leaving_ && (stream_.draining() || (idle && now - idle_since_ >= http.idle_time))) {
      shut_down(NGHTTP2_NO_ERROR);
    }
    if (leaving_ && idle) {
      stream_.until(now + leave_time);
      break;
    }
    const auto streams = streams_;
    for (const auto& [id, stream] : streams) {
      stream->look(now, http, limits_);
    }
    to_write_.set();
    asleep_ = idle;
    co_await tick_.wait(idle ? idle_since_ + http.idle_time : now + look_time);
    asleep_ = false;
  }
  --helpers_;
  ended_.set();
}

// No more calls; those that run end as they would.
void Session::shut_down(std::uint32_t why) {
  leaving_ = true;
  if (why == NGHTTP2_NO_ERROR) {
    nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_.get()),
                          why, nullptr, 0);
  } else {
    nghttp2_session_terminate_session(session_.get(), why);
  }
  to_write_.set();
}

void Session::refill(Steady::time_point now) {
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - refilled_).count();
  const std::int64_t frames = elapsed * limits_.idle_frames_per_second / 1000;
  if (frames > 0) {
    refilled_ = now;
    earn(frames);
  }
}

std::shared_ptr<Stream> Session::find(std::int32_t id) const {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second;
}

// A call whose head is whole. It runs only where the service says so; else its data is dropped as it comes.
void Session::begin_call(const std::shared_ptr<Stream>& stream) {
  constexpr int method_not_allowed = 405;
  constexpr int unsupported_media = 415;
  Fields& fields = stream->fields;
  const std::size_t limit = stream_.limits().header_bytes;
  const auto timeout = timeout_from(fields.timeout);
  if (calls_ >= limits_.calls) {  // streams that were reset, and whose calls have not noticed yet
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream->id(), NGHTTP2_REFUSED_STREAM);
  } else if (fields.bytes > limit) {
    stream->finish(fail(Code::too_large, {"the header of the request is over {} bytes", limit}));
  } else if (fields.method != "POST") {
    answer_plainly(stream->id(), method_not_allowed);
  } else if (!is_grpc(fields.content_type)) {
    answer_plainly(stream->id(), unsupported_media);
  } else if (fields.doubled || (!timeout && !fields.timeout.empty())) {
    stream->finish(fail(Code::invalid_argument, {"a header field of the request is malformed or stands twice"}));
  } else if (!coding_of(fields.encoding)) {
    stream->add_metadata("grpc-accept-encoding", "identity, gzip, deflate");
    stream->finish(fail(Code::unimplemented, {"messages may be plain, gzip or deflate"}));
  } else {
    if (timeout) {
      fields.head.deadline = Steady::now() + *timeout;
    }
    auto method = service_.find(fields.head, stream_.connection());
    if (!method) {
      stream->finish(std::unexpected(method.error()));
      return;
    }
    stream->accept(memory_, *method);
    ++calls_;
    boost::asio::co_spawn(executor(), run_call(shared_from_this(), stream, std::move(*method)), boost::asio::detached);
  }
}

Task<void> Session::run_call(std::shared_ptr<Session> self, std::shared_ptr<Stream> stream, Method method) {
  Result<void> done;
  try {
    done = co_await method.run(*stream);
  } catch (const std::bad_alloc&) {  // one request's excess is not everybody's end
    done = fail(Code::resource_exhausted, {"the server has no memory for this request now; try again later"});
  }
  stream->finish(done);
  --self->calls_;
  self->idle_since_ = Steady::now();
  self->to_write_.set();
  self->ended_.set();
}

void Session::end_stream(std::int32_t id, bool well) {
  if (const auto stream = find(id)) {
    if (well && stream->finished()) {
      earn(frames_per_call);
    }
    streams_.erase(id);
    stream->close();
    idle_since_ = Steady::now();
    stream_.set_idle(streams_.empty());
  }
}

}  // namespace blindai::grpc
