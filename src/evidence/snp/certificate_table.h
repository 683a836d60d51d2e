// The table of certificates that a host may hand out with an SNP report: the auxiliary blob of Linux's configfs-tsm, and the
// data of the extended guest request (AMD publication 56421, section 4.1.8.1). Entries of GUID, offset and length, closed by
// a GUID of zeros; then the certificates, in DER. All of it is the host's word: nothing in it is vouched for.
#pragma once

#include "evidence/collateral.h"
#include "evidence/snp/report.h"

namespace blindai::evidence::snp {

inline constexpr std::size_t max_certificate_table_bytes = 64 * 1024;
inline constexpr std::size_t max_certificate_table_entries = 32;

// The certificates as items of collateral: `vek` as the report's kind of key asks for, `ask` or `asvk`, `ark`, `ark_crl`.
// Entries of other GUIDs are passed over. Refuses as bad_collateral_format:certificate_table what lies outside the table or
// over its head or another entry, a GUID twice, and a table without an end.
Parsed<Collateral> read_certificate_table(ByteView table, KeyKind kind, Effort& effort);

}  // namespace blindai::evidence::snp
