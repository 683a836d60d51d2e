#include "worker/output_region.h"

#include <algorithm>
#include <cstring>

#include "base/checked.h"

namespace blindai::worker {

Result<MutableBytes> OutputRegion::place(std::size_t index, DataType datatype, std::span<const std::int64_t> shape,
                                         std::uint64_t size) {
  if (index >= output_of_ring_.size() || shape.size() > max_rank) {
    return fail(Code::internal, {"the engine returned an output that the model does not have"});
  }
  const auto number = static_cast<std::uint32_t>(output_of_ring_[index]);
  const auto given = std::span(answer_.outputs).first(answer_.count);
  const auto earlier = std::ranges::find(given, number, &TensorHeader::index);
  if (earlier == given.end() && answer_.count >= max_tensors) {
    return fail(Code::internal, {"the engine returned an output that the model does not have"});
  }
  const auto end = checked_add(used_, size);
  if (!end || *end > region_.size()) {
    return fail(Code::too_large, {"the model's answer is larger than the limit of {} bytes", region_.size()});
  }
  if (earlier != given.end()) {  // its first room is given up, and nobody wipes it later
    std::memset(region_.data() + earlier->offset, 0, earlier->size);
  }
  auto& header = earlier != given.end() ? *earlier : answer_.outputs[answer_.count++];
  header.index = number;
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
