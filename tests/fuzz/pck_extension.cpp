// Intel's extension of a PCK certificate: what is accepted has its values from the input, and nothing stands besides.
#include "evidence/dcap/pck.h"
#include "fuzz/fuzz.h"

namespace {

using namespace blindai;
using namespace blindai::evidence;

constexpr auto oid = std::to_array<std::uint8_t>({0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01});

Parsed<dcap::PckExtension> parse(ByteView value) {
  x509::Certificate certificate;
  certificate.extensions[0] = {oid, false, value};
  certificate.extension_count = 1;
  return dcap::parse_pck_extension(certificate);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto pck = parse(input);
  if (!pck) {
    return 0;
  }
  const auto stands = [&](ByteView value) { return !std::ranges::search(input, value).empty(); };
  fuzz::promise(stands(pck->ppid) && stands(pck->cpu_svn) && stands(pck->fmspc) && stands(pck->pce_id),
                "values are the input's");
  fuzz::promise(pck->sgx_type <= dcap::SgxType::scalable_with_integrity, "the type is one that is known");
  Bytes longer = copy(input);
  longer.push_back(0);
  fuzz::promise(!parse(longer), "nothing follows");
  fuzz::promise(!parse(input.first(size - 1)), "every byte is needed");
  return 0;
}
