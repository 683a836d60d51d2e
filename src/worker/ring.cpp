#include "worker/ring.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bitset>
#include <cstring>
#include <type_traits>

#include "base/checked.h"

namespace blindai::worker {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t max_region = std::uint64_t{64} << 30U;

constexpr std::uint64_t pages(std::uint64_t bytes) { return (bytes + page - 1) / page * page; }

// A slot: its state word on a line of its own, the two headers, the two regions.
constexpr std::uint64_t state_bytes = 64;
constexpr std::uint64_t request_offset = state_bytes;
constexpr std::uint64_t answer_offset = pages(request_offset + sizeof(RequestHeader));
constexpr std::uint64_t input_offset = answer_offset + pages(sizeof(AnswerHeader));

static_assert(std::is_trivially_copyable_v<RingHead> && sizeof(RingHead) <= doorbell_offset);
static_assert(std::is_trivially_copyable_v<RequestHeader> && std::is_trivially_copyable_v<AnswerHeader>);

}  // namespace

std::uint64_t Geometry::request_header(unsigned slot) const { return page + slot * stride + request_offset; }
std::uint64_t Geometry::answer_header(unsigned slot) const { return page + slot * stride + answer_offset; }
std::uint64_t Geometry::input(unsigned slot) const { return page + slot * stride + input_offset; }
std::uint64_t Geometry::output(unsigned slot) const { return input(slot) + request_bytes; }

Result<Geometry> make_geometry(unsigned slots, std::uint64_t request_bytes, std::uint64_t answer_bytes) {
  if (slots == 0 || slots > max_slots) {
    return fail(Code::invalid_argument, {"a worker has 1 to {} slots, not {}", max_slots, slots});
  }
  if (request_bytes == 0 || request_bytes > max_region || answer_bytes == 0 || answer_bytes > max_region) {
    return fail(Code::invalid_argument, {"requests and answers must be of 1 to {} bytes", max_region});
  }
  Geometry geometry;
  geometry.slots = slots;
  geometry.request_bytes = pages(request_bytes);
  geometry.answer_bytes = pages(answer_bytes);
  // At most 128 slots of 128 GiB and a little: far from overflow.
  geometry.stride = input_offset + geometry.request_bytes + geometry.answer_bytes;
  geometry.total = page + geometry.stride * slots;
  return geometry;
}

