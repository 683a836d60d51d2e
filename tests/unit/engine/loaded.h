// ONNX Runtime for tests, loaded as the worker loads it.
#pragma once

#include <fcntl.h>

#include "base/fd.h"
#include "engine/engine.h"

namespace blindai::engine {

inline Result<std::unique_ptr<Engine>> make_loaded(const Options& options) {
  static const auto loaded = [] {
    const UniqueFd library(::open(BLINDAI_ENGINE_LIBRARY, O_RDONLY | O_CLOEXEC));
    return load_onnxruntime(library.get());
  }();
  BLINDAI_CHECK(loaded);
  return make_onnxruntime(options);
}

}  // namespace blindai::engine
