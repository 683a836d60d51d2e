// Private to this folder: claims and a policy in, verified evidence out, or all reasons why not.
#pragma once

#include "evidence/appraise.h"

namespace blindai::evidence {

// Appends a check for each rule of the policy; one that the policy does not set is not applicable, and says so.
std::optional<VerifiedEvidence> decide(Claims claims, const Policy& policy, UnixSeconds at, Report& report);

// Private to this folder and its tests: appraise() with other roots than the vendors'.
Result<VerifiedEvidence> appraise_under(const Roots& roots, const Item& item, const Collateral& collateral,
                                        const Policy& policy, UnixSeconds at, Report& report, CollateralCache* cache);

}  // namespace blindai::evidence
