// An ONNX model, in a body with one more file. Two bytes say how long the model is; the rest is "w.data".
#include "gate/gate.h"

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai;
  ByteView body(data, size);
  const std::size_t model_size = std::min<std::size_t>(fuzz::take_number(body, 2), body.size());
  gate::Limits limits;
  limits.graph_bytes = 1 << 20;
  limits.nodes = 1000;
  limits.initialisers = 1000;
  const auto admitted =
      gate::scan(body, {{"m.onnx", 0, model_size}, {"w.data", model_size, body.size() - model_size}}, limits);
  if (!admitted) {
    return 0;
  }
  fuzz::promise(admitted->graph.size() <= limits.graph_bytes, "the small graph is bounded");
  fuzz::promise(admitted->nodes <= limits.nodes, "nodes are counted");
  fuzz::promise(!admitted->outputs.empty(), "a model has an output");
  for (const gate::Weight& weight : admitted->weights) {
    fuzz::promise(weight.offset <= body.size() && weight.size <= body.size() - weight.offset,
                  "a weight lies inside the body");
    fuzz::promise(byte_size(weight.datatype, weight.shape) == weight.size, "a weight fills its shape");
  }
  // The graph for the engine refers to nothing but the weights that were lifted out of it.
  const auto again = gate::scan(admitted->graph, {{"m.onnx", 0, admitted->graph.size()}}, limits);
  fuzz::promise(again.has_value() == admitted->weights.empty(), "the small graph needs its weights and nothing else");
  return 0;
}
