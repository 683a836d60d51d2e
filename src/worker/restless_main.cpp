// A worker on ONNX Runtime for tests alone: a thread of it computes without end, as of one that a model took over.
#include <atomic>
#include <thread>

#include "worker/process.h"

int main() {
  return blindai::worker::run_worker(
      {.load_library = &blindai::engine::load_onnxruntime, .make = [](const blindai::engine::Options& options) {
         std::thread([] {
           for (std::atomic<unsigned> turns = 0;; ++turns) {
           }
         }).detach();
         return blindai::engine::make_onnxruntime(options);
       }});
}
