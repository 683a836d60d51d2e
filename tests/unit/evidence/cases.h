// Cases and mutations of the reference data, as inputs of an appraisal. vectors/README.md of that data says what they mean.
#pragma once

#include "evidence/appraise.h"
#include "evidence/policy.h"
#include "unit/evidence/vectors.h"

namespace blindai::evidence::vectors {

struct Case {
  std::string name;  // "sgx/automata-v3-outofdate"
  json::Value document;
  std::map<std::string, Bytes> files;
  UnixSeconds at = 0;

  Item item() const;
  Collateral collateral() const;  // files whose names are those of collateral; the rest is left out
  bool has_crl() const;
};

Case load_case(const std::string& name);
// A policy that accepts the status and the flags of the case's own evidence, and nothing is required that it lacks.
Policy lenient_policy(const Case& of);
// UpToDate, no debug, VMPL 0, all collateral; lists only where the case has them.
Policy strict_policy(const Case& of);

struct Mutation {
  std::string id;
  std::string base;
  std::string must;               // "reject", "same-as-base", "policy"
  std::vector<std::string> fair;  // reasons without their detail
  json::Value ops;
};
std::vector<Mutation> mutations(const std::string& file);
// `base` with the operations of the mutation applied, in their order.
Case apply(Case base, const Mutation& mutation);

// "EXPIRED" of "EXPIRED:pck_crl".
std::string without_detail(const std::string& reason);

}  // namespace blindai::evidence::vectors
