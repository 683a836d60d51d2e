#include "worker/memory.h"

#include "base/checked.h"

namespace blindai::worker {

std::uint64_t memory_limit(const gate::Admitted& admitted, std::uint64_t room_bytes, bool in_place) {
  const std::uint64_t copies_of_weights = in_place ? 2 : 4;
  constexpr std::uint64_t copies_of_graph = 16;
  std::uint64_t weight_bytes = 0;
  for (const gate::Weight& weight : admitted.weights) {
    weight_bytes += weight.size;
  }
  return copies_of_weights * weight_bytes + copies_of_graph * admitted.graph.size() + room_bytes;
}

}  // namespace blindai::worker
