// What takes gzip and deflate off a body. The first byte chooses the coding.
#include "http/inflate.h"

#include <optional>

#include "fuzz/fuzz.h"

namespace {

using blindai::Bytes;
using blindai::ByteView;
using blindai::http::Coding;
using blindai::http::Inflater;

constexpr std::size_t limit = 256 * 1024;  // of plain bytes

struct Outcome {
  bool good = true;
  bool whole = false;
  Bytes plain;
  bool operator==(const Outcome&) const = default;
};

// In pieces of at most `piece` bytes, into rooms of `room`.
Outcome inflate(Coding coding, ByteView packed, std::size_t piece, std::size_t room) {
  auto inflater = Inflater::make(coding);
  blindai::fuzz::promise(inflater.has_value(), "there is memory for an inflater");
  Outcome outcome;
  Bytes place(room);
  while (outcome.plain.size() < limit) {
    const ByteView now = packed.first(std::min(piece, packed.size()));
    const auto step = inflater->step(now, place);
    if (!step) {
      outcome.good = false;
      return outcome;
    }
    blindai::fuzz::promise(step->eaten <= now.size() && step->made <= room, "a step keeps to what it is given");
    blindai::fuzz::promise(step->eaten == now.size() || step->made == room, "a step goes on as far as it can");
    blindai::append(outcome.plain, ByteView(place).first(step->made));
    packed = packed.subspan(step->eaten);
    if (packed.empty() && step->made < room) {
      break;
    }
  }
  outcome.plain.resize(std::min(outcome.plain.size(), limit));
  outcome.whole = inflater->whole() && outcome.plain.size() < limit;
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView input(data, size);
  const Coding coding = blindai::fuzz::take_number(input, 1) % 2 == 0 ? Coding::gzip : Coding::deflate;
  const Outcome once = inflate(coding, input, size, limit);
  const Outcome pieces = inflate(coding, input, 3, 1000);
  blindai::fuzz::promise(once.good == pieces.good || once.plain.size() == limit || pieces.plain.size() == limit,
                         "a body is refused or not, however it arrives");
  if (once.good && pieces.good) {
    blindai::fuzz::promise(once == pieces, "a body is the same however it arrives");
  }
  return 0;
}