Result<Ring> Ring::create(const Geometry& geometry, const RingHead& head) {
  Ring ring;
  BLINDAI_TRY(ring.fd_, make_memfd("blindai-ring", geometry.total));
  if (::fcntl(ring.fd_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return fail_errno(Code::internal, {"the memory of a worker cannot be sealed"}, "F_ADD_SEALS");
  }
  BLINDAI_TRY(ring.mapping_, Mapping::of(ring.fd_.get(), geometry.total, Mapping::Access::read_write));
  ring.geometry_ = geometry;
  ring.head_ = head;
  ring.head_.slots = geometry.slots;
  ring.head_.request_bytes = geometry.request_bytes;
  ring.head_.answer_bytes = geometry.answer_bytes;
  std::memcpy(ring.mapping_.bytes().data(), &ring.head_, sizeof(RingHead));
  return ring;
}

Result<Ring> Ring::open(int fd) {
  Ring ring;
  BLINDAI_TRY(auto first, Mapping::of(fd, page, Mapping::Access::read_only));
  std::memcpy(&ring.head_, first.view().data(), sizeof(RingHead));
  if (ring.head_.version != RingHead{}.version) {
    return fail(Code::internal, {"the worker and the server are of different builds"});
  }
  BLINDAI_TRY(ring.geometry_, make_geometry(ring.head_.slots, ring.head_.request_bytes, ring.head_.answer_bytes));
  BLINDAI_TRY(ring.mapping_, Mapping::of(fd, ring.geometry_.total, Mapping::Access::read_write));
  return ring;
}

// The mapping is page-aligned, and so are these offsets to their type.
std::uint32_t* Ring::doorbell() {
  return reinterpret_cast<std::uint32_t*>(mapping_.bytes().data() + doorbell_offset);  // NOLINT
}

std::uint32_t* Ring::state(unsigned slot) {
  return reinterpret_cast<std::uint32_t*>(mapping_.bytes().data() + page + slot * geometry_.stride);  // NOLINT
}

MutableBytes Ring::input(unsigned slot) {
  return mapping_.bytes().subspan(geometry_.input(slot), geometry_.request_bytes);
}

MutableBytes Ring::output(unsigned slot) {
  return mapping_.bytes().subspan(geometry_.output(slot), geometry_.answer_bytes);
}

void Ring::write_request(unsigned slot, std::uint64_t sequence, std::span<const TensorHeader> inputs,
                         std::span<const std::uint8_t> others) {
  std::uint8_t* const place = mapping_.bytes().data() + geometry_.request_header(slot);
  const auto count = static_cast<std::uint32_t>(inputs.size());
  const auto other_count = static_cast<std::uint32_t>(others.size());
  std::memcpy(place + offsetof(RequestHeader, sequence), &sequence, sizeof(sequence));
  std::memcpy(place + offsetof(RequestHeader, count), &count, sizeof(count));
  std::memcpy(place + offsetof(RequestHeader, other_count), &other_count, sizeof(other_count));
  std::ranges::copy(others.first(std::min<std::size_t>(others.size(), max_slots)),
                    place + offsetof(RequestHeader, others));
  const auto tensors = inputs.first(std::min(inputs.size(), max_tensors));
  std::memcpy(place + offsetof(RequestHeader, inputs), tensors.data(), tensors.size_bytes());
}

std::uint64_t Ring::sequence(unsigned slot) const {
  std::uint64_t sequence = 0;
  std::memcpy(&sequence, mapping_.view().data() + geometry_.request_header(slot), sizeof(sequence));
  return sequence;
}

Request Ring::read_request(unsigned slot) const {
  const std::uint8_t* const place = mapping_.view().data() + geometry_.request_header(slot);
  std::uint32_t count = 0;
  std::uint32_t other_count = 0;
  std::memcpy(&count, place + offsetof(RequestHeader, count), sizeof(count));
  std::memcpy(&other_count, place + offsetof(RequestHeader, other_count), sizeof(other_count));
  Request request;
  request.sequence = sequence(slot);
  request.others.resize(std::min<std::size_t>(other_count, max_slots));
  std::copy_n(place + offsetof(RequestHeader, others), request.others.size(), request.others.begin());
  request.inputs.resize(std::min<std::size_t>(count, max_tensors));
  std::memcpy(request.inputs.data(), place + offsetof(RequestHeader, inputs),
              request.inputs.size() * sizeof(TensorHeader));
  return request;
}

void Ring::write_answer(unsigned slot, const AnswerHeader& header) {
  const auto used = offsetof(AnswerHeader, outputs) + header.count * sizeof(TensorHeader);
  std::memcpy(mapping_.bytes().data() + geometry_.answer_header(slot), &header, used);
}

void Ring::copy_answer(unsigned slot, AnswerHeader& copy) const {
  const std::uint8_t* const place = mapping_.view().data() + geometry_.answer_header(slot);
  std::memcpy(static_cast<void*>(&copy), place, offsetof(AnswerHeader, outputs));
  // The compiler may not go back to the shared bytes for a second look.
  asm volatile("" : : "r"(&copy) : "memory");  // NOLINT
  const std::size_t count = std::min<std::size_t>(copy.count, max_tensors);
  std::memcpy(copy.outputs.data(), place + offsetof(AnswerHeader, outputs), count * sizeof(TensorHeader));
  asm volatile("" : : "r"(&copy) : "memory");  // NOLINT
}

void Ring::clear(std::uint64_t offset, std::uint64_t size) {
  const std::uint64_t kept = std::min(size, kept_bytes);
  std::memset(mapping_.bytes().data() + offset, 0, kept);
  if (size > kept) {
    const auto start = static_cast<off_t>(offset + kept);
    const auto rest = pages(size) - kept;
    // Punching fails only where the file system has no holes; then the bytes are overwritten as well.
    if (::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start, static_cast<off_t>(rest)) != 0) {
      std::memset(mapping_.bytes().data() + offset + kept, 0, size - kept);
    }
  }
}

void Ring::wipe(unsigned slot, std::uint64_t input_used, std::uint64_t output_used, std::size_t inputs,
                std::size_t outputs) {
  std::uint8_t* const bytes = mapping_.bytes().data();
  std::memset(bytes + geometry_.request_header(slot), 0,
              offsetof(RequestHeader, inputs) + std::min(inputs, max_tensors) * sizeof(TensorHeader));
  std::memset(bytes + geometry_.answer_header(slot), 0,
              offsetof(AnswerHeader, outputs) + std::min(outputs, max_tensors) * sizeof(TensorHeader));
  clear(geometry_.input(slot), std::min(input_used, geometry_.request_bytes));
  clear(geometry_.output(slot), std::min(output_used, geometry_.answer_bytes));
}

