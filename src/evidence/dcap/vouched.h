// Private to this folder: collateral whose signatures hold, whatever the time. It does not depend on the quote but for the
// two authorities of its PCK chain, so that one of these serves all platforms under the same collateral.
#pragma once

#include <memory>

#include "evidence/collateral.h"
#include "evidence/dcap/chains.h"
#include "evidence/dcap/documents.h"
#include "evidence/report.h"

namespace blindai::evidence::dcap {

// A revocation list that owns its bytes, as HeldCertificate does.
struct HeldCrl {
  std::unique_ptr<const Bytes> der;
  x509::Crl crl;
};

// A part is absent where it is missing or its signatures do not hold; the report says why. What is here is vouched for.
struct Vouched {
  bool authorities = false;  // the root and the intermediate of the quote's chain
  std::optional<TcbInfo> tcb_info;
  std::optional<QeIdentity> qe_identity;
  std::optional<HeldCrl> root_crl;
  std::optional<HeldCrl> pck_crl;
  std::vector<x509::Window> windows;  // of each part that is here
  std::vector<Check> checks;          // as they stand in the report
};

// Checks every part and its signatures, and appends the checks to the report. What holds entirely is remembered in the
// cache, if there is one. `chain` is nullptr where the quote's chain cannot be read: what does not need it is checked all
// the same.
std::shared_ptr<const Vouched> vouch(const Collateral& collateral, const PckChain* chain, bool require_crl,
                                     const Roots& roots, CollateralCache* cache, Report& report);

}  // namespace blindai::evidence::dcap
