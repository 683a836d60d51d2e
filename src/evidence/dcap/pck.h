// Intel's extension of a PCK certificate: OID 1.2.840.113741.1.13.1 (Intel SGX PCK Certificate and CRL Profile
// Specification, section 1.3.5). Every entry once, every mandatory entry there, every value in its range.
#pragma once

#include "evidence/x509/certificate.h"

namespace blindai::evidence::dcap {

enum class SgxType : std::uint8_t { standard = 0, scalable = 1, scalable_with_integrity = 2 };

struct PckExtension {
  std::array<std::uint8_t, 16> ppid{};
  std::array<std::uint8_t, 16> components{};  // .2.1 to .2.16: what TCB levels are compared with
  std::uint16_t pce_svn = 0;
  std::array<std::uint8_t, 16> cpu_svn{};  // .2.18, raw
  std::array<std::uint8_t, 2> pce_id{};
  std::array<std::uint8_t, 6> fmspc{};
  SgxType sgx_type{};
  std::optional<std::array<std::uint8_t, 16>> platform_instance;  // certificates of the Platform CA only
  std::optional<bool> dynamic_platform;
  std::optional<bool> cached_keys;
  std::optional<bool> smt_enabled;
};

// Refuses as bad_certificate:pck.
Parsed<PckExtension> parse_pck_extension(const x509::Certificate& certificate);

}  // namespace blindai::evidence::dcap
