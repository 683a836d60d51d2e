#include "evidence/dcap/pck.h"

#include <algorithm>

#include "evidence/x509/der.h"

namespace blindai::evidence::dcap {
namespace {

namespace tag = x509::tag;

// 1.2.840.113741.1.13.1: everything of Intel's stands under it, one arc deeper for each level.
constexpr std::array<std::uint8_t, 9> sgx_extensions = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};

std::unexpected<Refusal> malformed() { return refuse(Reason::bad_certificate, "pck"); }

template <std::size_t N>
Parsed<std::array<std::uint8_t, N>> octets(const x509::Element& value) {
  BLINDAI_REQUIRE(value.tag == tag::octet_string && value.content.size() == N, Reason::bad_certificate, "pck");
  std::array<std::uint8_t, N> out{};
  std::ranges::copy(value.content, out.begin());
  return out;
}

Parsed<std::int64_t> number(const x509::Element& value, std::uint8_t wanted, std::int64_t highest) {
  const auto read = value.tag == wanted ? x509::read_integer(value.content) : std::nullopt;
  BLINDAI_REQUIRE(read && *read >= 0 && *read <= highest, Reason::bad_certificate, "pck");
  return *read;
}

// The entries of a SEQUENCE, each a SEQUENCE of an OBJECT IDENTIFIER and a value. An OID is the prefix and one arc more, and
// that arc, below 128, is the entry's number.
class Entries {
 public:
  Entries(ByteView content, ByteView prefix) : rest_(content), prefix_(prefix) {}
  bool at_end() const { return rest_.at_end(); }

  struct Entry {
    std::uint8_t number = 0;
    x509::Element value;
  };
  // Each number once, in any order.
  Parsed<Entry> next() {
    const auto pair = rest_.take(tag::sequence);
    if (!pair) {
      return malformed();
    }
    x509::Der inside(pair->content);
    const auto oid = inside.take(tag::oid);
    const auto value = inside.next();
    BLINDAI_REQUIRE(oid && value && inside.at_end(), Reason::bad_certificate, "pck");
    const bool ours = oid->content.size() == prefix_.size() + 1 &&
                      std::ranges::equal(oid->content.first(prefix_.size()), prefix_) && oid->content.back() < 64;
    BLINDAI_REQUIRE(ours, Reason::bad_certificate, "pck");
    const std::uint64_t bit = std::uint64_t{1} << oid->content.back();
    BLINDAI_REQUIRE((seen_ & bit) == 0, Reason::bad_certificate, "pck");
    seen_ |= bit;
    return Entry{oid->content.back(), *value};
  }
  // Whether all numbers from 1 to `last` were there.
  bool all_up_to(unsigned last) const {
    const std::uint64_t wanted = ((std::uint64_t{1} << last) - 1) << 1U;
    return (seen_ & wanted) == wanted;
  }

 private:
  x509::Der rest_;
  ByteView prefix_;
  std::uint64_t seen_ = 0;
};

std::array<std::uint8_t, sgx_extensions.size() + 1> under(std::uint8_t arc) {
  std::array<std::uint8_t, sgx_extensions.size() + 1> oid{};
  std::ranges::copy(sgx_extensions, oid.begin());
  oid.back() = arc;
  return oid;
}

constexpr unsigned last_component = 16;
constexpr unsigned pce_svn_entry = 17;
constexpr unsigned cpu_svn_entry = 18;

Parsed<void> parse_tcb(const x509::Element& value, PckExtension& out) {
  BLINDAI_REQUIRE(value.tag == tag::sequence, Reason::bad_certificate, "pck");
  const auto prefix = under(2);
  Entries entries(value.content, prefix);
  while (!entries.at_end()) {
    BLINDAI_TRY(const Entries::Entry entry, entries.next());
    if (entry.number >= 1 && entry.number <= last_component) {
      BLINDAI_TRY(const std::int64_t svn, number(entry.value, tag::integer, 255));
      out.components[entry.number - 1U] = static_cast<std::uint8_t>(svn);
    } else if (entry.number == pce_svn_entry) {
      BLINDAI_TRY(const std::int64_t svn, number(entry.value, tag::integer, 65535));
      out.pce_svn = static_cast<std::uint16_t>(svn);
    } else if (entry.number == cpu_svn_entry) {
      BLINDAI_TRY(out.cpu_svn, octets<16>(entry.value));
    } else {
      return malformed();
    }
  }
  BLINDAI_REQUIRE(entries.all_up_to(cpu_svn_entry), Reason::bad_certificate, "pck");
  return {};
}

Parsed<bool> truth(const x509::Element& value) {
  const auto read = value.tag == tag::boolean ? x509::read_boolean(value.content) : std::nullopt;
  BLINDAI_REQUIRE(read.has_value(), Reason::bad_certificate, "pck");
  return *read;
}

Parsed<void> parse_configuration(const x509::Element& value, PckExtension& out) {
  BLINDAI_REQUIRE(value.tag == tag::sequence, Reason::bad_certificate, "pck");
  const auto prefix = under(7);
  Entries entries(value.content, prefix);
  while (!entries.at_end()) {
    BLINDAI_TRY(const Entries::Entry entry, entries.next());
    BLINDAI_TRY(const bool flag, truth(entry.value));
    switch (entry.number) {
      case 1:
        out.dynamic_platform = flag;
        break;
      case 2:
        out.cached_keys = flag;
        break;
      case 3:
        out.smt_enabled = flag;
        break;
      default:
        return malformed();
    }
  }
  return {};
}

Parsed<void> parse_entry(const Entries::Entry& entry, PckExtension& out) {
  switch (entry.number) {
    case 1: {
      BLINDAI_TRY(out.ppid, octets<16>(entry.value));
      return {};
    }
    case 2:
      return parse_tcb(entry.value, out);
    case 3: {
      BLINDAI_TRY(out.pce_id, octets<2>(entry.value));
      return {};
    }
    case 4: {
      BLINDAI_TRY(out.fmspc, octets<6>(entry.value));
      return {};
    }
    case 5: {
      BLINDAI_TRY(const std::int64_t type, number(entry.value, tag::enumerated, 2));
      out.sgx_type = static_cast<SgxType>(type);
      return {};
    }
    case 6: {
      BLINDAI_TRY(out.platform_instance, octets<16>(entry.value));
      return {};
    }
    case 7:
      return parse_configuration(entry.value, out);
    default:
      return malformed();
  }
}

}  // namespace

Parsed<PckExtension> parse_pck_extension(const x509::Certificate& certificate) {
  const x509::Extension* extension = certificate.extension(sgx_extensions);
  BLINDAI_REQUIRE(extension != nullptr, Reason::bad_certificate, "pck");
  x509::Der outer(extension->value);
  const auto sequence = outer.take(tag::sequence);
  BLINDAI_REQUIRE(sequence && outer.at_end(), Reason::bad_certificate, "pck");
  PckExtension out;
  Entries entries(sequence->content, sgx_extensions);
  while (!entries.at_end()) {
    BLINDAI_TRY(const Entries::Entry entry, entries.next());
    BLINDAI_CHECK(parse_entry(entry, out));
  }
  BLINDAI_REQUIRE(entries.all_up_to(5), Reason::bad_certificate, "pck");
  return out;
}

}  // namespace blindai::evidence::dcap
