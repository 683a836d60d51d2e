// How many CPUs this process may use: those that it may run on, less where a control group grants less time.
//
// Thread rule: pure functions; cpus() reads files of the kernel.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blindai::schedule {

// Whole CPUs of a `cpu.max` ("max 100000", "150000 100000"), rounded up; nothing where there is no limit or no sense.
std::optional<unsigned> cpus_of_quota(std::string_view cpu_max);
// The folders of the control group, version 2, that a line "0::/a/b" of /proc/self/cgroup names: itself and those above.
std::vector<std::string> folders_of_group(std::string_view proc_cgroup);
// At least 1.
unsigned cpus();

}  // namespace blindai::schedule
