#include "worker/output_region.h"

#include <algorithm>
#include <cstring>

#include "base/checked.h"

namespace blindai::worker {

Result<MutableBytes> OutputRegion::place(std::size_t index, DataType datatype, std::span<const std::int64_t> shape,
                                         std::uint64_t size) {
  if (index >= output_of_ring_.size() || answer_.count >= max_tensors || shape.size() > max_rank) {
    return fail(Code::internal, {"the engine returned an output that the model does not have"});
  }
  const auto end = checked_add(used_, size);
  if (!end || *end > region_.size()) {
    return fail(Code::too_large, {"the model's answer is larger than the limit of {} bytes", region_.size()});
  }
  auto& header = answer_.outputs[answer_.count++];
  header.index = static_cast<std::uint32_t>(output_of_ring_[index]);
  header.datatype = static_cast<std::uint32_t>(datatype);
  header.rank = static_cast<std::uint32_t>(shape.size());
  std::ranges::copy(shape, header.dims.begin());
  header.offset = used_;
  header.size = size;
  const auto place = region_.subspan(used_, size);
  used_ = std::min<std::uint64_t>((*end + tensor_alignment - 1) / tensor_alignment * tensor_alignment, region_.size());
  return place;
}

void OutputRegion::erase() { std::memset(region_.data(), 0, used_); }

}  // namespace blindai::worker
