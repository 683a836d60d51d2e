#include "evidence/dcap/pck.h"

#include <algorithm>

#include "evidence/x509/der.h"

namespace blindai::evidence::dcap {
namespace {

using x509::Der;
using x509::Element;
namespace tag = x509::tag;

constexpr Reason bad = Reason::bad_certificate;
constexpr const char* item = "pck";

// 1.2.840.113741.1.13.1, and below it the two entries that have entries of their own.
constexpr auto extension_oid = std::to_array<std::uint8_t>({0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01});
constexpr auto tcb_oid = std::to_array<std::uint8_t>({0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01, 0x02});
constexpr auto configuration_oid =
    std::to_array<std::uint8_t>({0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01, 0x07});

// Values by the last number of their OID, which counts from 1.
template <std::size_t N>
using Entries = std::array<std::optional<Element>, N + 1>;

// SEQUENCE OF SEQUENCE { OBJECT IDENTIFIER parent.n, value }, in any order; none twice, and none that is not known.
template <std::size_t N>
Parsed<Entries<N>> read_entries(ByteView sequence, ByteView parent) {
  Entries<N> entries;
  for (Der list(sequence); !list.at_end();) {
    const auto entry = list.take(tag::sequence);
    if (!entry) {
      return refuse(bad, item);
    }
    Der parts(entry->content);
    const auto oid = parts.take(tag::oid);
    const auto value = parts.next();
    if (!oid || !value) {
      return refuse(bad, item);
    }
    BLINDAI_REQUIRE(parts.at_end(), bad, item);
    BLINDAI_REQUIRE(oid->content.size() == parent.size() + 1, bad, item);
    BLINDAI_REQUIRE(std::ranges::equal(oid->content.first(parent.size()), parent), bad, item);
    const std::size_t number = oid->content.back();
    BLINDAI_REQUIRE(number >= 1 && number <= N, bad, item);
    BLINDAI_REQUIRE(!entries[number], bad, item);
    entries[number] = *value;
  }
  return entries;
}

// The content of an entry that must be there, and of that type.
Parsed<ByteView> content_of(const std::optional<Element>& entry, std::uint8_t type) {
  BLINDAI_REQUIRE(entry.has_value(), bad, item);
  BLINDAI_REQUIRE(entry->tag == type, bad, item);
  return entry->content;
}

template <std::size_t N>
Parsed<std::array<std::uint8_t, N>> octets(const std::optional<Element>& entry) {
  BLINDAI_TRY(const ByteView content, content_of(entry, tag::octet_string));
  BLINDAI_REQUIRE(content.size() == N, bad, item);
  std::array<std::uint8_t, N> out{};
  std::ranges::copy(content, out.begin());
  return out;
}

// INTEGER or ENUMERATED, 0 to `max`.
Parsed<std::int64_t> number(const std::optional<Element>& entry, std::uint8_t type, std::int64_t max) {
  BLINDAI_TRY(const ByteView content, content_of(entry, type));
  const auto value = x509::read_integer(content);
  if (!value) {
    return refuse(bad, item);
  }
  BLINDAI_REQUIRE(*value >= 0, bad, item);
  BLINDAI_REQUIRE(*value <= max, bad, item);
  return *value;
}

Parsed<void> read_tcb(const std::optional<Element>& entry, PckExtension& out) {
  static constexpr std::size_t pce_svn = 17;
  static constexpr std::size_t cpu_svn = 18;
  BLINDAI_TRY(const ByteView content, content_of(entry, tag::sequence));
  BLINDAI_TRY(const auto entries, read_entries<cpu_svn>(content, tcb_oid));
  for (std::size_t i = 0; i < out.components.size(); ++i) {
    BLINDAI_TRY(const std::int64_t svn, number(entries[i + 1], tag::integer, 0xff));
    out.components[i] = static_cast<std::uint8_t>(svn);
  }
  BLINDAI_TRY(const std::int64_t svn, number(entries[pce_svn], tag::integer, 0xffff));
  out.pce_svn = static_cast<std::uint16_t>(svn);
  BLINDAI_TRY(out.cpu_svn, octets<16>(entries[cpu_svn]));
  return {};
}

Parsed<std::optional<bool>> optional_boolean(const std::optional<Element>& entry) {
  if (!entry) {
    return std::nullopt;
  }
  BLINDAI_TRY(const ByteView content, content_of(entry, tag::boolean));
  const auto value = x509::read_boolean(content);
  if (!value) {
    return refuse(bad, item);
  }
  return value;
}

Parsed<void> read_configuration(const std::optional<Element>& entry, PckExtension& out) {
  BLINDAI_TRY(const ByteView content, content_of(entry, tag::sequence));
  BLINDAI_TRY(const auto entries, read_entries<3>(content, configuration_oid));
  BLINDAI_TRY(out.dynamic_platform, optional_boolean(entries[1]));
  BLINDAI_TRY(out.cached_keys, optional_boolean(entries[2]));
  BLINDAI_TRY(out.smt_enabled, optional_boolean(entries[3]));
  return {};
}

}  // namespace

Parsed<PckExtension> parse_pck_extension(const x509::Certificate& certificate) {
  const x509::Extension* extension = certificate.extension(extension_oid);
  BLINDAI_REQUIRE(extension != nullptr, bad, item);
  Der outer(extension->value);
  const auto sequence = outer.take(tag::sequence);
  if (!sequence) {
    return refuse(bad, item);
  }
  BLINDAI_REQUIRE(outer.at_end(), bad, item);
  BLINDAI_TRY(const auto entries, read_entries<7>(sequence->content, extension_oid));
  PckExtension out;
  BLINDAI_TRY(out.ppid, octets<16>(entries[1]));
  BLINDAI_CHECK(read_tcb(entries[2], out));
  BLINDAI_TRY(out.pce_id, octets<2>(entries[3]));
  BLINDAI_TRY(out.fmspc, octets<6>(entries[4]));
  const auto largest_type = static_cast<std::int64_t>(SgxType::scalable_with_integrity);
  BLINDAI_TRY(const std::int64_t type, number(entries[5], tag::enumerated, largest_type));
  out.sgx_type = static_cast<SgxType>(type);
  if (entries[6]) {
    BLINDAI_TRY(out.platform_instance, octets<16>(entries[6]));
  }
  if (entries[7]) {
    BLINDAI_CHECK(read_configuration(entries[7], out));
  }
  return out;
}

}  // namespace blindai::evidence::dcap
