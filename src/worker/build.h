// What kind of build this is. What is shipped is the plain kind. The others are for tests, cannot be made without
// assertions, and say so to whoever asks: in the keyset's `build`, `code` and `sandbox`, and in a model's description.
//
//   reference engine   (BLINDAI_REFERENCE_ENGINE) workers run the reference engine and ONNX Runtime is not taken
//   instrumented       (BLINDAI_SANITIZE) a sanitizer's run time lives in server and worker. It reserves terabytes, reads
//                      /proc and writes its reports, so a worker has neither rlimits nor the seccomp filter and keeps
//                      standard error. Namespaces, no_new_privs and Landlock are as in every build.
//
// No option of the configuration has a part in this: a plain server refuses a worker that says it runs another engine.
#pragma once

#include <string_view>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BLINDAI_INSTRUMENTED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define BLINDAI_INSTRUMENTED 1
#endif
#endif
// For a function that runs where the sanitizer's run time must not look.
#if defined(BLINDAI_INSTRUMENTED) && defined(__clang__)
#define BLINDAI_UNINSTRUMENTED __attribute__((disable_sanitizer_instrumentation))
#else
#define BLINDAI_UNINSTRUMENTED
#endif
#if defined(NDEBUG) && (defined(BLINDAI_INSTRUMENTED) || defined(BLINDAI_REFERENCE_ENGINE))
#error "a build for tests must not look like one that is shipped"
#endif

namespace blindai::worker {

#if defined(BLINDAI_INSTRUMENTED)
inline constexpr bool instrumented = true;
#else
inline constexpr bool instrumented = false;
#endif

// The engine that a worker must say it runs, the program that does, whether it loads the engine from a library of its
// own, and what the keyset's `build` says besides the version.
#if defined(BLINDAI_REFERENCE_ENGINE)
inline constexpr std::string_view engine_name = "reference";
inline constexpr const char* worker_program = "blindai-worker-reference";
inline constexpr bool engine_has_library = false;
inline constexpr std::string_view build_note = instrumented ? " reference-engine instrumented" : " reference-engine";
#else
inline constexpr std::string_view engine_name = "onnxruntime";
inline constexpr const char* worker_program = "blindai-worker";
inline constexpr bool engine_has_library = true;
inline constexpr std::string_view build_note = instrumented ? " instrumented" : "";
#endif

}  // namespace blindai::worker
