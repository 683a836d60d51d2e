// What a worker that a model has taken over can say: frames of the control socket, and headers of answers in the ring.
#include <cstring>

#include "fuzz/fuzz.h"
#include "worker/protocol.h"
#include "worker/ring.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai;
  const ByteView input(data, size);
  static_cast<void>(worker::decode_hello(input));
  static_cast<void>(worker::decode_refusal(input));
  if (const auto plan = worker::decode_plan(input)) {
    for (const gate::Weight& weight : plan->weights) {
      fuzz::promise(weight.shape.size() <= max_rank, "a rank is bounded");
    }
  }
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
