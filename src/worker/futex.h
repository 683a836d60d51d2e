// Waiting and waking on a word of shared memory.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdint>

namespace blindai::worker {

// Returns when woken, when *word is no longer `seen`, or for no reason: callers look again.
inline void futex_wait(std::uint32_t* word, std::uint32_t seen) {
  ::syscall(SYS_futex, word, FUTEX_WAIT, seen, nullptr, nullptr, 0);
}
inline void futex_wake_one(std::uint32_t* word) { ::syscall(SYS_futex, word, FUTEX_WAKE, 1, nullptr, nullptr, 0); }

}  // namespace blindai::worker
