#include "chains/certificate.h"

#include <bit>

#include "chains/der.h"

namespace blindai::chains {
namespace {

Bytes key_usage_value(std::uint16_t usage) {
  // A named bit list is written without trailing zeros (X.690 section 11.2.2).
  const int used_bits = usage == 0 ? 0 : 16 - std::countr_zero(usage);
  Bytes content;
  for (int bit = 0; bit < used_bits; bit += 8) {
    content.push_back(static_cast<std::uint8_t>(usage >> static_cast<unsigned>(8 - bit)));
  }
  return der::bit_string(content, static_cast<std::uint8_t>((8 - used_bits % 8) % 8));
}

Bytes basic_constraints_value(const BasicConstraints& constraints) {
  const Bytes ca = constraints.ca ? der::boolean(true) : Bytes{};  // DER leaves the default out
  const Bytes length = constraints.path_length ? der::integer(*constraints.path_length) : Bytes{};
  return der::sequence(ca, length);
}

Bytes crl_points_value(std::string_view address) {
  const Bytes full_name = der::context(0, der::context_primitive(6, as_bytes(address)));
  return der::sequence(der::sequence(der::context(0, full_name)));
}

// In the order in which Intel's certificates have them.
std::vector<Extension> all_extensions(const Certificate& form) {
  std::vector<Extension> all;
  if (form.key_identifiers) {
    all.push_back({"2.5.29.35", false, der::sequence(der::context_primitive(0, form.signer.key_identifier()))});
  }
  if (!form.crl_address.empty()) {
    all.push_back({"2.5.29.31", false, crl_points_value(form.crl_address)});
  }
  if (form.key_identifiers) {
    all.push_back({"2.5.29.14", false, der::octet_string(form.key.key_identifier())});
  }
  if (form.key_usage) {
    all.push_back({"2.5.29.15", true, key_usage_value(*form.key_usage)});
  }
  if (form.basic_constraints) {
    all.push_back({"2.5.29.19", true, basic_constraints_value(*form.basic_constraints)});
  }
  all.insert(all.end(), form.extensions.begin(), form.extensions.end());
  return all;
}

Bytes date(const Certificate& form, UnixSeconds time) {
  return form.generalized_time ? der::generalized_time(time) : der::time(time);
}

}  // namespace

Bytes extension_der(const Extension& extension) {
  const Bytes critical = extension.critical ? der::boolean(true) : Bytes{};
  return der::sequence(der::oid(extension.oid), critical, der::octet_string(extension.value));
}

Bytes seal_signed(const Bytes& signed_part, Algorithm named, Algorithm used, const Key& signer) {
  return der::sequence(signed_part, algorithm_identifier(named), der::bit_string(signer.sign(used, signed_part)));
}

Bytes Certificate::der() const {
  const Algorithm signs = algorithm.value_or(signer.usual_algorithm());
  Bytes list;
  for (const Extension& extension : all_extensions(*this)) {
    append(list, extension_der(extension));
  }
  const Bytes extensions_field = list.empty() ? Bytes{} : der::context(3, der::element(0x30, list));
  Bytes signed_part = der::sequence(der::context(0, der::integer(version)), der::integer(ByteView(serial)),
                                    algorithm_identifier(inner_algorithm.value_or(signs)), issuer,
                                    der::sequence(date(*this, validity.from), date(*this, validity.to)), subject,
                                    public_key_info.value_or(key.public_key_info()), extensions_field);
  if (edit_signed) {
    edit_signed(signed_part);
  }
  Bytes whole = seal_signed(signed_part, signs, signed_with.value_or(signs), signer);
  if (edit_whole) {
    edit_whole(whole);
  }
  return whole;
}

Bytes name(const std::vector<NamePart>& parts) {
  Bytes content;
  for (const NamePart& part : parts) {
    const bool country = part.oid == "2.5.4.6";
    const Bytes text = country ? der::printable_string(part.text) : der::utf8_string(part.text);
    append(content, der::set(der::sequence(der::oid(part.oid), text)));
  }
  return der::element(0x30, content);
}

Bytes intel_name(std::string_view common_name) {
  return name({{"2.5.4.3", std::string(common_name)},
               {"2.5.4.10", "Intel Corporation"},
               {"2.5.4.7", "Santa Clara"},
               {"2.5.4.8", "CA"},
               {"2.5.4.6", "US"}});
}

Bytes amd_name(std::string_view common_name) {
  return name({{"2.5.4.11", "Engineering"},
               {"2.5.4.6", "US"},
               {"2.5.4.7", "Santa Clara"},
               {"2.5.4.8", "CA"},
               {"2.5.4.10", "Advanced Micro Devices"},
               {"2.5.4.3", std::string(common_name)}});
}

std::string pem(ByteView certificate) {
  const std::string body = to_base64(certificate);
  std::string out = "-----BEGIN CERTIFICATE-----\n";
  for (std::size_t at = 0; at < body.size(); at += 64) {
    out += body.substr(at, 64) + "\n";
  }
  return out + "-----END CERTIFICATE-----\n";
}

std::string pem(const std::vector<Bytes>& certificates) {
  std::string out;
  for (const Bytes& certificate : certificates) {
    out += pem(ByteView(certificate));
  }
  return out;
}

}  // namespace blindai::chains
