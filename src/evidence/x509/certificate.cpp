#include "evidence/x509/certificate.h"

#include <algorithm>
#include <bit>

#include "evidence/x509/parts.h"

namespace blindai::evidence::x509 {
namespace {

constexpr std::int64_t version_3 = 2;
constexpr std::uint8_t uncompressed_point = 0x04;  // SEC 1 section 2.3.3

// AlgorithmIdentifiers of keys: id-ecPublicKey with a named curve (RFC 5480 section 2.1), rsaEncryption (RFC 3279).
constexpr auto p256_key = std::to_array<std::uint8_t>({0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                                       0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07});
constexpr auto p384_key = std::to_array<std::uint8_t>(
    {0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22});
constexpr auto rsa_key = std::to_array<std::uint8_t>(
    {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00});

std::optional<EcPoint> read_point(crypto::Curve curve, ByteView key) {
  if (!BLINDAI_HOLDS(key.size() == 1 + 2 * crypto::field_bytes(curve))) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(key[0] == uncompressed_point)) {
    return std::nullopt;
  }
  return EcPoint{curve, key.subspan(1)};
}

// RSAPublicKey ::= SEQUENCE { modulus, publicExponent }.
std::optional<RsaNumbers> read_rsa(ByteView key) {
  Der outer(key);
  const auto sequence = outer.take(tag::sequence);
  if (!sequence) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(outer.at_end())) {
    return std::nullopt;
  }
  Der parts(sequence->content);
  const auto modulus = parts.take(tag::integer);
  const auto exponent = parts.take(tag::integer);
  const auto n = modulus ? read_unsigned(modulus->content) : std::nullopt;
  const auto e = exponent ? read_unsigned(exponent->content) : std::nullopt;
  if (!n || !e) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(parts.at_end())) {
    return std::nullopt;
  }
  return RsaNumbers{*n, *e};
}

// BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER (0..MAX) OPTIONAL }.
bool read_basic_constraints(ByteView value, Certificate& out) {
  Der outer(value);
  const auto sequence = outer.take(tag::sequence);
  if (!sequence) {
    return false;
  }
  if (!BLINDAI_HOLDS(outer.at_end())) {
    return false;
  }
  Der parts(sequence->content);
  if (parts.peek() == tag::boolean) {
    const auto element = parts.next();
    const auto ca = element ? read_boolean(element->content) : std::nullopt;
    if (!BLINDAI_HOLDS(ca == true)) {  // FALSE is the default, which DER leaves out
      return false;
    }
    out.ca = true;
  }
  if (parts.at_end()) {
    return true;
  }
  const auto element = parts.take(tag::integer);
  out.path_length = element ? read_integer(element->content) : std::nullopt;
  if (!out.path_length) {
    return false;
  }
  if (!BLINDAI_HOLDS(out.ca)) {  // RFC 5280 section 4.2.1.9: only where it is one
    return false;
  }
  if (!BLINDAI_HOLDS(*out.path_length >= 0)) {
    return false;
  }
  return BLINDAI_HOLDS(parts.at_end());
}

// KeyUsage ::= BIT STRING of nine named bits. Trailing zero bits, which X.690 section 11.2.2 leaves out, are let through:
// AMD's intermediates have one.
bool read_key_usage(ByteView value, Certificate& out) {
  Der outer(value);
  const auto element = outer.take(tag::bit_string);
  if (!element) {
    return false;
  }
  if (!BLINDAI_HOLDS(outer.at_end())) {
    return false;
  }
  const ByteView content = element->content;
  if (!BLINDAI_HOLDS(content.size() == 2 || content.size() == 3)) {
    return false;
  }
  // Some bit of the last byte is set, and none of those that do not count.
  const std::uint8_t last = content.back();
  if (!BLINDAI_HOLDS(last != 0 && content[0] <= std::countr_zero(last))) {
    return false;
  }
  out.key_usage = static_cast<std::uint16_t>(unsigned{content[1]} << 8U | (content.size() == 3 ? last : 0));
  return true;
}

Parsed<void> read_key(ByteView whole, const Refusal& bad, const Refusal& not_offered, Certificate& out) {
  out.public_key_info = whole;
  BLINDAI_TRY(const Element info, required(Der(whole).next(), bad));
  Der parts(info.content);
  BLINDAI_TRY(const Element algorithm, required(parts.take(tag::sequence), bad));
  BLINDAI_TRY(const Element bits, required(parts.take(tag::bit_string), bad));
  BLINDAI_TRY(const ByteView key, required(read_bit_string(bits.content), bad));
  BLINDAI_REQUIRE(parts.at_end(), bad);
  if (equal(algorithm.whole, rsa_key)) {
    BLINDAI_TRY(out.key, required(read_rsa(key), bad));
    return {};
  }
  const bool p384 = equal(algorithm.whole, p384_key);
  BLINDAI_REQUIRE(p384 || equal(algorithm.whole, p256_key), not_offered);
  BLINDAI_TRY(out.key, required(read_point(p384 ? crypto::Curve::p384 : crypto::Curve::p256, key), bad));
  return {};
}

