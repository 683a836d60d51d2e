// Quotes of SGX and TDX, versions 3, 4 and 5, as forms and the bytes that come of them. Layout: Intel SGX ECDSA
// QuoteLibReference appendix A, Intel TDX DCAP Quoting Library API appendix A.
#pragma once

#include <array>

#include "chains/certificate.h"

namespace blindai::chains {

// REPORT structure of an enclave, 384 bytes; reserved bytes are zero.
struct SgxBody {
  Bytes cpu_svn = Bytes(16, 0x05);
  std::uint32_t misc_select = 0;
  Bytes isv_ext_prod_id = Bytes(16);
  std::uint64_t flags = 0x05;  // INIT and MODE64BIT
  std::uint64_t xfrm = 0xe7;
  Bytes mrenclave = Bytes(32, 0xe1);
  Bytes mrsigner = Bytes(32, 0x51);
  Bytes config_id = Bytes(64);
  std::uint16_t isv_prod_id = 7;
  std::uint16_t isv_svn = 3;
  std::uint16_t config_svn = 0;
  Bytes isv_family_id = Bytes(16);
  Bytes report_data = Bytes(64, 0xda);

  Bytes bytes() const;
};

// TD report body, 584 bytes, with the fields of TDX 1.5 648.
struct TdBody {
  std::array<std::uint8_t, 16> tee_tcb_svn{};
  Bytes mr_seam = Bytes(48, 0x5e);
  Bytes mr_signer_seam = Bytes(48);
  std::uint64_t seam_attributes = 0;
  std::uint64_t td_attributes = 1ULL << 28U;  // SEPT_VE_DISABLE
  std::uint64_t xfam = 0x0602e7;
  Bytes mr_td = Bytes(48, 0x7d);
  Bytes mr_config_id = Bytes(48);
  Bytes mr_owner = Bytes(48);
  Bytes mr_owner_config = Bytes(48);
  std::array<Bytes, 4> rtmr{Bytes(48, 0xa0), Bytes(48, 0xa1), Bytes(48, 0xa2), Bytes(48, 0xa3)};
  Bytes report_data = Bytes(64, 0xda);
  // Body types 3 and 4.
  std::array<std::uint8_t, 16> tee_tcb_svn2{};
  Bytes mr_service_td = Bytes(48);
  Bytes partitioning = Bytes(237, 0x9a);  // body type 4: what follows

  Bytes bytes(int body_type) const;  // 2, 3 or 4
};

// Where the parts of a quote begin.
struct QuoteLayout {
  std::size_t body = 48;
  std::size_t signature_size = 0;  // the length field of the signature data; the signed part ends here
  std::size_t signature = 0;
  std::size_t attestation_key = 0;
  std::size_t outer_type = 0;  // versions 4 and 5; 0 in version 3
  std::size_t qe_report = 0;
  std::size_t qe_signature = 0;
  std::size_t auth_size = 0;
  std::size_t auth_data = 0;
  std::size_t inner_type = 0;
  std::size_t inner_size = 0;
  std::size_t pck_chain = 0;
  std::size_t end = 0;  // trailing bytes begin
};

struct Quote {
  std::uint16_t version = 3;
  std::uint16_t key_type = 2;
  std::uint32_t tee_type = 0;  // 0x81 for TDX
  std::uint16_t qe_svn = 0;
  std::uint16_t pce_svn = 0;
  Bytes vendor_id = *from_hex("939a7233f79c4ca9940a0db3957f0607");
  Bytes user_data = Bytes(20, 0x0d);
  std::uint16_t body_type = 1;               // 1 SGX, 2 TD 1.0, 3 TD 1.5, 4 TD partitioning; written in version 5
  std::optional<std::uint32_t> body_size{};  // version 5, where it is not what the body has
  SgxBody sgx{};
  TdBody td{};
  Key attestation_key = Key::generate(Curve::p256);
  std::optional<Key> signer{};            // of the quote, where it is not the attestation key
  SgxBody qe{};                           // its report data is made from key and auth data,
  std::optional<Bytes> qe_report_data{};  // unless a test has its own
  std::optional<Key> qe_signer{};         // of the QE report, where it is not the PCK
  Bytes auth_data = Bytes(32, 0x0a);
  std::uint16_t outer_type = 6;
  std::uint16_t inner_type = 5;
  bool chain_ends_with_nul = true;
  Bytes trailing{};
  Edit edit_signed{};     // changes header and body before they are signed
  Edit edit_qe_report{};  // changes the QE report before it is signed

  bool tdx() const { return body_type != 1; }
  // `pck_key` signs the QE report; `chain` is PEM text.
  Bytes bytes(const Key& pck_key, std::string_view chain, QuoteLayout* layout = nullptr) const;
};

}  // namespace blindai::chains
