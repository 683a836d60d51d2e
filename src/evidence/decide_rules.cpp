#include "evidence/decide_rules.h"

#include <fmt/format.h>

namespace blindai::evidence {

void rule(Report& report, bool holds, Rule rule) {
  if (!rule.set) {
    report.not_applicable(std::move(rule.name), "not limited by the policy: " + rule.found);
    return;
  }
  report.check(holds, std::move(rule.name), rule.otherwise, std::move(rule.expected), std::move(rule.found),
               std::move(rule.voucher));
}

void bits_rule(Report& report, bool holds, const char* name, const std::optional<MaskedBits>& accepted,
               std::uint64_t found, const char* voucher) {
  const MaskedBits wanted = accepted.value_or(MaskedBits{});
  rule(report, holds,
       {name,
        {Reason::measurement_mismatch, name},
        fmt::format("{:#x} of the bits {:#x}", wanted.value, wanted.mask),
        fmt::format("{:#x}", found),
        voucher,
        accepted.has_value()});
}

}  // namespace blindai::evidence
