// blindai-worker-reference: a worker on the reference engine, for tests alone.
#include "engine/reference/reference.h"
#include "worker/process.h"

int main() {
  return blindai::worker::run_worker({.load_library = nullptr, .make = [](const blindai::engine::Options&) {
                                        return blindai::Result<std::unique_ptr<blindai::engine::Engine>>(
                                            blindai::engine::make_reference());
                                      }});
}

// Read by a sanitizer's run time before main(): the environment of a worker is empty. Its sandbox lets it run no other
// program, so addresses in reports are for addr2line to resolve.
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): names that the run times look for
extern "C" {
__attribute__((used)) const char* __asan_default_options() { return "symbolize=0"; }
__attribute__((used)) const char* __tsan_default_options() { return "symbolize=0:halt_on_error=1"; }
__attribute__((used)) const char* __ubsan_default_options() { return "symbolize=0"; }
}
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
