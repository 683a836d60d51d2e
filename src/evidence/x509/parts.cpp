#include "evidence/x509/parts.h"

#include <algorithm>

namespace blindai::evidence::x509 {
namespace {

// SEQUENCE { OID 1.2.840.10045.4.3.2 } and .3: RFC 5758 section 3.2.
constexpr auto ecdsa_sha256 =
    std::to_array<std::uint8_t>({0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02});
constexpr auto ecdsa_sha384 =
    std::to_array<std::uint8_t>({0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03});
// SEQUENCE { id-RSASSA-PSS, SEQUENCE { [0] SHA-384, [1] MGF1 with SHA-384, [2] 48 } }: RFC 4055 section 3.1.
constexpr auto pss = std::to_array<std::uint8_t>(
    {0x30, 0x41, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, 0x34, 0xa0, 0x0f,
     0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0xa1, 0x1c,
     0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, 0x06, 0x09,
     0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0xa2, 0x03, 0x02, 0x01, 0x30});
// The same with [3] 1, which is the default.
constexpr auto pss_with_trailer = std::to_array<std::uint8_t>(
    {0x30, 0x46, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, 0x39, 0xa0, 0x0f, 0x30,
     0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a,
     0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
     0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0xa2, 0x03, 0x02, 0x01, 0x30, 0xa3, 0x03, 0x02, 0x01, 0x01});

}  // namespace

bool equal(ByteView a, ByteView b) { return std::ranges::equal(a, b); }

std::optional<SignedParts> read_signed(ByteView der) {
  Der outer(der);
  const auto whole = outer.take(tag::sequence);
  if (!whole) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(outer.at_end())) {
    return std::nullopt;
  }
  Der parts(whole->content);
  const auto tbs = parts.take(tag::sequence);
  const auto algorithm = parts.take(tag::sequence);
  const auto signature = parts.take(tag::bit_string);
  const auto bytes = signature ? read_bit_string(signature->content) : std::nullopt;
  if (!tbs || !algorithm || !bytes) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(parts.at_end())) {
    return std::nullopt;
  }
  return SignedParts{*tbs, algorithm->whole, *bytes};
}

std::optional<SignatureAlgorithm> algorithm_of(ByteView identifier) {
  if (equal(identifier, ecdsa_sha256)) {
    return SignatureAlgorithm::ecdsa_sha256;
  }
  if (equal(identifier, ecdsa_sha384)) {
    return SignatureAlgorithm::ecdsa_sha384;
  }
  if (equal(identifier, pss) || equal(identifier, pss_with_trailer)) {
    return SignatureAlgorithm::rsa_pss_sha384;
  }
  return std::nullopt;
}

std::optional<UnixSeconds> take_time(Der& der) {
  const auto element = der.next();
  return element ? read_time(element->tag, element->content) : std::nullopt;
}

std::optional<Extension> take_extension(Der& list) {
  const auto element = list.take(tag::sequence);
  if (!element) {
    return std::nullopt;
  }
  Der parts(element->content);
  const auto oid = parts.take(tag::oid);
  if (!oid || !is_oid(oid->content)) {
    return std::nullopt;
  }
  Extension out;
  out.oid = oid->content;
  if (parts.peek() == tag::boolean) {
    const auto critical = parts.next();
    const auto value = critical ? read_boolean(critical->content) : std::nullopt;
    if (!BLINDAI_HOLDS(value == true)) {  // FALSE is the default, which DER leaves out
      return std::nullopt;
    }
    out.critical = true;
  }
  const auto value = parts.take(tag::octet_string);
  if (!value) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(parts.at_end())) {
    return std::nullopt;
  }
  out.value = value->content;
  return out;
}

std::optional<Extensions> read_extensions(ByteView sequence) {
  Der list(sequence);
  Extensions out;
  if (!BLINDAI_HOLDS(!list.at_end())) {
    return std::nullopt;
  }
  while (!list.at_end()) {
    const auto extension = take_extension(list);
    if (!extension) {
      return std::nullopt;
    }
    if (!BLINDAI_HOLDS(out.count < max_extensions)) {
      return std::nullopt;
    }
    const auto before = std::span(out.list).first(out.count);
    if (!BLINDAI_HOLDS(std::ranges::none_of(before, [&](const auto& e) { return equal(e.oid, extension->oid); }))) {
      return std::nullopt;
    }
    out.list[out.count++] = *extension;
  }
  return out;
}

}  // namespace blindai::evidence::x509
