#include <algorithm>

#include "evidence/x509/parts.h"

namespace blindai::evidence::x509 {
namespace {

constexpr std::size_t max_described = 256;

struct Attribute {
  ByteView oid;
  ByteView value;  // printable ASCII
};

struct ShortName {
  std::array<std::uint8_t, 3> oid;
  std::string_view name;
};
constexpr std::array common_name_oid = std::to_array<std::uint8_t>({0x55, 0x04, 0x03});
// RFC 4514 section 3.
constexpr auto short_names = std::to_array<ShortName>({{{0x55, 0x04, 0x03}, "CN"},
                                                       {{0x55, 0x04, 0x06}, "C"},
                                                       {{0x55, 0x04, 0x07}, "L"},
                                                       {{0x55, 0x04, 0x08}, "ST"},
                                                       {{0x55, 0x04, 0x0a}, "O"},
                                                       {{0x55, 0x04, 0x0b}, "OU"}});

std::string name_of(ByteView oid) {
  for (const ShortName& known : short_names) {
    if (equal(known.oid, oid)) {
      return std::string(known.name);
    }
  }
  return to_hex(oid);
}

bool is_printable(std::uint8_t byte) { return byte >= 0x20 && byte < 0x7f; }

// RelativeDistinguishedName ::= SET SIZE (1) OF SEQUENCE { type, value }.
std::optional<Attribute> take_attribute(Der& rdns) {
  const auto set = rdns.take(tag::set);
  if (!set) {
    return std::nullopt;
  }
  Der members(set->content);
  const auto pair = members.take(tag::sequence);
  if (!pair) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(members.at_end())) {
    return std::nullopt;
  }
  Der parts(pair->content);
  const auto oid = parts.take(tag::oid);
  const auto value = parts.next();
  if (!oid || !is_oid(oid->content) || !value) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(parts.at_end())) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(value->tag == tag::utf8_string || value->tag == tag::printable_string)) {
    return std::nullopt;
  }
  if (!BLINDAI_HOLDS(std::ranges::all_of(value->content, is_printable))) {
    return std::nullopt;
  }
  return Attribute{oid->content, value->content};
}

// The content of a Name whose form was looked at when its certificate was read.
Der attributes_of(ByteView name) {
  const auto whole = Der(name).next();
  return Der(whole ? whole->content : ByteView());
}

}  // namespace

bool is_name(ByteView whole) {
  Der rdns = attributes_of(whole);
  if (!BLINDAI_HOLDS(!rdns.at_end())) {
    return false;
  }
  while (!rdns.at_end()) {
    if (!take_attribute(rdns)) {
      return false;
    }
  }
  return true;
}

std::optional<std::string_view> common_name(ByteView name) {
  Der rdns = attributes_of(name);
  std::optional<std::string_view> out;
  while (const auto attribute = take_attribute(rdns)) {
    if (equal(attribute->oid, common_name_oid)) {
      if (!BLINDAI_HOLDS(!out)) {
        return std::nullopt;
      }
      out = as_text(attribute->value);
    }
  }
  return out;
}

std::string describe_name(ByteView name) {
  Der rdns = attributes_of(name);
  std::string out;
  while (const auto attribute = take_attribute(rdns)) {
    if (!out.empty()) {
      out += ", ";
    }
    out += name_of(attribute->oid);
    out += '=';
    out += as_text(attribute->value);
    if (out.size() > max_described) {
      out.resize(max_described);
      break;
    }
  }
  return out;
}

}  // namespace blindai::evidence::x509
