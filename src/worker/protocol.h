// What the server and the worker say to each other over the control socket (a stream).
//
//   worker  hello    CBOR {engine, version, sandbox}     the engine is made, the sandbox is closed
//   server  graph    the small ONNX model
//   server  weights  CBOR {inputs, outputs, weights}
//   worker  ready (CBOR, the layout) | refused (code, then text)
//   then    worker -> server: one byte per finished run, the index of its slot
//           server -> worker: Interrupt messages
//
// The worker's frames are bounded by max_worker_frame and read by the server as hostile. After READY no text travels
// here: a worker that has seen data has no words left but those of an answer to its own caller.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "gate/gate.h"
#include "worker/layout.h"
#include "worker/ring.h"

namespace blindai::worker {

// The only descriptors of a worker.
inline constexpr int body_descriptor = 3;
inline constexpr int ring_descriptor = 4;
inline constexpr int control_descriptor = 5;
// And one that it closes before anything else: the engine's library, where the engine is not part of the program.
inline constexpr int engine_descriptor = 6;

enum class FrameKind : std::uint32_t { hello = 1, graph = 2, weights = 3, ready = 4, refused = 5 };

struct FrameHead {
  std::uint32_t kind = 0;
  std::uint32_t reserved = 0;
  std::uint64_t size = 0;
};

struct Interrupt {
  std::uint64_t slot = 0;
  std::uint64_t sequence = 0;
};

inline constexpr std::size_t max_worker_frame = 4096;
inline constexpr std::size_t max_server_frame = std::size_t{1} << 30U;

struct Hello {
  std::string engine;
  std::string version;
  std::vector<std::string> sandbox;
};
Bytes encode(const Hello& hello);
Result<Hello> decode_hello(ByteView bytes);

struct LoadPlan {
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
  std::vector<gate::Weight> weights;
};
Bytes encode_plan(const gate::Admitted& admitted);
Result<LoadPlan> decode_plan(ByteView bytes);

Bytes encode(const Layout& layout);
// As hostile as the rest: counts within what was offered, sizes rising and at most `head.most_rows`. Errors: internal.
Result<Layout> decode_layout(ByteView bytes, const RingHead& head);
// Of a count of threads: how many runs at once.
unsigned runs_of(unsigned threads, const RingHead& head);

struct Refusal {
  Code code{};
  std::string text;
};
Bytes encode(const Refusal& refusal);
Result<Refusal> decode_refusal(ByteView bytes);

}  // namespace blindai::worker
