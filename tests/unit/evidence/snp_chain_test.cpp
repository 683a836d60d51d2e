// Appraisal of SNP reports under roots of the tests' own: each check is brought to fail alone, in evidence whose every
// other signature holds.
#include <gmock/gmock.h>

#include "chains/der.h"
#include "chains/snp.h"
#include "crypto/crypto.h"
#include "evidence/snp/appraise.h"

namespace blindai::evidence::snp {
namespace {

namespace der = chains::der;
using chains::Snp;
using chains::SnpKey;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr UnixSeconds day = chains::day;

// Sealing makes five RSA signatures, so that what a test does not change is sealed once.
struct Sealed {
  Snp form;
  chains::Case whole;
};

struct Judged {
  std::optional<Claims> claims;
  evidence::Report findings;
  std::vector<std::string> reasons() const { return findings.reasons(); }
};

Judged judge(const chains::Case& evidence, bool require_crl = true, CollateralCache* cache = nullptr) {
  Judged judged;
  const auto report = parse_report(evidence.evidence, judged.findings.effort);
  if (!report) {
    judged.findings.fail("evidence_form", report.error(), "a report", "");
    return judged;
  }
  Collateral collateral;
  for (const auto& [name, bytes] : evidence.collateral) {
    EXPECT_TRUE(collateral.set(name, bytes)) << name;
  }
  judged.claims = appraise(*report, collateral, require_crl, evidence.at, evidence.roots, cache, judged.findings);
  EXPECT_EQ(judged.claims.has_value(), judged.findings.accepted());
  EXPECT_EQ(judged.claims.has_value(), judged.reasons().empty());
  return judged;
}

std::vector<std::string> reasons(const chains::Case& evidence, bool require_crl = true) {
  return judge(evidence, require_crl).reasons();
}
std::vector<std::string> reasons(const Snp& form) { return reasons(form.seal()); }

Snp milan() { return chains::snp(Product::milan); }
Snp vlek() { return chains::snp(Product::milan, SnpKey::vlek); }

// The collateral of `form` stays, and another report is signed.
std::vector<std::string> with_report(const Sealed& sealed, const std::function<void(chains::SnpReport&)>& edit) {
  chains::SnpReport report = sealed.form.report;
  edit(report);
  chains::Case changed = sealed.whole;
  changed.evidence = report.bytes(sealed.form.product, sealed.form.vek.key);
  return reasons(changed);
}

Sealed seal(const Snp& form) { return {form, form.seal()}; }

Bytes pem_of(const std::vector<Bytes>& certificates) { return copy(as_bytes(chains::pem(certificates))); }

TEST(SnpChain, OfEachProductKindAndVersionHolds) {
  for (const Product product : {Product::milan, Product::genoa, Product::turin}) {
    for (const SnpKey kind : {SnpKey::vcek, SnpKey::vlek}) {
      const Sealed sealed = seal(chains::snp(product, kind));
      for (const std::uint32_t version : {2U, 3U, 4U, 5U}) {
        chains::Case evidence = sealed.whole;
        chains::SnpReport report = sealed.form.report;
        report.version = version;
        evidence.evidence = report.bytes(product, sealed.form.vek.key);
        const Judged judged = judge(evidence);
        ASSERT_THAT(judged.reasons(), IsEmpty());
        const auto& claims = std::get<SnpClaims>(judged.claims->facts());
        EXPECT_EQ(claims.report.version, version);
        EXPECT_EQ(claims.product, product);
        EXPECT_EQ(claims.key, kind == SnpKey::vcek ? KeyKind::vcek : KeyKind::vlek);
        EXPECT_EQ(claims.crl_number, 3);
        EXPECT_EQ(judged.claims->report_data()[0], 0xda);
        EXPECT_EQ(judged.findings.effort.signature_checks, 5U);
      }
    }
  }
}

TEST(SnpChain, IsValidWhileAllOfItIs) {
  const Sealed sealed = seal(milan());
  const Judged judged = judge(sealed.whole);
  ASSERT_TRUE(judged.claims);
  EXPECT_EQ(judged.claims->valid_from(), sealed.form.ark_crl.this_update);
  EXPECT_EQ(judged.claims->valid_until(), *sealed.form.ark_crl.next_update - 1);
  chains::Case without = sealed.whole;
  without.collateral.erase("ark_crl");
  const Judged longer = judge(without, false);
  ASSERT_TRUE(longer.claims);
  EXPECT_EQ(longer.claims->valid_from(), sealed.form.vek.validity.from);
  EXPECT_EQ(longer.claims->valid_until(), sealed.form.vek.validity.to);
}

TEST(SnpChain, LacksNothing) {
  const Sealed sealed = seal(milan());
  for (const char* name : {"vek", "ask", "ark", "ark_crl"}) {
    chains::Case evidence = sealed.whole;
    evidence.collateral.erase(name);
    EXPECT_THAT(reasons(evidence), ElementsAre(std::string("COLLATERAL_MISSING:") + name));
  }
  chains::Case nothing = sealed.whole;
  nothing.collateral.clear();
  EXPECT_THAT(reasons(nothing), ElementsAre("COLLATERAL_MISSING:vek", "COLLATERAL_MISSING:ask",
                                            "COLLATERAL_MISSING:ark", "COLLATERAL_MISSING:ark_crl"));
  chains::Case provider = vlek().seal();
  provider.collateral.erase("asvk");
  EXPECT_THAT(reasons(provider), ElementsAre("COLLATERAL_MISSING:asvk"));
}

TEST(SnpChain, NeedsARevocationListUnlessToldOtherwise) {
  chains::Case evidence = milan().seal();
  evidence.collateral.erase("ark_crl");
  const Judged judged = judge(evidence, false);
  ASSERT_TRUE(judged.claims);
  EXPECT_EQ(std::get<SnpClaims>(judged.claims->facts()).crl_number, std::nullopt);
  const auto said = std::ranges::find(judged.findings.checks, "ark_crl", &Check::name);
  ASSERT_NE(said, judged.findings.checks.end());
  EXPECT_EQ(said->outcome, Outcome::not_applicable);
}

// --- The root.

TEST(SnpChain, UnderAnotherRootIsRefused) {
  chains::Case evidence = milan().seal();
  evidence.roots = vendor_roots();
  EXPECT_THAT(reasons(evidence), ElementsAre("UNTRUSTED_ROOT:vek"));
}

TEST(SnpChain, WhoseRootDidNotSignItselfIsRefused) {
  Snp form = milan();
  form.ark.signer = chains::Key::rsa("stranger");
  EXPECT_THAT(reasons(form), ElementsAre("UNTRUSTED_ROOT:vek"));
}

TEST(SnpChain, WhoseRootIsOfAnotherProductIsRefused) {
  chains::Case evidence = milan().seal();
  std::swap(evidence.roots.amd[0], evidence.roots.amd[1]);
  EXPECT_THAT(reasons(evidence), ElementsAre("PRODUCT_MISMATCH"));
}

TEST(SnpChain, OfAKeyThatIsNoneIsRefused) {
  // A point that is not on the curve, pinned all the same.
  Snp form = milan();
  const auto break_point = [](Bytes& bytes) {
    const Bytes head{0x03, 0x62, 0x00, 0x04};
    const auto found = std::ranges::search(bytes, head);
    ASSERT_FALSE(found.empty());
    found.end()[5] ^= 1U;
  };
  form.ark.key = form.ark.signer = chains::Key::generate(chains::Curve::p384);
  form.ark.algorithm = chains::Algorithm::ecdsa_sha384;
  form.ark.edit_signed = break_point;
  chains::Case evidence = form.seal();
  Bytes info = form.ark.key.public_key_info();
  break_point(info);
  evidence.roots.amd[0] = crypto::sha256(info);
  EXPECT_THAT(reasons(evidence), ElementsAre("BAD_CERTIFICATE:ark"));
  form = milan();
  form.vek.edit_signed = break_point;
  EXPECT_THAT(reasons(form), ElementsAre("BAD_CERTIFICATE:vek"));
}

// --- The intermediate.

TEST(SnpChain, WhoseIntermediateTheRootDidNotSignIsRefused) {
  Snp form = milan();
  form.intermediate.signer = chains::Key::rsa("stranger");
  EXPECT_THAT(reasons(form), ElementsAre("BAD_VEK_CHAIN"));
}

TEST(SnpChain, WhoseIntermediateIsNoAuthorityIsRefused) {
  Snp form = milan();
  form.intermediate.basic_constraints = chains::BasicConstraints{false, {}};
  EXPECT_THAT(reasons(form), ElementsAre("BAD_VEK_CHAIN"));
}

TEST(SnpChain, HasAVcekUnderAnAskAndAVlekUnderAnAsvk) {
  for (const SnpKey kind : {SnpKey::vcek, SnpKey::vlek}) {
    const SnpKey other = kind == SnpKey::vcek ? SnpKey::vlek : SnpKey::vcek;
    Snp form = chains::snp(Product::genoa, kind);
    form.intermediate = chains::amd_intermediate(Product::genoa, other);
    form.vek = chains::amd_vek(form.vek.key, form.intermediate, kind);
    const chains::Case evidence = form.seal();
    EXPECT_THAT(reasons(evidence), ElementsAre("BAD_VEK_CHAIN"));
    // Nor is it a matter of the item that the intermediate stands in.
    chains::Case moved = evidence;
    moved.collateral.erase(kind == SnpKey::vcek ? "ask" : "asvk");
    moved.collateral[kind == SnpKey::vcek ? "asvk" : "ask"] =
        evidence.collateral.at(kind == SnpKey::vcek ? "ask" : "asvk");
    EXPECT_THAT(reasons(moved), ElementsAre("BAD_VEK_CHAIN"));
  }
}

TEST(SnpChain, TakesTheIntermediateOfTheKindOfKeyWhereBothAreGiven) {
  const chains::Case chip = milan().seal();
  const chains::Case provider = vlek().seal();
  for (const chains::Case* whole : {&chip, &provider}) {
    chains::Case evidence = *whole;
    evidence.collateral["ask"] = chip.collateral.at("ask");
    evidence.collateral["asvk"] = provider.collateral.at("asvk");
    EXPECT_THAT(reasons(evidence), IsEmpty());
  }
}

TEST(SnpChain, FindsCertificatesInFilesOfSeveral) {
  const Snp form = milan();
  const chains::Case evidence = form.seal();
  const Bytes ark = form.ark.der();
  const Bytes ask = form.intermediate.der();
  const Bytes asvk = chains::amd_intermediate(Product::milan, SnpKey::vlek).der();
  for (const auto& order :
       std::vector<std::vector<Bytes>>{{ask, ark}, {ark, ask}, {asvk, ark, ask}, {ark, asvk, ask}}) {
    chains::Case changed = evidence;
    changed.collateral["ask"] = changed.collateral["ark"] = pem_of(order);
    EXPECT_THAT(reasons(changed), IsEmpty());
  }
  chains::Case without = evidence;
  without.collateral["ask"] = pem_of({ark, asvk});
  EXPECT_THAT(reasons(without), ElementsAre("BAD_VEK_CHAIN"));
  without = evidence;
  without.collateral["ark"] = pem_of({asvk, ask});
  EXPECT_THAT(reasons(without), ElementsAre("UNTRUSTED_ROOT:vek"));
}

TEST(SnpChain, OfTextThatIsNoPemIsRefused) {
  const chains::Case evidence = milan().seal();
  for (const char* name : {"ask", "ark"}) {
    chains::Case changed = evidence;
    changed.collateral[name] = copy(as_bytes("-----BEGIN CERTIFICATE-----\n"));
    EXPECT_THAT(reasons(changed), ElementsAre(std::string("BAD_VEK_CHAIN:") + name));
    changed.collateral[name] = pem_of({Bytes{0x30, 0x00}});
    EXPECT_THAT(reasons(changed), ElementsAre(std::string("BAD_CERTIFICATE:") + name));
  }
}

// --- The key and its product.

TEST(SnpChain, WhoseKeyTheIntermediateDidNotSignIsRefused) {
  Snp form = milan();
  form.vek.signer = chains::Key::rsa("stranger");
  EXPECT_THAT(reasons(form), ElementsAre("BAD_VEK_CHAIN"));
  form = milan();
  form.vek.issuer = form.ark.subject;
  form.vek.signer = form.ark.key;
  EXPECT_THAT(reasons(form), ElementsAre("BAD_VEK_CHAIN"));
}

TEST(SnpChain, HasOneProduct) {
  Snp form = milan();
  form.vek_extensions.product = "Genoa";
  EXPECT_THAT(reasons(form), ElementsAre("PRODUCT_MISMATCH"));
  const Sealed sealed = seal(milan());
  EXPECT_THAT(with_report(sealed, [](auto& report) { report.cpuid_model = 0x11; }), ElementsAre("PRODUCT_MISMATCH"));
  EXPECT_THAT(with_report(sealed, [](auto& report) { report.cpuid_family = 0x17; }), ElementsAre("PRODUCT_MISMATCH"));
  EXPECT_THAT(with_report(sealed,
                          [](auto& report) {
                            report.version = 2;
                            report.cpuid_model = 0x11;
                          }),
              IsEmpty());
}

// --- Time.

struct Dated {
  const char* item;
  UnixSeconds from;
  UnixSeconds to;  // the last second
};

void expect_window(Snp form, SnpKey kind, const Dated& dated) {
  const chains::Case sealed = form.seal();
  const auto at = [&](UnixSeconds time) {
    chains::Case evidence = sealed;
    evidence.at = time;
    return reasons(evidence);
  };
  SCOPED_TRACE(std::string(dated.item) + (kind == SnpKey::vcek ? " vcek" : " vlek"));
  EXPECT_THAT(at(dated.from), IsEmpty());
  EXPECT_THAT(at(dated.from - 1), ElementsAre(std::string("NOT_YET_VALID:") + dated.item));
  EXPECT_THAT(at(dated.to), IsEmpty());
  EXPECT_THAT(at(dated.to + 1), ElementsAre(std::string("EXPIRED:") + dated.item));
}

TEST(SnpChain, HoldsWithinTheDatesOfEachPart) {
  const chains::Validity narrow{chains::noon - 3 * day, chains::noon + 5 * day};
  for (const SnpKey kind : {SnpKey::vcek, SnpKey::vlek}) {
    Snp form = chains::snp(Product::turin, kind);
    form.vek.validity = narrow;
    expect_window(form, kind, {"vek", narrow.from, narrow.to});
    form = chains::snp(Product::turin, kind);
    form.intermediate.validity = narrow;
    expect_window(form, kind, {kind == SnpKey::vcek ? "ask" : "asvk", narrow.from, narrow.to});
    form = chains::snp(Product::turin, kind);
    form.ark.validity = narrow;
    expect_window(form, kind, {"ark", narrow.from, narrow.to});
    form = chains::snp(Product::turin, kind);
    form.ark_crl.this_update = narrow.from;
    form.ark_crl.next_update = narrow.to;
    expect_window(form, kind, {"ark_crl", narrow.from, narrow.to - 1});
  }
}

TEST(SnpChain, AtTheEndsOfTimeIsRefused) {
  chains::Case evidence = milan().seal();
  for (const UnixSeconds at : {std::int64_t{INT64_MIN}, std::int64_t{-1}, std::int64_t{0}}) {
    evidence.at = at;
    EXPECT_THAT(reasons(evidence), UnorderedElementsAre("NOT_YET_VALID:vek", "NOT_YET_VALID:ask", "NOT_YET_VALID:ark",
                                                        "NOT_YET_VALID:ark_crl"));
  }
  for (const UnixSeconds at : {std::int64_t{253'402'300'799}, std::int64_t{INT64_MAX}}) {
    evidence.at = at;
    EXPECT_THAT(reasons(evidence),
                UnorderedElementsAre("EXPIRED:vek", "EXPIRED:ask", "EXPIRED:ark", "EXPIRED:ark_crl"));
  }
}

// --- Revocation.

TEST(SnpChain, WithARevokedIntermediateIsRefused) {
  for (const SnpKey kind : {SnpKey::vcek, SnpKey::vlek}) {
    Snp form = chains::snp(Product::milan, kind);
    form.ark_crl.revoked = {{.serial = {9}}, {.serial = form.intermediate.serial}};
    const chains::Case evidence = form.seal();
    EXPECT_THAT(reasons(evidence), ElementsAre(kind == SnpKey::vcek ? "REVOKED:ask" : "REVOKED:asvk"));
    // A list that is given is looked at, needed or not.
    EXPECT_THAT(reasons(evidence, false), ElementsAre(kind == SnpKey::vcek ? "REVOKED:ask" : "REVOKED:asvk"));
    // Nothing that it signed is looked at.
    chains::Case other = evidence;
    other.evidence[0x50] ^= 1U;
    EXPECT_THAT(reasons(other), ElementsAre(kind == SnpKey::vcek ? "REVOKED:ask" : "REVOKED:asvk"));
    form.ark_crl.revoked = {{.serial = {9}}};
    EXPECT_THAT(reasons(form), IsEmpty());
  }
}

TEST(SnpChain, WithAListThatTheRootDidNotSignIsRefused) {
  Snp form = milan();
  form.ark_crl.signer = chains::Key::rsa("stranger");
  const chains::Case evidence = form.seal();
  EXPECT_THAT(reasons(evidence), ElementsAre("BAD_CRL:ark_crl"));
  EXPECT_THAT(reasons(evidence, false), ElementsAre("BAD_CRL:ark_crl"));
  form = milan();
  form.ark_crl.issuer = chains::amd_name("ARK-Genoa");
  EXPECT_THAT(reasons(form), ElementsAre("BAD_CRL:ark_crl"));
  chains::Case cut = milan().seal();
  cut.collateral["ark_crl"].pop_back();
  EXPECT_THAT(reasons(cut), ElementsAre("BAD_CRL:ark_crl"));
}

// --- The report.

TEST(SnpChain, WhoseReportAnotherKeySignedIsRefused) {
  const Sealed sealed = seal(milan());
  EXPECT_THAT(with_report(sealed, [](auto& report) { report.signer = chains::Key::generate(chains::Curve::p384); }),
              ElementsAre("BAD_REPORT_SIGNATURE"));
}

TEST(SnpChain, WhoseReportNamesAnotherKindOfKeyIsRefused) {
  EXPECT_THAT(with_report(seal(milan()), [](auto& report) { report.key_info = 1U << 2U; }),
              ElementsAre("SIGNING_KEY_MISMATCH"));
  const Sealed provider = seal(vlek());
  EXPECT_THAT(with_report(provider, [](auto& report) { report.key_info = 0; }), ElementsAre("SIGNING_KEY_MISMATCH"));
  for (const std::uint32_t kind : {2U, 3U, 4U, 5U, 6U, 7U}) {
    EXPECT_THAT(with_report(provider, [&](auto& report) { report.key_info = kind << 2U; }),
                ElementsAre("SIGNING_KEY_MISMATCH"));
  }
}

TEST(SnpChain, ReportsTheVersionsThatTheKeyIsFor) {
  using Field = std::uint8_t chains::SnpTcb::*;
  const std::vector<std::pair<const char*, Field>> fields{{"bootloader", &chains::SnpTcb::bootloader},
                                                          {"tee", &chains::SnpTcb::tee},
                                                          {"snp", &chains::SnpTcb::snp},
                                                          {"microcode", &chains::SnpTcb::microcode},
                                                          {"fmc", &chains::SnpTcb::fmc}};
  const Sealed milan_sealed = seal(milan());
  const Sealed turin_sealed = seal(chains::snp(Product::turin));
  for (const Sealed* sealed : {&milan_sealed, &turin_sealed}) {
    for (const auto& [name, field] : fields) {
      for (const int step : {-1, 1}) {
        const auto change = [&](chains::SnpReport& report) {
          report.reported_tcb.*field = static_cast<std::uint8_t>(report.reported_tcb.*field + step);
        };
        if (std::string(name) == "fmc" && sealed->form.product == Product::milan) {
          continue;  // Milan has none
        }
        EXPECT_THAT(with_report(*sealed, change), ElementsAre(std::string("TCB_MISMATCH:") + name));
      }
      // The other versions may differ from it: that is the policy's to judge.
      const auto others = [&](chains::SnpReport& report) {
        for (chains::SnpTcb* tcb : {&report.current_tcb, &report.committed_tcb, &report.launch_tcb}) {
          tcb->*field = static_cast<std::uint8_t>(tcb->*field + 1);
        }
      };
      EXPECT_THAT(with_report(*sealed, others), IsEmpty());
    }
  }
}

TEST(SnpChain, HasVersionsOfTheLayoutOfTheProduct) {
  const Sealed sealed = seal(milan());
  const std::vector<std::pair<const char*, std::size_t>> versions{
      {"current_tcb", 0x38}, {"reported_tcb", 0x180}, {"committed_tcb", 0x1e0}, {"launch_tcb", 0x1f0}};
  for (const auto& [name, offset] : versions) {
    EXPECT_THAT(
        with_report(sealed, [&](auto& report) { report.edit_signed = [&](Bytes& bytes) { bytes[offset + 3] = 1; }; }),
        ElementsAre(std::string("BAD_REPORT_FORMAT:") + name));
  }
}

TEST(SnpChain, IsOfTheChipThatTheKeyIsOf) {
  const Sealed sealed = seal(milan());
  const auto with_chip = [&](const Bytes& id, std::uint32_t key_info) {
    return with_report(sealed, [&](auto& report) {
      report.chip_id = id;
      report.key_info = key_info;
    });
  };
  constexpr std::uint32_t masked = 2;
  Bytes id = sealed.form.report.chip_id;
  EXPECT_THAT(with_chip(id, masked), IsEmpty());
  EXPECT_THAT(with_chip(Bytes(64), masked), IsEmpty());
  EXPECT_THAT(with_chip(Bytes(64), 0), ElementsAre("CHIP_ID_MISMATCH"));
  for (const std::size_t i : {0UL, 7UL, 8UL, 63UL}) {
    Bytes other = id;
    other[i] ^= 1U;
    EXPECT_THAT(with_chip(other, 0), ElementsAre("CHIP_ID_MISMATCH")) << i;
    EXPECT_THAT(with_chip(other, masked), ElementsAre("CHIP_ID_MISMATCH")) << i;
  }
}

TEST(SnpChain, OfTurinHasZerosAfterTheEightBytesOfTheChip) {
  const Sealed sealed = seal(chains::snp(Product::turin));
  for (const std::size_t i : {0UL, 7UL, 8UL, 63UL}) {
    EXPECT_THAT(with_report(sealed, [&](auto& report) { report.chip_id[i] ^= 1U; }), ElementsAre("CHIP_ID_MISMATCH"))
        << i;
  }
}

TEST(SnpChain, OfAProviderSaysNothingOfTheChip) {
  const Sealed sealed = seal(vlek());
  EXPECT_THAT(with_report(sealed, [](auto& report) { report.chip_id = Bytes(64, 5); }), IsEmpty());
  EXPECT_THAT(with_report(sealed, [](auto& report) { report.chip_id = Bytes(64); }), IsEmpty());
}

TEST(SnpChain, SaysThatBytesAreUnsignedWhereTheyAreNotZero) {
  chains::Case evidence = milan().seal();
  const auto says = [&] {
    const Judged judged = judge(evidence);
    EXPECT_TRUE(judged.claims);
    return std::ranges::find(judged.findings.checks, "report_unsigned_bytes", &Check::name) !=
           judged.findings.checks.end();
  };
  EXPECT_FALSE(says());
  evidence.evidence.back() = 1;
  EXPECT_TRUE(says());
}

TEST(SnpChain, TellsOfIndependentFailuresTogether) {
  Snp form = milan();
  form.ark_crl.signer = chains::Key::rsa("stranger");
  form.report.signer = chains::Key::generate(chains::Curve::p384);
  form.intermediate.validity.to = form.at - 1;
  EXPECT_THAT(reasons(form), UnorderedElementsAre("BAD_CRL:ark_crl", "EXPIRED:ask", "BAD_REPORT_SIGNATURE"));
}

TEST(SnpChain, SaysNothingOfTheDatesOfWhatDoesNotBelongToTheReport) {
  // A key that did not sign the report, and an ARK that is not the key's, may be of any age.
  Snp form = milan();
  form.vek.validity = {form.at + day, form.at + 2 * day};
  form.report.signer = chains::Key::generate(chains::Curve::p384);
  EXPECT_THAT(reasons(form), ElementsAre("BAD_REPORT_SIGNATURE"));
  form = milan();
  form.ark.validity = {form.at + day, form.at + 2 * day};
  form.vek_extensions.product = "Genoa";
  EXPECT_THAT(reasons(form), ElementsAre("PRODUCT_MISMATCH"));
}

// --- The cache.

TEST(SnpCache, GivesWhatItsAbsenceGives) {
  const Sealed sealed = seal(milan());
  CollateralCache cache;
  const Judged cold = judge(sealed.whole, true, &cache);
  const Judged warm = judge(sealed.whole, true, &cache);
  const Judged none = judge(sealed.whole);
  EXPECT_EQ(cold.findings.effort.signature_checks, 5U);
  EXPECT_EQ(warm.findings.effort.signature_checks, 1U);
  for (const Judged* judged : {&cold, &warm}) {
    ASSERT_TRUE(judged->claims);
    EXPECT_EQ(judged->claims->valid_from(), none.claims->valid_from());
    EXPECT_EQ(judged->claims->valid_until(), none.claims->valid_until());
    ASSERT_EQ(judged->findings.checks.size(), none.findings.checks.size());
    for (std::size_t i = 0; i < none.findings.checks.size(); ++i) {
      EXPECT_EQ(judged->findings.checks[i].name, none.findings.checks[i].name);
      EXPECT_EQ(judged->findings.checks[i].found, none.findings.checks[i].found);
    }
  }
}

TEST(SnpCache, LooksAtTheClockAndTheReportEachTime) {
  const Sealed sealed = seal(milan());
  CollateralCache cache;
  ASSERT_TRUE(judge(sealed.whole, true, &cache).claims);
  chains::Case late = sealed.whole;
  late.at = sealed.form.vek.validity.to + 1;
  EXPECT_THAT(judge(late, true, &cache).reasons(), UnorderedElementsAre("EXPIRED:vek", "EXPIRED:ark_crl"));
  chains::Case other = sealed.whole;
  other.evidence[0x50] ^= 1U;
  EXPECT_THAT(judge(other, true, &cache).reasons(), ElementsAre("BAD_REPORT_SIGNATURE"));
}

TEST(SnpCache, KeepsApartWhatDependsOnSomethingElse) {
  const Sealed sealed = seal(milan());
  CollateralCache cache;
  chains::Case without = sealed.whole;
  without.collateral.erase("ark_crl");
  ASSERT_TRUE(judge(without, false, &cache).claims);
  EXPECT_THAT(judge(without, true, &cache).reasons(), ElementsAre("COLLATERAL_MISSING:ark_crl"));
  ASSERT_TRUE(judge(sealed.whole, true, &cache).claims);
  chains::Case elsewhere = sealed.whole;
  elsewhere.roots = vendor_roots();
  EXPECT_THAT(judge(elsewhere, true, &cache).reasons(), ElementsAre("UNTRUSTED_ROOT:vek"));
  const chains::Case provider = vlek().seal();
  ASSERT_TRUE(judge(provider, true, &cache).claims);
  for (const chains::Case* whole : std::initializer_list<const chains::Case*>{&sealed.whole, &provider}) {
    for (const auto& [name, bytes] : whole->collateral) {
      chains::Case changed = *whole;
      changed.collateral[name][bytes.size() - 40] ^= 1U;
      EXPECT_FALSE(judge(changed, true, &cache).claims) << name;
    }
  }
}

TEST(SnpCache, DoesNotKeepWhatDidNotHold) {
  Snp form = milan();
  form.vek.signer = chains::Key::rsa("stranger");
  const chains::Case evidence = form.seal();
  CollateralCache cache;
  for (int i = 0; i < 2; ++i) {
    const Judged judged = judge(evidence, true, &cache);
    EXPECT_THAT(judged.reasons(), ElementsAre("BAD_VEK_CHAIN"));
    EXPECT_EQ(judged.findings.effort.signature_checks, 4U);
  }
}

}  // namespace
}  // namespace blindai::evidence::snp
