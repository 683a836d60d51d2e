// Deterministic CBOR: what decodes has one encoding, and it is the input.
#include "base/cbor.h"

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai;
  const ByteView input(data, size);
  if (const auto value = cbor::decode(input)) {
    fuzz::promise(std::ranges::equal(cbor::encode(*value), input), "an accepted document is its own encoding");
  }
  return 0;
}
