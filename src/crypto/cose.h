// COSE_Sign1 (RFC 9052 section 4.2) in the one form that this project uses: EdDSA, untagged, embedded payload,
// protected header {1: -8}, empty unprotected header, empty external_aad.
#pragma once

#include "crypto/crypto.h"

namespace blindai::crypto {

Bytes cose_sign1(const Ed25519Key& key, ByteView payload);

// The payload of a COSE_Sign1 whose signature by `raw_public_key` holds. Everything but that one form is refused.
// Errors: invalid_argument for the form, unauthenticated for the signature.
Result<Bytes> cose_verify1(ByteView raw_public_key, ByteView message);

// The payload before any check, for the case in which it names the key. Only for use before cose_verify1.
Result<Bytes> cose_unverified_payload(ByteView message);

}  // namespace blindai::crypto
