#include "evidence/x509/crl.h"

#include <algorithm>
#include <limits>

#include "evidence/x509/parts.h"

namespace blindai::evidence::x509 {
namespace {

constexpr std::int64_t version_2 = 1;

// What would make the list mean something else than "these are revoked, and no others of this issuer".
bool changes_meaning(const Extension& extension) {
  return extension.critical || equal(extension.oid, oid::delta_crl_indicator) ||
         equal(extension.oid, oid::issuing_distribution_point) || equal(extension.oid, oid::certificate_issuer);
}

// SEQUENCE { userCertificate, revocationDate, crlEntryExtensions OPTIONAL }: the content of the serial number.
std::optional<ByteView> take_entry(Der& entries) {
  const auto element = entries.take(tag::sequence);
  if (!element) {
    return std::nullopt;
  }
  Der parts(element->content);
  const auto serial = parts.take(tag::integer);
  if (!serial || !read_unsigned(serial->content) || !take_time(parts)) {
    return std::nullopt;
  }
  if (parts.at_end()) {
    return serial->content;
  }
  const auto list = parts.take(tag::sequence);
  if (!list) {
    return std::nullopt;
  }
  Der extensions(list->content);
  while (!extensions.at_end()) {  // in lists of thousands, which is why they are not kept and compared with each other
    const auto extension = take_extension(extensions);
    if (!extension) {
      return std::nullopt;
    }
    if (!BLINDAI_HOLDS(!changes_meaning(*extension))) {
      return std::nullopt;
    }
  }
  if (!BLINDAI_HOLDS(parts.at_end())) {
    return std::nullopt;
  }
  return serial->content;
}

Parsed<void> read_entries(Der& tbs, const Refusal& bad, Crl& out) {
  if (tbs.peek() != tag::sequence) {  // none is revoked
    return {};
  }
  BLINDAI_TRY(const Element list, required(tbs.next(), bad));
  out.entries = list.content;
  Der entries(out.entries);
  while (!entries.at_end()) {
    BLINDAI_TRY(const ByteView serial, required(take_entry(entries), bad));
    static_cast<void>(serial);
    ++out.entry_count;
  }
  return {};
}

// AuthorityKeyIdentifier ::= SEQUENCE { [0] KeyIdentifier }, the only one of its three members that is in use.
std::optional<ByteView> read_key_identifier(ByteView value) {
  Der outer(value);
  const auto sequence = outer.take(tag::sequence);
  if (!sequence) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(outer.at_end())) {
    return std::nullopt;
  }
  Der parts(sequence->content);
  const auto identifier = parts.take(tag::context_primitive(0));
  if (!identifier) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(parts.at_end())) {
    return std::nullopt;
  }
  return identifier->content;
}

std::optional<ByteView> read_number(ByteView value) {
  Der outer(value);
  const auto element = outer.take(tag::integer);
  if (!element) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(outer.at_end())) {
    return std::nullopt;
  }
  return read_unsigned(element->content);
}

Parsed<void> read_extensions(ByteView explicit_tag, const Refusal& bad, Crl& out) {
  Der outer(explicit_tag);
  BLINDAI_TRY(const Element sequence, required(outer.take(tag::sequence), bad));
  BLINDAI_REQUIRE(outer.at_end(), bad);
  BLINDAI_TRY(const Extensions extensions, required(x509::read_extensions(sequence.content), bad));
  std::optional<ByteView> number;
  std::optional<ByteView> authority_key;
  for (const Extension& extension : std::span(extensions.list).first(extensions.count)) {
    BLINDAI_REQUIRE(!changes_meaning(extension), bad);
    if (equal(extension.oid, oid::crl_number)) {
      number = read_number(extension.value);
    } else if (equal(extension.oid, oid::authority_key_identifier)) {
      authority_key = read_key_identifier(extension.value);
    }
  }
  BLINDAI_TRY(out.number, required(number, bad));
  BLINDAI_REQUIRE(out.number.size() <= max_serial_bytes, bad);  // RFC 5280 section 5.2.3
  BLINDAI_TRY(out.authority_key, required(authority_key, bad));
  return {};
}

}  // namespace

// The form of the entries was looked at when the list was read.
bool Crl::lists(ByteView serial) const {
  Der rest(entries);
  while (const auto entry = rest.next()) {
    const auto listed = Der(entry->content).next();
    if (listed && equal(listed->content, serial)) {
      return true;
    }
  }
  return false;
}

Parsed<Crl> parse_crl(ByteView der, std::string_view item) {
  const Refusal bad{Reason::bad_crl, std::string(item)};
  BLINDAI_TRY(const SignedParts parts, required(read_signed(der), bad));
  Crl out;
  out.whole = der;
  out.tbs = parts.tbs.whole;
  out.signature = parts.signature;
  BLINDAI_TRY(out.algorithm, required(algorithm_of(parts.algorithm), bad));

  Der tbs(parts.tbs.content);
  BLINDAI_TRY(const Element version, required(tbs.take(tag::integer), bad));
  BLINDAI_REQUIRE(read_integer(version.content) == version_2, bad);
  BLINDAI_TRY(const Element algorithm, required(tbs.take(tag::sequence), bad));
  BLINDAI_REQUIRE(equal(algorithm.whole, parts.algorithm), bad);  // RFC 5280 section 5.1.1.2
  BLINDAI_TRY(const Element issuer, required(tbs.take(tag::sequence), bad));
  BLINDAI_REQUIRE(is_name(issuer.whole), bad);
  out.issuer = issuer.whole;
  BLINDAI_TRY(out.this_update, required(take_time(tbs), bad));
  BLINDAI_TRY(out.next_update, required(take_time(tbs), bad));
  BLINDAI_CHECK(read_entries(tbs, bad, out));
  BLINDAI_TRY(const Element extensions, required(tbs.take(tag::context(0)), bad));
  BLINDAI_REQUIRE(tbs.at_end(), bad);
  BLINDAI_CHECK(read_extensions(extensions.content, bad, out));
  return out;
}

std::int64_t crl_number(const Crl& crl) {
  constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  if (crl.number.size() > sizeof(std::int64_t)) {
    return largest;
  }
  std::uint64_t number = 0;
  for (const std::uint8_t byte : crl.number) {
    number = number << 8U | byte;
  }
  return static_cast<std::int64_t>(std::min(number, static_cast<std::uint64_t>(largest)));
}

}  // namespace blindai::evidence::x509
