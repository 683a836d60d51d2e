// What a process has in memory, as the kernel tells it to anybody.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "worker/placement.h"

namespace blindai::worker {

struct Footprint {
  std::uint64_t own_bytes = 0;   // that it shares with nobody: without the model's bytes and the ring
  std::uint64_t peak_bytes = 0;  // the most that it ever had, with what it shares
};
// From the text of /proc/PID/status; nothing where it does not say so.
std::optional<Footprint> parse_footprint(std::string_view status);
std::optional<Footprint> footprint_of(int pid);
// What a worker is expected to take of its own, before anybody has measured it: the engine, and a copy of the weights where
// they are packed.
std::uint64_t expected_own_bytes(std::uint64_t body_bytes, Weights weights);

}  // namespace blindai::worker
