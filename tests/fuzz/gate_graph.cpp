// An ONNX model, changed by its structure rather than byte by byte: see onnx_mutator.h. Behind it lies "w.data".
#include "fuzz/gate_promises.h"
#include "fuzz/onnx_mutator.h"

namespace {

constexpr std::size_t data_bytes = 4096;
#if !defined(BLINDAI_FUZZ)
constexpr unsigned replayed = 20;  // changes of each seed, where there is no fuzzer to ask for them
#endif

}  // namespace

// libFuzzer's (FuzzerInterface.h): the input is changed in place, and its new size returned.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  const blindai::Bytes changed = blindai::fuzz::mutate_model({data, size}, seed);
  if (changed.empty() || changed.size() > max_size) {
    return size;
  }
  std::ranges::copy(changed, data);
  return changed.size();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai;
  const auto check = [](ByteView model) {
    Bytes body(model.begin(), model.end());
    body.resize(model.size() + data_bytes);
    fuzz::check_gate(body, model.size());
  };
  check({data, size});
#if !defined(BLINDAI_FUZZ)
  for (unsigned seed = 0; seed < replayed; ++seed) {
    const Bytes changed = fuzz::mutate_model({data, size}, seed);
    fuzz::promise(changed == fuzz::mutate_model({data, size}, seed), "a change follows from its seed");
    check(changed);
  }
#endif
  return 0;
}
