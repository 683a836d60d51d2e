#include "evidence/claims.h"

#include "evidence/describe.h"
#include "evidence/words.h"

namespace blindai::evidence {
namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

json::Value date_or_null(const std::optional<UnixSeconds>& date) {
  return date ? json::Value(to_iso8601(*date)) : json::Value(nullptr);
}
json::Value status_or_null(const std::optional<dcap::TcbStatus>& status) {
  return status ? json::Value(dcap::word(*status)) : json::Value(nullptr);
}
json::Value number_or_null(const std::optional<std::int64_t>& number) {
  return number ? json::Value(*number) : json::Value(nullptr);
}

json::Object tcb_of(const DcapClaims& claims) {
  const dcap::TcbAppraisal& tcb = claims.tcb;
  const bool matched = tcb.platform_level.has_value();
  json::Array ids;
  json::Array advisories;
  for (const dcap::Advisory& advisory : tcb.advisories) {
    ids.emplace_back(advisory.id);
    advisories.emplace_back(json::Object{{"id", advisory.id}, {"origin", advisory.origin}});
  }
  json::Array shortfalls;
  for (const dcap::Shortfall& shortfall : tcb.shortfalls) {
    shortfalls.emplace_back(json::Object{{"component", shortfall.component},
                                         {"found", std::int64_t{shortfall.found}},
                                         {"wanted", std::int64_t{shortfall.wanted}}});
  }
  json::Object out{{"status", dcap::word(tcb.status)},
                   {"platform_status", dcap::word(tcb.platform)},
                   {"platform_tcb_date", matched ? json::Value(to_iso8601(tcb.platform_date)) : json::Value(nullptr)},
                   {"platform_level", matched ? json::Value(std::uint64_t{*tcb.platform_level}) : json::Value(nullptr)},
                   {"qe_status", dcap::word(tcb.qe)},
                   {"qe_tcb_date", tcb.qe == dcap::TcbStatus::not_supported ? json::Value(nullptr)
                                                                            : json::Value(to_iso8601(tcb.qe_date))},
                   {"tdx_module_status", status_or_null(tcb.tdx_module)},
                   {"tdx_module_tcb_date", date_or_null(tcb.tdx_module_date)},
                   {"tcb_date", matched ? json::Value(to_iso8601(tcb.date)) : json::Value(nullptr)},
                   {"tcb_evaluation_data_number", tcb.evaluation_number},
                   {"tcb_info_evaluation_data_number", claims.tcb_info_evaluation_number},
                   {"qe_identity_evaluation_data_number", claims.qe_identity_evaluation_number},
                   {"root_crl_number", number_or_null(claims.root_crl_number)},
                   {"pck_crl_number", number_or_null(claims.pck_crl_number)},
                   {"advisory_ids", std::move(ids)},
                   {"advisories", std::move(advisories)},
                   {"shortfalls", std::move(shortfalls)}};
  if (tcb.current) {
    out.emplace("current_status_from_tee_tcb_svn2", dcap::word(*tcb.current));
  }
  return out;
}

json::Object tcb_of(const SnpClaims& claims) {
  json::Object out{{"product", word(claims.product)},
                   {"signing_key", snp::word(claims.key)},
                   {"crl_number", number_or_null(claims.crl_number)}};
  const json::Object report = describe(claims.report, claims.product);
  for (const char* name : {"reported_tcb", "committed_tcb", "current_tcb", "launch_tcb", "current_fw", "committed_fw",
                           "launch_mit_vector", "current_mit_vector"}) {
    out.emplace(name, report.at(name));
  }
  return out;
}

}  // namespace

std::string_view Claims::tee() const {
  return std::visit(
      Overloaded{[](const SimulatedClaims&) { return "simulated"; }, [](const SgxClaims&) { return "sgx"; },
                 [](const TdxClaims&) { return "tdx"; }, [](const SnpClaims&) { return "snp"; }},
      facts_);
}

const std::array<std::uint8_t, 64>& Claims::report_data() const {
  using Data = std::array<std::uint8_t, 64>;
  return std::visit(Overloaded{[](const SimulatedClaims& simulated) -> const Data& { return simulated.report_data; },
                               [](const auto& hardware) -> const Data& { return hardware.report.report_data; }},
                    facts_);
}

json::Object Claims::to_json() const {
  return std::visit(Overloaded{[](const SimulatedClaims& simulated) {
                                 return json::Object{{"measurement", simulated.measurement.hex()},
                                                     {"report_data", to_hex(simulated.report_data)}};
                               },
                               [](const SnpClaims& snp) { return describe(snp.report, snp.product); },
                               [](const auto& dcap) {
                                 json::Object out = describe(dcap.report);
                                 out.emplace("pck", describe(dcap.dcap.pck));
                                 return out;
                               }},
                    facts_);
}

json::Object Claims::tcb_to_json() const {
  if (std::holds_alternative<SimulatedClaims>(facts_)) {
    return {};  // a simulated platform has no security version
  }
  const auto* snp = std::get_if<SnpClaims>(&facts_);
  const auto* sgx = std::get_if<SgxClaims>(&facts_);
  json::Object out = snp != nullptr   ? tcb_of(*snp)
                     : sgx != nullptr ? tcb_of(sgx->dcap)
                                      : tcb_of(std::get<TdxClaims>(facts_).dcap);
  out.emplace("valid_from", to_iso8601(valid_from_));
  out.emplace("valid_until", to_iso8601(valid_until_));
  return out;
}

}  // namespace blindai::evidence
