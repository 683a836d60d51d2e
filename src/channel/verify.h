// verify_attest() for who connects more than once: appraisals of collateral are kept between connections.
#pragma once

#include "channel/attest.h"

namespace blindai::channel {

// As verify_attest() of attest.h. `cache`: what is kept of collateral whose signatures held; may be null.
Result<VerifiedKeyset> verify_attest(const AttestAnswer& answer, const AttestRequest& request, const TlsFacts& tls,
                                     const evidence::Policy& policy, UnixSeconds now, evidence::Report& report,
                                     evidence::CollateralCache* cache);

}  // namespace blindai::channel
