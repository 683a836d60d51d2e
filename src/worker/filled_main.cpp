// A worker on ONNX Runtime for tests alone: memory that the engine gives to a tensor holds the byte BLINDAI_FILL until
// something is written there. Answers of two such workers that differ have read what nobody wrote.
#include "worker/process.h"

int main() {
  return blindai::worker::run_worker(
      {.load_library = &blindai::engine::load_onnxruntime, .make = [](const blindai::engine::Options& asked) {
         auto options = asked;
         options.fill = std::uint8_t{BLINDAI_FILL};
         return blindai::engine::make_onnxruntime(options);
       }});
}
