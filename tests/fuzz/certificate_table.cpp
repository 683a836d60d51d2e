// Tables of certificates from a host: whatever it says, nothing outside the table is read, and no more comes out than went in.
#include "evidence/snp/certificate_table.h"

#include "evidence/x509/pem.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai;
  using namespace blindai::evidence;
  for (const auto kind : {snp::KeyKind::vcek, snp::KeyKind::vlek}) {
    Effort effort;
    const auto read = snp::read_certificate_table(ByteView(data, size), kind, effort);
    if (!read) {
      fuzz::promise(read.error().text() == "BAD_COLLATERAL_FORMAT:certificate_table", "one refusal");
      continue;
    }
    fuzz::promise(read->items().size() <= 4, "four items at most");
    std::size_t out = 0;
    for (const auto& [name, bytes] : read->items()) {
      fuzz::promise(Collateral::is_name(name), "a name of collateral");
      const bool der = name == "vek" || name == "ark_crl";
      const auto pem = der ? Parsed<std::vector<Bytes>>() : x509::certificates_of_pem(bytes, name);
      out += der ? bytes.size() : pem && !pem->empty() ? pem->front().size() : 0;
    }
    fuzz::promise(out <= size, "no more than went in");
  }
  return 0;
}
