#include "chains/crl.h"

#include "chains/der.h"

namespace blindai::chains {
namespace {

Bytes entry(const Revoked& revoked) {
  Bytes list;
  if (revoked.reason) {
    append(list, extension_der({"2.5.29.21", false, der::enumerated(*revoked.reason)}));
  }
  for (const Extension& extension : revoked.extensions) {
    append(list, extension_der(extension));
  }
  return der::sequence(der::integer(ByteView(revoked.serial)), der::time(revoked.since),
                       list.empty() ? Bytes{} : der::element(0x30, list));
}

Bytes extensions_field(const Crl& form) {
  Bytes list;
  if (form.number) {
    append(list, extension_der({"2.5.29.20", false, der::integer(*form.number)}));
  }
  if (form.authority_key) {
    const Bytes identifier = der::context_primitive(0, form.signer.key_identifier());
    append(list, extension_der({"2.5.29.35", false, der::sequence(identifier)}));
  }
  for (const Extension& extension : form.extensions) {
    append(list, extension_der(extension));
  }
  return list.empty() ? Bytes{} : der::context(0, der::element(0x30, list));
}

}  // namespace

Bytes Crl::der() const {
  const auto date = [this](UnixSeconds time) {
    return generalized_time ? der::generalized_time(time) : der::time(time);
  };
  const Algorithm signs = algorithm.value_or(signer.usual_algorithm());
  Bytes entries;
  for (const Revoked& one : revoked) {
    append(entries, entry(one));
  }
  Bytes signed_part =
      der::sequence(version ? der::integer(*version) : Bytes{}, algorithm_identifier(inner_algorithm.value_or(signs)),
                    issuer, date(this_update), next_update ? date(*next_update) : Bytes{},
                    revoked.empty() ? Bytes{} : der::element(0x30, entries), extensions_field(*this));
  if (edit_signed) {
    edit_signed(signed_part);
  }
  Bytes whole = seal_signed(signed_part, signs, signed_with.value_or(signs), signer);
  if (edit_whole) {
    edit_whole(whole);
  }
  return whole;
}

}  // namespace blindai::chains
