// Private to this folder: the rules of each kind of TEE, one file each. Each appends a check for each rule of its section;
// one that the policy does not set is not applicable, and says so.
#pragma once

#include "evidence/claims.h"
#include "evidence/policy.h"
#include "evidence/report.h"

namespace blindai::evidence {

void decide_simulated(const SimulatedClaims& claims, const SimulatedAcceptance& accepted, Report& report);

}  // namespace blindai::evidence
