// What collateral holds and until when, for people. Nothing here is verified.
#include <algorithm>
#include <limits>

#include "evidence/dcap/documents.h"
#include "evidence/describe.h"
#include "evidence/files.h"
#include "evidence/snp/vek.h"
#include "evidence/x509/crl.h"
#include "evidence/x509/pem.h"

namespace blindai::evidence {
namespace {

struct Described {
  json::Object fields;
  UnixSeconds from = std::numeric_limits<UnixSeconds>::min();
  UnixSeconds until = std::numeric_limits<UnixSeconds>::max();

  void during(UnixSeconds not_before, UnixSeconds not_after) {
    from = std::max(from, not_before);
    until = std::min(until, not_after);
  }
};

Parsed<Described> describe_certificates(const std::vector<Bytes>& list, std::string_view item) {
  Described out;
  json::Array certificates;
  for (const Bytes& der : list) {
    const auto certificate = x509::parse_certificate(der, item);
    if (!certificate) {
      return std::unexpected(certificate.error());
    }
    certificates.emplace_back(json::Object{{"subject", x509::describe_name(certificate->subject)},
                                           {"issuer", x509::describe_name(certificate->issuer)},
                                           {"serial", to_hex(certificate->serial)},
                                           {"not_before", to_iso8601(certificate->not_before)},
                                           {"not_after", to_iso8601(certificate->not_after)}});
    out.during(certificate->not_before, certificate->not_after);
  }
  out.fields.emplace("certificates", std::move(certificates));
  return out;
}

Parsed<Described> describe_chain(const Bytes& pem, std::string_view item) {
  const auto chain = x509::certificates_of_pem(pem, item);
  if (!chain) {
    return std::unexpected(chain.error());
  }
  return describe_certificates(*chain, item);
}

Parsed<Described> describe_crl(const Bytes& der, std::string_view item) {
  const auto crl = x509::parse_crl(der, item);
  if (!crl) {
    return std::unexpected(crl.error());
  }
  Described out;
  out.during(crl->this_update, crl->next_update);
  out.fields = {{"issuer", x509::describe_name(crl->issuer)},
                {"number", x509::crl_number(*crl)},
                {"revoked", std::uint64_t{crl->entry_count}}};
  return out;
}

Parsed<Described> describe_tcb_info(const Bytes& json, std::string_view item) {
  Effort ignored;
  const auto text = dcap::read_signed(json, "tcbInfo", item, ignored);
  const auto info = text ? dcap::parse_tcb_info(*text) : std::unexpected(text.error());
  if (!info) {
    return std::unexpected(info.error());
  }
  Described out;
  out.during(info->issue_date, info->next_update);
  out.fields = {{"tee", dcap::word(info->tee)},
                {"version", info->version},
                {"fmspc", to_hex(info->fmspc)},
                {"pceid", to_hex(info->pce_id)},
                {"tcb_evaluation_data_number", info->evaluation_number},
                {"levels", std::uint64_t{info->levels.size()}}};
  return out;
}

Parsed<Described> describe_qe_identity(const Bytes& json, std::string_view item) {
  Effort ignored;
  const auto text = dcap::read_signed(json, "enclaveIdentity", item, ignored);
  const auto identity = text ? dcap::parse_qe_identity(*text) : std::unexpected(text.error());
  if (!identity) {
    return std::unexpected(identity.error());
  }
  constexpr std::string_view ids[] = {"QE", "TD_QE", "QVE"};
  Described out;
  out.during(identity->issue_date, identity->next_update);
  out.fields = {{"id", ids[static_cast<std::size_t>(identity->id)]},
                {"mrsigner", to_hex(identity->mr_signer)},
                {"tcb_evaluation_data_number", identity->evaluation_number},
                {"levels", std::uint64_t{identity->levels.size()}}};
  return out;
}

Parsed<Described> describe_vek(const Bytes& der, std::string_view item) {
  auto out = describe_certificates({der}, item);
  if (!out) {
    return out;
  }
  const auto certificate = x509::parse_certificate(der, item);
  const auto vek = certificate ? snp::parse_vek(*certificate) : std::unexpected(certificate.error());
  if (!vek) {
    return std::unexpected(vek.error());
  }
  out->fields.emplace("product", word(vek->product));
  out->fields.emplace("tcb", describe(vek->tcb));
  if (vek->hardware_id) {
    out->fields.emplace("hwid", to_hex(*vek->hardware_id));
  }
  if (vek->csp_id) {
    out->fields.emplace("csp_id", *vek->csp_id);
  }
  return out;
}

Parsed<Described> describe_item(const std::string& name, const Bytes& bytes) {
  if (name == "tcb_info") {
    return describe_tcb_info(bytes, name);
  }
  if (name == "qe_identity") {
    return describe_qe_identity(bytes, name);
  }
  if (name == "vek") {
    return describe_vek(bytes, name);
  }
  return name.ends_with("crl") ? describe_crl(bytes, name) : describe_chain(bytes, name);
}

}  // namespace

json::Object describe_collateral(const Collateral& collateral) {
  json::Object items;
  Described all;
  for (const auto& [name, bytes] : collateral.items()) {
    auto described = describe_item(name, bytes);
    json::Object fields =
        described ? std::move(described->fields) : json::Object{{"unreadable", described.error().text()}};
    fields.emplace("bytes", std::uint64_t{bytes.size()});
    if (described) {
      fields.emplace("valid_from", to_iso8601(described->from));
      fields.emplace("valid_until", to_iso8601(described->until));
      all.during(described->from, described->until);
    }
    items.emplace(name, std::move(fields));
  }
  json::Object out{{"verified", false}, {"digest", collateral.digest().text()}, {"items", std::move(items)}};
  const bool bounded = all.until != std::numeric_limits<UnixSeconds>::max();
  out.emplace("valid_from", bounded ? json::Value(to_iso8601(all.from)) : json::Value(nullptr));
  out.emplace("valid_until", bounded ? json::Value(to_iso8601(all.until)) : json::Value(nullptr));
  return out;
}

}  // namespace blindai::evidence
