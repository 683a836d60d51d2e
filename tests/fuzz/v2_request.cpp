// A KServe V2 request: the JSON part, and what it says of the bytes behind it. Two bytes say how many of those come.
#include "fuzz/fuzz.h"
#include "v2/infer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai;
  ByteView input(data, size);
  const std::uint64_t tail = fuzz::take_number(input, 2);
  v2::Limits limits;
  limits.request_bytes = 1 << 20;
  const auto request = v2::InferRequest::parse(input, tail, limits);
  if (!request) {
    return 0;
  }
  std::uint64_t binary = 0;
  for (std::size_t i = 0; i < request->inputs().size(); ++i) {
    const v2::InputHead& head = request->inputs()[i];
    fuzz::promise(size_fits(head.datatype, head.shape, head.byte_size), "a size is that of datatype and shape");
    fuzz::promise(head.byte_size <= limits.request_bytes, "an input is no larger than a request");
    if (head.binary) {
      binary += head.byte_size;
    } else {
      Bytes out(head.byte_size);
      const auto decoded = request->decode_json(i, out);
      fuzz::promise(head.datatype != DataType::bytes || (decoded && holds_elements(out, *element_count(head.shape))),
                    "texts are as long as they were measured");
    }
  }
  fuzz::promise(request->inputs().size() <= limits.tensors, "inputs are counted");
  fuzz::promise(binary == tail, "binary inputs fill what follows the JSON part");
  return 0;
}
