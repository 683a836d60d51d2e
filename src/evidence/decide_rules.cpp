#include "evidence/decide_rules.h"

namespace blindai::evidence {

void rule(Report& report, bool holds, Rule rule) {
  if (!rule.set) {
    report.not_applicable(std::move(rule.name), "not limited by the policy: " + rule.found);
    return;
  }
  report.check(holds, std::move(rule.name), rule.otherwise, std::move(rule.expected), std::move(rule.found),
               std::move(rule.voucher));
}

}  // namespace blindai::evidence
