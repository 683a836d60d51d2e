// HTTP/2 and calls on a connection that is memory: a client of nghttp2 at the other end, frames by hand, short times.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <map>

#include "grpc/event.h"
#include "grpc/framing.h"
#include "http/zipped.h"
#include "wire.h"

namespace blindai::grpc {
namespace {

using namespace std::chrono_literals;

struct Methods final : Service {
  Result<Method> find(const Head& head, http::Connection&) override {
    ++found;
    if (head.path == "/no") {
      return fail(Code::unauthenticated, {"no key"});
    }
    Method method;
    method.message_bytes = 100'000;
    method.streams = head.path == "/each";
    method.run = [this, path = head.path](Call& call) { return path == "/each" ? each(call) : one(call, path); };
    return method;
  }
  Task<Result<void>> one(Call& call, std::string path) {
    if (path == "/throw") {
      throw std::bad_alloc();
    }
    ++running;
    const Result<void> done = co_await answer(call, path);
    --running;
    co_return done;
  }
  Task<Result<void>> answer(Call& call, const std::string& path) {
    if (path == "/wait") {
      Event tick(call.executor());
      while (!released) {
        co_await tick.wait(Steady::now() + 1ms);
      }
      co_return fail(Code::unavailable, {"waited"});
    }
    BLINDAI_CO_TRY(const Message message, co_await read_only(call));
    const std::array<ByteView, 3> parts{ByteView(message.bytes).first(message.bytes.size() / 2), ByteView(),
                                        ByteView(message.bytes).subspan(message.bytes.size() / 2)};
    call.add_metadata("x-told", "once");
    co_return co_await call.write_last(parts);
  }
  Task<Result<void>> each(Call& call) {
    while (true) {
      BLINDAI_CO_TRY(const auto message, co_await call.read());
      if (!message) {
        co_return Result<void>();
      }
      const ByteView view = message->bytes;
      BLINDAI_CO_CHECK(co_await call.write(std::span(&view, 1)));
    }
  }
  int found = 0;
  int running = 0;
  bool released = false;
};

Bytes framed(ByteView message, std::uint8_t flag = 0) {
  Prefix prefix = prefix_of(static_cast<std::uint32_t>(message.size()));
  prefix[0] = flag;
  Bytes out = copy(prefix);
  append(out, message);
  return out;
}

struct Got {
  std::map<std::string, std::string> fields;
  Bytes data;
  std::optional<std::uint32_t> closed;  // why
};

struct GrpcSession : testing::Test {
  boost::asio::io_context io{1};
  Wire wire{io};
  Methods methods;
  Memory memory{1'000'000};
  Limits limits;
  bool over = false;
  nghttp2_session* client = nullptr;
  std::map<std::int32_t, Got> got;
  std::map<std::int32_t, std::pair<Bytes, bool>> sending;  // and whether the stream ends with it
  std::optional<std::uint32_t> goaway;

  void start(std::uint32_t window = 65535) {
    boost::asio::co_spawn(
        io,
        [this]() -> Task<void> {
          co_await serve(wire, methods, memory, limits);
          over = true;
        },
        boost::asio::detached);
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
          auto& fields = static_cast<GrpcSession*>(self)->got[frame->hd.stream_id].fields;
          fields[std::string(as_text({name, name_size}))] = as_text({value, value_size});
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks,
        [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size, void* self) {
          append(static_cast<GrpcSession*>(self)->got[id].data, ByteView(data, size));
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t why, void* self) {
          static_cast<GrpcSession*>(self)->got[id].closed = why;
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          if (frame->hd.type == NGHTTP2_GOAWAY) {
            static_cast<GrpcSession*>(self)->goaway = frame->goaway.error_code;
          }
          return 0;
        });
    nghttp2_session_client_new(&client, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
    nghttp2_submit_settings(client, NGHTTP2_FLAG_NONE, &settings, 1);
    settle();
  }
  void TearDown() override {
    wire.close();
    methods.released = true;
    io.restart();
    io.run_for(2s);
    EXPECT_TRUE(over);
    EXPECT_EQ(memory.used(), 0U);
    EXPECT_EQ(methods.running, 0);
    nghttp2_session_del(client);
  }

