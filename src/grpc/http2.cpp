// What nghttp2 tells and asks of a session. No exception may pass through it: it is C.
#include <algorithm>
#include <array>
#include <new>

#include "grpc/session.h"

namespace blindai::grpc {
namespace {

nghttp2_nv field(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return const_cast<std::uint8_t*>(as_bytes(text).data());  // NOLINT: copied, never written
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

template <typename Call>
auto guarded(const Call& call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
}

bool is_request(const nghttp2_frame& frame) {
  return frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST;
}

template <typename T, void (*Delete)(T*)>
struct Deleter {
  void operator()(T* pointer) const { Delete(pointer); }
};
using CallbackTable =
    std::unique_ptr<nghttp2_session_callbacks, Deleter<nghttp2_session_callbacks, nghttp2_session_callbacks_del>>;
using Options = std::unique_ptr<nghttp2_option, Deleter<nghttp2_option, nghttp2_option_del>>;

}  // namespace

struct Callbacks {
  static Session& self(void* user) { return *static_cast<Session*>(user); }
  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd*, void* user) { return self(user).on_begin_frame(); }
  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return guarded([&] { return self(user).on_begin_headers(*frame); });
  }
  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                    const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    return guarded([&] { return self(user).on_header(*frame, {name, name_size}, {value, value_size}); });
  }
  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return guarded([&] { return self(user).on_frame(*frame); });
  }
  static int data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size,
                  void* user) {
    return guarded([&] { return self(user).on_data(id, {data, size}); });
  }
  static int sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return guarded([&] { return self(user).on_sent(*frame); });
  }
  static int closed(nghttp2_session*, std::int32_t id, std::uint32_t error, void* user) {
    return guarded([&] {
      self(user).end_stream(id, error == NGHTTP2_NO_ERROR);
      return 0;
    });
  }
  static ssize_t produce(nghttp2_session*, std::int32_t id, std::uint8_t* out, std::size_t size, std::uint32_t* flags,
                         nghttp2_data_source*, void* user) {
    return guarded([&] { return self(user).on_produce(id, {out, size}, *flags); });
  }
};

bool Session::open() {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* options = nullptr;
  if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&options) != 0) {
    nghttp2_session_callbacks_del(callbacks);
    return false;
  }
  const CallbackTable callbacks_owner(callbacks);
  const Options options_owner(options);
  nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, Callbacks::begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Callbacks::begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Callbacks::sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::closed);
  nghttp2_option_set_no_auto_window_update(options, 1);  // a window opens as messages are taken
  nghttp2_option_set_no_closed_streams(options, 1);
  nghttp2_session* session = nullptr;
  if (nghttp2_session_server_new2(&session, callbacks, this, options) != 0) {
    return false;
  }
  session_.reset(session);
  const std::array settings{
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits_.calls},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits_.call_window_bytes},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                             static_cast<std::uint32_t>(stream_.limits().header_bytes)},
  };
  return nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) == 0 &&
         nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                               static_cast<std::int32_t>(limits_.connection_window_bytes)) == 0;
}

int Session::on_begin_frame() {
  --frames_;
  return 0;
}

int Session::on_begin_headers(const nghttp2_frame& frame) {
  if (is_request(frame)) {
    streams_.emplace(frame.hd.stream_id, std::make_shared<Stream>(*this, frame.hd.stream_id));
    stream_.set_idle(false);
    had_calls_ = true;
    if (asleep_) {
      tick_.set();
    }
  }
  return 0;
}

int Session::on_header(const nghttp2_frame& frame, ByteView name, ByteView value) {
  if (is_request(frame)) {
    if (const auto stream = find(frame.hd.stream_id)) {
      stream->fields.add(as_text(name), as_text(value), stream_.limits().header_bytes);
    }
  }
  return 0;
}

