// Private to this folder: the only way to make Claims. Called at the end of an appraisal, where all of it held.
#pragma once

#include "evidence/claims.h"

namespace blindai::evidence {

class ClaimsMaker {
 public:
  static Claims make(Claims::Facts facts, UnixSeconds valid_from, UnixSeconds valid_until) {
    Claims claims(std::move(facts));
    claims.valid_from_ = valid_from;
    claims.valid_until_ = valid_until;
    return claims;
  }
};

}  // namespace blindai::evidence
