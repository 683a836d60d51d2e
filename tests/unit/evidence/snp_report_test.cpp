#include "evidence/snp/report.h"

#include <gtest/gtest.h>

#include "evidence/vectors.h"

namespace blindai::evidence::snp {
namespace {

// A report whose every byte is zero but for version and algorithm.
Bytes blank(std::uint32_t version) {
  Bytes bytes(report_bytes);
  bytes[0] = static_cast<std::uint8_t>(version);
  bytes[0x34] = 1;
  return bytes;
}

Parsed<Report> parse(const Bytes& bytes) {
  Effort effort;
  return parse_report(bytes, effort);
}

// The reason of a refusal as enumerator, or nothing where the report was taken.
std::optional<Reason> reason(const Bytes& bytes) {
  const auto report = parse(bytes);
  return report ? std::nullopt : std::optional(report.error().reason);
}

std::string hex(ByteView bytes) { return to_hex(bytes); }

TEST(SnpReport, OfAnotherSizeIsRefused) {
  Bytes bytes = blank(2);
  bytes.push_back(0);
  EXPECT_EQ(reason(bytes), Reason::bad_report_format);
  for (std::size_t size = 0; size < report_bytes; ++size) {
    bytes.resize(size);
    EXPECT_EQ(reason(bytes), Reason::bad_report_format) << size;
  }
}

TEST(SnpReport, OfVersions2To5IsRead) {
  for (const std::uint32_t version : {2U, 3U, 4U, 5U}) {
    const auto report = parse(blank(version));
    ASSERT_TRUE(report) << version;
    EXPECT_EQ(report->version, version);
    EXPECT_EQ(report->cpuid.has_value(), version >= 3);
    EXPECT_EQ(report->launch_mitigations.has_value(), version >= 5);
    EXPECT_EQ(report->current_mitigations.has_value(), version >= 5);
  }
  for (const std::uint32_t version : {0U, 1U, 6U, 255U}) {
    EXPECT_EQ(reason(blank(version)), Reason::unsupported_report_version) << version;
  }
  for (const std::size_t offset : {1UL, 2UL, 3UL}) {
    Bytes bytes = blank(2);
    bytes[offset] = 1;
    EXPECT_EQ(reason(bytes), Reason::unsupported_report_version) << offset;
  }
}

TEST(SnpReport, OfAnotherAlgorithmIsRefused) {
  for (const std::uint8_t algorithm : Bytes{0, 2, 255}) {
    Bytes bytes = blank(3);
    bytes[0x34] = algorithm;
    EXPECT_EQ(reason(bytes), Reason::unsupported_signature_algorithm);
  }
  Bytes bytes = blank(3);
  bytes[0x37] = 1;
  EXPECT_EQ(reason(bytes), Reason::unsupported_signature_algorithm);
}

TEST(SnpReport, HasReservedBytesThatDependOnTheVersion) {
  const auto reserved = [](std::size_t offset, std::uint32_t version) {
    const bool cpuid = offset >= 0x188 && offset <= 0x18a;
    const bool mitigations = offset >= 0x1f8 && offset <= 0x207;
    return (offset >= 0x4c && offset <= 0x4f) || (cpuid && version < 3) || (offset >= 0x18b && offset <= 0x19f) ||
           offset == 0x1eb || offset == 0x1ef || (mitigations && version < 5) || (offset >= 0x208 && offset <= 0x29f);
  };
  const auto checked_otherwise = [](std::size_t offset) {
    return offset < 4 || (offset >= 0x34 && offset < 0x38) || (offset >= 0x48 && offset < 0x4c);
  };
  for (const std::uint32_t version : {2U, 3U, 4U, 5U}) {
    for (std::size_t offset = 0; offset < signed_report_bytes; ++offset) {
      if (checked_otherwise(offset)) {
        continue;
      }
      Bytes bytes = blank(version);
      bytes[offset] = 0x80;
      const auto expected = reserved(offset, version) ? std::optional(Reason::bad_report_format) : std::nullopt;
      EXPECT_EQ(reason(bytes), expected) << "version " << version << ", offset " << offset;
    }
  }
}

TEST(SnpReport, SaysWhichKeySignedIt) {
  Bytes bytes = blank(2);
  for (std::uint8_t low = 0; low < 32; ++low) {
    bytes[0x48] = low;
    const auto report = parse(bytes);
    const int kind = low >> 2U;
    ASSERT_EQ(report.has_value(), kind <= 1) << int{low};
    if (!report) {
      EXPECT_EQ(report.error().reason, Reason::signing_key_mismatch);
      continue;
    }
    EXPECT_EQ(report->signing_key, kind == 0 ? KeyKind::vcek : KeyKind::vlek);
    EXPECT_EQ(report->author_key_en, (low & 1U) != 0);
    EXPECT_EQ(report->mask_chip_key, (low & 2U) != 0);
  }
  for (unsigned bit = 5; bit < 32; ++bit) {
    bytes = blank(2);
    bytes[0x48 + bit / 8] = static_cast<std::uint8_t>(1U << bit % 8);
    EXPECT_EQ(reason(bytes), Reason::bad_report_format) << bit;
  }
}

TEST(SnpReport, HasItsSignatureInLittleEndianOf384Bits) {
  Bytes bytes = blank(2);
  for (std::size_t i = 0; i < 48; ++i) {
    bytes[0x2a0 + i] = static_cast<std::uint8_t>(i);
    bytes[0x2e8 + i] = static_cast<std::uint8_t>(100 + i);
  }
  const auto report = parse(bytes);
  ASSERT_TRUE(report);
  for (std::size_t i = 0; i < 48; ++i) {
    EXPECT_EQ(report->signature[i], 47 - i);
    EXPECT_EQ(report->signature[48 + i], 147 - i);
  }
  for (std::size_t i = 48; i < 72; ++i) {
    for (const std::size_t half : {0x2a0UL, 0x2e8UL}) {
      Bytes high = bytes;
      high[half + i] = 1;
      EXPECT_EQ(reason(high), Reason::bad_report_signature) << half + i;
    }
  }
}

TEST(SnpReport, SaysWhetherUnsignedBytesAreZero) {
  EXPECT_TRUE(parse(blank(2))->trailing_zero);
  for (std::size_t offset = 0x330; offset < report_bytes; ++offset) {
    Bytes bytes = blank(2);
    bytes[offset] = 1;
    const auto report = parse(bytes);
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->trailing_zero) << offset;
  }
}

// The bytes of a report from an offset on, in hexadecimal.
std::string part(const Bytes& bytes, std::size_t offset, std::size_t size) {
  return hex(ByteView(bytes).subspan(offset, size));
}

TEST(SnpReport, HasItsFieldsWhereTheSpecificationSays) {
  Bytes bytes = blank(5);
  for (std::size_t i = 0x38; i < signed_report_bytes; ++i) {
    const bool reserved = (i >= 0x48 && i < 0x50) || (i >= 0x18b && i < 0x1a0) || i == 0x1eb || i == 0x1ef;
    bytes[i] = reserved || i >= 0x208 ? std::uint8_t{0} : static_cast<std::uint8_t>(i * 7 + (i >> 8U));
  }
  bytes[0x04] = 0x21;
  bytes[0x08] = 0x43;
  bytes[0x0f] = 0x65;
  bytes[0x30] = 3;
  const auto report = parse(bytes);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->guest_svn, 0x21U);
  EXPECT_EQ(report->policy, 0x6500'0000'0000'0043U);
  EXPECT_EQ(report->vmpl, 3U);
  EXPECT_EQ(hex(report->current_tcb), part(bytes, 0x38, 8));
  EXPECT_EQ(report->platform_info & 0xffffU, (std::uint64_t{bytes[0x41]} << 8U | bytes[0x40]));
  EXPECT_EQ(hex(report->report_data), part(bytes, 0x50, 64));
  EXPECT_EQ(hex(report->measurement), part(bytes, 0x90, 48));
  EXPECT_EQ(hex(report->host_data), part(bytes, 0xc0, 32));
  EXPECT_EQ(hex(report->id_key_digest), part(bytes, 0xe0, 48));
  EXPECT_EQ(hex(report->author_key_digest), part(bytes, 0x110, 48));
  EXPECT_EQ(hex(report->report_id), part(bytes, 0x140, 32));
  EXPECT_EQ(hex(report->report_id_ma), part(bytes, 0x160, 32));
  EXPECT_EQ(hex(report->reported_tcb), part(bytes, 0x180, 8));
  EXPECT_EQ(report->cpuid->family, bytes[0x188]);
  EXPECT_EQ(report->cpuid->model, bytes[0x189]);
  EXPECT_EQ(report->cpuid->stepping, bytes[0x18a]);
  EXPECT_EQ(hex(report->chip_id), part(bytes, 0x1a0, 64));
  EXPECT_EQ(hex(report->committed_tcb), part(bytes, 0x1e0, 8));
  EXPECT_EQ(report->current_firmware.build, bytes[0x1e8]);
  EXPECT_EQ(report->current_firmware.minor, bytes[0x1e9]);
  EXPECT_EQ(report->current_firmware.major, bytes[0x1ea]);
  EXPECT_EQ(report->committed_firmware.build, bytes[0x1ec]);
  EXPECT_EQ(report->committed_firmware.minor, bytes[0x1ed]);
  EXPECT_EQ(report->committed_firmware.major, bytes[0x1ee]);
  EXPECT_EQ(hex(report->launch_tcb), part(bytes, 0x1f0, 8));
  EXPECT_EQ(*report->launch_mitigations & 0xffU, bytes[0x1f8]);
  EXPECT_EQ(*report->current_mitigations >> 56U, bytes[0x207]);
  EXPECT_EQ(hex(report->signed_bytes), part(bytes, 0, signed_report_bytes));
}

TEST(SnpReport, CountsWhatItRead) {
  Effort effort;
  ASSERT_TRUE(parse_report(blank(2), effort));
  EXPECT_EQ(effort.bytes_read, report_bytes);
  EXPECT_EQ(effort.signature_checks, 0U);
}

TEST(SnpProduct, IsThatOfFamilyAndModel) {
  for (int family = 0; family < 256; ++family) {
    for (int model = 0; model < 256; ++model) {
      std::optional<Product> expected;
      if (family == 0x19) {
        expected = model < 0x10                                      ? std::optional(Product::milan)
                   : model < 0x20 || (model >= 0xa0 && model < 0xb0) ? std::optional(Product::genoa)
                                                                     : std::nullopt;
      } else if (family == 0x1a && model <= 0x11) {
        expected = Product::turin;
      }
      const Cpuid cpuid{static_cast<std::uint8_t>(family), static_cast<std::uint8_t>(model), 0};
      ASSERT_EQ(product_of(cpuid), expected) << family << " " << model;
    }
  }
}

TEST(SnpTcb, HasTheLayoutOfTheProduct) {
  const std::array<std::uint8_t, 8> older{1, 2, 0, 0, 0, 0, 7, 8};
  const Tcb older_tcb{.fmc = {}, .bootloader = 1, .tee = 2, .snp = 7, .microcode = 8};
  EXPECT_EQ(read_tcb(Product::milan, older), older_tcb);
  EXPECT_EQ(read_tcb(Product::genoa, older), older_tcb);
  EXPECT_EQ(read_tcb(Product::turin, older), std::nullopt);
  const std::array<std::uint8_t, 8> turin{1, 2, 3, 4, 0, 0, 0, 8};
  EXPECT_EQ(read_tcb(Product::turin, turin), (Tcb{.fmc = 1, .bootloader = 2, .tee = 3, .snp = 4, .microcode = 8}));
  EXPECT_EQ(read_tcb(Product::milan, turin), std::nullopt);
  for (std::size_t i = 0; i < 8; ++i) {
    std::array<std::uint8_t, 8> raw{};
    raw[i] = 1;
    EXPECT_EQ(read_tcb(Product::genoa, raw).has_value(), i < 2 || i > 5) << i;
    EXPECT_EQ(read_tcb(Product::turin, raw).has_value(), i < 4 || i > 6) << i;
  }
}

// --- The reports of the vectors, field by field.

std::int64_t number(const json::Value& value) {
  if (const auto* text = value.as<std::string>()) {
    return static_cast<std::int64_t>(std::stoull(*text, nullptr, 16));
  }
  const auto* integer = value.as<std::int64_t>();
  return integer == nullptr ? -1 : *integer;
}

bool flag(const json::Value& value) {
  EXPECT_NE(value.as<bool>(), nullptr);
  return value.as<bool>() != nullptr && *value.as<bool>();
}

void expect_tcb(const json::Value& expected, Product product, const std::array<std::uint8_t, 8>& raw) {
  const auto tcb = read_tcb(product, raw);
  ASSERT_TRUE(tcb);
  EXPECT_EQ(tcb->bootloader, number(*expected.find("bl")));
  EXPECT_EQ(tcb->tee, number(*expected.find("tee")));
  EXPECT_EQ(tcb->snp, number(*expected.find("snp")));
  EXPECT_EQ(tcb->microcode, number(*expected.find("ucode")));
  EXPECT_EQ(tcb->fmc.has_value(), expected.find("fmc") != nullptr);
  if (tcb->fmc) {
    EXPECT_EQ(*tcb->fmc, number(*expected.find("fmc")));
  }
}

void expect_firmware(const json::Value& expected, const FirmwareVersion& firmware) {
  EXPECT_EQ(firmware.build, number(*expected.find("build")));
  EXPECT_EQ(firmware.minor, number(*expected.find("minor")));
  EXPECT_EQ(firmware.major, number(*expected.find("major")));
}

void expect_bits(const json::Value& expected, std::uint64_t policy) {
  const std::vector<std::pair<const char*, std::uint64_t>> bits{{"smt_allowed", policy_smt},
                                                                {"rsvd_must_be_one", policy_reserved_one},
                                                                {"migrate_ma", policy_migrate_ma},
                                                                {"debug_allowed", policy_debug},
                                                                {"single_socket", policy_single_socket},
                                                                {"cxl_allow", policy_cxl_allow},
                                                                {"mem_aes_256_xts", policy_mem_aes_256_xts},
                                                                {"rapl_dis", policy_rapl_dis},
                                                                {"ciphertext_hiding", policy_ciphertext_hiding},
                                                                {"page_swap_disable", policy_page_swap_disable}};
  for (const auto& [name, bit] : bits) {
    EXPECT_EQ((policy & bit) != 0, flag(*expected.find(name))) << name;
  }
}

void expect_digests(const json::Value& expected, const Report& report) {
  EXPECT_EQ(hex(report.family_id), *expected.text("family_id"));
  EXPECT_EQ(hex(report.image_id), *expected.text("image_id"));
  EXPECT_EQ(hex(report.report_data), *expected.text("report_data"));
  EXPECT_EQ(hex(report.measurement), *expected.text("measurement"));
  EXPECT_EQ(hex(report.host_data), *expected.text("host_data"));
  EXPECT_EQ(hex(report.id_key_digest), *expected.text("id_key_digest"));
  EXPECT_EQ(hex(report.author_key_digest), *expected.text("author_key_digest"));
  EXPECT_EQ(hex(report.report_id), *expected.text("report_id"));
  EXPECT_EQ(hex(report.report_id_ma), *expected.text("report_id_ma"));
  EXPECT_EQ(hex(report.chip_id), *expected.text("chip_id"));
}

void expect_numbers(const json::Value& expected, const Report& report) {
  EXPECT_EQ(report.version, number(*expected.find("version")));
  EXPECT_EQ(report.guest_svn, number(*expected.find("guest_svn")));
  EXPECT_EQ(report.policy, static_cast<std::uint64_t>(number(*expected.find("policy_hex"))));
  EXPECT_EQ(report.vmpl, number(*expected.find("vmpl")));
  EXPECT_EQ(report.signature_algo, number(*expected.find("signature_algo")));
  EXPECT_EQ(report.platform_info, static_cast<std::uint64_t>(number(*expected.find("platform_info_hex"))));
  EXPECT_EQ(report.author_key_en, flag(*expected.find("author_key_en")));
  EXPECT_EQ(report.mask_chip_key, flag(*expected.find("mask_chip_key")));
  EXPECT_EQ(report.signing_key == KeyKind::vcek ? "VCEK" : "VLEK", *expected.text("signing_key"));
}

void expect_optionals(const json::Value& expected, const Report& report) {
  const json::Value& cpuid = *expected.find("cpuid");
  ASSERT_EQ(report.cpuid.has_value(), !cpuid.is_null());
  if (report.cpuid) {
    EXPECT_EQ(report.cpuid->family, number(*cpuid.find("family")));
    EXPECT_EQ(report.cpuid->model, number(*cpuid.find("model")));
    EXPECT_EQ(report.cpuid->stepping, number(*cpuid.find("stepping")));
  }
  const json::Value& launch = *expected.find("launch_mit_vector");
  ASSERT_EQ(report.launch_mitigations.has_value(), !launch.is_null());
  if (report.launch_mitigations) {
    EXPECT_EQ(*report.launch_mitigations, static_cast<std::uint64_t>(number(launch)));
    EXPECT_EQ(*report.current_mitigations, static_cast<std::uint64_t>(number(*expected.find("current_mit_vector"))));
  }
}

Product product_named(const std::string& name) {
  return name == "Milan" ? Product::milan : name == "Genoa" ? Product::genoa : Product::turin;
}

std::vector<std::string> cases() {
  std::vector<std::string> names = vectors::cases("snp");
  std::erase_if(names, [](const std::string& name) { return !vectors::has(name + "/report.bin"); });
  return names;
}

TEST(SnpReport, OfEachCaseReadsAsTheCaseSays) {
  BLINDAI_NEEDS_VECTORS();
  EXPECT_GE(cases().size(), 9U);
  for (const std::string& name : cases()) {
    SCOPED_TRACE(name);
    const json::Value document = vectors::read_json(name + "/case.json");
    const json::Value& expected = *document.find("report");
    const auto report = parse(vectors::read(name + "/report.bin"));
    ASSERT_TRUE(report);
    expect_numbers(expected, *report);
    expect_bits(*expected.find("policy"), report->policy);
    expect_digests(expected, *report);
    expect_optionals(expected, *report);
    const Product product = product_named(*expected.text("product_line"));
    if (report->cpuid) {
      EXPECT_EQ(product_of(*report->cpuid), product);
    }
    expect_tcb(*expected.find("current_tcb"), product, report->current_tcb);
    expect_tcb(*expected.find("reported_tcb"), product, report->reported_tcb);
    expect_tcb(*expected.find("committed_tcb"), product, report->committed_tcb);
    expect_tcb(*expected.find("launch_tcb"), product, report->launch_tcb);
    expect_firmware(*expected.find("current_fw"), report->current_firmware);
    expect_firmware(*expected.find("committed_fw"), report->committed_firmware);
    EXPECT_TRUE(report->trailing_zero);
  }
}

}  // namespace
}  // namespace blindai::evidence::snp
