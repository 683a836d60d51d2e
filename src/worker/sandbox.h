// The layers around a worker, each by a word that the keyset shows.
//
//   at birth (spawn.h)      user, network, mount, ipc and pid namespaces of its own
//   before the engine       no_new_privs, not dumpable, no core file, Landlock: reading below /proc and /sys, no more
//   before the model        only the three descriptors; rlimits; seccomp allowlist over all threads
//
// available_sandbox() tries each layer once on this host; a worker that cannot close one of them does not start.
//
// Thread rule: worker process only, except where said; close_sandbox() covers every thread of the process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace blindai::worker {

inline constexpr const char* layer_namespaces = "namespaces";
inline constexpr const char* layer_no_new_privs = "no-new-privs";
inline constexpr const char* layer_landlock = "landlock";
inline constexpr const char* layer_rlimits = "rlimits";
inline constexpr const char* layer_seccomp = "seccomp";

// Flags for clone(2) of the namespaces that a worker lives in.
unsigned long namespace_flags();
// Both sides: whether this host lets an unprivileged process do it.
bool seccomp_works();
bool landlock_works();

// Worker, single thread, before the engine is made. Returns the layers that it closed.
Result<std::vector<std::string>> enter_early_sandbox();
// Worker: exactly the three descriptors are open and the environment is empty.
Result<void> check_descriptors();
// Worker, after every thread and file of the engine: returns the layers that it closed. `memory_bytes`: that the process
// may take besides what it has now.
Result<std::vector<std::string>> close_sandbox(std::uint64_t memory_bytes);

// Landlock and seccomp, each in a file of its own.
Result<void> enter_landlock();
Result<void> enter_seccomp();

}  // namespace blindai::worker
