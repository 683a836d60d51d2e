#include "worker/gathered.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/checked.h"

namespace blindai::worker {
namespace {

constexpr std::size_t kept_capacity = std::size_t{4} << 20U;  // of one buffer

std::unexpected<Error> damaged() { return fail(Code::internal, {"the headers of a batch are damaged"}); }

const TensorHeader* find(const Gathered::Member& member, std::size_t index) {
  const auto found = std::ranges::find(member.inputs, static_cast<std::uint32_t>(index), &TensorHeader::index);
  return found == member.inputs.end() ? nullptr : &*found;
}

// Whether a tensor lies in its region and has as many rows as the others of its member, each of the same size.
bool sound(const TensorHeader& tensor, const Gathered::Member& member, const TensorHeader& model) {
  const auto end = checked_add(tensor.offset, tensor.size);
  return end && *end <= member.region.size() && tensor.rank >= 1 && tensor.rank <= max_rank &&
         tensor.rank == model.rank && tensor.dims[0] > 0 && model.dims[0] > 0 &&
         std::equal(tensor.dims.begin() + 1, tensor.dims.begin() + tensor.rank, model.dims.begin() + 1) &&
         (member.rows == 0 || tensor.dims[0] == member.rows) &&
         tensor.size / static_cast<std::uint64_t>(tensor.dims[0]) ==
             model.size / static_cast<std::uint64_t>(model.dims[0]) &&
         tensor.size % static_cast<std::uint64_t>(tensor.dims[0]) == 0;
}

}  // namespace

void Gathered::Buffer::Free::operator()(std::uint8_t* memory) const { std::free(memory); }  // NOLINT

MutableBytes Gathered::Buffer::of(std::size_t size) {
  if (size > capacity) {
    bytes.reset();
    capacity = 0;
    const std::size_t wanted =
        (std::max(size, size + size / 4) + tensor_alignment - 1) / tensor_alignment * tensor_alignment;
    bytes.reset(static_cast<std::uint8_t*>(std::aligned_alloc(tensor_alignment, wanted)));
    if (!bytes) {
      throw std::bad_alloc();
    }
    capacity = wanted;
  }
  return {bytes.get(), size};
}

Result<std::vector<engine::InputView>> Gathered::gather(std::vector<Member>& members,
                                                        const std::vector<TensorSpec>& specs,
                                                        const std::vector<std::size_t>& input_of_engine) {
  rows_ = 0;
  outputs_.clear();
  inputs_.resize(input_of_engine.size());
  std::vector<engine::InputView> views;
  views.reserve(input_of_engine.size());
  for (std::size_t index = 0; index < input_of_engine.size(); ++index) {
    const std::size_t of_engine = input_of_engine[index];
    if (of_engine >= specs.size() || specs[of_engine].datatype == DataType::bytes) {
      return damaged();
    }
    const TensorHeader* first = find(members.front(), index);
    std::int64_t rows = 0;
    std::uint64_t size = 0;
    for (Member& member : members) {
      const TensorHeader* tensor = find(member, index);
      if (first == nullptr || tensor == nullptr || !sound(*tensor, member, *first)) {
        return damaged();
      }
      member.rows = tensor->dims[0];
      rows += member.rows;
      size += tensor->size;
    }
    const MutableBytes place = inputs_[index].of(size);
    std::size_t used = 0;
    for (const Member& member : members) {
      const TensorHeader& tensor = *find(member, index);
      std::ranges::copy(member.region.subspan(tensor.offset, tensor.size),
                        place.begin() + static_cast<std::ptrdiff_t>(used));
      used += tensor.size;
    }
    Shape shape(first->dims.begin(), first->dims.begin() + first->rank);
    shape.front() = rows;
    rows_ = rows;
    views.push_back({.index = of_engine, .shape = std::move(shape), .data = place});
  }
  return views;
}

engine::OutputSink Gathered::sink() {
  return [this](std::size_t index, DataType datatype, const Shape& shape, std::uint64_t size) -> Result<MutableBytes> {
    const auto earlier = std::ranges::find(outputs_, index, &Output::index);
    const std::size_t buffer = earlier == outputs_.end() ? outputs_.size() : earlier->buffer;
    if (buffers_.size() <= buffer) {
      buffers_.emplace_back();
    }
    Output output{index, datatype, shape, buffer, size};
    if (earlier == outputs_.end()) {
      outputs_.push_back(std::move(output));
    } else {
      *earlier = std::move(output);
    }
    return buffers_[buffer].of(size);
  };
}

bool Gathered::whole() const {
  return std::ranges::all_of(outputs_, [this](const Output& output) {
    return output.datatype != DataType::bytes && !output.shape.empty() && output.shape.front() == rows_ &&
           output.size % static_cast<std::uint64_t>(rows_) == 0;
  });
}

Result<void> Gathered::scatter(std::int64_t first, std::int64_t rows, OutputRegion& region) const {
  for (const Output& output : outputs_) {
    const std::uint64_t row_bytes = output.size / static_cast<std::uint64_t>(rows_);
    Shape shape = output.shape;
    shape.front() = rows;
    const std::uint64_t size = row_bytes * static_cast<std::uint64_t>(rows);
    BLINDAI_TRY(const MutableBytes place, region.place(output.index, output.datatype, shape, size));
    if (size != 0) {
      std::memcpy(place.data(), buffers_[output.buffer].bytes.get() + row_bytes * static_cast<std::uint64_t>(first),
                  size);
    }
  }
  return {};
}

void Gathered::release() {
  for (std::vector<Buffer>* list : {&inputs_, &buffers_}) {
    for (Buffer& buffer : *list) {
      if (buffer.capacity > kept_capacity) {
        buffer.bytes.reset();
        buffer.capacity = 0;
      }
    }
  }
}

}  // namespace blindai::worker
