// The worker process, whichever engine it is built with.
//
// Order: the engine's library, engine and threads, sandbox, then the model, then a warm-up run, then requests. The main thread stays on the
// control socket: when the server is gone the socket ends, and so does the process, whatever its runs are doing.
#pragma once

#include "engine/engine.h"

namespace blindai::worker {

struct EngineKind {
  Result<void> (*load_library)(int descriptor) = nullptr;  // null: the engine is part of this program
  Result<std::unique_ptr<engine::Engine>> (*make)(const engine::Options&) = nullptr;
};

// The whole of main(). Returns the exit status.
int run_worker(const EngineKind& kind);

}  // namespace blindai::worker
