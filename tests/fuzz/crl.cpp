// Revocation lists: what is accepted is read as OpenSSL reads it.
#include "evidence/x509/crl.h"

#include "fuzz/fuzz.h"
#include "unit/evidence/openssl_judge.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai::evidence;
  if (const auto crl = x509::parse_crl({data, size}, "item")) {
    const std::string difference = x509::judge::difference(*crl);
    blindai::fuzz::promise(difference.empty(), difference.c_str());
  }
  return 0;
}
