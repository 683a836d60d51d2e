// blindai-worker: one model for one trust group, on ONNX Runtime, in its sandbox.
#include "worker/process.h"

int main() {
  return blindai::worker::run_worker(
      {.load_library = &blindai::engine::load_onnxruntime, .make = &blindai::engine::make_onnxruntime});
}
