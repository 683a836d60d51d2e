// What a worker that a model has taken over can say: frames of the control socket, and headers of answers in the ring.
#include <algorithm>
#include <cstring>

#include "fuzz/fuzz.h"
#include "worker/protocol.h"
#include "worker/ring.h"

namespace {

using namespace blindai;

// The header as a worker leaves it in shared memory: one copy, of as many outputs as there may be.
void copy_from_the_ring(ByteView input) {
  constexpr std::uint64_t region = 4096;
  static const auto geometry = worker::make_geometry(1, region, region);
  static auto ring = worker::Ring::create(*geometry, {});
  static auto theirs = Mapping::of(ring->fd(), geometry->total, Mapping::Access::read_write);
  const MutableBytes place = theirs->bytes().subspan(geometry->answer_header(0), sizeof(worker::AnswerHeader));
  const std::size_t size = std::min(input.size(), place.size());
  std::ranges::copy(input.first(size), place.begin());
  worker::AnswerHeader copy;
  ring->copy_answer(0, copy);
  fuzz::promise(std::memcmp(&copy, place.data(), offsetof(worker::AnswerHeader, outputs)) == 0,
                "the copy is what stood there");
  std::ranges::fill(place, std::uint8_t{0});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  static_cast<void>(worker::decode_hello(input));
  static_cast<void>(worker::decode_refusal(input));
  if (const auto plan = worker::decode_plan(input)) {
    for (const gate::Weight& weight : plan->weights) {
      fuzz::promise(weight.shape.size() <= max_rank, "a rank is bounded");
    }
  }
  constexpr std::uint64_t most_rows = 8;
  worker::RingHead head;
  head.cpus = 4;
  head.runners = 4;
  head.threads = {4, 1};
  head.most_rows = most_rows;
  if (const auto layout = worker::decode_layout(input, head)) {
    fuzz::promise(layout->threads == 4 || layout->threads == 1, "threads are of those that were offered");
    fuzz::promise(layout->runs >= 1 && layout->runs <= head.runners, "and so are runs");
    fuzz::promise(std::ranges::all_of(layout->sizes, [](std::uint64_t rows) { return rows <= most_rows; }),
                  "a batch is no larger than was offered");
  }
  copy_from_the_ring(input);
  worker::AnswerHeader header;
  std::memcpy(&header, data, std::min(size, sizeof header));
  constexpr std::uint64_t region = 1 << 20;
  const std::vector<TensorSpec> outputs{{"y", DataType::fp32, {-1, 3}}, {"z", DataType::int64, {2}}};
  const auto checked = worker::check_answer(header, {header.sequence}, outputs, region);
  if (checked && checked->outcome) {
    fuzz::promise(checked->outcome->size() == outputs.size(), "every output stands once");
    for (const worker::CheckedOutput& output : *checked->outcome) {
      fuzz::promise(output.offset <= region && output.size <= region - output.offset, "an output lies in its region");
      fuzz::promise(byte_size(output.datatype, output.shape) == output.size, "a size is that of datatype and shape");
    }
  }
  const std::vector<TensorSpec> rows{{"y", DataType::fp32, {-1, 3}}};
  const auto batched = worker::check_answer(header, {header.sequence, 2}, rows, region);
  if (batched && batched->outcome) {
    fuzz::promise(batched->outcome->front().shape.front() == 2, "a request of a batch gets its own rows");
  }
  return 0;
}
