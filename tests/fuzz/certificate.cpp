// Certificates: what is accepted is read as OpenSSL reads it.
#include "evidence/x509/certificate.h"

#include "fuzz/fuzz.h"
#include "unit/evidence/openssl_judge.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai::evidence;
  const blindai::ByteView input(data, size);
  if (const auto certificate = x509::parse_certificate(input, "item")) {
    const std::string difference = x509::judge::difference(*certificate);
    blindai::fuzz::promise(difference.empty(), difference.c_str());
    blindai::fuzz::promise(x509::describe_name(certificate->subject).size() <= 256, "a description is short");
  }
  return 0;
}
