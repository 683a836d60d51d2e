// Private to this folder: the key that signs reports, vouched for from the pinned ARK down, whatever the time. It depends on
// collateral alone, so that one of these serves all reports that are signed with that key.
//
// Each item holds PEM text of one certificate, or of several, as AMD's service gives the ARK and its intermediate in one
// file and other sources in the other order. Which of them is meant is found by its part: the ARK is the one whose key is
// pinned, the intermediate the one that AMD names for the product and the kind of key. Of several such the first is taken.
#pragma once

#include <memory>

#include "evidence/collateral.h"
#include "evidence/report.h"
#include "evidence/snp/vek.h"
#include "evidence/x509/chain.h"

namespace blindai::evidence::snp {

struct Signer {
  Vek vek;
  x509::VerifyingKey key;
  x509::Window window;
};

struct Vouched {
  std::optional<Signer> signer;  // absent where its chain does not hold; the checks say why
  std::optional<std::int64_t> crl_number;
  std::vector<x509::Window> windows;  // of each part that is vouched for, but of the signer
  std::vector<Check> checks;          // as they stand in the report
};

// Checks all items and their signatures, and appends the checks to the findings. What holds entirely is remembered in the
// cache, if there is one, under a digest of everything that it depends on.
std::shared_ptr<const Vouched> vouch(const Collateral& collateral, bool require_crl, const Roots& roots,
                                     CollateralCache* cache, evidence::Report& findings);

}  // namespace blindai::evidence::snp
