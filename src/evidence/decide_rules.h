// Private to this folder: the rules of each kind of TEE, one file each, and what they share. Each rule of a policy's
// section appends one check; one that the policy does not set is not applicable, and says so.
//
//   rule(report, BLINDAI_HOLDS(listed(accepted.mrsigner, found.mrsigner)), {...});
#pragma once

#include <algorithm>

#include "evidence/claims.h"
#include "evidence/policy.h"
#include "evidence/report.h"

namespace blindai::evidence {

void decide_simulated(const SimulatedClaims& claims, const SimulatedAcceptance& accepted, Report& report);
void decide_sgx(const SgxClaims& claims, const SgxAcceptance& accepted, const Freshness& freshness, UnixSeconds at,
                Report& report);
void decide_tdx(const TdxClaims& claims, const TdxAcceptance& accepted, const Freshness& freshness, UnixSeconds at,
                Report& report);
void decide_snp(const SnpClaims& claims, const SnpAcceptance& accepted, const Freshness& freshness, Report& report);

// What SGX and TDX share: TCB status, advisories, platform, floors of collateral, age.
void decide_dcap(const DcapClaims& claims, const DcapAcceptance& accepted, const Freshness& freshness, UnixSeconds at,
                 Report& report);

struct Rule {
  std::string name;
  Refusal otherwise;
  std::string expected;
  std::string found;
  std::string voucher;
  bool set = true;  // false where the policy says nothing, or "any"
};
// Passed, failed with the refusal, or not applicable.
void rule(Report& report, bool holds, Rule rule);

// Whether the policy leaves it open, or these are the bits that it wants.
inline bool has_bits(const std::optional<MaskedBits>& accepted, std::uint64_t found) {
  return !accepted || (found & accepted->mask) == accepted->value;
}
// The rule of one such field, for `holds` of has_bits().
void bits_rule(Report& report, bool holds, const char* name, const std::optional<MaskedBits>& accepted,
               std::uint64_t found, const char* voucher);

// Whether the policy leaves it open, or lists it.
template <typename T>
bool listed(const AnyOf<T>& accepted, const T& found) {
  const auto* list = std::get_if<std::vector<T>>(&accepted);
  return list == nullptr || std::ranges::find(*list, found) != list->end();
}

// "any", or the first values of a list in hexadecimal.
template <typename T>
std::string describe_accepted(const AnyOf<T>& accepted) {
  constexpr std::size_t most = 4;
  const auto* list = std::get_if<std::vector<T>>(&accepted);
  if (list == nullptr) {
    return "any";
  }
  std::string text;
  for (std::size_t i = 0; i < std::min(most, list->size()); ++i) {
    text += (i == 0 ? "" : ", ") + to_hex((*list)[i]);
  }
  return list->size() <= most ? text : text + " and " + std::to_string(list->size() - most) + " more";
}

// The rule of one measurement register, for `holds` of listed().
template <typename T>
void register_rule(Report& report, bool holds, const std::string& name, const AnyOf<T>& accepted, const T& found,
                   std::string voucher) {
  rule(report, holds,
       {name,
        {Reason::measurement_mismatch, name},
        describe_accepted(accepted),
        to_hex(found),
        std::move(voucher),
        !std::holds_alternative<Any>(accepted)});
}

}  // namespace blindai::evidence
