#include "openssl_judge.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "evidence/x509/chain.h"

namespace blindai::evidence::x509::judge {
namespace {

template <auto free_function>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    free_function(object);
  }
};
using X509Pointer = std::unique_ptr<X509, Free<X509_free>>;
using CrlPointer = std::unique_ptr<X509_CRL, Free<X509_CRL_free>>;
using IntegerPointer = std::unique_ptr<ASN1_INTEGER, Free<ASN1_INTEGER_free>>;
using ConstraintsPointer = std::unique_ptr<BASIC_CONSTRAINTS, Free<BASIC_CONSTRAINTS_free>>;
using BitsPointer = std::unique_ptr<ASN1_BIT_STRING, Free<ASN1_BIT_STRING_free>>;
using KeyIdPointer = std::unique_ptr<AUTHORITY_KEYID, Free<AUTHORITY_KEYID_free>>;

X509Pointer certificate_of(ByteView der) {
  const std::uint8_t* at = der.data();
  X509Pointer out(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  return at == der.data() + der.size() ? std::move(out) : nullptr;
}

CrlPointer crl_of(ByteView der) {
  const std::uint8_t* at = der.data();
  CrlPointer out(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  return at == der.data() + der.size() ? std::move(out) : nullptr;
}

bool same(ByteView a, ByteView b) { return std::ranges::equal(a, b); }

ByteView view(const ASN1_STRING* string) {
  return {ASN1_STRING_get0_data(string), static_cast<std::size_t>(ASN1_STRING_length(string))};
}

// DER that one of OpenSSL's i2d functions makes.
template <typename T>
Bytes encoded(int (*write)(T*, std::uint8_t**), T* object) {
  std::uint8_t* der = nullptr;
  const int size = write(object, &der);
  Bytes out(der, der + std::max(size, 0));
  OPENSSL_free(der);
  return out;
}

// The content of an INTEGER, written again.
Bytes content_of(const ASN1_INTEGER* integer) {
  const Bytes whole = encoded<const ASN1_INTEGER>(i2d_ASN1_INTEGER, integer);
  return {whole.begin() + 2, whole.end()};
}

std::optional<UnixSeconds> seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? std::optional<UnixSeconds>(timegm(&parts)) : std::nullopt;
}

int nid_of(const X509_ALGOR* algorithm) {
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  return algorithm == nullptr ? NID_undef : OBJ_obj2nid(object);
}

// What the parameters of an algorithm hold, decoded.
template <typename T>
std::unique_ptr<T, void (*)(T*)> parameters_of(const X509_ALGOR* algorithm, const ASN1_ITEM* item, void (*free)(T*)) {
  int type = 0;
  const void* value = nullptr;
  X509_ALGOR_get0(nullptr, &type, &value, algorithm);
  void* out = type == V_ASN1_SEQUENCE ? ASN1_item_unpack(static_cast<const ASN1_STRING*>(value), item) : nullptr;
  return {static_cast<T*>(out), free};
}

bool has_pss_parameters(const X509_ALGOR* algorithm) {
  const auto pss = parameters_of<RSA_PSS_PARAMS>(algorithm, ASN1_ITEM_rptr(RSA_PSS_PARAMS), RSA_PSS_PARAMS_free);
  if (!pss || nid_of(pss->hashAlgorithm) != NID_sha384 || nid_of(pss->maskGenAlgorithm) != NID_mgf1) {
    return false;
  }
  const auto mask = parameters_of<X509_ALGOR>(pss->maskGenAlgorithm, ASN1_ITEM_rptr(X509_ALGOR), X509_ALGOR_free);
  return nid_of(mask.get()) == NID_sha384 && ASN1_INTEGER_get(pss->saltLength) == 48 &&
         (pss->trailerField == nullptr || ASN1_INTEGER_get(pss->trailerField) == 1);
}

bool same_algorithm(SignatureAlgorithm ours, const X509_ALGOR* theirs) {
  switch (ours) {
    case SignatureAlgorithm::ecdsa_sha256:
      return nid_of(theirs) == NID_ecdsa_with_SHA256;
    case SignatureAlgorithm::ecdsa_sha384:
      return nid_of(theirs) == NID_ecdsa_with_SHA384;
    case SignatureAlgorithm::rsa_pss_sha384:
      return nid_of(theirs) == NID_rsassaPss && has_pss_parameters(theirs);
  }
  return false;
}

std::optional<std::string> common_name_of(const X509_NAME* name) {
  const int first = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (first < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, first) >= 0) {
    return std::nullopt;
  }
  return std::string(as_text(view(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, first)))));
}

std::string difference_of_names(ByteView ours, const X509_NAME* theirs) {
  const std::uint8_t* at = nullptr;
  std::size_t size = 0;
  if (X509_NAME_get0_der(theirs, &at, &size) != 1 || !same(ours, {at, size})) {
    return "bytes of a name";
  }
  const auto cn = common_name(ours);
  if ((cn ? std::optional(std::string(*cn)) : std::nullopt) != common_name_of(theirs)) {
    return "common name";
  }
  return {};
}

