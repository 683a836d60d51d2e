// A whole SEV-SNP case: AMD's hierarchy of a product, a VCEK or VLEK, the list of the ARK and a report, under roots of its
// own. A test takes snp(), changes what it is about, and seals:
//
//   Snp chain = snp(Product::genoa);
//   chain.report.vmpl = 1;
//   const Case hostile = chain.seal();
//
// Untouched it is a platform that is up to date, and a report that holds.
#pragma once

#include "chains/case.h"
#include "chains/crl.h"

namespace blindai::chains {

using evidence::Product;

enum class SnpKey { vcek, vlek };

struct SnpTcb {
  std::uint8_t fmc = 0;  // Turin only
  std::uint8_t bootloader = 0;
  std::uint8_t tee = 0;
  std::uint8_t snp = 0;
  std::uint8_t microcode = 0;

  Bytes bytes(Product product) const;  // eight, in the product's layout
};

// AMD's extensions of a VCEK or VLEK, 1.3.6.1.4.1.3704.1.*.
struct VekExtensions {
  int struct_version = 0;
  std::string product;  // "Milan-B0", "Genoa", "Turin"
  std::optional<int> fmc{};
  int bootloader = 0;
  int tee = 0;
  int snp = 0;
  int microcode = 0;
  std::optional<Bytes> hardware_id{};
  bool wrap_hardware_id = false;  // in an OCTET STRING of its own
  std::optional<std::string> csp_id{};
  std::function<void(std::vector<Extension>&)> edit{};

  std::vector<Extension> list() const;
};

// Attestation report, 1184 bytes (AMD publication 56860, section 7.3); reserved bytes are zero.
struct SnpReport {
  std::uint32_t version = 3;
  std::uint32_t guest_svn = 2;
  std::uint64_t policy = 0x3001f;
  Bytes family_id = Bytes(16, 0xfa);
  Bytes image_id = Bytes(16, 0x1a);
  std::uint32_t vmpl = 0;
  std::uint32_t signature_algo = 1;
  SnpTcb current_tcb{};
  std::uint64_t platform_info = 0x25;  // SMT, ECC, ALIAS_CHECK_COMPLETE
  std::uint32_t key_info = 0;          // bit 0 AUTHOR_KEY_EN, bit 1 MASK_CHIP_KEY, bits 2 to 4 SIGNING_KEY
  Bytes report_data = Bytes(64, 0xda);
  Bytes measurement = Bytes(48, 0x3e);
  Bytes host_data = Bytes(32, 0x4d);
  Bytes id_key_digest = Bytes(48, 0x1d);
  Bytes author_key_digest = Bytes(48);
  Bytes report_id = Bytes(32, 0x21);
  Bytes report_id_ma = Bytes(32, 0xff);
  SnpTcb reported_tcb{};
  std::uint8_t cpuid_family = 0;  // written from version 3 on
  std::uint8_t cpuid_model = 0;
  std::uint8_t cpuid_stepping = 1;
  Bytes chip_id = Bytes(64);
  SnpTcb committed_tcb{};
  std::array<std::uint8_t, 3> current_firmware{65, 55, 1};  // build, minor, major
  std::array<std::uint8_t, 3> committed_firmware{65, 55, 1};
  SnpTcb launch_tcb{};
  std::uint64_t launch_mitigations = 0x3f;  // written in version 5
  std::uint64_t current_mitigations = 0x3f;
  std::optional<Key> signer{};  // where it is not the VEK
  Edit edit_signed{};           // changes the signed part, 0x2a0 bytes, before it is signed

  Bytes bytes(Product layout, const Key& vek) const;
};
inline constexpr std::size_t snp_signed_bytes = 0x2a0;
inline constexpr std::size_t snp_signature_bytes = 144;  // r and s, 72 each; what follows is not signed

struct Snp {
  Product product{};
  SnpKey kind{};
  Certificate ark;
  Certificate intermediate;  // ASK for a VCEK, ASVK for a VLEK
  Certificate vek;           // gets AMD's extensions when it is sealed
  Crl ark_crl;
  VekExtensions vek_extensions;
  SnpReport report;
  UnixSeconds at = noon;

  Case seal() const;
};

Snp snp(Product product, SnpKey kind = SnpKey::vcek, std::uint32_t version = 3);

// Certificates as AMD issues them, for tests that need one more.
Certificate amd_root(Product product);
Certificate amd_intermediate(Product product, SnpKey kind);
Certificate amd_vek(const Key& key, const Certificate& issuer, SnpKey kind);

}  // namespace blindai::chains
