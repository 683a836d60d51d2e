// Private to this folder: simulated evidence, taken apart.
#pragma once

#include "evidence/claims.h"
#include "evidence/report.h"

namespace blindai::evidence {

struct SimulatedParts {
  Bytes root;      // SubjectPublicKeyInfo, as the evidence claims it
  Bytes key;       // SubjectPublicKeyInfo of the platform key, vouched for by the root
  Bytes platform;  // COSE_Sign1 by the root
  Bytes evidence;  // COSE_Sign1 by the key
};

Result<SimulatedParts> parse_simulated(ByteView data);
bool platform_signature_holds(const SimulatedParts& parts);
// What the platform key signed. Errors: where the signature does not hold, or the form is another.
Result<SimulatedClaims> verified_claims(const SimulatedParts& parts);

// Evidence and the root that the policy trusts in, claims out. Appends its checks to the report.
std::optional<Claims> appraise_simulated(ByteView data, const Digest& root, Report& report);

}  // namespace blindai::evidence
