// What a verifier is given: evidence, collateral by name, the roots to trust, and the time.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"
#include "evidence/roots.h"

namespace blindai::chains {

inline constexpr UnixSeconds noon = 1'800'000'000;  // when generated cases are looked at, unless a test says otherwise
inline constexpr UnixSeconds day = 24 * 60 * 60;

struct Case {
  std::string type;  // of the evidence: "sgx-quote", "tdx-quote", "snp-report"
  Bytes evidence;
  std::map<std::string, Bytes, std::less<>> collateral;  // by the names of evidence/collateral.h
  evidence::Roots roots;
  UnixSeconds at = noon;
};

}  // namespace blindai::chains
