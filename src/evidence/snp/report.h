// Attestation reports of AMD SEV-SNP: 1184 bytes, version 2 to 5 (AMD SEV Secure Nested Paging Firmware ABI, publication
// 56860, section 7.3). Parsing takes bytes apart and checks their form; nothing is vouched for.
#pragma once

#include "evidence/refusal.h"
#include "evidence/roots.h"

namespace blindai::evidence::snp {

inline constexpr std::size_t report_bytes = 1184;
inline constexpr std::size_t signed_report_bytes = 0x2a0;

// Security versions of the firmware's components. The layout of the eight bytes is the product's: see read_tcb().
struct Tcb {
  std::optional<std::uint8_t> fmc;  // Turin only
  std::uint8_t bootloader = 0;
  std::uint8_t tee = 0;
  std::uint8_t snp = 0;
  std::uint8_t microcode = 0;
  bool operator==(const Tcb&) const = default;
};

struct Cpuid {
  std::uint8_t family = 0;  // extended family, summed as in the report: 0x19, 0x1a
  std::uint8_t model = 0;
  std::uint8_t stepping = 0;
};

struct FirmwareVersion {
  std::uint8_t build = 0;
  std::uint8_t minor = 0;
  std::uint8_t major = 0;
};

// Bits of `policy` (guest policy, section 4.3).
inline constexpr std::uint64_t policy_smt = 1ULL << 16U;
inline constexpr std::uint64_t policy_reserved_one = 1ULL << 17U;
inline constexpr std::uint64_t policy_migrate_ma = 1ULL << 18U;
inline constexpr std::uint64_t policy_debug = 1ULL << 19U;
inline constexpr std::uint64_t policy_single_socket = 1ULL << 20U;
inline constexpr std::uint64_t policy_cxl_allow = 1ULL << 21U;
inline constexpr std::uint64_t policy_mem_aes_256_xts = 1ULL << 22U;
inline constexpr std::uint64_t policy_rapl_dis = 1ULL << 23U;
inline constexpr std::uint64_t policy_ciphertext_hiding = 1ULL << 24U;
inline constexpr std::uint64_t policy_page_swap_disable = 1ULL << 25U;
inline constexpr std::uint64_t policy_defined = (1ULL << 26U) - 1U;  // with the ABI version in the lower two bytes

enum class KeyKind : std::uint8_t { vcek, vlek };

struct Report {
  std::uint32_t version = 0;
  std::uint32_t guest_svn = 0;
  std::uint64_t policy = 0;
  std::array<std::uint8_t, 16> family_id{};
  std::array<std::uint8_t, 16> image_id{};
  std::uint32_t vmpl = 0;
  std::uint32_t signature_algo = 0;
  std::uint64_t platform_info = 0;
  bool author_key_en = false;
  bool mask_chip_key = false;
  KeyKind signing_key{};
  std::array<std::uint8_t, 64> report_data{};
  std::array<std::uint8_t, 48> measurement{};
  std::array<std::uint8_t, 32> host_data{};
  std::array<std::uint8_t, 48> id_key_digest{};
  std::array<std::uint8_t, 48> author_key_digest{};
  std::array<std::uint8_t, 32> report_id{};
  std::array<std::uint8_t, 32> report_id_ma{};
  std::optional<Cpuid> cpuid;  // version 3 and later
  std::array<std::uint8_t, 64> chip_id{};
  std::array<std::uint8_t, 8> current_tcb{};  // raw: which layout it is says the product
  std::array<std::uint8_t, 8> reported_tcb{};
  std::array<std::uint8_t, 8> committed_tcb{};
  std::array<std::uint8_t, 8> launch_tcb{};
  FirmwareVersion current_firmware;
  FirmwareVersion committed_firmware;
  std::optional<std::uint64_t> launch_mitigations;  // version 5
  std::optional<std::uint64_t> current_mitigations;
  std::array<std::uint8_t, signed_report_bytes> signed_bytes{};  // as received
  std::array<std::uint8_t, 96> signature{};                      // r and s, big-endian, 48 bytes each
  bool trailing_zero = true;                                     // bytes after the signature, which nothing signs
};

// Refuses another size or version, a signature algorithm other than 1 (ECDSA P-384 with SHA-384), a signing key other than
// VCEK and VLEK (signing_key_mismatch), reserved bytes that are not zero, and r or s over 384 bits.
Parsed<Report> parse_report(ByteView bytes, Effort& effort);

// The product of a report that carries a CPUID, or nothing where it is of none of them. Family 0x19 models 0x00 to 0x0f
// Milan; 0x10 to 0x1f and 0xa0 to 0xaf Genoa; family 0x1a models 0x00 to 0x11 Turin.
std::optional<Product> product_of(const Cpuid& cpuid);

// The eight bytes of a TCB version in the layout of a product. Nothing where reserved bytes are not zero.
std::optional<Tcb> read_tcb(Product product, const std::array<std::uint8_t, 8>& raw);

}  // namespace blindai::evidence::snp
