// OpenSSL's reading of the same bytes, field by field: the judge of ours, in tests and in fuzzing.
#pragma once

#include <string>

#include "evidence/x509/crl.h"

namespace blindai::evidence::x509::judge {

// What OpenSSL reads otherwise than we did, the first of it; empty where it agrees with everything. "OpenSSL refuses" and
// why where it does not take what we took.
//
// Left out, each for its reason:
// - a malformed extension that decides nothing here (key identifiers, distribution points, alternative names, ...): its
//   content is not looked at, while OpenSSL marks the whole certificate invalid.
std::string difference(const Certificate& certificate);
std::string difference(const Crl& crl);

// Whether OpenSSL takes these bytes for a certificate or a list at all.
bool takes_certificate(ByteView der);
bool takes_crl(ByteView der);

}  // namespace blindai::evidence::x509::judge
