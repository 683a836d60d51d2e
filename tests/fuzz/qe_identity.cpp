// QE identity: what is accepted is complete, bounded and sorted, and the text that a signature covers is the document's
// own.
#include "fuzz/documents.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai;
  const auto identity = evidence::dcap::parse_qe_identity(fuzz::signed_text_of({data, size}, "enclaveIdentity"));
  if (identity) {
    fuzz::promise_order(identity->levels);
  }
  return 0;
}
