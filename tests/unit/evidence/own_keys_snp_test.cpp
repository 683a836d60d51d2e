// Reports of SEV-SNP and the chips' keys (50 to 60 in the list of attacks).
#include "own_keys.h"

namespace blindai::evidence {
namespace {

using chains::Key;
using chains::Snp;
using chains::snp;
using chains::SnpKey;

constexpr Product products[] = {Product::milan, Product::genoa, Product::turin};
constexpr SnpKey kinds[] = {SnpKey::vcek, SnpKey::vlek};

std::uint32_t signing_key(std::uint32_t number) { return number << 2U; }

TEST(OwnKeysSnp, ReportsOfEveryProductVersionAndKeyAreAccepted) {  // 58
  for (const Product product : products) {
    for (const SnpKey kind : kinds) {
      for (const std::uint32_t version : {2U, 3U, 4U, 5U}) {
        Snp chain = snp(product, kind, version);
        chain.report.reported_tcb.microcode = 200;
        chain.vek_extensions.microcode = 200;
        chain.report.launch_tcb.microcode = 190;
        const Verdict verdict = judge(chain.seal());
        EXPECT_THAT(verdict, Accepted()) << word(product) << " " << version;
        const json::Object& claims = verdict.report.claims;
        const json::Value* tcb = &claims.at("reported_tcb");
        EXPECT_EQ(*tcb->find("ucode"), json::Value(200));
        EXPECT_EQ(*tcb->find("bl"), json::Value(4));
        EXPECT_EQ(*tcb->find("tee"), json::Value(1));
        EXPECT_EQ(*tcb->find("snp"), json::Value(24));
        EXPECT_EQ(tcb->find("fmc") != nullptr, product == Product::turin);
        EXPECT_EQ(*claims.at("launch_tcb").find("ucode"), json::Value(190));
        EXPECT_EQ(claims.at("product_line"), json::Value(word(product)));
      }
    }
  }
}

TEST(OwnKeysSnp, OtherVersionsAreRefused) {  // 50
  for (const std::uint32_t version : {0U, 1U, 6U, 0x0102U, 0xffffffffU}) {
    Snp chain = snp(Product::genoa);
    chain.report.edit_signed = [version](Bytes& bytes) {
      for (std::size_t i = 0; i < 4; ++i) {
        bytes[i] = static_cast<std::uint8_t>(version >> (8 * i));
      }
    };
    EXPECT_THAT(judge(chain.seal()), RejectedFor("UNSUPPORTED_REPORT_VERSION")) << version;
  }
}

TEST(OwnKeysSnp, AVersionThatIsNotTheReportsOwnIsRefused) {  // 50
  for (const std::uint32_t version : {2U, 3U, 4U, 5U}) {
    Case made = snp(Product::milan, SnpKey::vcek, version).seal();
    for (const std::uint8_t other : U8{2, 3, 4, 5}) {
      made.evidence[0] = other;
      if (other != version) {
        EXPECT_THAT(judge(made), RejectedForAny(Words{"BAD_REPORT_SIGNATURE", "BAD_REPORT_FORMAT:reserved"}))
            << version << " as " << int{other};
      }
    }
  }
}

TEST(OwnKeysSnp, AnotherSizeOrAlgorithmIsRefused) {
  for (const std::size_t size : {0U, 1U, 672U, 1183U, 1185U, 4096U}) {
    Case made = snp(Product::milan).seal();
    made.evidence.resize(size);
    EXPECT_THAT(judge(made), RejectedFor("BAD_REPORT_FORMAT:size")) << size;
  }
  for (const std::uint32_t algorithm : {0U, 2U, 0x101U}) {
    Snp chain = snp(Product::milan);
    chain.report.signature_algo = algorithm;
    EXPECT_THAT(judge(chain.seal()), RejectedFor("UNSUPPORTED_SIGNATURE_ALGORITHM"));
  }
}

TEST(OwnKeysSnp, ReservedBytesAreZero) {
  for (const std::size_t at : {0x4cU, 0x18bU, 0x19fU, 0x1ebU, 0x1efU, 0x208U, 0x29fU}) {
    Snp chain = snp(Product::genoa, SnpKey::vcek, 5);
    chain.report.edit_signed = [at](Bytes& bytes) { bytes[at] = 1; };
    EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_REPORT_FORMAT:reserved")) << at;
  }
  for (const std::size_t at : {0x188U, 0x1f8U, 0x200U}) {  // fields of later versions
    Snp chain = snp(Product::genoa, SnpKey::vcek, 2);
    chain.report.edit_signed = [at](Bytes& bytes) { bytes[at] = 1; };
    EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_REPORT_FORMAT:reserved")) << at;
  }
  Snp chain = snp(Product::genoa);
  chain.report.key_info = 1U << 5U;
  EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_REPORT_FORMAT:key_info"));
}

TEST(OwnKeysSnp, UnknownPlatformInfoIsReportedAndNotRefused) {
  Snp chain = snp(Product::turin, SnpKey::vcek, 5);
  chain.report.platform_info |= 1ULL << 6U | 1ULL << 40U;
  EXPECT_THAT(judge(chain.seal()), Accepted());
}

TEST(OwnKeysSnp, EveryByteOfTheSignatureIsLookedAt) {  // 51
  const Case made = snp(Product::milan).seal();
  for (const std::size_t half : {0x2a0U, 0x2e8U}) {
    for (std::size_t i = 0; i < 72; ++i) {
      Case hostile = made;
      hostile.evidence[half + i] ^= 1U;
      EXPECT_THAT(judge(hostile), RejectedFor("BAD_REPORT_SIGNATURE")) << half + i;
    }
    Case zero = made;
    std::fill_n(zero.evidence.begin() + static_cast<std::ptrdiff_t>(half), 72, std::uint8_t{0});
    EXPECT_THAT(judge(zero), RejectedFor("BAD_REPORT_SIGNATURE"));
    Case reversed = made;
    const auto begin = reversed.evidence.begin() + static_cast<std::ptrdiff_t>(half);
    std::reverse(begin, begin + 48);
    EXPECT_THAT(judge(reversed), RejectedFor("BAD_REPORT_SIGNATURE"));
  }
}

TEST(OwnKeysSnp, WhatNothingSignsDecidesNothing) {  // 52
  Case made = snp(Product::milan).seal();
  for (const std::size_t at : {0x330U, 0x400U, 1183U}) {
    made.evidence[at] = 0xff;
  }
  const Verdict verdict = judge(made);
  EXPECT_THAT(verdict, Accepted());
  EXPECT_THAT(json::write(verdict.report.to_json()), testing::HasSubstr("report_unsigned_bytes"));
}

TEST(OwnKeysSnp, TheKeyOfAnotherChipIsRefused) {  // 53
  for (const Product product : products) {
    Snp chain = snp(product);
    chain.report.chip_id[0] ^= 1U;
    EXPECT_THAT(judge(chain.seal()), RejectedFor("CHIP_ID_MISMATCH"));
    chain = snp(product);
    chain.report.chip_id[63] ^= 1U;
    EXPECT_THAT(judge(chain.seal()), RejectedFor("CHIP_ID_MISMATCH"));
  }
}

TEST(OwnKeysSnp, AMaskedChipIsAcceptedWhereTheReportSaysSo) {
  Snp chain = snp(Product::genoa);
  chain.report.chip_id = Bytes(64);
  EXPECT_THAT(judge(chain.seal()), RejectedFor("CHIP_ID_MISMATCH"));
  chain.report.key_info |= 2U;  // MASK_CHIP_KEY
  EXPECT_THAT(judge(chain.seal()), Accepted());
  chain.report.chip_id[1] = 1;
  EXPECT_THAT(judge(chain.seal()), RejectedFor("CHIP_ID_MISMATCH"));
}

TEST(OwnKeysSnp, TheKeyOfAnotherTcbIsRefused) {  // 53
  using Change = std::function<void(chains::SnpTcb&)>;
  const std::vector<std::pair<std::string, Change>> changes = {{"bootloader", [](auto& tcb) { tcb.bootloader += 1; }},
                                                               {"tee", [](auto& tcb) { tcb.tee -= 1; }},
                                                               {"snp", [](auto& tcb) { tcb.snp += 1; }},
                                                               {"microcode", [](auto& tcb) { tcb.microcode -= 1; }},
                                                               {"fmc", [](auto& tcb) { tcb.fmc += 1; }}};
  for (const SnpKey kind : kinds) {
    for (const Product product : products) {
      for (const auto& [component, change] : changes) {
        Snp chain = snp(product, kind);
        change(chain.report.reported_tcb);
        if (component != "fmc" || product == Product::turin) {
          EXPECT_THAT(judge(chain.seal()).reasons, testing::Contains("TCB_MISMATCH:" + component));
        }
      }
    }
  }
}

TEST(OwnKeysSnp, TheLayoutOfAnotherProductIsRefused) {  // 58
  Snp chain = snp(Product::turin, SnpKey::vcek, 5);
  chain.report.edit_signed = [&](Bytes& bytes) {
    const Bytes as_milan = chain.report.reported_tcb.bytes(Product::milan);
    std::copy(as_milan.begin(), as_milan.end(), bytes.begin() + 0x180);
  };
  EXPECT_FALSE(judge(chain.seal()).accepted);
}

TEST(OwnKeysSnp, ReservedBytesOfATcbAreZero) {
  for (const std::size_t at : {0x38U, 0x180U, 0x1e0U, 0x1f0U}) {
    for (const Product product : products) {
      Snp chain = snp(product);
      chain.report.edit_signed = [at](Bytes& bytes) { bytes[at + 5] = 1; };
      const Verdict verdict = judge(chain.seal());
      EXPECT_FALSE(verdict.accepted);
      EXPECT_THAT(verdict.reasons, testing::ElementsAre(testing::StartsWith("BAD_REPORT_FORMAT:"))) << at;
    }
  }
}

TEST(OwnKeysSnp, AKeyOfTheOtherKindIsRefused) {  // 54
  Snp vlek = snp(Product::milan, SnpKey::vlek);
  vlek.report.key_info = signing_key(0);
  EXPECT_THAT(judge(vlek.seal()), RejectedFor("SIGNING_KEY_MISMATCH"));
  Snp vcek = snp(Product::milan, SnpKey::vcek);
  vcek.report.key_info = signing_key(1);
  EXPECT_THAT(judge(vcek.seal()), RejectedFor("SIGNING_KEY_MISMATCH"));
}

TEST(OwnKeysSnp, AReportOfNoOrAReservedKeyIsRefused) {  // 54
  for (const SnpKey kind : kinds) {
    for (const std::uint32_t number : {2U, 3U, 4U, 5U, 6U, 7U}) {
      Snp chain = snp(Product::genoa, kind);
      chain.report.key_info = signing_key(number);
      EXPECT_THAT(judge(chain.seal()), RejectedFor("SIGNING_KEY_MISMATCH")) << number;
    }
  }
}

TEST(OwnKeysSnp, AReportSignedByAnotherKeyIsRefused) {
  Snp chain = snp(Product::genoa);
  chain.report.signer = Key::generate(chains::Curve::p384);
  EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_REPORT_SIGNATURE"));
}

TEST(OwnKeysSnp, EveryCrossOfProductsIsRefused) {  // 56
  for (const Product chip : products) {
    for (const Product chain_of : products) {
      if (chip == chain_of) {
        continue;
      }
      // Everything says `chain_of`, but the CPUID that the chip itself reports.
      Snp chain = snp(chain_of);
      const Snp other = snp(chip);
      chain.report.cpuid_family = other.report.cpuid_family;
      chain.report.cpuid_model = other.report.cpuid_model;
      EXPECT_THAT(judge(chain.seal()), RejectedFor("PRODUCT_MISMATCH"));
      // The certificate of one product under the authorities of another.
      Snp named = snp(chain_of);
      named.vek_extensions.product = std::string(word(chip));
      EXPECT_FALSE(judge(named.seal()).accepted);
      // Both, each whole, and both trusted.
      Case mixed = snp(chip).seal();
      const Case theirs = snp(chain_of).seal();
      for (const char* item : {"ask", "ark", "ark_crl"}) {
        mixed.collateral[item] = theirs.collateral.at(item);
      }
      mixed.roots.amd[static_cast<std::size_t>(chain_of)] = theirs.roots.amd[static_cast<std::size_t>(chain_of)];
      EXPECT_THAT(judge(mixed), RejectedFor("PRODUCT_MISMATCH"));
    }
  }
}

TEST(OwnKeysSnp, ACpuOfNoKnownProductIsRefused) {  // 56
  for (const auto& [family, model] :
       {std::pair{0x19, 0x20}, {0x19, 0x9f}, {0x19, 0xb0}, {0x1a, 0x12}, {0x17, 0x01}, {0x1b, 0x00}, {0x00, 0x00}}) {
    for (const Product product : products) {
      Snp chain = snp(product);
      chain.report.cpuid_family = static_cast<std::uint8_t>(family);
      chain.report.cpuid_model = static_cast<std::uint8_t>(model);
      EXPECT_THAT(judge(chain.seal()), RejectedFor("PRODUCT_MISMATCH"));
    }
  }
}

TEST(OwnKeysSnp, HardwareIdsAreReadWhateverTheirFirstBytes) {  // 57
  for (const Product product : products) {
    const std::size_t size = product == Product::turin ? 8 : 64;
    for (const bool wrapped : {false, true}) {
      for (const std::uint8_t first : U8{0x02, 0x04, 0x30}) {
        for (const std::uint8_t second : U8{0x06, 0x07, 0x3e, 0x3f}) {
          Snp chain = snp(product);
          Bytes id(size, 0x77);
          id[0] = first;
          id[1] = second;
          chain.vek_extensions.hardware_id = id;
          chain.vek_extensions.wrap_hardware_id = wrapped;
          chain.report.chip_id = id;
          chain.report.chip_id.resize(64);
          ASSERT_TRUE(accepts(chain.seal(), strict())) << word(product) << int{first} << int{second} << wrapped;
          chain.report.chip_id[2] ^= 1U;
          ASSERT_FALSE(accepts(chain.seal(), strict()));
        }
      }
    }
  }
}

TEST(OwnKeysSnp, AHardwareIdOfAnotherSizeIsRefused) {  // 57
  for (const Product product : products) {
    for (const std::size_t size : {0U, 1U, 7U, 8U, 9U, 32U, 63U, 64U, 65U}) {
      if (size == (product == Product::turin ? 8U : 64U)) {
        continue;
      }
      Snp chain = snp(product);
      chain.vek_extensions.hardware_id = Bytes(size, 0xc7);
      chain.report.chip_id = Bytes(size, 0xc7);
      chain.report.chip_id.resize(64);
      EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_CERTIFICATE:vek")) << size;
    }
    Snp absent = snp(product);
    absent.vek_extensions.hardware_id.reset();
    EXPECT_THAT(judge(absent.seal()), RejectedFor("BAD_CERTIFICATE:vek"));
  }
}

TEST(OwnKeysSnp, AVcekOfAProviderOrAVlekOfAChipIsRefused) {  // 54
  Snp vcek = snp(Product::milan);
  vcek.vek_extensions.csp_id = "CN=cc.example.com";
  EXPECT_THAT(judge(vcek.seal()), RejectedFor("BAD_CERTIFICATE:vek"));
  Snp vlek = snp(Product::milan, SnpKey::vlek);
  vlek.vek_extensions.hardware_id = Bytes(64, 0xc7);
  EXPECT_THAT(judge(vlek.seal()), RejectedFor("BAD_CERTIFICATE:vek"));
  Snp nobody = snp(Product::milan, SnpKey::vlek);
  nobody.vek_extensions.csp_id.reset();
  EXPECT_THAT(judge(nobody.seal()), RejectedFor("BAD_CERTIFICATE:vek"));
}

TEST(OwnKeysSnp, EveryExtensionOfAVekIsNeededOnce) {
  for (const Product product : products) {
    const std::size_t count = snp(product).vek_extensions.list().size();
    for (std::size_t i = 0; i < count; ++i) {
      Snp without = snp(product);
      const std::string oid = without.vek_extensions.list()[i].oid;
      const bool idle =
          oid.ends_with(".3.4") || oid.ends_with(".3.5") || oid.ends_with(".3.6") || oid.ends_with(".3.7");
      without.vek_extensions.edit = [i](auto& list) { list.erase(list.begin() + static_cast<std::ptrdiff_t>(i)); };
      EXPECT_EQ(judge(without.seal()).accepted, idle) << oid;
      Snp twice = snp(product);
      twice.vek_extensions.edit = [i](auto& list) { list.push_back(list[i]); };
      EXPECT_THAT(judge(twice.seal()), RejectedFor("BAD_CERTIFICATE:vek")) << oid;
    }
  }
}

TEST(OwnKeysSnp, NumbersOfAVekFitIntoAByte) {
  using Change = std::function<void(chains::VekExtensions&, int)>;
  const std::vector<Change> changes = {
      [](auto& form, int value) { form.bootloader = value; }, [](auto& form, int value) { form.tee = value; },
      [](auto& form, int value) { form.snp = value; }, [](auto& form, int value) { form.microcode = value; },
      [](auto& form, int value) { form.fmc = value; }};
  for (const Change& change : changes) {
    for (const int value : {256, -1, 65536 + 4}) {
      Snp chain = snp(Product::turin);
      change(chain.vek_extensions, value);
      EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_CERTIFICATE:vek")) << value;
    }
  }
}

}  // namespace
}  // namespace blindai::evidence
