// SGX and TDX quotes: the parts of an accepted one lie in the input, one after another, and leave no byte out.
#include "evidence/dcap/quote.h"

#include "fuzz/fuzz.h"

namespace {

using namespace blindai;
using namespace blindai::evidence;

// Takes `part` off the front of `rest`, after `gap` bytes that are lengths and types.
void follows(ByteView& rest, std::size_t gap, ByteView part) {
  fuzz::promise(rest.size() >= gap + part.size(), "the parts fit the input");
  rest = rest.subspan(gap);
  fuzz::promise(part.empty() || part.data() == rest.data(), "each part follows the one before");
  rest = rest.subspan(part.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  Effort effort;
  const auto quote = dcap::parse_quote(input, effort);
  fuzz::promise(effort.signature_checks == 0 && effort.bytes_read <= size, "the work is counted");
  if (!quote) {
    return 0;
  }
  ByteView rest = input;
  follows(rest, 0, quote->signed_bytes);
  follows(rest, 4, quote->signature);
  follows(rest, 0, quote->attestation_key);
  follows(rest, quote->version == 3 ? 0 : 6, quote->qe_report_bytes);
  follows(rest, 0, quote->qe_report_signature);
  follows(rest, 2, quote->qe_auth_data);
  follows(rest, 6, quote->pck_chain);
  fuzz::promise(rest.size() == quote->trailing_bytes, "what is left is counted");
  fuzz::promise(dcap::parse_quote(input.first(size - rest.size()), effort).has_value(), "padding is not needed");
  return 0;
}
