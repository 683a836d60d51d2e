// Private to this folder: names of bits and kinds, as policies and claims write them, and what several files ask of bytes.
#pragma once

#include <algorithm>
#include <span>

#include "evidence/snp/report.h"

namespace blindai::evidence {

struct NamedBit {
  std::string_view name;
  std::uint64_t bit;
};

// "LASS" as a member of a document: "lass".
inline std::string lower(std::string_view name) {
  std::string out(name);
  std::ranges::transform(out, out.begin(), [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return out;
}

inline bool all_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

inline constexpr std::uint64_t td_debug = 1U << 0U;
inline constexpr std::uint64_t td_migratable = 1U << 29U;
// TD attributes that a policy may ask for or refuse (Intel TDX Module ABI, ATTRIBUTES). The others have rules of their own.
inline constexpr std::array<NamedBit, 6> td_attribute_names{{{"LASS", 1ULL << 27U},
                                                             {"SEPT_VE_DISABLE", 1ULL << 28U},
                                                             {"PKS", 1ULL << 30U},
                                                             {"KL", 1ULL << 31U},
                                                             {"TPA", 1ULL << 62U},
                                                             {"PERFMON", 1ULL << 63U}}};

// PLATFORM_INFO of SNP reports (AMD publication 56860, ATTESTATION_REPORT).
inline constexpr std::array<NamedBit, 7> platform_info_names{{{"SMT_EN", 1ULL << 0U},
                                                              {"TSME_EN", 1ULL << 1U},
                                                              {"ECC_EN", 1ULL << 2U},
                                                              {"RAPL_DIS", 1ULL << 3U},
                                                              {"CIPHERTEXT_HIDING_DRAM_EN", 1ULL << 4U},
                                                              {"ALIAS_CHECK_COMPLETE", 1ULL << 5U},
                                                              {"TIO_EN", 1ULL << 7U}}};

namespace snp {
constexpr std::string_view word(KeyKind kind) { return kind == KeyKind::vcek ? "vcek" : "vlek"; }
}  // namespace snp

}  // namespace blindai::evidence
