// Evidence taken apart for people. Nothing here is verified.
#include "evidence/describe.h"
#include "evidence/files.h"
#include "evidence/simulated_claims.h"
#include "evidence/words.h"
#include "evidence/x509/pem.h"

namespace blindai::evidence {
namespace {

json::Object unverified(std::string_view type) {
  return {{"type", type}, {"verified", false}, {"note", "as the bytes say it: no signature was checked"}};
}

std::string_view body_word(const dcap::Quote& quote) {
  if (quote.tee == dcap::Tee::sgx) {
    return "sgx";
  }
  constexpr std::uint16_t partitioning = 4;
  if (quote.body_type == partitioning) {
    return "td_partitioning";
  }
  return std::get<dcap::TdReport>(quote.body).td15 ? "td15" : "td10";
}

// The leaf of the chain in the quote; its reason where it cannot be read.
json::Value describe_pck(const dcap::Quote& quote) {
  const auto unreadable = [](const Refusal& refusal) { return json::Object{{"unreadable", refusal.text()}}; };
  const auto chain = x509::certificates_of_pem(quote.pck_chain, "pck");
  if (!chain) {
    return unreadable(chain.error());
  }
  const auto leaf = x509::parse_certificate(chain->front(), "pck");
  if (!leaf) {
    return unreadable(leaf.error());
  }
  const auto extension = dcap::parse_pck_extension(*leaf);
  if (!extension) {
    return unreadable(extension.error());
  }
  json::Object out = describe(*extension);
  out.emplace("issuer", x509::common_name(leaf->issuer).value_or(""));
  out.emplace("serial", to_hex(leaf->serial));
  out.emplace("not_before", to_iso8601(leaf->not_before));
  out.emplace("not_after", to_iso8601(leaf->not_after));
  return out;
}

json::Object describe_quote(const dcap::Quote& quote, ByteView data) {
  constexpr int tdx_type = 0x81;
  constexpr int ecdsa_p256 = 2;
  constexpr int pem_chain = 5;
  const ByteView trailing = data.last(quote.trailing_bytes);
  json::Object header{{"size", std::uint64_t{data.size()}},
                      {"version", int{quote.version}},
                      {"att_key_type", ecdsa_p256},
                      {"tee_type", quote.tee == dcap::Tee::tdx ? tdx_type : 0},
                      {"body_type", body_word(quote)},
                      {"signed_bytes", std::uint64_t{quote.signed_bytes.size()}},
                      {"auth_data_size", std::uint64_t{data.size() - quote.trailing_bytes - quote.signed_bytes.size() -
                                                       sizeof(std::uint32_t)}},
                      {"trailing_bytes", std::uint64_t{quote.trailing_bytes}},
                      {"trailing_all_zero", trailing.empty() ? json::Value(nullptr) : json::Value(all_zero(trailing))},
                      {"certification_data_type", pem_chain},
                      {"header_user_data", to_hex(quote.user_data)},
                      {"qe_svn_header", int{quote.qe_svn}},
                      {"pce_svn_header", int{quote.pce_svn}},
                      {"signature", to_hex(quote.signature)},
                      {"attestation_key", to_hex(quote.attestation_key)},
                      {"qe_report", describe(quote.qe_report)},
                      {"qe_report_signature", to_hex(quote.qe_report_signature)},
                      {"qe_auth_data", to_hex(quote.qe_auth_data)},
                      {"pck", describe_pck(quote)}};
  if (!quote.partitioning.empty()) {
    header.emplace("partitioning", to_hex(quote.partitioning));
  }
  json::Object out = unverified(quote.tee == dcap::Tee::sgx ? "sgx-quote" : "tdx-quote");
  out.emplace("quote", std::move(header));
  out.emplace("measurements", std::visit([](const auto& body) { return describe(body); }, quote.body));
  return out;
}

// Version 2 names no product. Chip ids of Turin have eight bytes; those of Milan and Genoa, which share a layout, 64.
std::optional<Product> layout_of(const snp::Report& report) {
  if (report.cpuid) {
    return snp::product_of(*report.cpuid);
  }
  const ByteView id = report.chip_id;
  constexpr std::size_t turin_id_bytes = 8;
  return !all_zero(id) && all_zero(id.subspan(turin_id_bytes)) ? Product::turin : Product::genoa;
}

json::Object describe_report(const snp::Report& report) {
  json::Object fields = describe(report, layout_of(report));
  if (!report.cpuid) {
    fields["product_line"] = nullptr;
  }
  fields.emplace("signature", to_hex(report.signature));
  fields.emplace("unsigned_bytes_zero", report.trailing_zero);
  json::Object out = unverified("snp-report");
  out.emplace("report", std::move(fields));
  return out;
}

Parsed<json::Object> decode_simulated(ByteView data) {
  const auto parts = parse_simulated(data);
  if (!parts) {
    return refuse(Reason::bad_evidence_format);
  }
  json::Object out = unverified("simulated");
  out.emplace("root", to_hex(parts->root));
  out.emplace("key", to_hex(parts->key));
  if (const auto claims = verified_claims(*parts)) {
    out.emplace("measurement", claims->measurement.hex());
    out.emplace("report_data", to_hex(claims->report_data));
  }
  return out;
}

}  // namespace

Parsed<json::Object> decode_evidence(ByteView data) {
  const auto type = data.size() <= max_evidence_bytes ? type_of_evidence(data) : std::nullopt;
  if (!type) {
    return refuse(Reason::bad_evidence_format, "neither a quote nor a report");
  }
  if (type == "simulated") {
    return decode_simulated(data);
  }
  Effort ignored;
  if (type == "snp-report") {
    const auto report = snp::parse_report(data, ignored);
    return report ? Parsed<json::Object>(describe_report(*report)) : std::unexpected(report.error());
  }
  const auto quote = dcap::parse_quote(data, ignored);
  return quote ? Parsed<json::Object>(describe_quote(*quote, data)) : std::unexpected(quote.error());
}

}  // namespace blindai::evidence
