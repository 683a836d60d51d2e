// Appraisal of SGX and TDX quotes: quote, collateral and time in, claims out, or all reasons why not. No policy but whether
// revocation lists are needed.
#pragma once

#include "evidence/claims.h"
#include "evidence/collateral.h"
#include "evidence/dcap/quote.h"
#include "evidence/report.h"
#include "evidence/roots.h"

namespace blindai::evidence::dcap {

// Appends its checks to the report. The claims exist only where all of them passed.
std::optional<Claims> appraise(const Quote& quote, const Collateral& collateral, bool require_crl, UnixSeconds at,
                               const Roots& roots, CollateralCache* cache, Report& report);

}  // namespace blindai::evidence::dcap
