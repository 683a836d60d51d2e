// TCB info and QE identity: the JSON documents in which Intel says which security versions are good (Intel PCS API
// version 4). The signature covers the bytes of the inner object as received, so the text is kept beside what was read.
// The schema is closed where the rules need a member, and open for members that they do not know.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "evidence/dcap/quote.h"

namespace blindai::evidence::dcap {

inline constexpr std::size_t max_document_bytes = 256 * 1024;
inline constexpr int max_document_depth = 16;
inline constexpr std::size_t max_levels = 256;
inline constexpr std::size_t max_advisories = 128;  // of one level

enum class TcbStatus : std::uint8_t {
  up_to_date,
  sw_hardening_needed,
  configuration_needed,
  configuration_and_sw_hardening_needed,
  td_relaunch_advised,
  td_relaunch_advised_configuration_needed,
  out_of_date,
  out_of_date_configuration_needed,
  revoked,
  not_supported,  // no level matches: an error of its own, which no policy accepts
};
// "UpToDate", ...; not_supported is "TcbNotSupported".
std::string_view word(TcbStatus status);
// The statuses that a document may hold: not the relaunch ones, not not_supported.
std::optional<TcbStatus> status_in_document(std::string_view text);

// A document's text that a signature can be checked over, and the signature. Nothing in the text is read before the
// signature was found to hold: so reading is two calls.
struct SignedText {
  std::string text;  // the inner object, byte for byte
  Bytes signature;   // r and s, 64 bytes
};

using Components = std::array<std::uint8_t, 16>;

struct TcbLevel {
  Components sgx{};
  std::uint16_t pce_svn = 0;
  std::optional<Components> tdx;  // TDX documents: always
  TcbStatus status{};
  UnixSeconds date = 0;
  std::vector<std::string> advisories;  // "INTEL-SA-00000": letters, digits and '-' only
};

// A level of a TDX module identity or of an enclave identity: an SVN alone.
struct SvnLevel {
  std::uint16_t isv_svn = 0;
  TcbStatus status{};
  UnixSeconds date = 0;
  std::vector<std::string> advisories;
};

struct TdxModule {
  std::array<std::uint8_t, 48> mr_signer{};
  std::uint64_t attributes = 0;
  std::uint64_t attributes_mask = 0;
};
struct TdxModuleIdentity {
  std::uint8_t version = 0;  // of the id "TDX_xx", hexadecimal in either case
  TdxModule module;
  std::vector<SvnLevel> levels;  // from high to low, whatever the order in the document
};

struct TcbInfo {
  Tee tee{};                 // version 3: `id`; version 2 is SGX
  std::int64_t version = 0;  // 2 or 3
  UnixSeconds issue_date = 0;
  UnixSeconds next_update = 0;
  std::array<std::uint8_t, 6> fmspc{};
  std::array<std::uint8_t, 2> pce_id{};
  std::int64_t evaluation_number = 0;
  std::optional<TdxModule> tdx_module;  // TDX: always
  std::vector<TdxModuleIdentity> module_identities;
  std::vector<TcbLevel> levels;  // from high to low, whatever the order in the document
};

enum class EnclaveId : std::uint8_t { qe, td_qe, qve };

struct QeIdentity {
  EnclaveId id{};
  UnixSeconds issue_date = 0;
  UnixSeconds next_update = 0;
  std::int64_t evaluation_number = 0;
  std::uint32_t misc_select = 0;
  std::uint32_t misc_select_mask = 0;
  std::array<std::uint8_t, 16> attributes{};
  std::array<std::uint8_t, 16> attributes_mask{};
  std::array<std::uint8_t, 32> mr_signer{};
  std::uint16_t isv_prod_id = 0;
  std::vector<SvnLevel> levels;  // from high to low
};

// The outer object of a service's answer: exactly the inner object under `member` ("tcbInfo", "enclaveIdentity") and
// `signature`, 128 hexadecimal digits. What the inner object holds is not looked at. Refuses as
// bad_collateral_format:<item>.
Parsed<SignedText> read_signed(ByteView document, std::string_view member, std::string_view item, Effort& effort);

// The inner objects. Refuse as bad_collateral_format:tcb_info or :qe_identity; an unknown status word is
// tcb_status_unknown with the part whose level has it: "platform", "tdx_module", "qe". Two levels that ask for the same
// are refused too: which of them counts is not said.
Parsed<TcbInfo> parse_tcb_info(const SignedText& signed_text);
Parsed<QeIdentity> parse_qe_identity(const SignedText& signed_text);

}  // namespace blindai::evidence::dcap
