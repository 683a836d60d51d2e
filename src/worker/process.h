// The worker process, whichever engine it is built with.
//
// Order: engine and threads, sandbox, then the model, then a warm-up run, then requests. The main thread stays on the
// control socket: when the server is gone the socket ends, and so does the process, whatever its runs are doing.
#pragma once

#include "engine/engine.h"

namespace blindai::worker {

using EngineFactory = Result<std::unique_ptr<engine::Engine>> (*)(const engine::Options&);

// The whole of main(). Returns the exit status.
int run_worker(EngineFactory make_engine);

}  // namespace blindai::worker
