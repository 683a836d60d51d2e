// How much memory there is for models and their workers.
//
// Thread rule: pure functions; memory_for_models() reads files of the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace blindai::server {

// Bytes of a "MemTotal:  123 kB" in /proc/meminfo; nothing where there is none.
std::optional<std::uint64_t> memory_of_machine(std::string_view meminfo);
// Bytes of a `memory.max`; nothing where it is "max" or makes no sense.
std::optional<std::uint64_t> memory_of_group(std::string_view memory_max);
// What was configured, or for 0 nine tenths of what this process may have.
std::uint64_t memory_for_models(std::uint64_t configured);

}  // namespace blindai::server
