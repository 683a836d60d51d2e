// Both engines, as tests use them. ONNX Runtime is loaded as the worker loads it. Under ThreadSanitizer there is the
// reference engine alone: ONNX Runtime is not instrumented, and of threads that are seen half every report is a guess.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/fd.h"
#include "engine/engine.h"
#include "engine/reference/reference.h"

namespace blindai::engine {

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BLINDAI_WITHOUT_ONNXRUNTIME 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define BLINDAI_WITHOUT_ONNXRUNTIME 1
#endif

#if defined(BLINDAI_WITHOUT_ONNXRUNTIME)
inline constexpr bool onnxruntime_runs = false;
#else
inline constexpr bool onnxruntime_runs = true;
#endif
// In a test or a fixture's SetUp().
#define BLINDAI_NEEDS_ONNXRUNTIME()                                                                       \
  if (!::blindai::engine::onnxruntime_runs) {                                                             \
    GTEST_SKIP() << "ONNX Runtime is not instrumented: ThreadSanitizer sees half of what its threads do"; \
  }

inline Result<std::unique_ptr<Engine>> make_loaded(const Options& options) {
  static const auto loaded = [] {
    const UniqueFd library(::open(BLINDAI_ENGINE_LIBRARY, O_RDONLY | O_CLOEXEC));
    return load_onnxruntime(library.get());
  }();
  BLINDAI_CHECK(loaded);
  return make_onnxruntime(options);
}

// By the names that engines give themselves.
inline Result<std::unique_ptr<Engine>> make_engine(std::string_view name) {
  if (name == reference_name) {
    return make_reference();
  }
  return make_loaded({1, false});
}
inline const std::vector<std::string>& engine_names() {
  static const std::vector<std::string> names{"onnxruntime", std::string(reference_name)};
  return names;
}

}  // namespace blindai::engine
