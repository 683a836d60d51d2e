// Certificate revocation lists (RFC 5280 section 5), version 2, read strictly and without copying: entries are walked for
// each question, and none is kept. Signatures are checked by chain.h.
//
// A Crl is a view: the bytes that it was read from must outlive it.
//
// Thread rule: values; no shared state.
#pragma once

#include "evidence/x509/certificate.h"

namespace blindai::evidence::x509 {

struct Crl {
  ByteView whole;
  ByteView tbs;
  ByteView issuer;  // the Name, tag and all
  UnixSeconds this_update = 0;
  UnixSeconds next_update = 0;  // mandatory here
  SignatureAlgorithm algorithm{};
  ByteView signature;
  ByteView entries;  // content of revokedCertificates; empty where none is revoked. Well-formed: parse_crl walked it
  std::size_t entry_count = 0;
  ByteView number;  // cRLNumber, magnitude; mandatory here, and so is the next: Intel's and AMD's lists have both
  ByteView authority_key;  // keyIdentifier of authorityKeyIdentifier

  // `serial`: content of an INTEGER.
  bool lists(ByteView serial) const;
};

// `item` names what is read in the refusal (bad_crl). Refused are critical extensions, of the list or of an entry, and the
// extensions of delta lists, of partial lists and of indirect lists even where they are not critical.
Parsed<Crl> parse_crl(ByteView der, std::string_view item);
// cRLNumber as a number; the largest std::int64_t where it is larger.
std::int64_t crl_number(const Crl& crl);

}  // namespace blindai::evidence::x509
