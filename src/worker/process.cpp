#include "worker/process.h"

#include <malloc.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <new>

#include "base/checked.h"
#include "worker/build.h"
#include "worker/protocol.h"
#include "worker/runner.h"
#include "worker/sandbox.h"
#include "worker/warm_up.h"

namespace blindai::worker {
namespace {

// Ends the process where the server is gone: there is nobody left to tell.
void receive(MutableBytes bytes) {
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = ::recv(control_descriptor, bytes.data() + have, bytes.size() - have, 0);
    if (got <= 0) {
      ::_exit(0);
    }
    have += static_cast<std::size_t>(got);
  }
}

void send_all(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(control_descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      ::_exit(0);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
}

template <typename T>
MutableBytes bytes_of(T& value) {
  return {reinterpret_cast<std::uint8_t*>(&value), sizeof(value)};  // NOLINT
}

void send_frame(FrameKind kind, ByteView payload) {
  FrameHead head{.kind = static_cast<std::uint32_t>(kind), .reserved = 0, .size = payload.size()};
  send_all(bytes_of(head));
  send_all(payload);
}

Result<Bytes> receive_frame(FrameKind kind) {
  FrameHead head;
  receive(bytes_of(head));
  if (head.kind != static_cast<std::uint32_t>(kind) || head.size > max_server_frame) {
    return fail(Code::internal, {"the worker and the server are of different builds"});
  }
  Bytes payload(head.size);
  receive(payload);
  return payload;
}

// Where each of `theirs` stands in `ours`. The gate and the engine must agree on what goes in and out.
Result<std::vector<std::size_t>> match(const std::vector<TensorSpec>& ours, const std::vector<TensorSpec>& theirs) {
  std::vector<std::size_t> places;
  if (ours.size() != theirs.size()) {
    return fail(Code::model_rejected,
                {"the model has {} inputs or outputs by its file and {} by the engine", theirs.size(), ours.size()});
  }
  for (const auto& tensor : theirs) {
    const auto found = std::ranges::find(ours, tensor.name, &TensorSpec::name);
    if (found == ours.end() || found->datatype != tensor.datatype) {
      return fail(Code::model_rejected,
                  {"the engine does not take {} as the model declares it", Disclosed(tensor.name)});
    }
    places.push_back(static_cast<std::size_t>(found - ours.begin()));
  }
  return places;
}

Result<std::vector<engine::WeightView>> weight_views(const LoadPlan& plan, ByteView body) {
  std::vector<engine::WeightView> views;
  views.reserve(plan.weights.size());
  for (const auto& weight : plan.weights) {
    const auto end = checked_add(weight.offset, weight.size);
    const auto size = byte_size(weight.datatype, weight.shape);
    if (!end || *end > body.size() || size != weight.size) {
      return fail(Code::model_rejected, {"weight {} does not lie in the model's file", Disclosed(weight.name)});
    }
    views.push_back({.name = weight.name,
                     .datatype = weight.datatype,
                     .shape = weight.shape,
                     .data = body.subspan(weight.offset, weight.size)});
  }
  return views;
}

Result<Loaded> load(engine::Engine& engine, const LoadPlan& plan, ByteView graph,
                    const std::vector<engine::WeightView>& weights, const WarmUp::Form& form) {
  Loaded loaded;
  const engine::Loading loading{
      .threading = form.threads == 1 ? engine::Threading::caller : engine::Threading::pool,
      .weights = form.weights == Weights::packed ? engine::Weights::packed : engine::Weights::in_place};
  BLINDAI_TRY(loaded.model, engine.load(graph, weights, loading));
  BLINDAI_TRY(loaded.input_of_engine, match(loaded.model->inputs(), plan.inputs));
  BLINDAI_TRY(loaded.output_of_ring, match(plan.outputs, loaded.model->outputs()));
  for (unsigned i = 0; i < form.runs; ++i) {
    BLINDAI_TRY(auto slot, loaded.model->make_slot());
    loaded.slots.push_back(std::move(slot));
  }
  return loaded;
}

Result<WarmUp::Warm> receive_model(engine::Engine& engine, Runners& runners, ByteView body, const RingHead& head) {
  try {
    BLINDAI_TRY(const auto graph, receive_frame(FrameKind::graph));
    BLINDAI_TRY(const auto encoded, receive_frame(FrameKind::weights));
    BLINDAI_TRY(const auto plan, decode_plan(encoded));
    BLINDAI_TRY(const auto weights, weight_views(plan, body));
    WarmUp warm_up(runners, plan, head,
                   [&](const WarmUp::Form& form) { return load(engine, plan, graph, weights, form); });
    return warm_up.run();
  } catch (const std::bad_alloc&) {
    return fail(Code::resource_exhausted, {"the model needs more memory than it may use"});
  }
}

// In a process namespace of its own a worker is the first process, and the kernel keeps signals from it that it does not
// handle: a fault sent from outside would be lost.
void end_on_faults() {
  if (instrumented) {
    return;  // the sanitizer's run time handles them, and has something to say
  }
  for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTERM}) {
    ::signal(number, [](int received) { ::_exit(128 + received); });
  }
}

// Until the sandbox is closed: everything that opens files or makes threads.
struct Prepared {
  Ring ring;
  Mapping body;
  std::unique_ptr<engine::Engine> engine;
  Runners* runners = nullptr;
};

Result<std::unique_ptr<Prepared>> prepare(const EngineKind& kind, std::vector<std::string>& layers) {
  // One arena: others grow by mprotect, which the sandbox forbids.
  ::mallopt(M_ARENA_MAX, 1);
  end_on_faults();
  auto prepared = std::make_unique<Prepared>();
  BLINDAI_TRY(prepared->ring, Ring::open(ring_descriptor));
  const auto& head = prepared->ring.head();
  BLINDAI_TRY(prepared->body, Mapping::of(body_descriptor, head.body_bytes, Mapping::Access::read_only));
  if (kind.load_library != nullptr) {
    BLINDAI_CHECK(kind.load_library(engine_descriptor));
  }
  ::close(engine_descriptor);
  BLINDAI_TRY(layers, enter_early_sandbox());
  const unsigned pool = std::max({1U, head.threads[0], head.threads[1]});
  BLINDAI_TRY(prepared->engine, kind.make({.threads = pool}));
  prepared->runners = new Runners(prepared->ring);  // NOLINT: lives as long as the process
  prepared->runners->start(head.runners);
  BLINDAI_CHECK(check_descriptors());
  BLINDAI_TRY(const auto late, close_sandbox(head.memory_bytes));
  layers.insert(layers.end(), late.begin(), late.end());
  return prepared;
}

[[noreturn]] void refuse(const Error& error) {
  send_frame(FrameKind::refused, encode(Refusal{error.code, error.message.str()}));
  ::_exit(1);
}

}  // namespace

int run_worker(const EngineKind& kind) {
  std::vector<std::string> layers;
  auto prepared = prepare(kind, layers);
  if (!prepared) {
    refuse(prepared.error());
  }
  auto& [ring, body, engine, runners] = **prepared;
  send_frame(FrameKind::hello, encode(Hello{std::string(engine->name()), engine->version(), layers}));
  auto warm = receive_model(*engine, *runners, body.view(), ring.head());
  if (!warm) {
    refuse(warm.error());
  }
  ::malloc_trim(0);
  send_frame(FrameKind::ready, encode(warm->layout));
  runners->serve(std::move(warm->loaded));
  for (;;) {
    Interrupt message;
    receive(bytes_of(message));
    runners->interrupt(message);
  }
}

}  // namespace blindai::worker