Parsed<void> read_extensions(ByteView explicit_tag, const Refusal& bad, const Refusal& not_offered, Certificate& out) {
  Der outer(explicit_tag);
  BLINDAI_TRY(const Element sequence, required(outer.take(tag::sequence), bad));
  BLINDAI_REQUIRE(outer.at_end(), bad);
  BLINDAI_TRY(const Extensions extensions, required(x509::read_extensions(sequence.content), bad));
  out.extensions = extensions.list;
  out.extension_count = extensions.count;
  for (const Extension& extension : std::span(out.extensions).first(out.extension_count)) {
    if (equal(extension.oid, oid::basic_constraints)) {
      BLINDAI_REQUIRE(read_basic_constraints(extension.value, out), bad);
    } else if (equal(extension.oid, oid::key_usage)) {
      BLINDAI_REQUIRE(read_key_usage(extension.value, out), bad);
    } else {
      BLINDAI_REQUIRE(!extension.critical, not_offered);
    }
  }
  return {};
}

Parsed<void> read_validity(ByteView content, const Refusal& bad, Certificate& out) {
  Der parts(content);
  BLINDAI_TRY(out.not_before, required(take_time(parts), bad));
  BLINDAI_TRY(out.not_after, required(take_time(parts), bad));
  BLINDAI_REQUIRE(parts.at_end(), bad);
  return {};
}

Parsed<void> read_version_and_serial(Der& tbs, const Refusal& bad, Certificate& out) {
  BLINDAI_TRY(const Element tagged, required(tbs.take(tag::context(0)), bad));
  Der inside(tagged.content);
  BLINDAI_TRY(const Element version, required(inside.take(tag::integer), bad));
  BLINDAI_REQUIRE(read_integer(version.content) == version_3, bad);
  BLINDAI_REQUIRE(inside.at_end(), bad);
  BLINDAI_TRY(const Element serial, required(tbs.take(tag::integer), bad));
  BLINDAI_TRY(const ByteView magnitude, required(read_unsigned(serial.content), bad));
  BLINDAI_REQUIRE(magnitude.size() <= max_serial_bytes, bad);
  out.serial = serial.content;
  return {};
}

}  // namespace

const Extension* Certificate::extension(ByteView oid) const {
  const auto list = std::span(extensions).first(extension_count);
  const auto found = std::ranges::find_if(list, [&](const Extension& e) { return equal(e.oid, oid); });
  return found == list.end() ? nullptr : &*found;
}

Parsed<Certificate> parse_certificate(ByteView der, std::string_view item, Reason not_offered_reason) {
  const Refusal bad{Reason::bad_certificate, std::string(item)};
  const Refusal not_offered{not_offered_reason, std::string(item)};
  BLINDAI_REQUIRE(der.size() <= max_certificate_bytes, bad);
  BLINDAI_TRY(const SignedParts parts, required(read_signed(der), bad));
  Certificate out;
  out.whole = der;
  out.tbs = parts.tbs.whole;
  out.signature = parts.signature;
  BLINDAI_TRY(out.algorithm, required(algorithm_of(parts.algorithm), not_offered));

  Der tbs(parts.tbs.content);
  BLINDAI_CHECK(read_version_and_serial(tbs, bad, out));
  BLINDAI_TRY(const Element algorithm, required(tbs.take(tag::sequence), bad));
  BLINDAI_REQUIRE(equal(algorithm.whole, parts.algorithm), bad);  // RFC 5280 section 4.1.1.2
  BLINDAI_TRY(const Element issuer, required(tbs.take(tag::sequence), bad));
  BLINDAI_REQUIRE(is_name(issuer.whole), bad);
  out.issuer = issuer.whole;
  BLINDAI_TRY(const Element validity, required(tbs.take(tag::sequence), bad));
  BLINDAI_CHECK(read_validity(validity.content, bad, out));
  BLINDAI_TRY(const Element subject, required(tbs.take(tag::sequence), bad));
  BLINDAI_REQUIRE(is_name(subject.whole), bad);
  out.subject = subject.whole;
  BLINDAI_TRY(const Element key, required(tbs.take(tag::sequence), bad));
  BLINDAI_CHECK(read_key(key.whole, bad, not_offered, out));
  // Unique identifiers would stand here, and are refused by standing in the way.
  BLINDAI_TRY(const Element extensions, required(tbs.take(tag::context(3)), bad));
  BLINDAI_REQUIRE(tbs.at_end(), bad);
  BLINDAI_CHECK(read_extensions(extensions.content, bad, not_offered, out));
  return out;
}

}  // namespace blindai::evidence::x509
