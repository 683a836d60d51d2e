// The keyset document.
#include "channel/keyset.h"

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai;
  const ByteView input(data, size);
  if (const auto keyset = channel::Keyset::decode(input)) {
    fuzz::promise(std::ranges::equal(keyset->encode(), input), "a keyset has one encoding");
    fuzz::promise(keyset->not_before < keyset->not_after, "a keyset ends after it began");
    fuzz::promise(!keyset->code.empty(), "a keyset names code");
  }
  return 0;
}
