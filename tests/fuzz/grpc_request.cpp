// inference.ModelInferRequest, as it stands in a message.
#include "fuzz/fuzz.h"
#include "grpc/infer_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai;
  v2::Limits limits;
  limits.request_bytes = 1 << 20;
  const auto request = grpc::InferRequest::parse({data, size}, limits);
  if (!request) {
    return 0;
  }
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < request->inputs().size(); ++i) {
    const v2::InputHead& head = request->inputs()[i];
    fuzz::promise(size_fits(head.datatype, head.shape, head.byte_size), "a size is that of datatype and shape");
    all += head.byte_size;
    if (const auto raw = request->raw(i)) {
      fuzz::promise(raw->size() == head.byte_size, "raw contents have the size of their input");
      fuzz::promise(raw->empty() || (raw->data() >= data && raw->data() + raw->size() <= data + size),
                    "raw contents lie in the message");
      continue;
    }
    Bytes out(head.byte_size);
    const auto decoded = request->decode(i, out);
    fuzz::promise(head.datatype != DataType::bytes || (decoded && holds_elements(out, *element_count(head.shape))),
                  "texts are as long as they were measured");
  }
  fuzz::promise(request->inputs().size() <= limits.tensors, "inputs are counted");
  fuzz::promise(!request->outputs() || request->outputs()->size() <= limits.tensors, "outputs are counted");
  fuzz::promise(all <= limits.request_bytes, "inputs are bounded together");
  return 0;
}
