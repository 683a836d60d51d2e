// The simulated TEE: real signatures by a root that was generated on this machine, and no protection at all. Design
// section 5; the byte layout is in tests/vectors/simulated_evidence.json.
#pragma once

#include "crypto/crypto.h"
#include "evidence/appraise.h"

namespace blindai::evidence {

// The two COSE_Sign1 of one piece of simulated evidence, as the CBOR array that is sent.
Bytes make_simulated_evidence(const crypto::Ed25519Key& root, const crypto::Ed25519Key& platform_key,
                              const Digest& measurement, const std::array<std::uint8_t, 64>& report_data);

}  // namespace blindai::evidence