bool same_key(const Certificate& ours, EVP_PKEY* theirs) {
  if (const auto* point = std::get_if<EcPoint>(&ours.key)) {
    std::array<std::uint8_t, 200> encoded_point{};
    std::size_t size = 0;
    return EVP_PKEY_get_octet_string_param(theirs, OSSL_PKEY_PARAM_PUB_KEY, encoded_point.data(), encoded_point.size(),
                                           &size) == 1 &&
           size > 1 && same(ByteView(encoded_point).subspan(1, size - 1), point->xy) &&
           EVP_PKEY_get_bits(theirs) == (point->curve == crypto::Curve::p256 ? 256 : 384);
  }
  const auto& numbers = std::get<RsaNumbers>(ours.key);
  const auto equals = [&](const char* name, ByteView number) {
    BIGNUM* big = nullptr;
    if (EVP_PKEY_get_bn_param(theirs, name, &big) != 1) {
      return false;
    }
    Bytes out(number.size());
    const bool holds = BN_bn2binpad(big, out.data(), static_cast<int>(out.size())) >= 0 && same(out, number);
    BN_free(big);
    return holds;
  };
  return EVP_PKEY_is_a(theirs, "RSA") == 1 && equals(OSSL_PKEY_PARAM_RSA_N, numbers.modulus) &&
         equals(OSSL_PKEY_PARAM_RSA_E, numbers.exponent);
}

std::string difference_of_keys(const Certificate& ours, X509* theirs) {
  if (!same(ours.public_key_info, encoded<const X509_PUBKEY>(i2d_X509_PUBKEY, X509_get_X509_PUBKEY(theirs)))) {
    return "SubjectPublicKeyInfo";
  }
  const auto key = VerifyingKey::of(ours);
  EVP_PKEY* pkey = X509_get0_pubkey(theirs);
  if (pkey == nullptr) {
    return key ? "a key that OpenSSL refuses" : "";
  }
  return same_key(ours, pkey) ? "" : "the key";
}

bool is_read(int nid) { return nid == NID_basic_constraints || nid == NID_key_usage; }

// Whether an extension whose content we do not look at is malformed in OpenSSL's eyes.
bool has_malformed_other(const X509* certificate) {
  for (int i = 0; i < X509_get_ext_count(certificate); ++i) {
    X509_EXTENSION* extension = X509_get_ext(certificate, i);
    const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
    if (is_read(nid) || X509V3_EXT_get_nid(nid) == nullptr) {
      continue;
    }
    const X509V3_EXT_METHOD* method = X509V3_EXT_get_nid(nid);
    void* parsed = X509V3_EXT_d2i(extension);
    if (parsed == nullptr) {
      return true;
    }
    ASN1_item_free(static_cast<ASN1_VALUE*>(parsed), ASN1_ITEM_ptr(method->it));
  }
  return false;
}

std::string first_of(std::initializer_list<std::string> differences) {
  const auto found = std::ranges::find_if(differences, [](const std::string& text) { return !text.empty(); });
  return found == differences.end() ? "" : *found;
}

std::string difference_of_constraints(const Certificate& ours, const X509* theirs) {
  const ConstraintsPointer constraints(
      static_cast<BASIC_CONSTRAINTS*>(X509_get_ext_d2i(theirs, NID_basic_constraints, nullptr, nullptr)));
  if (ours.ca != (constraints && constraints->ca != 0)) {
    return "whether it is an authority";
  }
  const ASN1_INTEGER* length = constraints ? constraints->pathlen : nullptr;
  std::int64_t value = 0;
  if (ours.path_length.has_value() != (length != nullptr) ||
      (length != nullptr && (ASN1_INTEGER_get_int64(&value, length) != 1 || value != *ours.path_length))) {
    return "path length";
  }
  return {};
}

std::string difference_of_key_usage(const Certificate& ours, const X509* theirs) {
  const BitsPointer usage(static_cast<ASN1_BIT_STRING*>(X509_get_ext_d2i(theirs, NID_key_usage, nullptr, nullptr)));
  if (ours.key_usage.has_value() != (usage != nullptr)) {
    return "key usage";
  }
  for (int bit = 0; usage && bit < 16; ++bit) {
    if ((ASN1_BIT_STRING_get_bit(usage.get(), bit) == 1) != ((*ours.key_usage & 0x8000U >> bit) != 0)) {
      return "bit " + std::to_string(bit) + " of the key usage";
    }
  }
  return {};
}

