// Which TCB level a platform reaches, and what the parts make together. Rules: Intel's TCB recovery and quote verification
// texts (4.1.2.5), as collected in docs/evidence.md. Pure functions of what is vouched for already.
#pragma once

#include "evidence/dcap/documents.h"
#include "evidence/dcap/pck.h"

namespace blindai::evidence::dcap {

// What falls short of the newest level that is UpToDate, or of the highest where none is.
struct Shortfall {
  std::string component;  // "sgx 7", "pce_svn", "tdx 0", "tdx_module", "qe"
  std::uint32_t found = 0;
  std::uint32_t wanted = 0;
};

struct Advisory {
  std::string id;
  std::string origin;  // "platform", "tdx_module", "qe"
};

struct TcbAppraisal {
  TcbStatus status{};  // of everything together
  TcbStatus platform{};
  TcbStatus qe{};
  std::optional<TcbStatus> tdx_module;        // only where tee_tcb_svn[1] > 0
  std::optional<TcbStatus> current;           // TD 1.5: by tee_tcb_svn2
  std::optional<std::size_t> platform_level;  // index from the highest, 0
  UnixSeconds date = 0;                       // the earliest of the matched levels
  UnixSeconds platform_date = 0;
  UnixSeconds qe_date = 0;
  std::optional<UnixSeconds> tdx_module_date;
  std::int64_t evaluation_number = 0;  // the lower of the two documents
  std::vector<Advisory> advisories;    // union, by id, each with the first origin that has it
  std::vector<Shortfall> shortfalls;   // empty where nothing falls short
};

// The parts' statuses together: revoked beats out of date beats the platform's own.
TcbStatus merge(TcbStatus platform, TcbStatus part);

// What the evaluation needs of the platform and the quote, all of it vouched for.
struct TcbInput {
  const PckExtension& pck;
  const TdReport* td = nullptr;  // TDX only
  std::uint16_t qe_isv_svn = 0;
};

// Never refuses for being out of date: that is the policy's. A platform or QE that no level matches is not_supported.
// Refuses where the TDX module is not the one that the TCB info names (tdx_module_mismatch), or where the documents lack
// what the rule needs.
Parsed<TcbAppraisal> appraise_tcb(const TcbInput& input, const TcbInfo& tcb_info, const QeIdentity& qe_identity);

}  // namespace blindai::evidence::dcap
