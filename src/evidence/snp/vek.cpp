#include "evidence/snp/vek.h"

#include <algorithm>

#include "evidence/x509/der.h"

namespace blindai::evidence::snp {
namespace {

constexpr const char* item = "vek";

// 1.3.6.1.4.1.3704.1, and what stands below it; each arc is one byte.
constexpr std::array<std::uint8_t, 8> amd{0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01};
constexpr std::uint8_t struct_version_arc = 1;
constexpr std::uint8_t product_arc = 2;
constexpr std::uint8_t components_arc = 3;
constexpr std::uint8_t hardware_id_arc = 4;
constexpr std::uint8_t csp_id_arc = 5;
// Below components_arc.
constexpr std::uint8_t bootloader_arc = 1;
constexpr std::uint8_t tee_arc = 2;
constexpr std::uint8_t snp_arc = 3;
constexpr std::uint8_t microcode_arc = 8;
constexpr std::uint8_t fmc_arc = 9;
constexpr std::uint8_t last_component_arc = 9;

const x509::Extension* find(const x509::Certificate& certificate, std::initializer_list<std::uint8_t> arcs) {
  Bytes oid(amd.begin(), amd.end());
  oid.insert(oid.end(), arcs);
  return certificate.extension(oid);
}

// Empty where the extension is absent, which no reader below takes for a value.
ByteView value_of(const x509::Certificate& certificate, std::initializer_list<std::uint8_t> arcs) {
  const x509::Extension* extension = find(certificate, arcs);
  return extension == nullptr ? ByteView() : extension->value;
}

// The content where `value` is one element of that tag and nothing else.
std::optional<ByteView> only(std::uint8_t tag, ByteView value) {
  x509::Der der(value);
  const auto element = der.take(tag);
  return element && der.at_end() ? std::optional(element->content) : std::nullopt;
}

std::optional<std::int64_t> integer(ByteView value) {
  const auto content = only(x509::tag::integer, value);
  return content ? x509::read_integer(*content) : std::nullopt;
}

std::optional<std::string_view> text(ByteView value) {
  const auto content = only(x509::tag::ia5_string, value);
  const auto ascii = [](std::uint8_t byte) { return byte >= 0x20 && byte < 0x7f; };
  return content && std::ranges::all_of(*content, ascii) ? std::optional(as_text(*content)) : std::nullopt;
}

Parsed<std::uint8_t> component(const x509::Certificate& certificate, std::uint8_t arc) {
  const auto number = integer(value_of(certificate, {components_arc, arc}));
  BLINDAI_REQUIRE(number && *number >= 0 && *number <= 255, Reason::bad_certificate, item);
  return static_cast<std::uint8_t>(number.value_or(0));
}

// False for a component that is neither compared nor zero: a security version that nothing would look at. AMD lists the
// components that a product does not have, as zero.
bool is_idle_or_compared(const x509::Extension& extension, bool has_fmc) {
  if (extension.oid.size() <= amd.size() || !std::ranges::equal(extension.oid.first(amd.size()), amd) ||
      extension.oid[amd.size()] != components_arc) {
    return true;
  }
  const ByteView below = extension.oid.subspan(amd.size() + 1);
  if (below.size() != 1) {
    return false;
  }
  const std::uint8_t arc = below.front();
  const bool compared = arc == bootloader_arc || arc == tee_arc || arc == snp_arc || arc == microcode_arc;
  return compared || (arc == fmc_arc && has_fmc) || (arc <= last_component_arc && integer(extension.value) == 0);
}

Parsed<Tcb> read_components(const x509::Certificate& certificate, Product product) {
  const bool has_fmc = product == Product::turin;
  const auto extensions = std::span(certificate.extensions).first(certificate.extension_count);
  BLINDAI_REQUIRE(std::ranges::all_of(extensions, [&](const auto& each) { return is_idle_or_compared(each, has_fmc); }),
                  Reason::bad_certificate, item);
  Tcb tcb;
  if (has_fmc) {
    BLINDAI_TRY(tcb.fmc, component(certificate, fmc_arc));
  }
  BLINDAI_TRY(tcb.bootloader, component(certificate, bootloader_arc));
  BLINDAI_TRY(tcb.tee, component(certificate, tee_arc));
  BLINDAI_TRY(tcb.snp, component(certificate, snp_arc));
  BLINDAI_TRY(tcb.microcode, component(certificate, microcode_arc));
  return tcb;
}

// "Milan-B0" is a Milan: what follows the hyphen is the stepping.
std::optional<Product> product_named(std::string_view name) {
  const std::string_view line = name.substr(0, name.find('-'));
  for (const Product product : {Product::milan, Product::genoa, Product::turin}) {
    if (line == word(product)) {
      return product;
    }
  }
  return std::nullopt;
}

// Raw, as AMD issues them; wrapped in an OCTET STRING, as newer ones are said to be. The length tells which, whatever the
// first bytes of a raw one are.
std::optional<Bytes> hardware_id(ByteView value, Product product) {
  const std::size_t size = product == Product::turin ? 8 : 64;
  if (value.size() == size) {
    return copy(value);
  }
  const auto content = only(x509::tag::octet_string, value);
  return content && content->size() == size ? std::optional(copy(*content)) : std::nullopt;
}

Parsed<KeyKind> kind_of(const x509::Certificate& certificate) {
  const auto name = x509::common_name(certificate.subject);
  BLINDAI_REQUIRE(name == "SEV-VCEK" || name == "SEV-VLEK", Reason::bad_certificate, item);
  return name == "SEV-VLEK" ? KeyKind::vlek : KeyKind::vcek;
}

Parsed<void> read_holder(const x509::Certificate& certificate, Vek& vek) {
  const bool vcek = vek.kind == KeyKind::vcek;
  const auto* other = vcek ? find(certificate, {csp_id_arc}) : find(certificate, {hardware_id_arc});
  BLINDAI_REQUIRE(other == nullptr, Reason::bad_certificate, item);
  if (vcek) {
    vek.hardware_id = hardware_id(value_of(certificate, {hardware_id_arc}), vek.product);
    BLINDAI_REQUIRE(vek.hardware_id.has_value(), Reason::bad_certificate, item);
    return {};
  }
  vek.csp_id = text(value_of(certificate, {csp_id_arc}));
  BLINDAI_REQUIRE(vek.csp_id.has_value(), Reason::bad_certificate, item);
  return {};
}

}  // namespace

Parsed<Vek> parse_vek(const x509::Certificate& certificate) {
  const auto* point = std::get_if<x509::EcPoint>(&certificate.key);
  BLINDAI_REQUIRE(point != nullptr && point->curve == crypto::Curve::p384, Reason::bad_certificate, item);
  BLINDAI_REQUIRE(!certificate.ca, Reason::bad_certificate, item);
  Vek vek;
  BLINDAI_TRY(vek.kind, kind_of(certificate));
  const auto struct_version = integer(value_of(certificate, {struct_version_arc}));
  BLINDAI_REQUIRE(struct_version == 0 || struct_version == 1, Reason::bad_certificate, item);
  vek.struct_version = struct_version.value_or(0);
  const auto name = text(value_of(certificate, {product_arc}));
  BLINDAI_REQUIRE(name.has_value(), Reason::bad_certificate, item);
  const auto product = product_named(name.value_or(""));
  BLINDAI_REQUIRE(product.has_value(), Reason::product_mismatch);
  vek.product = product.value_or(Product::milan);
  BLINDAI_TRY(vek.tcb, read_components(certificate, vek.product));
  BLINDAI_CHECK(read_holder(certificate, vek));
  return vek;
}

}  // namespace blindai::evidence::snp
