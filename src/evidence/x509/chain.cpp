#include "evidence/x509/chain.h"

#include <algorithm>

#include "evidence/x509/parts.h"

namespace blindai::evidence::x509 {
namespace {

constexpr std::size_t max_raw_bytes = 2 * crypto::field_bytes(crypto::Curve::p384);

// r and s of equal width, as crypto takes them.
struct RawSignature {
  std::array<std::uint8_t, max_raw_bytes> bytes{};
  std::size_t size = 0;
  ByteView view() const { return ByteView(bytes).first(size); }
};

bool take_number(Der& numbers, MutableBytes out) {
  const auto element = numbers.take(tag::integer);
  const auto magnitude = element ? read_unsigned(element->content) : std::nullopt;
  if (!magnitude) {
    return false;
  }
  if (!BLINDAI_HOLDS(magnitude->size() <= out.size())) {
    return false;
  }
  std::ranges::copy(*magnitude, out.last(magnitude->size()).begin());
  return true;
}

// Ecdsa-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER }: RFC 3279 section 2.2.3.
std::optional<RawSignature> read_ecdsa(crypto::Curve curve, ByteView signature) {
  Der outer(signature);
  const auto sequence = outer.take(tag::sequence);
  if (!sequence) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(outer.at_end())) {
    return std::nullopt;
  }
  const std::size_t width = crypto::field_bytes(curve);
  RawSignature out;
  out.size = 2 * width;
  Der numbers(sequence->content);
  const MutableBytes bytes(out.bytes);
  if (!take_number(numbers, bytes.first(width)) || !take_number(numbers, bytes.subspan(width, width))) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(numbers.at_end())) {
    return std::nullopt;
  }
  return out;
}

SignatureAlgorithm algorithm_for(crypto::Curve curve) {
  return curve == crypto::Curve::p256 ? SignatureAlgorithm::ecdsa_sha256 : SignatureAlgorithm::ecdsa_sha384;
}

void count(Effort& effort, ByteView message) {
  ++effort.signature_checks;
  effort.bytes_read += message.size();
}

}  // namespace

std::optional<VerifyingKey> VerifyingKey::of(const Certificate& certificate) {
  if (const auto* point = std::get_if<EcPoint>(&certificate.key)) {
    auto key = crypto::EcPublicKey::from_point(point->curve, point->xy);
    return key ? std::optional(VerifyingKey(*std::move(key))) : std::nullopt;
  }
  const auto& numbers = std::get<RsaNumbers>(certificate.key);
  auto key = crypto::RsaPublicKey::from_numbers(numbers.modulus, numbers.exponent);
  return key ? std::optional(VerifyingKey(*std::move(key))) : std::nullopt;
}

bool VerifyingKey::verify(SignatureAlgorithm algorithm, ByteView message, ByteView signature, Effort& effort) const {
  if (const auto* rsa = std::get_if<crypto::RsaPublicKey>(&key_)) {
    if (!BLINDAI_HOLDS(algorithm == SignatureAlgorithm::rsa_pss_sha384)) {
      return false;
    }
    count(effort, message);
    return rsa->verify_pss_sha384(message, signature);
  }
  const auto& ec = std::get<crypto::EcPublicKey>(key_);
  if (!BLINDAI_HOLDS(algorithm == algorithm_for(ec.curve()))) {
    return false;
  }
  const auto raw = read_ecdsa(ec.curve(), signature);
  if (!raw) {
    return false;
  }
  count(effort, message);
  return ec.verify(message, raw->view());
}

bool VerifyingKey::verify_raw(ByteView message, ByteView r_s, Effort& effort) const {
  const auto* ec = std::get_if<crypto::EcPublicKey>(&key_);
  if (ec == nullptr) {
    return false;
  }
  count(effort, message);
  return ec->verify(message, r_s);
}

Parsed<void> require_possible_issuer(const Certificate& child, const Certificate& issuer,
                                     std::int64_t intermediates_below, const Refusal& otherwise) {
  BLINDAI_REQUIRE(equal(child.issuer, issuer.subject), otherwise);
  BLINDAI_REQUIRE(issuer.ca, otherwise);
  BLINDAI_REQUIRE((issuer.key_usage.value_or(0) & usage_certificate_sign) != 0, otherwise);
  BLINDAI_REQUIRE(!issuer.path_length || *issuer.path_length >= intermediates_below, otherwise);
  return {};
}

Parsed<void> require_issued(const Certificate& child, const Certificate& issuer, const VerifyingKey& issuer_key,
                            std::int64_t intermediates_below, const Refusal& otherwise, Effort& effort) {
  BLINDAI_CHECK(require_possible_issuer(child, issuer, intermediates_below, otherwise));
  BLINDAI_REQUIRE(issuer_key.verify(child.algorithm, child.tbs, child.signature, effort), otherwise);
  return {};
}

Parsed<void> require_signed(const Crl& crl, const Certificate& issuer, const VerifyingKey& issuer_key,
                            std::string_view item, Effort& effort) {
  const Refusal bad{Reason::bad_crl, std::string(item)};
  BLINDAI_REQUIRE(equal(crl.issuer, issuer.subject), bad);
  BLINDAI_REQUIRE((issuer.key_usage.value_or(0) & usage_crl_sign) != 0, bad);
  BLINDAI_REQUIRE(issuer_key.verify(crl.algorithm, crl.tbs, crl.signature, effort), bad);
  return {};
}

}  // namespace blindai::evidence::x509
