// OpenSSL's own X.509 code as the judge of what the generator writes.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/clock.h"

namespace blindai::chains {

struct Judgement {
  bool accepted = false;
  std::string why;  // OpenSSL's words
};

// Verifies `chain`, leaf first and root last, with the root trusted. Lists are consulted for every certificate but the root
// where there are any.
Judgement openssl_verifies(const std::vector<Bytes>& chain, const std::vector<Bytes>& crls, UnixSeconds at);
// Whether OpenSSL reads it, and writes the same bytes again.
bool openssl_reads_certificate(const Bytes& der);
bool openssl_reads_crl(const Bytes& der);
// Whether a signature of ECDSA, r and s as quotes and reports carry them, holds under a certificate's key.
bool openssl_verifies_raw(const Bytes& certificate, ByteView message, ByteView r_s);
std::vector<Bytes> certificates_of(std::string_view pem);

}  // namespace blindai::chains
