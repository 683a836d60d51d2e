// Certificates out of PEM text (RFC 7468), leaf first as the vendors' services give them. Text between blocks other than
// white space is refused, and so is a block of another label; a final NUL is allowed, as quotes carry one.
#pragma once

#include <vector>

#include "evidence/x509/certificate.h"

namespace blindai::evidence::x509 {

inline constexpr std::size_t max_chain = 8;  // certificates in one PEM text

// The DER of 1 to max_chain certificates, each not yet read. Refuses as `reason` with `item`.
Parsed<std::vector<Bytes>> certificates_of_pem(ByteView text, std::string_view item,
                                               Reason reason = Reason::bad_cert_chain);

}  // namespace blindai::evidence::x509
