#include "evidence/snp/report.h"

#include "evidence/byte_reader.h"

namespace blindai::evidence::snp {
namespace {

constexpr std::uint32_t first_version_with_cpuid = 3;
constexpr std::uint32_t first_version_with_mitigations = 5;

// What is checked of a report and is no field of it.
struct Form {
  std::uint32_t key_info = 0;
  bool reserved_zero = true;
  bool signature_fits = true;
};

void read_guest(ByteReader& reader, Report& report, Form& form) {  // 0x000 to 0x04f
  report.version = reader.number<std::uint32_t>();
  report.guest_svn = reader.number<std::uint32_t>();
  report.policy = reader.number<std::uint64_t>();
  report.family_id = reader.array<16>();
  report.image_id = reader.array<16>();
  report.vmpl = reader.number<std::uint32_t>();
  report.signature_algo = reader.number<std::uint32_t>();
  report.current_tcb = reader.array<8>();
  report.platform_info = reader.number<std::uint64_t>();
  form.key_info = reader.number<std::uint32_t>();
  form.reserved_zero = reader.zeros(4) && form.reserved_zero;
}

void read_digests(ByteReader& reader, Report& report) {  // 0x050 to 0x17f
  report.report_data = reader.array<64>();
  report.measurement = reader.array<48>();
  report.host_data = reader.array<32>();
  report.id_key_digest = reader.array<48>();
  report.author_key_digest = reader.array<48>();
  report.report_id = reader.array<32>();
  report.report_id_ma = reader.array<32>();
}

FirmwareVersion read_firmware(ByteReader& reader, Form& form) {
  FirmwareVersion version;
  version.build = reader.number<std::uint8_t>();
  version.minor = reader.number<std::uint8_t>();
  version.major = reader.number<std::uint8_t>();
  form.reserved_zero = reader.zeros(1) && form.reserved_zero;
  return version;
}

void read_platform(ByteReader& reader, Report& report, Form& form) {  // 0x180 to 0x29f
  report.reported_tcb = reader.array<8>();
  if (report.version >= first_version_with_cpuid) {
    Cpuid cpuid;
    cpuid.family = reader.number<std::uint8_t>();
    cpuid.model = reader.number<std::uint8_t>();
    cpuid.stepping = reader.number<std::uint8_t>();
    report.cpuid = cpuid;
  } else {
    form.reserved_zero = reader.zeros(3) && form.reserved_zero;
  }
  form.reserved_zero = reader.zeros(21) && form.reserved_zero;
  report.chip_id = reader.array<64>();
  report.committed_tcb = reader.array<8>();
  report.current_firmware = read_firmware(reader, form);
  report.committed_firmware = read_firmware(reader, form);
  report.launch_tcb = reader.array<8>();
  if (report.version >= first_version_with_mitigations) {
    report.launch_mitigations = reader.number<std::uint64_t>();
    report.current_mitigations = reader.number<std::uint64_t>();
  } else {
    form.reserved_zero = reader.zeros(16) && form.reserved_zero;
  }
  form.reserved_zero = reader.zeros(152) && form.reserved_zero;
}

// r and s stand in 72 bytes each, little-endian: on P-384 the upper 24 are zero.
void read_signature(ByteReader& reader, Report& report, Form& form) {  // 0x2a0 to the end
  for (const std::size_t offset : {0UL, 48UL}) {
    const auto number = reader.array<48>();
    std::ranges::reverse_copy(number, report.signature.begin() + static_cast<std::ptrdiff_t>(offset));
    form.signature_fits = reader.zeros(24) && form.signature_fits;
  }
  report.trailing_zero = reader.zeros(reader.left());
}

}  // namespace

Parsed<Report> parse_report(ByteView bytes, Effort& effort) {
  BLINDAI_REQUIRE(bytes.size() == report_bytes, Reason::bad_report_format, "size");
  effort.bytes_read += bytes.size();
  Report report;
  Form form;
  ByteReader reader(bytes);
  read_guest(reader, report, form);
  read_digests(reader, report);
  read_platform(reader, report, form);
  read_signature(reader, report, form);
  BLINDAI_REQUIRE(report.version >= 2 && report.version <= 5, Reason::unsupported_report_version);
  BLINDAI_REQUIRE(report.signature_algo == 1, Reason::unsupported_signature_algorithm);
  BLINDAI_REQUIRE(form.reserved_zero, Reason::bad_report_format, "reserved");
  BLINDAI_REQUIRE(form.key_info >> 5U == 0, Reason::bad_report_format, "key_info");
  const std::uint32_t signing_key = form.key_info >> 2U & 7U;
  BLINDAI_REQUIRE(signing_key <= 1, Reason::signing_key_mismatch);
  BLINDAI_REQUIRE(form.signature_fits, Reason::bad_report_signature);
  report.author_key_en = (form.key_info & 1U) != 0;
  report.mask_chip_key = (form.key_info & 2U) != 0;
  report.signing_key = signing_key == 0 ? KeyKind::vcek : KeyKind::vlek;
  report.signed_bytes = ByteReader(bytes).array<signed_report_bytes>();
  return report;
}

std::optional<Product> product_of(const Cpuid& cpuid) {
  const auto model_in = [&](std::uint8_t first, std::uint8_t last) {
    return cpuid.model >= first && cpuid.model <= last;
  };
  if (cpuid.family == 0x19 && model_in(0x00, 0x0f)) {
    return Product::milan;
  }
  if (cpuid.family == 0x19 && (model_in(0x10, 0x1f) || model_in(0xa0, 0xaf))) {
    return Product::genoa;
  }
  if (cpuid.family == 0x1a && model_in(0x00, 0x11)) {
    return Product::turin;
  }
  return std::nullopt;
}

std::optional<Tcb> read_tcb(Product product, const std::array<std::uint8_t, 8>& raw) {
  Tcb tcb;
  ByteReader reader(raw);
  bool reserved_zero = true;
  if (product == Product::turin) {
    tcb.fmc = reader.number<std::uint8_t>();
  }
  tcb.bootloader = reader.number<std::uint8_t>();
  tcb.tee = reader.number<std::uint8_t>();
  if (product != Product::turin) {
    reserved_zero = reader.zeros(4);
  }
  tcb.snp = reader.number<std::uint8_t>();
  if (product == Product::turin) {
    reserved_zero = reader.zeros(3);
  }
  tcb.microcode = reader.number<std::uint8_t>();
  return reserved_zero ? std::optional(tcb) : std::nullopt;
}

}  // namespace blindai::evidence::snp