void Ring::drop_output(unsigned slot) {
  const auto offset = geometry_.output(slot);
  if (::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                  static_cast<off_t>(geometry_.answer_bytes)) != 0) {
    std::memset(mapping_.bytes().data() + offset, 0, geometry_.answer_bytes);
  }
}

namespace {

std::unexpected<Error> lie(std::string_view what) {
  return fail(Code::internal, {"the model's worker gave an answer that makes no sense"}, Detail{std::string(what)});
}

std::unexpected<Error> refusal(const AnswerHeader& copy) {
  const std::string_view text(copy.text.data(), std::min<std::size_t>(copy.text_size, copy.text.size()));
  switch (copy.code) {
    case 1 + static_cast<std::uint32_t>(Code::invalid_argument):
      return fail(Code::invalid_argument, {"the model refused the request: {}", Disclosed(text)});
    case 1 + static_cast<std::uint32_t>(Code::resource_exhausted): {
      Error error{Code::resource_exhausted, {"the model needed more memory than it may use for this request"}};
      error.begun = true;
      return std::unexpected(std::move(error));
    }
    case 1 + static_cast<std::uint32_t>(Code::too_large):
      return fail(Code::too_large, {"the model's answer is larger than the limit"});
    case 1 + static_cast<std::uint32_t>(Code::cancelled):
      return fail(Code::cancelled, {"the request was interrupted"});
    default:
      return fail(Code::internal, {"the model could not be run"}, Detail{Disclosed(text).text});
  }
}

Result<CheckedOutput> check_tensor(const TensorHeader& tensor, const std::vector<TensorSpec>& specs,
                                   std::uint64_t answer_bytes) {
  if (tensor.index >= specs.size()) {
    return lie("output index");
  }
  const auto& spec = specs[tensor.index];
  if (tensor.datatype != static_cast<std::uint32_t>(spec.datatype)) {
    return lie("output datatype");
  }
  if (tensor.rank > max_rank) {
    return lie("output rank");
  }
  CheckedOutput out;
  out.index = tensor.index;
  out.datatype = spec.datatype;
  out.shape.assign(tensor.dims.begin(), tensor.dims.begin() + tensor.rank);
  if (!size_fits(out.datatype, out.shape, tensor.size)) {  // never for negative dimensions and overflow
    return lie("output size");
  }
  if (tensor.offset % tensor_alignment != 0) {
    return lie("output alignment");
  }
  const auto end = checked_add(tensor.offset, tensor.size);
  if (!end || *end > answer_bytes) {
    return lie("output outside its slot");
  }
  out.offset = tensor.offset;
  out.size = tensor.size;
  return out;
}

}  // namespace

Result<Answered> check_answer(const AnswerHeader& copy, const Asked& asked, const std::vector<TensorSpec>& outputs,
                              std::uint64_t answer_bytes) {
  if (copy.sequence != asked.sequence) {
    return lie("sequence");
  }
  if (copy.code == run_it_alone) {
    if (!asked.rows) {
      return lie("alone already");
    }
    return Answered{fail(Code::internal, {"the model could not be run"}), true};
  }
  if (copy.code != 0) {
    return Answered{refusal(copy)};
  }
  if (copy.count != outputs.size() || copy.count > max_tensors) {
    return lie("output count");
  }
  std::vector<CheckedOutput> checked;
  checked.reserve(copy.count);
  std::bitset<max_tensors> seen;
  for (std::size_t i = 0; i < copy.count; ++i) {
    BLINDAI_TRY(auto tensor, check_tensor(copy.outputs[i], outputs, answer_bytes));
    if (seen.test(tensor.index)) {
      return lie("output twice");
    }
    if (asked.rows && (tensor.shape.empty() || tensor.shape.front() != *asked.rows)) {
      return lie("rows of an output");
    }
    seen.set(tensor.index);
    checked.push_back(std::move(tensor));
  }
  std::ranges::sort(checked, {}, &CheckedOutput::index);
  return Answered{std::move(checked)};
}

}  // namespace blindai::worker
