#include "evidence/dcap/quote.h"

#include "evidence/byte_reader.h"

namespace blindai::evidence::dcap {
namespace {

constexpr std::uint16_t ecdsa_p256_key = 2;
constexpr std::uint32_t tee_type_sgx = 0;
constexpr std::uint32_t tee_type_tdx = 0x81;
constexpr std::array<std::uint8_t, 16> intel_qe{0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                                0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};

// What a version 5 quote may hold.
struct BodyKind {
  std::uint16_t type = 0;
  std::uint32_t bytes = 0;
  Tee tee{};
  bool operator==(const BodyKind&) const = default;
};
constexpr std::uint16_t td15_type = 3;
constexpr std::uint16_t td_partitioning_type = 4;
constexpr std::array body_kinds{BodyKind{1, sgx_report_bytes, Tee::sgx}, BodyKind{2, 584, Tee::tdx},
                                BodyKind{td15_type, 648, Tee::tdx}, BodyKind{td_partitioning_type, 885, Tee::tdx}};
constexpr std::size_t partitioning_bytes = 885 - 648;

// Types of certification data.
constexpr std::uint16_t pck_chain_pem = 5;
constexpr std::uint16_t qe_report_certification = 6;

constexpr std::size_t signature_bytes = 64;
constexpr std::size_t key_bytes = 64;

SgxReport read_sgx_report(ByteReader reader) {
  SgxReport report;
  report.cpu_svn = reader.array<16>();
  report.misc_select = reader.number<std::uint32_t>();
  report.reserved_zero = reader.zeros(12);
  report.isv_ext_prod_id = reader.array<16>();
  report.flags = reader.number<std::uint64_t>();
  report.xfrm = reader.number<std::uint64_t>();
  report.mrenclave = reader.array<32>();
  report.reserved_zero &= reader.zeros(32);
  report.mrsigner = reader.array<32>();
  report.reserved_zero &= reader.zeros(32);
  report.config_id = reader.array<64>();
  report.isv_prod_id = reader.number<std::uint16_t>();
  report.isv_svn = reader.number<std::uint16_t>();
  report.config_svn = reader.number<std::uint16_t>();
  report.reserved_zero &= reader.zeros(42);
  report.isv_family_id = reader.array<16>();
  report.report_data = reader.array<64>();
  return report;
}

TdReport read_td_report(ByteReader& reader, bool td15) {
  TdReport report;
  report.tee_tcb_svn = reader.array<16>();
  report.mr_seam = reader.array<48>();
  report.mr_signer_seam = reader.array<48>();
  report.seam_attributes = reader.number<std::uint64_t>();
  report.td_attributes = reader.number<std::uint64_t>();
  report.xfam = reader.number<std::uint64_t>();
  report.mr_td = reader.array<48>();
  report.mr_config_id = reader.array<48>();
  report.mr_owner = reader.array<48>();
  report.mr_owner_config = reader.array<48>();
  for (auto& rtmr : report.rtmr) {
    rtmr = reader.array<48>();
  }
  report.report_data = reader.array<64>();
  if (td15) {
    auto& more = report.td15.emplace();
    more.tee_tcb_svn2 = reader.array<16>();
    more.mr_service_td = reader.array<48>();
  }
  return report;
}

// 48 bytes, the same places in every version.
Parsed<void> read_header(ByteReader& reader, Quote& quote) {
  quote.version = reader.number<std::uint16_t>();
  const auto key_type = reader.number<std::uint16_t>();
  const auto tee_type = reader.number<std::uint32_t>();  // version 3: reserved
  quote.qe_svn = reader.number<std::uint16_t>();
  quote.pce_svn = reader.number<std::uint16_t>();
  const auto vendor = reader.array<16>();
  quote.user_data = reader.array<20>();
  BLINDAI_REQUIRE(reader.good(), Reason::bad_quote_format, "header");
  BLINDAI_REQUIRE(quote.version >= 3 && quote.version <= 5, Reason::unsupported_quote_version);
  BLINDAI_REQUIRE(key_type == ecdsa_p256_key, Reason::unsupported_attestation_key_type);
  if (quote.version == 3) {
    BLINDAI_REQUIRE(tee_type == 0, Reason::bad_quote_format, "reserved bytes of the header");
  } else {
    BLINDAI_REQUIRE(tee_type == tee_type_sgx || tee_type == tee_type_tdx, Reason::unsupported_tee_type);
  }
  quote.tee = tee_type == tee_type_tdx ? Tee::tdx : Tee::sgx;
  BLINDAI_REQUIRE(vendor == intel_qe, Reason::unknown_qe_vendor);
  return {};
}

Parsed<void> read_body(ByteReader& reader, Quote& quote) {
  if (quote.version == 5) {
    quote.body_type = reader.number<std::uint16_t>();
    const auto size = reader.number<std::uint32_t>();
    const BodyKind said{quote.body_type, size, quote.tee};
    const bool known = std::ranges::find(body_kinds, said) != body_kinds.end();
    BLINDAI_REQUIRE(known, Reason::bad_quote_format, "type and size of the body");
  }
  if (quote.tee == Tee::sgx) {
    quote.body = read_sgx_report(ByteReader(reader.take(sgx_report_bytes)));
    return {};
  }
  quote.body = read_td_report(reader, quote.body_type >= td15_type);
  if (quote.body_type == td_partitioning_type) {
    quote.partitioning = reader.take(partitioning_bytes);
  }
  return {};
}

Parsed<void> read_certification(ByteReader& reader, Quote& quote) {
  quote.qe_report_bytes = reader.take(sgx_report_bytes);
  quote.qe_report = read_sgx_report(ByteReader(quote.qe_report_bytes));
  quote.qe_report_signature = reader.take(signature_bytes);
  quote.qe_auth_data = reader.take(reader.number<std::uint16_t>());
  const auto type = reader.number<std::uint16_t>();
  const auto size = reader.number<std::uint32_t>();
  BLINDAI_REQUIRE(reader.good(), Reason::bad_quote_format, "report of the QE");
  BLINDAI_REQUIRE(type == pck_chain_pem, Reason::unsupported_certification_data, std::to_string(type));
  BLINDAI_REQUIRE(size == reader.left(), Reason::bad_quote_format, "size of the certification data");
  quote.pck_chain = reader.take(size);
  return {};
}

Parsed<void> read_signature_data(ByteReader reader, Quote& quote) {
  quote.signature = reader.take(signature_bytes);
  quote.attestation_key = reader.take(key_bytes);
  if (quote.version >= 4) {
    // What version 3 has here in the open is wrapped.
    const auto type = reader.number<std::uint16_t>();
    const auto size = reader.number<std::uint32_t>();
    BLINDAI_REQUIRE(reader.good(), Reason::bad_quote_format, "signature data");
    BLINDAI_REQUIRE(type == qe_report_certification, Reason::unsupported_certification_data, std::to_string(type));
    BLINDAI_REQUIRE(size == reader.left(), Reason::bad_quote_format, "size of the outer certification data");
  }
  return read_certification(reader, quote);
}

}  // namespace

std::string_view word(Tee tee) { return tee == Tee::sgx ? "sgx" : "tdx"; }

Parsed<Quote> parse_quote(ByteView bytes, Effort& effort) {
  BLINDAI_REQUIRE(bytes.size() <= max_quote_bytes, Reason::bad_quote_format, "size");
  effort.bytes_read += bytes.size();
  Quote quote;
  ByteReader reader(bytes);
  BLINDAI_CHECK(read_header(reader, quote));
  BLINDAI_CHECK(read_body(reader, quote));
  quote.signed_bytes = bytes.first(bytes.size() - reader.left());
  // Empty where the size points past the end or the bytes end before it; then there is no signature in it.
  const ByteView signature_data = reader.take(reader.number<std::uint32_t>());
  BLINDAI_CHECK(read_signature_data(ByteReader(signature_data), quote));
  quote.trailing_bytes = reader.left();
  return quote;
}

}  // namespace blindai::evidence::dcap
