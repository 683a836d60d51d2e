#include "evidence/appraise.h"

#include "evidence/dcap/appraise.h"
#include "evidence/decide.h"
#include "evidence/simulated_claims.h"
#include "evidence/snp/appraise.h"

namespace blindai::evidence {
namespace {

struct KindOfEvidence {
  std::string_view type;
  std::string_view tee;
};
constexpr KindOfEvidence kinds[] = {
    {"sgx-quote", "sgx"}, {"tdx-quote", "tdx"}, {"snp-report", "snp"}, {"simulated", "simulated"}};

std::unexpected<Error> refused() {
  return fail(Code::attestation_failed, {"the evidence was not accepted; the report names the failed check"});
}

std::string accepted_tees(const Policy& policy) {
  std::string text;
  const auto add = [&](bool present, std::string_view tee) {
    if (present) {
      text += (text.empty() ? "" : ", ") + std::string(tee);
    }
  };
  add(policy.sgx.has_value(), "sgx");
  add(policy.tdx.has_value(), "tdx");
  add(policy.snp.has_value(), "snp");
  add(policy.simulated.has_value(), "simulated");
  return text;
}

bool accepts(const Policy& policy, std::string_view tee) {
  return (tee == "sgx" && policy.sgx) || (tee == "tdx" && policy.tdx) || (tee == "snp" && policy.snp) ||
         (tee == "simulated" && policy.simulated);
}

// What an appraisal works on, and where it says what it finds.
struct Inputs {
  const Roots& roots;
  std::string_view tee;  // of the item's type
  const Item& item;
  const Collateral& collateral;
  const Policy& policy;
  UnixSeconds at;
  CollateralCache* cache;
};

bool accepted_type(const Inputs& in, Report& report) {
  return report.check(BLINDAI_HOLDS(accepts(in.policy, in.tee)), "evidence_accepted_type",
                      {Reason::tee_not_accepted, std::string(in.tee)}, accepted_tees(in.policy), std::string(in.tee),
                      "policy");
}

template <typename Evidence>
bool well_formed(const Parsed<Evidence>& parsed, const char* expected, Report& report) {
  if (!parsed) {
    report.fail("evidence_form", parsed.error(), expected, "");
    return false;
  }
  report.pass("evidence_form", expected, "well-formed", "");
  return true;
}

std::optional<Claims> claims_of_quote(const Inputs& in, Report& report) {
  const auto quote = dcap::parse_quote(in.item.data, report.effort);
  if (!well_formed(quote, "an SGX or TDX quote of version 3, 4 or 5", report)) {
    return std::nullopt;
  }
  const std::string tee(dcap::word(quote->tee));
  if (!report.check(BLINDAI_HOLDS(tee == in.tee), "evidence_tee", {Reason::tee_mismatch}, std::string(in.tee), tee,
                    "") ||
      !accepted_type(in, report)) {
    return std::nullopt;
  }
  const bool require_crl = quote->tee == dcap::Tee::sgx ? in.policy.sgx->require_crl : in.policy.tdx->require_crl;
  return dcap::appraise(*quote, in.collateral, require_crl, in.at, in.roots, in.cache, report);
}

std::optional<Claims> claims_of_snp(const Inputs& in, Report& report) {
  const auto parsed = snp::parse_report(in.item.data, report.effort);
  if (!well_formed(parsed, "an SEV-SNP report of version 2 to 5", report) || !accepted_type(in, report)) {
    return std::nullopt;
  }
  return snp::appraise(*parsed, in.collateral, in.policy.snp->require_crl, in.at, in.roots, in.cache, report);
}

std::optional<Claims> claims_of_simulated(const Inputs& in, Report& report) {
  return accepted_type(in, report) ? appraise_simulated(in.item.data, in.policy.simulated->root, report) : std::nullopt;
}

// Bytes of one kind of evidence to claims: the one place that knows all kinds.
std::optional<Claims> claims_of(const Inputs& in, Report& report) {
  if (in.tee == "simulated") {
    return claims_of_simulated(in, report);
  }
  return in.tee == "snp" ? claims_of_snp(in, report) : claims_of_quote(in, report);
}

}  // namespace

std::optional<std::string_view> tee_of_type(std::string_view type) {
  for (const KindOfEvidence& kind : kinds) {
    if (kind.type == type) {
      return kind.tee;
    }
  }
  return std::nullopt;
}

std::optional<std::string_view> type_of_evidence(ByteView data) {
  const auto word_at = [&](std::size_t offset) { return data[offset] | data[offset + 1] << 8U; };
  constexpr std::size_t quote_header_bytes = 48;
  constexpr std::uint8_t cbor_array_of_two = 0x82;
  if (data.size() == snp::report_bytes && data[0] >= 2 && data[0] <= 5 && word_at(2) == 0 && data[1] == 0) {
    return "snp-report";
  }
  if (data.size() >= quote_header_bytes && word_at(0) >= 3 && word_at(0) <= 5) {
    return data[4] == 0x81 ? "tdx-quote" : "sgx-quote";
  }
  if (!data.empty() && data[0] == cbor_array_of_two) {
    return "simulated";
  }
  return std::nullopt;
}

Result<VerifiedEvidence> appraise_under(const Roots& roots, const Item& item, const Collateral& collateral,
                                        const Policy& policy, UnixSeconds at, Report& report, CollateralCache* cache) {
  const auto tee = tee_of_type(item.type);
  report.tee = tee.value_or("");
  report.simulated = tee == "simulated";
  if (!tee) {
    report.fail("evidence_accepted_type", {Reason::tee_not_accepted}, accepted_tees(policy), "policy");
    return refused();
  }
  auto claims = claims_of({roots, *tee, item, collateral, policy, at, cache}, report);
  if (!claims) {
    return refused();
  }
  report.claims = claims->to_json();
  report.tcb = claims->tcb_to_json();
  auto verified = decide(std::move(*claims), policy, at, report);
  if (!verified) {
    return refused();
  }
  return std::move(*verified);
}

Result<VerifiedEvidence> appraise(const Item& item, const Collateral& collateral, const Policy& policy, UnixSeconds at,
                                  Report& report, CollateralCache* cache) {
  return appraise_under(vendor_roots(), item, collateral, policy, at, report, cache);
}

}  // namespace blindai::evidence
