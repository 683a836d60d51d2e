// Chains under AMD's root keys, revocation and time (17, 18, 37 to 41, 55 in the list of attacks).
#include "own_keys.h"

namespace blindai::evidence {
namespace {

using chains::Algorithm;
using chains::Certificate;
using chains::Curve;
using chains::Key;
using chains::Snp;
using chains::snp;
using chains::SnpKey;

constexpr SnpKey kinds[] = {SnpKey::vcek, SnpKey::vlek};

TEST(OwnKeysSnpChain, UnderAnotherRootIsRefused) {  // 17
  for (const SnpKey kind : kinds) {
    Snp chain = snp(Product::genoa, kind);
    const Case right = chain.seal();
    Case made = right;
    made.roots.amd = {};
    EXPECT_THAT(judge(made), RejectedFor("UNTRUSTED_ROOT:vek"));
    // The same names under another key.
    chain.ark.key = chain.ark.signer = chain.intermediate.signer = chain.ark_crl.signer = Key::rsa("stranger");
    made = chain.seal();
    made.roots = right.roots;
    EXPECT_THAT(judge(made), RejectedFor("UNTRUSTED_ROOT:vek"));
  }
}

TEST(OwnKeysSnpChain, AKeyPinnedForAnotherProductIsRefused) {  // 56
  Case made = snp(Product::milan).seal();
  std::swap(made.roots.amd[0], made.roots.amd[1]);
  EXPECT_THAT(judge(made), RejectedFor("PRODUCT_MISMATCH"));
}

TEST(OwnKeysSnpChain, AVlekUnderTheAskAndAVcekUnderTheAsvkAreRefused) {  // 55
  for (const SnpKey kind : kinds) {
    const SnpKey other = kind == SnpKey::vcek ? SnpKey::vlek : SnpKey::vcek;
    Snp chain = snp(Product::milan, kind);
    const Certificate wrong = chains::amd_intermediate(Product::milan, other);
    // Signed by the other intermediate, which stands where it belongs, and where the right one belongs.
    chain.vek.signer = wrong.key;
    chain.vek.issuer = wrong.subject;
    Case made = chain.seal();
    const Bytes pem = copy(as_bytes(chains::pem(ByteView(wrong.der()))));
    for (const bool both : {true, false}) {
      Case hostile = made;
      if (!both) {
        hostile.collateral.erase(kind == SnpKey::vcek ? "ask" : "asvk");
      }
      hostile.collateral[kind == SnpKey::vcek ? "asvk" : "ask"] = pem;
      EXPECT_THAT(judge(hostile), RejectedFor("BAD_VEK_CHAIN"));
    }
    Case renamed = made;
    renamed.collateral[kind == SnpKey::vcek ? "ask" : "asvk"] = pem;
    EXPECT_THAT(judge(renamed), RejectedFor("BAD_VEK_CHAIN"));
  }
}

struct Flaw {
  const char* what;
  std::function<void(Certificate&)> make;
};

std::vector<Flaw> flaws() {
  return {
      {"signed by another", [](Certificate& form) { form.signer = Key::rsa("stranger"); }},
      {"with another salt", [](Certificate& form) { form.algorithm = Algorithm::rsa_pss_sha384_salt_32; }},
      {"with SHA-256", [](Certificate& form) { form.algorithm = Algorithm::rsa_pss_sha256; }},
      {"with PKCS #1 padding", [](Certificate& form) { form.algorithm = Algorithm::rsa_pkcs1_sha384; }},
      {"of two algorithms", [](Certificate& form) { form.inner_algorithm = Algorithm::rsa_pss_sha256; }},
      {"with an unknown critical extension",
       [](Certificate& form) { form.extensions.push_back({"1.2.3.4", true, {}}); }},
      {"with an extension twice",
       [](Certificate& form) { form.extensions.insert(form.extensions.end(), 2, {"1.2.3.4", false, {}}); }},
      {"of version 1", [](Certificate& form) { form.version = 0; }},
      {"of the wrong issuer's name", [](Certificate& form) { form.issuer = chains::amd_name("ARK-Rome"); }},
      {"with a trailing byte", [](Certificate& form) { form.edit_whole = [](Bytes& bytes) { bytes.push_back(0); }; }},
  };
}

TEST(OwnKeysSnpChain, AFlawAnywhereIsRefused) {  // 18
  for (const SnpKey kind : kinds) {
    const std::string between = kind == SnpKey::vcek ? "ask" : "asvk";
    for (const Flaw& flaw : flaws()) {
      Snp vek = snp(Product::milan, kind);
      flaw.make(vek.vek);
      EXPECT_THAT(judge(vek.seal()), RejectedForAny(Words{"BAD_VEK_CHAIN", "BAD_VEK_CHAIN:vek", "BAD_CERTIFICATE:vek"}))
          << flaw.what;
      Snp authority = snp(Product::milan, kind);
      flaw.make(authority.intermediate);
      EXPECT_THAT(judge(authority.seal()),
                  RejectedForAny(Words{"BAD_VEK_CHAIN", "BAD_VEK_CHAIN:" + between, "BAD_CERTIFICATE:" + between}))
          << flaw.what;
      Snp root = snp(Product::milan, kind);
      flaw.make(root.ark);
      EXPECT_THAT(judge(root.seal()),
                  RejectedForAny(Words{"BAD_VEK_CHAIN:ark", "UNTRUSTED_ROOT:vek", "BAD_CERTIFICATE:ark"}))
          << flaw.what;
    }
  }
}

TEST(OwnKeysSnpChain, AnIntermediateThatIsNoAuthorityIsRefused) {  // 18
  const std::vector<Flaw> no_authority = {
      {"not a CA", [](Certificate& form) { form.basic_constraints->ca = false; }},
      {"of no constraints", [](Certificate& form) { form.basic_constraints.reset(); }},
      {"that may not sign certificates", [](Certificate& form) { form.key_usage = chains::crl_sign; }},
      {"that does not say what it may", [](Certificate& form) { form.key_usage.reset(); }},
  };
  for (const Flaw& flaw : no_authority) {
    Snp between = snp(Product::genoa);
    flaw.make(between.intermediate);
    EXPECT_THAT(judge(between.seal()), RejectedForAny(Words{"BAD_VEK_CHAIN", "BAD_CERTIFICATE:ask"})) << flaw.what;
    Snp root = snp(Product::genoa);
    flaw.make(root.ark);
    EXPECT_FALSE(judge(root.seal()).accepted) << flaw.what;
  }
  Snp path = snp(Product::genoa);
  path.ark.basic_constraints->path_length = 0;
  EXPECT_FALSE(judge(path.seal()).accepted);
}

TEST(OwnKeysSnpChain, AVekSignedByAVekIsRefused) {  // 18
  Snp chain = snp(Product::genoa);
  Certificate thief = chains::amd_vek(Key::generate(Curve::p384), chain.vek, SnpKey::vcek);
  for (const auto& extension : chain.vek_extensions.list()) {
    thief.extensions.push_back(extension);
  }
  const Case genuine = chain.seal();
  chain.report.signer = thief.key;
  Case made = chain.seal();
  made.collateral["vek"] = thief.der();
  EXPECT_THAT(judge(made), RejectedFor("BAD_VEK_CHAIN"));
  made.collateral["ask"] = copy(as_bytes(chains::pem(ByteView(genuine.collateral.at("vek")))));
  EXPECT_FALSE(judge(made).accepted);
}

TEST(OwnKeysSnpChain, AVekThatIsAnAuthorityIsRefused) {
  Snp chain = snp(Product::genoa);
  chain.vek.basic_constraints = chains::BasicConstraints{true, {}};
  EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_CERTIFICATE:vek"));
}

TEST(OwnKeysSnpChain, AVekOfAnotherKeyOrNameIsRefused) {
  for (const Key& key : {Key::generate(Curve::p256), Key::generate(Curve::secp256k1), Key::rsa("stranger")}) {
    Snp chain = snp(Product::milan);
    chain.report.signer = chain.vek.key;
    chain.vek.key = key;
    EXPECT_THAT(judge(chain.seal()), RejectedForAny(Words{"BAD_CERTIFICATE:vek", "BAD_VEK_CHAIN:vek"}));
  }
  for (const char* name : {"SEV-VCEL", "VCEK", "SEV-VLEK"}) {
    Snp chain = snp(Product::milan);
    chain.vek.subject = chains::amd_name(name);
    EXPECT_FALSE(judge(chain.seal()).accepted) << name;
  }
}

TEST(OwnKeysSnpChain, EveryItemIsNeeded) {  // 37
  for (const SnpKey kind : kinds) {
    const Case made = snp(Product::genoa, kind).seal();
    for (const auto& [item, bytes] : made.collateral) {
      Case without = made;
      without.collateral.erase(item);
      EXPECT_THAT(judge(without), RejectedFor("COLLATERAL_MISSING:" + item));
      Case empty = made;
      empty.collateral[item].clear();
      EXPECT_FALSE(judge(empty).accepted) << item;
    }
  }
}

TEST(OwnKeysSnpChain, TheListIsNotNeededWhereThePolicySaysSo) {  // 37
  Policy policy = strict();
  policy.snp->require_crl = false;
  Snp chain = snp(Product::genoa);
  Case made = chain.seal();
  made.collateral.erase("ark_crl");
  EXPECT_THAT(judge(made, policy), Accepted());
  chain.ark_crl.revoked.push_back({chain.intermediate.serial, noon - day});
  EXPECT_THAT(judge(chain.seal(), policy), RejectedFor("REVOKED:ask"));
}

TEST(OwnKeysSnpChain, ARevokedIntermediateIsRefused) {  // 39
  for (const SnpKey kind : kinds) {
    Snp chain = snp(Product::genoa, kind);
    chain.ark_crl.revoked = {{Bytes{2, 0, 1}, noon - day}, {chain.intermediate.serial, noon - day}};
    EXPECT_THAT(judge(chain.seal()), RejectedFor(kind == SnpKey::vcek ? "REVOKED:ask" : "REVOKED:asvk"));
    chain.ark_crl.revoked.pop_back();
    EXPECT_THAT(judge(chain.seal()), Accepted());
  }
}

TEST(OwnKeysSnpChain, AListThatIsNotTheArksIsRefused) {  // 37
  using Change = std::function<void(chains::Crl&)>;
  const std::vector<std::pair<const char*, Change>> changes = {
      {"signed by the ASK", [](auto& list) { list.signer = Key::rsa("milan_ask"); }},
      {"of the ASK's name", [](auto& list) { list.issuer = chains::amd_name("SEV-Milan"); }},
      {"of another product", [](auto& list) { list = snp(Product::genoa).ark_crl; }},
      {"with another salt", [](auto& list) { list.algorithm = Algorithm::rsa_pss_sha384_salt_32; }},
      {"without a number", [](auto& list) { list.number.reset(); }},
      {"without a next update", [](auto& list) { list.next_update.reset(); }},
      {"changed", [](auto& list) { list.edit_whole = [](Bytes& bytes) { bytes[200] ^= 1U; }; }},
  };
  for (const auto& [what, change] : changes) {
    Snp chain = snp(Product::milan);
    change(chain.ark_crl);
    EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_CRL:ark_crl")) << what;
  }
}

TEST(OwnKeysSnpChain, EveryPeriodHasItsEdges) {  // 40
  struct Period {
    const char* item;
    std::function<void(Snp&, UnixSeconds, UnixSeconds)> set;
    UnixSeconds last;
  };
  const auto certificate = [](Certificate Snp::* member) {
    return [member](Snp& chain, UnixSeconds from, UnixSeconds to) { (chain.*member).validity = {from, to}; };
  };
  const Period periods[] = {{"vek", certificate(&Snp::vek), noon + 100},
                            {"ask", certificate(&Snp::intermediate), noon + 100},
                            {"ark", certificate(&Snp::ark), noon + 100},
                            {"ark_crl",
                             [](Snp& chain, UnixSeconds from, UnixSeconds to) {
                               chain.ark_crl.this_update = from;
                               chain.ark_crl.next_update = to;
                             },
                             noon + 99}};
  for (const Period& period : periods) {
    Snp chain = snp(Product::turin);
    period.set(chain, noon - 100, noon + 100);
    const Case made = chain.seal();
    EXPECT_THAT(judge(made, strict(), noon - 101), RejectedFor(std::string("NOT_YET_VALID:") + period.item));
    EXPECT_THAT(judge(made, strict(), noon - 100), Accepted());
    EXPECT_THAT(judge(made, strict(), period.last), Accepted());
    EXPECT_THAT(judge(made, strict(), period.last + 1), RejectedFor(std::string("EXPIRED:") + period.item));
  }
}

TEST(OwnKeysSnpChain, ClocksOutOfThisWorldAreRefused) {  // 41
  const Case made = snp(Product::milan).seal();
  for (const UnixSeconds at :
       {UnixSeconds{0}, UnixSeconds{-1}, UnixSeconds{2'524'607'999}, UnixSeconds{253'402'300'799},
        std::numeric_limits<UnixSeconds>::max(), std::numeric_limits<UnixSeconds>::min()}) {
    const Verdict verdict = judge(made, strict(), at);
    EXPECT_FALSE(verdict.accepted) << at;
    EXPECT_THAT(verdict.reasons, testing::Each(testing::StartsWith(at < noon ? "NOT_YET_VALID:" : "EXPIRED:"))) << at;
  }
}

TEST(OwnKeysSnpChain, BothCertificatesInOneFileAndInEitherOrderAreFound) {
  const Case made = snp(Product::milan).seal();
  Bytes both = made.collateral.at("ask");
  append(both, made.collateral.at("ark"));
  Bytes other = made.collateral.at("ark");
  append(other, made.collateral.at("ask"));
  for (const Bytes& text : {both, other}) {
    Case joined = made;
    joined.collateral["ask"] = joined.collateral["ark"] = text;
    EXPECT_THAT(judge(joined), Accepted());
  }
}

}  // namespace
}  // namespace blindai::evidence
