// Appraisal of SNP reports: report, certificates and time in, claims out, or all reasons why not. No policy but whether a
// revocation list is needed.
#pragma once

#include "evidence/claims.h"
#include "evidence/collateral.h"
#include "evidence/report.h"

namespace blindai::evidence::snp {

// Appends its checks to the report of the appraisal. The claims exist only where all of them passed.
std::optional<Claims> appraise(const Report& report, const Collateral& collateral, bool require_crl, UnixSeconds at,
                               const Roots& roots, CollateralCache* cache, evidence::Report& findings);

}  // namespace blindai::evidence::snp
