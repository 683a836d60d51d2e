#include "crypto/cose.h"

#include "base/cbor.h"

namespace blindai::crypto {
namespace {

constexpr std::int64_t algorithm_label = 1;  // RFC 9052 section 3.1
constexpr std::int64_t eddsa = -8;           // RFC 9053 section 2.2

Bytes protected_header() { return cbor::encode(cbor::Map{{cbor::Key(algorithm_label), cbor::Value(eddsa)}}); }

// Sig_structure of RFC 9052 section 4.4.
Bytes to_be_signed(ByteView payload) {
  return cbor::encode(cbor::Array{"Signature1", protected_header(), Bytes{}, payload});
}

struct Parts {
  Bytes payload;
  Bytes signature;
};

Result<Parts> parse(ByteView message) {
  const auto wrong = [](const char* what) {
    return fail(Code::invalid_argument, {"this is not a COSE_Sign1 in the form that is used here"}, {what});
  };
  BLINDAI_TRY(auto value, cbor::decode(message));
  const auto* array = value.as<cbor::Array>();
  if (array == nullptr || array->size() != 4) {
    return wrong("not an array of four");
  }
  const auto* header = (*array)[0].as<Bytes>();
  if (header == nullptr || *header != protected_header()) {
    return wrong("protected header");
  }
  const auto* unprotected = (*array)[1].as<cbor::Map>();
  if (unprotected == nullptr || !unprotected->empty()) {
    return wrong("unprotected header");
  }
  const auto* payload = (*array)[2].as<Bytes>();
  const auto* signature = (*array)[3].as<Bytes>();
  if (payload == nullptr || signature == nullptr) {
    return wrong("payload or signature");
  }
  return Parts{*payload, *signature};
}

}  // namespace

Bytes cose_sign1(const Ed25519Key& key, ByteView payload) {
  const auto signature = key.sign(to_be_signed(payload));
  return cbor::encode(cbor::Array{protected_header(), cbor::Map{}, payload, ByteView(signature)});
}

Result<Bytes> cose_verify1(ByteView raw_public_key, ByteView message) {
  BLINDAI_TRY(auto parts, parse(message));
  if (!ed25519_verify(raw_public_key, to_be_signed(parts.payload), parts.signature)) {
    return fail(Code::unauthenticated, {"the signature does not hold"});
  }
  return std::move(parts.payload);
}

Result<Bytes> cose_unverified_payload(ByteView message) {
  BLINDAI_TRY(auto parts, parse(message));
  return std::move(parts.payload);
}

}  // namespace blindai::crypto
