#include "evidence/simulated.h"

#include <fmt/format.h>

#include <limits>

#include "base/cbor.h"
#include "crypto/cose.h"
#include "crypto/crypto.h"
#include "evidence/claims_maker.h"
#include "evidence/simulated_claims.h"

namespace blindai::evidence {
namespace {

constexpr std::string_view platform_context = "blindai simulated platform v1";
constexpr std::string_view evidence_context = "blindai simulated evidence v1";

Result<std::array<std::uint8_t, 32>> key_of(const Bytes& spki) {
  const auto key = crypto::ed25519_from_der(spki);
  if (!key) {
    return fail(Code::invalid_argument, {"a key of the simulated evidence is not Ed25519"});
  }
  return *key;
}

}  // namespace

Bytes make_simulated_evidence(const crypto::Ed25519Key& root, const crypto::Ed25519Key& platform_key,
                              const Digest& measurement, const std::array<std::uint8_t, 64>& report_data) {
  const Bytes platform = cbor::encode(
      cbor::Map{{"ctx", platform_context}, {"root", root.public_key_der()}, {"key", platform_key.public_key_der()}});
  const Bytes evidence = cbor::encode(
      cbor::Map{{"ctx", evidence_context}, {"measurement", measurement}, {"report_data", ByteView(report_data)}});
  return cbor::encode(cbor::Array{crypto::cose_sign1(root, platform), crypto::cose_sign1(platform_key, evidence)});
}

Result<SimulatedParts> parse_simulated(ByteView data) {
  const auto wrong = [](const char* what) {
    return fail(Code::invalid_argument, {"the simulated evidence is malformed"}, {what});
  };
  BLINDAI_TRY(const auto value, cbor::decode(data));
  const auto* array = value.as<cbor::Array>();
  if (array == nullptr || array->size() != 2) {
    return wrong("not an array of two");
  }
  const auto* platform = (*array)[0].as<Bytes>();
  const auto* evidence = (*array)[1].as<Bytes>();
  if (platform == nullptr || evidence == nullptr) {
    return wrong("not byte strings");
  }
  SimulatedParts parts;
  BLINDAI_TRY(const Bytes platform_payload, crypto::cose_unverified_payload(*platform));
  BLINDAI_TRY(const auto platform_map, cbor::decode(platform_payload));
  cbor::Fields platform_fields(platform_map);
  if (platform_fields.text("ctx") != platform_context) {
    return wrong("context of the platform");
  }
  parts.root = platform_fields.bytes("root");
  parts.key = platform_fields.bytes("key");
  BLINDAI_CHECK(platform_fields.finish());
  parts.platform = *platform;
  parts.evidence = *evidence;
  return parts;
}

bool platform_signature_holds(const SimulatedParts& parts) {
  const auto root = key_of(parts.root);
  return root && crypto::cose_verify1(*root, parts.platform).has_value();
}

Result<SimulatedClaims> verified_claims(const SimulatedParts& parts) {
  BLINDAI_TRY(const auto key, key_of(parts.key));
  BLINDAI_TRY(const Bytes payload, crypto::cose_verify1(key, parts.evidence));
  BLINDAI_TRY(const auto map, cbor::decode(payload));
  cbor::Fields fields(map);
  const bool right_context = fields.text("ctx") == evidence_context;
  SimulatedClaims claims;
  claims.measurement = fields.digest("measurement");
  const Bytes report_data = fields.bytes("report_data");
  BLINDAI_CHECK(fields.finish());
  if (!right_context || report_data.size() != claims.report_data.size()) {
    return fail(Code::invalid_argument, {"the simulated evidence is malformed"}, {"context or report data"});
  }
  std::ranges::copy(report_data, claims.report_data.begin());
  return claims;
}

std::optional<Claims> appraise_simulated(ByteView data, const Digest& root, Report& report) {
  const std::string voucher = "simulation root (SIMULATED)";
  if (!report.check(BLINDAI_HOLDS(data.size() <= max_evidence_bytes), "evidence_size",
                    {Reason::bad_evidence_format, "size"}, "at most 65536 bytes", fmt::format("{} bytes", data.size()),
                    "")) {
    return std::nullopt;
  }
  const auto parts = parse_simulated(data);
  if (!report.check(parts.has_value(), "evidence_form", {Reason::bad_evidence_format, {}}, "simulated evidence v1",
                    parts ? "simulated evidence v1" : parts.error().message.str(), voucher)) {
    return std::nullopt;
  }
  const Digest found = crypto::sha256(parts->root);
  if (!report.check(BLINDAI_HOLDS(found == root), "evidence_root", {Reason::untrusted_root, "simulated"}, root.hex(),
                    found.hex(), "policy")) {
    return std::nullopt;
  }
  const bool platform_holds = platform_signature_holds(*parts);
  if (!report.check(BLINDAI_HOLDS(platform_holds), "evidence_platform_signature", {Reason::bad_evidence_signature, {}},
                    "signed by the simulation root", platform_holds ? "holds" : "does not hold", voucher)) {
    return std::nullopt;
  }
  const auto claims = verified_claims(*parts);
  if (!report.check(claims.has_value(), "evidence_signature", {Reason::bad_evidence_signature, {}},
                    "signed by the platform key", claims ? "holds" : claims.error().message.str(), voucher)) {
    return std::nullopt;
  }
  using Limits = std::numeric_limits<UnixSeconds>;
  return ClaimsMaker::make(*claims, Limits::min(), Limits::max());
}

}  // namespace blindai::evidence
