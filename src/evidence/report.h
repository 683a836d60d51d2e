// The verification report: every check by name, what was expected, what was found, and who vouches for it.
//
// A skipped check is never a pass: accepted() is true only if every check passed or is not applicable, and at least one
// passed. The same object is printed by `blindai verify`, is Connection.report, rides on every AttestationError, and is
// JSON.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "evidence/refusal.h"

namespace blindai::evidence {

enum class Outcome : std::uint8_t { passed, failed, skipped, not_applicable };
std::string_view word(Outcome outcome);  // "passed", "failed", "skipped", "not applicable"

struct Check {
  std::string name;  // stable, lower case with underscores: "report_data"
  Outcome outcome{};
  std::string expected;  // for people; may be empty
  std::string found;
  std::string voucher;  // who vouches: "simulation root", "TEE", "TLS", "this client's clock", ...
  std::string reason;   // of a failed check of evidence: "EXPIRED:pck_crl"; else empty
};

struct Report {
  std::vector<Check> checks;  // in the order in which they were made
  std::string tee;            // "simulated", "sgx", ...; empty where it is not known yet
  bool simulated = false;
  std::string policy_name;
  Digest policy_digest;  // SHA-256 of the policy text
  json::Object facts;    // measurement, code, config, keyset_id, dates: what the checks established
  json::Object claims;   // what evidence proved, for people and programs; empty unless every signature held
  json::Object tcb;      // status of the platform and its parts, advisories, dates; empty unless every signature held
  Effort effort;         // what the appraisal cost

  bool accepted() const;
  // The reasons of all failed checks, in order, each once.
  std::vector<std::string> reasons() const;
  const Check* first_failed() const;  // nullptr where none failed
  void pass(std::string name, std::string expected, std::string found, std::string voucher);
  void fail(std::string name, std::string expected, std::string found, std::string voucher);
  // The same for checks of evidence, which say why in a word of the closed list.
  bool check(bool holds, std::string name, const Refusal& otherwise, std::string expected, std::string found,
             std::string voucher);
  void fail(std::string name, const Refusal& refusal, std::string expected, std::string voucher);
  // Passes or fails; returns `holds`.
  bool check(bool holds, std::string name, std::string expected, std::string found, std::string voucher);
  void not_applicable(std::string name, std::string why);
  json::Value to_json() const;
};

}  // namespace blindai::evidence
