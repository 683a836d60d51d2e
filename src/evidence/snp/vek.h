// What AMD's extensions say of the chip that holds a VCEK, or of the provider that holds a VLEK: OIDs
// 1.3.6.1.4.1.3704.1.* (AMD publication 57230, section 3).
#pragma once

#include "evidence/snp/report.h"
#include "evidence/x509/certificate.h"

namespace blindai::evidence::snp {

struct Vek {
  KeyKind kind{};
  Product product{};
  std::int64_t struct_version = 0;
  Tcb tcb;
  // VCEK: 64 bytes, or 8 on Turin; raw or wrapped in an OCTET STRING. Absent in a VLEK.
  std::optional<Bytes> hardware_id;
  std::optional<std::string> csp_id;  // VLEK
};

// Every entry once, those of the kind all there, numbers 0 to 255. Refuses as bad_certificate:vek, and as
// product_mismatch where the name of the product is of none that is known.
Parsed<Vek> parse_vek(const x509::Certificate& certificate);

}  // namespace blindai::evidence::snp
