// The chunked transfer coding.
#include "http/chunks.h"

#include <optional>

#include "fuzz/fuzz.h"

namespace {

using blindai::ByteView;
using Decoder = blindai::http::ChunkDecoder;

struct Outcome {
  bool good = true;
  bool done = false;
  blindai::Bytes body;
  std::size_t left = 0;
  bool operator==(const Outcome&) const = default;
};

// Fed in pieces of at most so many bytes.
Outcome decode(ByteView text, std::size_t piece) {
  Decoder decoder;
  Outcome outcome;
  while (!text.empty() && decoder.need() != Decoder::Need::nothing) {
    const ByteView now = text.first(std::min(piece, text.size()));
    std::size_t used = 0;
    if (decoder.need() == Decoder::Need::data) {
      used = std::min<std::size_t>(now.size(), decoder.data_left());
      blindai::append(outcome.body, now.first(used));
      decoder.took(used);
    } else {
      const auto eaten = decoder.eat(now);
      if (!eaten) {
        outcome.good = false;
        return outcome;
      }
      used = *eaten;
    }
    blindai::fuzz::promise(used > 0 && used <= now.size(), "each step takes some of what is there");
    text = text.subspan(used);
  }
  outcome.done = decoder.need() == Decoder::Need::nothing;
  outcome.left = text.size();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const Outcome whole = decode(input, size);
  for (const std::size_t piece : {1UL, 2UL, 7UL}) {
    blindai::fuzz::promise(decode(input, piece) == whole, "a body is the same however it arrives");
  }
  return 0;
}
