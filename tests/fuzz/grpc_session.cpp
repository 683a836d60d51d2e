// A connection that speaks HTTP/2, from its first byte: frames, headers, and calls to a service that sends back what it
// gets. The first byte says in what pieces the others come.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "fuzz/fuzz.h"
#include "unit/grpc/wire.h"

namespace {

using namespace blindai;

constexpr std::size_t message_limit = 4096;

struct Echo final : grpc::Service {
  Result<grpc::Method> find(const grpc::Head& head, http::Connection&) override {
    if (!head.path.starts_with("/")) {
      return fail(Code::unimplemented, {"no such method"});
    }
    grpc::Method method;
    method.message_bytes = message_limit;
    method.streams = true;
    method.run = [](grpc::Call& call) { return each(call); };
    return method;
  }
  static grpc::Task<Result<void>> each(grpc::Call& call) {
    while (true) {
      BLINDAI_CO_TRY(const auto message, co_await call.read());
      if (!message) {
        co_return Result<void>();
      }
      fuzz::promise(message->bytes.size() <= message_limit, "a message is bounded, plain or inflated");
      const ByteView view = message->bytes;
      BLINDAI_CO_CHECK(co_await call.write(std::span(&view, 1)));
    }
  }
};

grpc::Task<void> serve(grpc::Wire& wire, Echo& echo, grpc::Memory& memory, bool& over) {
  const grpc::Limits limits;
  co_await grpc::serve(wire, echo, memory, limits);
  over = true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView input(data, size);
  const std::size_t piece = fuzz::take_number(input, 1) + 1;
  boost::asio::io_context io{1};
  grpc::Wire wire(io);
  Echo echo;
  grpc::Memory memory(1 << 20);
  bool over = false;
  boost::asio::co_spawn(io, serve(wire, echo, memory, over), boost::asio::detached);
  io.poll();
  while (!input.empty() && !over) {
    wire.put(fuzz::take(input, piece));
    io.restart();
    io.poll();
    wire.out.clear();
  }
  wire.close();
  io.restart();
  io.run();
  fuzz::promise(over, "a connection that is closed ends, and its calls with it");
  fuzz::promise(memory.used() == 0, "what was held is given back");
  return 0;
}
