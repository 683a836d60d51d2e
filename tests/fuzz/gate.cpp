// An ONNX model, in a body with one more file. Two bytes say how long the model is; the rest is "w.data".
#include "fuzz/gate_promises.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai;
  ByteView body(data, size);
  const std::size_t model_size = std::min<std::size_t>(fuzz::take_number(body, 2), body.size());
  fuzz::check_gate(body, model_size);
  return 0;
}