  // Both ends say what they have to say, until neither has more.
  void settle() {
    bool more = true;
    while (more) {
      more = false;
      const std::uint8_t* piece = nullptr;
      ssize_t count = 0;
      while ((count = nghttp2_session_mem_send(client, &piece)) > 0) {
        wire.put({piece, static_cast<std::size_t>(count)});
        more = true;
      }
      io.restart();
      more = io.poll() > 0 || more;
      if (const Bytes out = std::exchange(wire.out, {}); !out.empty()) {
        nghttp2_session_mem_recv(client, out.data(), out.size());
        more = true;
      }
    }
  }
  // Until that holds; false after a few seconds.
  bool becomes(const std::function<bool()>& holds) {
    const auto end = Steady::now() + 5s;
    while (!holds()) {
      io.restart();
      io.run_for(10ms);
      settle();
      if (Steady::now() > end) {
        return false;
      }
    }
    return true;
  }

  using Fields = std::vector<std::pair<std::string, std::string>>;
  std::int32_t begin(const std::string& path, Bytes bytes, bool ends = true, const Fields& more = {},
                     const std::string& type = "application/grpc", const std::string& method = "POST") {
    Fields fields{{":method", method}, {":scheme", "https"}, {":path", path}, {":authority", "x"}};
    fields.emplace_back("content-type", type);
    fields.insert(fields.end(), more.begin(), more.end());
    std::vector<nghttp2_nv> head;
    for (auto& [name, value] : fields) {
      head.push_back({reinterpret_cast<std::uint8_t*>(name.data()), reinterpret_cast<std::uint8_t*>(value.data()),
                      name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});  // NOLINT
    }
    const nghttp2_data_provider body{{.ptr = this},
                                     [](nghttp2_session*, std::int32_t id, std::uint8_t* out, std::size_t size,
                                        std::uint32_t* flags, nghttp2_data_source* source, void*) -> ssize_t {
                                       auto& [all, last] = static_cast<GrpcSession*>(source->ptr)->sending[id];
                                       const std::size_t count = std::min(size, all.size());
                                       std::ranges::copy(ByteView(all).first(count), out);
                                       all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
                                       if (all.empty() && last) {
                                         *flags |= NGHTTP2_DATA_FLAG_EOF;
                                       }
                                       return count == 0 && !last ? ssize_t{NGHTTP2_ERR_DEFERRED}
                                                                  : static_cast<ssize_t>(count);
                                     }};
    const std::int32_t id = nghttp2_submit_request(client, nullptr, head.data(), head.size(), &body, nullptr);
    sending[id] = {std::move(bytes), ends};
    return id;
  }
  Got& ask(const std::string& path, const Bytes& bytes, const Fields& more = {}) {
    const std::int32_t id = begin(path, bytes, true, more);
    settle();
    return got[id];
  }
  std::string status(const std::string& path, const Bytes& bytes, const Fields& more = {}) {
    return ask(path, bytes, more).fields["grpc-status"];
  }
  // A frame that nghttp2's client would not send.
  void put_frame(std::uint8_t kind, std::uint8_t flags, std::int32_t id, const Bytes& payload) {
    Bytes frame{0, 0, static_cast<std::uint8_t>(payload.size()), kind, flags, 0, 0, 0, static_cast<std::uint8_t>(id)};
    append(frame, payload);
    wire.put(frame);
  }
};

TEST_F(GrpcSession, AnswersACall) {
  start();
  const Got& answer = ask("/echo", framed(as_bytes("hello")));
  EXPECT_EQ(answer.fields.at(":status"), "200");
  EXPECT_EQ(answer.fields.at("grpc-status"), "0");
  EXPECT_EQ(answer.fields.at("x-told"), "once");
  EXPECT_FALSE(answer.fields.contains("grpc-message"));
  EXPECT_EQ(answer.data, framed(as_bytes("hello")));
  EXPECT_EQ(answer.closed, NGHTTP2_NO_ERROR);
  EXPECT_TRUE(wire.idle);
}

TEST_F(GrpcSession, CarriesMessagesLargerThanAnyWindow) {
  limits.call_window_bytes = 1000;
  start(1000);
  const Bytes message(100'000, 7);
  EXPECT_EQ(ask("/echo", framed(message)).data, framed(message));
}

TEST_F(GrpcSession, AnswersEachMessageOfAStream) {
  start();
  Bytes all;
  for (int i = 0; i < 100; ++i) {
    append(all, framed(as_bytes(std::to_string(i))));
  }
  const Got& answer = ask("/each", all);
  EXPECT_EQ(answer.data, all);
  EXPECT_EQ(answer.fields.at("grpc-status"), "0");
}

TEST_F(GrpcSession, RefusesFromTheHeadAndKeepsNothingOfWhatFollows) {
  start();
  const std::int32_t id = begin("/no", framed(Bytes(50'000)), false);
  settle();
  EXPECT_EQ(got[id].fields["grpc-status"], "16");
  EXPECT_EQ(got[id].fields["grpc-message"], "no key");
  EXPECT_EQ(got[id].closed, NGHTTP2_NO_ERROR);
  EXPECT_EQ(memory.used(), 0U);
}

TEST_F(GrpcSession, RefusesHeadsThatAreNoCall) {
  start();
  const auto http_status = [&](const std::string& type, const std::string& method) {
    const std::int32_t id = begin("/echo", {}, true, {}, type, method);
    settle();
    return got[id].fields[":status"];
  };
  EXPECT_EQ(http_status("application/json", "POST"), "415");
  EXPECT_EQ(http_status("application/grpc", "PUT"), "405");
  EXPECT_EQ(status("/echo", framed({}), {{"x", std::string(17'000, 'y')}}), "8");
  EXPECT_EQ(status("/echo", framed({}), {{"authorization", "a"}, {"authorization", "b"}}), "3");
  EXPECT_EQ(status("/echo", framed({}), {{"blindai-model-digest", "a"}, {"blindai-model-digest", "a"}}), "3");
  EXPECT_EQ(status("/echo", framed({}), {{"grpc-timeout", "1x"}}), "3");
  EXPECT_EQ(status("/echo", framed({}), {{"grpc-encoding", "snappy"}}), "12");
  EXPECT_EQ(methods.found, 0);
  EXPECT_EQ(status("/echo", framed({})), "0");
}

TEST_F(GrpcSession, RefusesMessagesThatAreNone) {
  start();
  EXPECT_EQ(status("/echo", {}), "3");
  EXPECT_EQ(status("/echo", {0, 0, 0}), "3");
  EXPECT_EQ(status("/echo", {0, 0, 0, 0, 5, 1}), "3");
  EXPECT_EQ(status("/echo", framed({}, 2)), "3");
  EXPECT_EQ(status("/echo", {0, 0xff, 0xff, 0xff, 0xff}), "8");
  EXPECT_EQ(status("/echo", framed(Bytes(100'001))), "8");
  Bytes two = framed({});
  append(two, framed({}));
  EXPECT_EQ(status("/echo", two), "3");
  EXPECT_EQ(status("/echo", framed({}, 1)), "3");
  EXPECT_EQ(status("/echo", framed(as_bytes("no gzip"), 1), {{"grpc-encoding", "gzip"}}), "3");
  EXPECT_EQ(status("/each", {0, 0, 0, 0, 5, 1}), "3");
  const Bytes undeclared = http::zipped(Bytes(10), http::zlib_window);
  EXPECT_EQ(status("/echo", framed(undeclared, 1)), "3");
  EXPECT_EQ(status("/echo", framed(undeclared, 1), {{"grpc-encoding", "identity"}}), "3");
  EXPECT_EQ(status("/throw", framed({})), "8");
}

TEST_F(GrpcSession, TakesCompressedMessagesWithinTheLimit) {
  start();
  const Bytes message(99'000, 7);
  for (const auto& [window, name] : {std::pair{http::gzip_window, "gzip"}, {http::zlib_window, "deflate"}}) {
    const Fields says{{"grpc-encoding", name}};
    const Bytes packed = http::zipped(message, window);
    EXPECT_EQ(ask("/echo", framed(packed, 1), says).data, framed(message)) << name;
    EXPECT_EQ(ask("/echo", framed(message), says).data, framed(message)) << name;
    EXPECT_EQ(status("/echo", framed(http::zipped(Bytes(100001), window), 1), says), "8");
    EXPECT_EQ(status("/echo", framed(ByteView(packed).first(packed.size() - 1), 1), says), "3");
    EXPECT_EQ(status("/echo", framed({}, 1), says), "3");
  }
}

TEST_F(GrpcSession, GivesUpAMessageThatComesSlowly) {
  wire.http_limits.body_stall_time = 500ms;
  start();
  const std::int32_t id = begin("/echo", framed(Bytes(1000)), false);
  sending[id].first.resize(10);
  EXPECT_TRUE(becomes([&] {
    sending[id].first.push_back(0);
    nghttp2_session_resume_data(client, id);
    return got[id].closed.has_value();
  }));
  EXPECT_EQ(got[id].fields["grpc-status"], "4");
}

TEST_F(GrpcSession, GivesUpMessagesBeyondTheMemoryOfAll) {
  start();
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 12; ++i) {
    Bytes most = framed(Bytes(99'000));
    most.pop_back();
    ids.push_back(begin("/echo", std::move(most), false));
  }
  settle();
  const auto refused = std::ranges::count_if(ids, [&](auto id) { return got[id].fields["grpc-status"] == "8"; });
  EXPECT_GE(refused, 1);
  EXPECT_LE(memory.used(), 1'100'000U);
}

TEST_F(GrpcSession, CountsFramesThatCarryNothing) {
  start();
  for (int i = 0; i < 1990 && !goaway; ++i) {
    put_frame(NGHTTP2_PING, 0, 0, Bytes(8));
    settle();
  }
  EXPECT_FALSE(goaway);
  for (int i = 0; i < 1000 && !goaway; ++i) {
    put_frame(NGHTTP2_PING, 0, 0, Bytes(8));
    settle();
  }
  EXPECT_EQ(goaway, NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST_F(GrpcSession, LetsManyCallsThatEndWell) {
  start();
  for (int i = 0; i < 3000; ++i) {
    ASSERT_EQ(status("/echo", framed({})), "0") << i;
  }
}

TEST_F(GrpcSession, CountsCallsThatRunAndNotTheirStreams) {
  limits.calls = 4;
  start();
  for (int i = 0; i < 4; ++i) {
    const std::int32_t id = begin("/wait", {}, false);
    settle();
    nghttp2_submit_rst_stream(client, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    settle();
  }
  EXPECT_EQ(methods.running, 4);
  const std::int32_t refused = begin("/echo", framed({}));
  settle();
  EXPECT_EQ(got[refused].closed, NGHTTP2_REFUSED_STREAM);
}

TEST_F(GrpcSession, GivesUpAMessageThatDoesNotCome) {
  wire.http_limits.body_stall_time = 100ms;
  start();
  Bytes half = framed(Bytes(100));
  half.resize(50);
  const std::int32_t id = begin("/echo", half, false);
  const std::int32_t quiet = begin("/each", {}, false);  // between messages, it may be so for longer
  EXPECT_TRUE(becomes([&] { return got[id].closed.has_value(); }));
  EXPECT_EQ(got[id].fields["grpc-status"], "4");
  EXPECT_FALSE(got[quiet].closed);
}

TEST_F(GrpcSession, GivesUpAStreamThatIsQuietForLong) {
  limits.quiet_time = 100ms;
  start();
  const std::int32_t id = begin("/each", {}, false);
  EXPECT_TRUE(becomes([&] { return got[id].closed.has_value(); }));
  EXPECT_EQ(got[id].fields["grpc-status"], "4");
}

TEST_F(GrpcSession, GivesUpAnAnswerThatIsNotRead) {
  wire.http_limits.answer_stall_time = 100ms;
  start(0);
  const std::int32_t id = begin("/echo", framed(Bytes(10)));
  EXPECT_TRUE(becomes([&] { return got[id].closed.has_value(); }));
  EXPECT_EQ(got[id].closed, NGHTTP2_CANCEL);
  EXPECT_FALSE(wire.closed);
}

TEST_F(GrpcSession, ClosesAConnectionThatTakesNoBytes) {
  wire.http_limits.answer_stall_time = 100ms;
  start();
  begin("/wait", {}, false);
  settle();
  wire.stuck = true;
  put_frame(NGHTTP2_PING, 0, 0, Bytes(8));
  EXPECT_TRUE(becomes([&] { return wire.closed; }));
}

TEST_F(GrpcSession, SaysGoodbyeToAPeerThatWantsNothing) {
  wire.http_limits.idle_time = 300ms;
  start();
  EXPECT_EQ(status("/echo", framed({})), "0");
  EXPECT_TRUE(becomes([&] { return goaway.has_value(); }));
  EXPECT_EQ(goaway, NGHTTP2_NO_ERROR);
  EXPECT_LT(wire.ends, Steady::now() + 3s);
}

TEST_F(GrpcSession, EndsWhatRunsWhenTheServerDrains) {
  start();
  const std::int32_t id = begin("/wait", {}, false);
  settle();
  EXPECT_FALSE(wire.idle);
  wire.drains = true;
  EXPECT_TRUE(becomes([&] { return goaway.has_value(); }));
  EXPECT_EQ(goaway, NGHTTP2_NO_ERROR);
  EXPECT_FALSE(got[id].closed);
  methods.released = true;
  EXPECT_TRUE(becomes([&] { return got[id].closed.has_value(); }));
  EXPECT_EQ(got[id].fields["grpc-status"], "14");
}

TEST_F(GrpcSession, TellsACallThatItsCallerIsGone) {
  start();
  Bytes half = framed(Bytes(100));
  half.pop_back();
  begin("/echo", half, false);
  settle();
  EXPECT_EQ(methods.running, 1);
  wire.close();
  settle();
  EXPECT_EQ(methods.running, 0);
  EXPECT_TRUE(becomes([&] { return over; }));
}

}  // namespace
}  // namespace blindai::grpc
