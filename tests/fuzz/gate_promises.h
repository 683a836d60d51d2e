// What the gate promises of any model, for the fuzz targets that give it one.
#pragma once

#include "fuzz/fuzz.h"
#include "gate/gate.h"

namespace blindai::fuzz {

// `body`: the model, and behind it "w.data".
inline void check_gate(ByteView body, std::size_t model_size) {
  gate::Limits limits;
  limits.graph_bytes = 1 << 20;
  limits.nodes = 1000;
  limits.initialisers = 1000;
  const auto admitted =
      gate::scan(body, {{"m.onnx", 0, model_size}, {"w.data", model_size, body.size() - model_size}}, limits);
  if (!admitted) {
    return;
  }
  promise(admitted->graph.size() <= limits.graph_bytes, "the small graph is bounded");
  promise(admitted->nodes <= limits.nodes, "nodes are counted");
  promise(!admitted->outputs.empty(), "a model has an output");
  for (const gate::Weight& weight : admitted->weights) {
    promise(weight.offset <= body.size() && weight.size <= body.size() - weight.offset,
            "a weight lies inside the body");
    promise(byte_size(weight.datatype, weight.shape) == weight.size, "a weight fills its shape");
  }
  // The graph for the engine refers to nothing but the weights that were lifted out of it.
  const auto again = gate::scan(admitted->graph, {{"m.onnx", 0, admitted->graph.size()}}, limits);
  promise(again.has_value() == admitted->weights.empty(), "the small graph needs its weights and nothing else");
}

}  // namespace blindai::fuzz
