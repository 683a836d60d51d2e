#include "evidence/appraise.h"

#include "evidence/decide.h"
#include "evidence/simulated_claims.h"
#include "evidence/snp/report.h"

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

// Bytes of one kind of evidence to claims: the one place that knows all kinds. The policy accepts this one.
std::optional<Claims> claims_of(std::string_view tee, const Item& item, const Policy& policy, Report& report) {
  if (tee == "simulated") {
    return appraise_simulated(item.data, policy.simulated->root, report);
  }
  report.fail("evidence_form", "evidence that this release can verify",
              std::string(tee) + ": verification is not implemented in this release", "");
  return std::nullopt;
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

Result<VerifiedEvidence> appraise_under(const Roots& /*roots*/, const Item& item, const Collateral& /*collateral*/,
                                        const Policy& policy, UnixSeconds at, Report& report,
                                        CollateralCache* /*cache*/) {
  const auto tee = tee_of_type(item.type);
  report.tee = tee.value_or("");
  report.simulated = tee == "simulated";
  if (!report.check(BLINDAI_HOLDS(tee && accepts(policy, *tee)), "evidence_accepted_type",
                    {Reason::tee_not_accepted, report.tee}, accepted_tees(policy), tee ? report.tee : "an unknown type",
                    "policy")) {
    return refused();
  }
  auto claims = claims_of(*tee, item, policy, report);
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
