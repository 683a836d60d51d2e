// A whole SGX or TDX case: Intel's hierarchy, collateral and a quote, under a root of its own. A test takes sgx() or tdx(),
// changes what it is about, and seals:
//
//   Dcap chain = tdx();
//   chain.tcb_info.levels[0].status = "Revoked";
//   const Case hostile = chain.seal();
//
// Untouched it is a platform that is up to date, and a quote that holds.
#pragma once

#include "chains/case.h"
#include "chains/crl.h"
#include "chains/documents.h"
#include "chains/pck.h"
#include "chains/quote.h"

namespace blindai::chains {

struct Dcap {
  Certificate root;
  Certificate pck_ca;
  Certificate pck;  // gets the extension when it is sealed
  Certificate tcb_signing;
  Crl root_crl;
  Crl pck_crl;
  PckExtension pck_extension;
  TcbInfo tcb_info;
  QeIdentity qe_identity;
  Quote quote;
  UnixSeconds at = noon;
  // Change which certificates stand in a chain, and in which order, leaf first.
  using EditChain = std::function<void(std::vector<Bytes>&)>;
  EditChain edit_pck_chain{};
  EditChain edit_tcb_chain{};  // of tcb_signing_chain and qe_identity_signing_chain
  EditChain edit_qe_chain{};   // of qe_identity_signing_chain alone, after that
  EditChain edit_crl_chain{};  // of pck_crl_issuer_chain

  Case seal(QuoteLayout* layout = nullptr) const;
};

// Version 3, 4 or 5; versions 4 and 5 of SGX have the body of version 3.
Dcap sgx(std::uint16_t version = 3);
// Version 4, or 5 with body type 2 (TD 1.0), 3 (TD 1.5) or 4 (TD partitioning).
Dcap tdx(std::uint16_t version = 4, std::uint16_t body_type = 2);

// Certificates as Intel issues them, for tests that need one more. `signer` is the issuer's key.
Certificate intel_root(const Key& key);
Certificate intel_pck_ca(const Key& key, const Certificate& root, std::string_view common_name);
Certificate intel_leaf(const Key& key, const Certificate& issuer, std::string_view common_name);

}  // namespace blindai::chains
