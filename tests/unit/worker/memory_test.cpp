// How much memory a worker may take, and that the process has that limit.
#include "worker/memory.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "worker/a_worker.h"

namespace blindai::worker {
namespace {

TEST(TheMemoryOfAWorker, FollowsFromWhatWasUploadedAndTheRoom) {
  gate::Admitted admitted;
  EXPECT_EQ(memory_limit(admitted, 1000, false), 1000u);
  admitted.graph.resize(10);
  EXPECT_EQ(memory_limit(admitted, 1000, false), 1160u);
  admitted.weights = {{.name = "w", .datatype = DataType::fp32, .shape = {25}, .offset = 0, .size = 100},
                      {.name = "v", .datatype = DataType::fp32, .shape = {50}, .offset = 100, .size = 200}};
  EXPECT_EQ(memory_limit(admitted, 1000, false), 2360u);
  EXPECT_EQ(memory_limit(admitted, 1000, true), 1760u) << "no packed form";
  admitted.estimate.activation_bytes = UINT64_MAX;  // what a model merely says of itself gives it nothing
  EXPECT_EQ(memory_limit(admitted, 1000, false), 2360u);
}

struct ConfinedWorker : AWorker {
  // A number of /proc/PID/FILE: the first after `name`.
  std::uint64_t number(const std::string& file, const std::string& name) const {
    std::ifstream in("/proc/" + std::to_string(worker->status().pid) + "/" + file);
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with(name)) {
        std::uint64_t value = UINT64_MAX;
        std::istringstream(line.substr(name.size())) >> value;
        return value;
      }
    }
    ADD_FAILURE() << name;
    return 0;
  }
};

INSTANTIATE_TEST_SUITE_P(Each, ConfinedWorker, testing::Values("onnxruntime", "reference"),
                         [](const auto& one) { return one.param; });

TEST_P(ConfinedWorker, HasRoomForSoMuchAndNoMore) {
  if (instrumented) {
    GTEST_SKIP() << "a sanitizer's run time needs more than the limits leave";
  }
  constexpr std::uint64_t mib = 1 << 20;
  settings.room_bytes = 64 * mib;
  ASSERT_TRUE(start("loop"));
  const std::uint64_t data = number("limits", "Max data size");
  const std::uint64_t addresses = number("limits", "Max address space");
  EXPECT_GE(data, settings.room_bytes);
  EXPECT_LE(data, number("status", "VmData:") * 1024 + settings.room_bytes + mib);
  EXPECT_GT(addresses, data);
  EXPECT_LE(addresses, number("status", "VmSize:") * 1024 + settings.room_bytes + mib);
  for (const char* name : {"Max processes", "Max open files", "Max file size", "Max core file size"}) {
    EXPECT_EQ(number("limits", name), 0u) << name;
  }
  EXPECT_EQ(number("oom_score_adj", ""), 1000u);
  expect_loop(3, 8);
}

}  // namespace
}  // namespace blindai::worker