std::string difference_of_extensions(const Certificate& ours, X509* theirs) {
  if (X509_get_ext_count(theirs) != static_cast<int>(ours.extension_count)) {
    return "count of extensions";
  }
  for (std::size_t i = 0; i < ours.extension_count; ++i) {
    X509_EXTENSION* extension = X509_get_ext(theirs, static_cast<int>(i));
    const ASN1_OBJECT* oid = X509_EXTENSION_get_object(extension);
    if (!same(ours.extensions[i].oid, {OBJ_get0_data(oid), OBJ_length(oid)}) ||
        ours.extensions[i].critical != (X509_EXTENSION_get_critical(extension) == 1) ||
        !same(ours.extensions[i].value, view(X509_EXTENSION_get_data(extension)))) {
      return "extension " + std::to_string(i);
    }
  }
  const bool invalid = (X509_get_extension_flags(theirs) & EXFLAG_INVALID) != 0;
  if (invalid && !has_malformed_other(theirs)) {
    return "OpenSSL refuses: its extensions";
  }
  return first_of({difference_of_constraints(ours, theirs), difference_of_key_usage(ours, theirs)});
}

std::string difference_of_signature(SignatureAlgorithm algorithm, ByteView signature, const ASN1_BIT_STRING* bits,
                                    const X509_ALGOR* theirs) {
  if (!same_algorithm(algorithm, theirs)) {
    return "signature algorithm";
  }
  return same(signature, view(bits)) ? "" : "signature";
}

std::string difference_of_entries(const Crl& ours, X509_CRL* theirs) {
  STACK_OF(X509_REVOKED)* revoked = X509_CRL_get_REVOKED(theirs);
  const int count = revoked == nullptr ? 0 : sk_X509_REVOKED_num(revoked);
  if (count != static_cast<int>(ours.entry_count)) {
    return "count of entries";
  }
  for (int i = 0; i < count; ++i) {
    const X509_REVOKED* entry = sk_X509_REVOKED_value(revoked, i);
    if (!ours.lists(content_of(X509_REVOKED_get0_serialNumber(entry)))) {
      return "entry " + std::to_string(i);
    }
  }
  return {};
}

std::string difference_of_extensions(const Crl& ours, X509_CRL* theirs) {
  const IntegerPointer number(
      static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(theirs, NID_crl_number, nullptr, nullptr)));
  if (!number || !same(ours.number, view(number.get()))) {
    return "number";
  }
  std::int64_t value = 0;
  if (ASN1_INTEGER_get_int64(&value, number.get()) == 1 && value != crl_number(ours)) {
    return "number as a number";
  }
  const KeyIdPointer key(
      static_cast<AUTHORITY_KEYID*>(X509_CRL_get_ext_d2i(theirs, NID_authority_key_identifier, nullptr, nullptr)));
  return key && key->keyid != nullptr && same(ours.authority_key, view(key->keyid)) ? "" : "identifier of the key";
}

}  // namespace

bool takes_certificate(ByteView der) { return certificate_of(der) != nullptr; }
bool takes_crl(ByteView der) { return crl_of(der) != nullptr; }

std::string difference(const Certificate& ours) {
  const X509Pointer theirs = certificate_of(ours.whole);
  if (!theirs) {
    return "OpenSSL refuses: its form";
  }
  if (X509_get_version(theirs.get()) != X509_VERSION_3) {
    return "version";
  }
  if (!same(ours.serial, content_of(X509_get0_serialNumber(theirs.get())))) {
    return "serial";
  }
  if (seconds_of(X509_get0_notBefore(theirs.get())) != ours.not_before ||
      seconds_of(X509_get0_notAfter(theirs.get())) != ours.not_after) {
    return "dates";
  }
  if (!same(ours.tbs, encoded<X509>(i2d_re_X509_tbs, theirs.get()))) {
    return "signed part, written again";
  }
  const ASN1_BIT_STRING* signature = nullptr;
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(&signature, &algorithm, theirs.get());
  return first_of({difference_of_names(ours.issuer, X509_get_issuer_name(theirs.get())),
                   difference_of_names(ours.subject, X509_get_subject_name(theirs.get())),
                   difference_of_keys(ours, theirs.get()), difference_of_extensions(ours, theirs.get()),
                   difference_of_signature(ours.algorithm, ours.signature, signature, algorithm)});
}

std::string difference(const Crl& ours) {
  const CrlPointer theirs = crl_of(ours.whole);
  if (!theirs) {
    return "OpenSSL refuses: its form";
  }
  if (X509_CRL_get_version(theirs.get()) != X509_CRL_VERSION_2) {
    return "version";
  }
  if (seconds_of(X509_CRL_get0_lastUpdate(theirs.get())) != ours.this_update ||
      seconds_of(X509_CRL_get0_nextUpdate(theirs.get())) != ours.next_update) {
    return "dates";
  }
  const ASN1_BIT_STRING* signature = nullptr;
  const X509_ALGOR* algorithm = nullptr;
  X509_CRL_get0_signature(theirs.get(), &signature, &algorithm);
  const std::string first =
      first_of({difference_of_names(ours.issuer, X509_CRL_get_issuer(theirs.get())),
                difference_of_signature(ours.algorithm, ours.signature, signature, algorithm),
                difference_of_extensions(ours, theirs.get()), difference_of_entries(ours, theirs.get())});
  if (!first.empty()) {
    return first;
  }
  return same(ours.tbs, encoded<X509_CRL>(i2d_re_X509_CRL_tbs, theirs.get())) ? "" : "signed part, written again";
}

}  // namespace blindai::evidence::x509::judge
