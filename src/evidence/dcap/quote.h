// Quotes of Intel's Data Center Attestation Primitives: SGX (version 3, and version 4 and 5 with an SGX body) and TDX
// (version 4 and 5). Layout: Intel SGX ECDSA QuoteLibReference appendix A, Intel TDX DCAP Quoting Library API appendix A.
//
// Parsing takes bytes apart and checks their form; nothing is vouched for. A Quote is a view: its bytes must outlive it.
#pragma once

#include <variant>

#include "evidence/refusal.h"

namespace blindai::evidence::dcap {

inline constexpr std::size_t max_quote_bytes = 64 * 1024;

enum class Tee : std::uint8_t { sgx, tdx };
std::string_view word(Tee tee);  // "sgx", "tdx"

// SGX report body, 384 bytes (Intel SDM volume 3D, REPORT structure).
struct SgxReport {
  std::array<std::uint8_t, 16> cpu_svn{};
  std::uint32_t misc_select = 0;
  std::array<std::uint8_t, 16> isv_ext_prod_id{};
  std::uint64_t flags = 0;  // attributes, low half
  std::uint64_t xfrm = 0;   // attributes, high half
  std::array<std::uint8_t, 32> mrenclave{};
  std::array<std::uint8_t, 32> mrsigner{};
  std::array<std::uint8_t, 64> config_id{};
  std::uint16_t isv_prod_id = 0;
  std::uint16_t isv_svn = 0;
  std::uint16_t config_svn = 0;
  std::array<std::uint8_t, 16> isv_family_id{};
  std::array<std::uint8_t, 64> report_data{};
  bool reserved_zero = true;  // every reserved byte
};
inline constexpr std::size_t sgx_report_bytes = 384;
// Bits of `flags`.
inline constexpr std::uint64_t sgx_init = 1U << 0U;
inline constexpr std::uint64_t sgx_debug = 1U << 1U;
inline constexpr std::uint64_t sgx_mode64 = 1U << 2U;
inline constexpr std::uint64_t sgx_provision_key = 1U << 4U;
inline constexpr std::uint64_t sgx_einittoken_key = 1U << 5U;
inline constexpr std::uint64_t sgx_kss = 1U << 7U;

// What TD 1.5 adds. Not inside TdReport: there clang 19 finds no way to make one for an optional.
struct Td15 {
  std::array<std::uint8_t, 16> tee_tcb_svn2{};
  std::array<std::uint8_t, 48> mr_service_td{};
};

// TD report body, 584 bytes (TDX 1.0) or 648 (TDX 1.5).
struct TdReport {
  std::array<std::uint8_t, 16> tee_tcb_svn{};
  std::array<std::uint8_t, 48> mr_seam{};
  std::array<std::uint8_t, 48> mr_signer_seam{};
  std::uint64_t seam_attributes = 0;
  std::uint64_t td_attributes = 0;
  std::uint64_t xfam = 0;
  std::array<std::uint8_t, 48> mr_td{};
  std::array<std::uint8_t, 48> mr_config_id{};
  std::array<std::uint8_t, 48> mr_owner{};
  std::array<std::uint8_t, 48> mr_owner_config{};
  std::array<std::array<std::uint8_t, 48>, 4> rtmr{};
  std::array<std::uint8_t, 64> report_data{};
  std::optional<Td15> td15;  // body types 3 and 4
};

struct Quote {
  std::uint16_t version = 0;  // 3, 4, 5
  Tee tee{};
  std::uint16_t body_type = 0;  // version 5: 1 SGX, 2 TD 1.0, 3 TD 1.5, 4 TD partitioning; 0 before
  std::uint16_t qe_svn = 0;     // of the header; informative
  std::uint16_t pce_svn = 0;
  std::array<std::uint8_t, 20> user_data{};
  std::variant<SgxReport, TdReport> body;
  ByteView partitioning;     // body type 4: what follows the TD 1.5 fields, 237 bytes, signed and not interpreted
  ByteView signed_bytes;     // header and body, as received
  ByteView signature;        // r and s, 64 bytes
  ByteView attestation_key;  // x and y, 64 bytes
  ByteView qe_report_bytes;  // 384 bytes, as received
  SgxReport qe_report;
  ByteView qe_report_signature;  // 64 bytes
  ByteView qe_auth_data;
  ByteView pck_chain;  // PEM, certification data of type 5
  std::size_t trailing_bytes = 0;
};

// Refuses every length that does not fit, other versions, TEE, key and certification data types, and another QE vendor.
// Bytes after the signature data are counted and not looked at: real platforms pad.
Parsed<Quote> parse_quote(ByteView bytes, Effort& effort);

}  // namespace blindai::evidence::dcap
