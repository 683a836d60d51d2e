// A KServe V2 answer as the client reads it. Two bytes say how many follow the JSON part.
#include "fuzz/fuzz.h"
#include "v2/infer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai;
  ByteView input(data, size);
  const std::uint64_t tail = fuzz::take_number(input, 2);
  const auto answer = v2::parse_answer(input, tail, {});
  if (answer) {
    std::uint64_t end = 0;
    for (const v2::AnswerTensor& output : answer->outputs) {
      fuzz::promise(output.offset == end, "outputs lie one behind the other");
      fuzz::promise(size_fits(output.datatype, output.shape, output.size), "a size is that of datatype and shape");
      end += output.size;
    }
    fuzz::promise(end == tail, "outputs fill what follows the JSON part");
  }
  return 0;
}
