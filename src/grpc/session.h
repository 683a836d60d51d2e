// Private to this folder: HTTP/2 on one connection (RFC 9113), by nghttp2, and the calls on it.
//
// One coroutine reads, one writes, one looks at the clock; each call has one more. nghttp2 sees bytes alone: it has no
// socket, no thread and no time.
#pragma once

#include <nghttp2/nghttp2.h>

#include <map>

#include "grpc/stream.h"

namespace blindai::grpc {

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(http::ByteStream& stream, Service& service, Memory& memory, const Limits& limits);
  Task<void> run();

  // For a stream.
  boost::asio::any_io_executor executor() const { return stream_.executor(); }
  http::Connection& connection() { return stream_.connection(); }
  bool draining() const { return stream_.draining(); }
  void consumed(std::int32_t id, std::size_t bytes);
  void begin_answer(Stream& stream);
  void resume(std::int32_t id);
  void answer_with_status_alone(Stream& stream);
  void give_up(Stream& stream);

 private:
  struct Free {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };
  bool open();
  Task<void> read();
  Task<void> write();
  Task<void> watch();
  static Task<void> run_call(std::shared_ptr<Session> self, std::shared_ptr<Stream> stream, Method method);
  void begin_call(const std::shared_ptr<Stream>& stream);
  void answer_plainly(std::int32_t id, int status);
  void end_stream(std::int32_t id, bool well);
  void refill(Steady::time_point now);
  void earn(std::int64_t frames) { frames_ = std::min(limits_.idle_frames, frames_ + frames); }
  bool lives() const;
  std::shared_ptr<Stream> find(std::int32_t id) const;
  void shut_down(std::uint32_t why);

  int on_begin_frame();
  int on_begin_headers(const nghttp2_frame& frame);
  int on_header(const nghttp2_frame& frame, ByteView name, ByteView value);
  int on_frame(const nghttp2_frame& frame);
  int on_data(std::int32_t id, ByteView data);
  int on_sent(const nghttp2_frame& frame);
  ssize_t on_produce(std::int32_t id, MutableBytes out, std::uint32_t& flags);
  friend struct Callbacks;

  http::ByteStream& stream_;
  Service& service_;
  Memory& memory_;
  const Limits limits_;
  std::unique_ptr<nghttp2_session, Free> session_;
  std::map<std::int32_t, std::shared_ptr<Stream>> streams_;
  std::uint32_t calls_ = 0;      // that run, their streams open or not
  std::uint32_t helpers_ = 0;    // write() and watch(), while they run
  std::int64_t frames_ = 0;      // that may still come and carry nothing
  std::int64_t data_bytes_ = 0;  // that have not earned a frame yet
  Steady::time_point refilled_;
  Steady::time_point idle_since_;
  std::optional<Steady::time_point> write_began_;
  Event to_write_;
  Event written_;
  Event tick_;
  Event ended_;
  bool over_ = false;       // nothing more is read
  bool leaving_ = false;    // no more calls
  bool had_calls_ = false;  // since watch() last looked
  bool asleep_ = false;     // watch(), until there are calls
};

}  // namespace blindai::grpc