int Session::on_frame(const nghttp2_frame& frame) {
  const auto stream = find(frame.hd.stream_id);
  if (!stream) {
    return 0;
  }
  if (is_request(frame)) {
    begin_call(stream);
  }
  if ((frame.hd.type == NGHTTP2_HEADERS || frame.hd.type == NGHTTP2_DATA) &&
      (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
    stream->end_input();
  }
  return 0;
}

int Session::on_data(std::int32_t id, ByteView data) {
  data_bytes_ += static_cast<std::int64_t>(data.size());
  nghttp2_session_consume_connection(session_.get(), data.size());
  if (const auto stream = find(id)) {
    stream->feed(data);
  }
  constexpr std::int64_t bytes_per_frame = 4096;  // so many earn a frame that carries nothing
  earn(std::exchange(data_bytes_, data_bytes_ % bytes_per_frame) / bytes_per_frame);
  return 0;
}

// A peer that is answered before it has sent everything may stop (RFC 9113 section 8.1).
int Session::on_sent(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_DATA) {
    earn(2);  // a window update, and a ping that measures
  }
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
    const auto stream = find(frame.hd.stream_id);
    if (stream && !stream->input_ended()) {
      nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_NO_ERROR);
    }
  }
  return 0;
}

void Session::consumed(std::int32_t id, std::size_t bytes) {
  nghttp2_session_consume_stream(session_.get(), id, bytes);
  to_write_.set();
}

void Session::begin_answer(Stream& stream) {
  std::vector<nghttp2_nv> head{field(":status", "200"), field("content-type", "application/grpc")};
  for (const auto& [name, value] : stream.metadata()) {
    head.push_back(field(name, value));
  }
  const nghttp2_data_provider provider{{.ptr = nullptr}, Callbacks::produce};
  if (nghttp2_submit_response(session_.get(), stream.id(), head.data(), head.size(), &provider) != 0) {
    stream.close();
  }
}

void Session::resume(std::int32_t id) {
  nghttp2_session_resume_data(session_.get(), id);  // an error where it was not put off: it is asked anyway
  to_write_.set();
}

ssize_t Session::on_produce(std::int32_t id, MutableBytes out, std::uint32_t& flags) {
  const auto stream = find(id);
  if (!stream || stream->gone()) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  bool ended = false;
  const std::size_t count = stream->produce(out, ended);
  if (ended) {
    const std::string status = std::to_string(stream->status());
    const std::array trailer{field("grpc-status", status), field("grpc-message", stream->status_message())};
    flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    const std::size_t fields = stream->status_message().empty() ? 1 : 2;
    if (nghttp2_submit_trailer(session_.get(), id, trailer.data(), fields) != 0) {
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
  } else if (count == 0) {
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(count);
}

void Session::answer_with_status_alone(Stream& stream) {
  const std::string status = std::to_string(stream.status());
  std::vector<nghttp2_nv> head{field(":status", "200"), field("content-type", "application/grpc"),
                               field("grpc-status", status), field("grpc-message", stream.status_message())};
  for (const auto& [name, value] : stream.metadata()) {
    head.push_back(field(name, value));
  }
  if (nghttp2_submit_response(session_.get(), stream.id(), head.data(), head.size(), nullptr) != 0) {
    stream.close();
  }
  to_write_.set();
}

void Session::answer_plainly(std::int32_t id, int status) {
  const std::string text = std::to_string(status);
  const std::array head{field(":status", text)};
  if (nghttp2_submit_response(session_.get(), id, head.data(), head.size(), nullptr) != 0) {
    give_up(*find(id));
  }
}

void Session::give_up(Stream& stream) {
  stream.close();
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id(), NGHTTP2_CANCEL);
  to_write_.set();
}

Task<void> serve(http::ByteStream& stream, Service& service, Memory& memory, const Limits& limits) {
  const auto session = std::make_shared<Session>(stream, service, memory, limits);
  co_await session->run();
}

}  // namespace blindai::grpc
