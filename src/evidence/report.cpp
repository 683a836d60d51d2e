#include "evidence/report.h"

#include <algorithm>

namespace blindai::evidence {

std::string_view word(Outcome outcome) {
  switch (outcome) {
    case Outcome::passed:
      return "passed";
    case Outcome::failed:
      return "failed";
    case Outcome::skipped:
      return "skipped";
    case Outcome::not_applicable:
      return "not applicable";
  }
  return "failed";
}

bool Report::accepted() const {
  const auto good = [](const Check& check) {
    return check.outcome == Outcome::passed || check.outcome == Outcome::not_applicable;
  };
  const auto passed = [](const Check& check) { return check.outcome == Outcome::passed; };
  return std::ranges::all_of(checks, good) && std::ranges::any_of(checks, passed);
}

const Check* Report::first_failed() const {
  const auto failed = [](const Check& check) { return check.outcome == Outcome::failed; };
  const auto found = std::ranges::find_if(checks, failed);
  return found == checks.end() ? nullptr : &*found;
}

void Report::pass(std::string name, std::string expected, std::string found, std::string voucher) {
  check(true, std::move(name), std::move(expected), std::move(found), std::move(voucher));
}

void Report::fail(std::string name, std::string expected, std::string found, std::string voucher) {
  check(false, std::move(name), std::move(expected), std::move(found), std::move(voucher));
}

bool Report::check(bool holds, std::string name, std::string expected, std::string found, std::string voucher) {
  checks.push_back({std::move(name),
                    holds ? Outcome::passed : Outcome::failed,
                    std::move(expected),
                    std::move(found),
                    std::move(voucher),
                    {}});
  return holds;
}

bool Report::check(bool holds, std::string name, const Refusal& otherwise, std::string expected, std::string found,
                   std::string voucher) {
  check(holds, std::move(name), std::move(expected), std::move(found), std::move(voucher));
  if (!holds) {
    checks.back().reason = otherwise.text();
  }
  return holds;
}

void Report::fail(std::string name, const Refusal& refusal, std::string expected, std::string voucher) {
  check(false, std::move(name), refusal, std::move(expected), refusal.text(), std::move(voucher));
}

void Report::not_applicable(std::string name, std::string why) {
  checks.push_back({std::move(name), Outcome::not_applicable, "", std::move(why), "", ""});
}

std::vector<std::string> Report::reasons() const {
  std::vector<std::string> all;
  for (const Check& check : checks) {
    if (check.outcome == Outcome::failed && !check.reason.empty() &&
        std::ranges::find(all, check.reason) == all.end()) {
      all.push_back(check.reason);
    }
  }
  return all;
}

json::Value Report::to_json() const {
  json::Array list;
  for (const Check& check : checks) {
    list.emplace_back(json::Object{{"name", check.name},
                                   {"outcome", word(check.outcome)},
                                   {"expected", check.expected},
                                   {"found", check.found},
                                   {"voucher", check.voucher},
                                   {"reason", check.reason}});
  }
  json::Array why;
  for (std::string& reason : reasons()) {
    why.emplace_back(std::move(reason));
  }
  return json::Object{{"accepted", accepted()},
                      {"verdict", accepted() ? "accept" : "reject"},
                      {"simulated", simulated},
                      {"tee", tee},
                      {"policy", json::Object{{"name", policy_name}, {"digest", policy_digest.text()}}},
                      {"checks", std::move(list)},
                      {"reasons", std::move(why)},
                      {"facts", facts},
                      {"claims", claims},
                      {"tcb", tcb},
                      {"effort", json::Object{{"signature_checks", std::uint64_t{effort.signature_checks}},
                                              {"bytes_read", std::uint64_t{effort.bytes_read}}}}};
}

}  // namespace blindai::evidence
