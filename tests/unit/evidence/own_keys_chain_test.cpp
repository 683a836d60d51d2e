// Chains of certificates under the Intel SGX Root CA (17 to 21 in the list of attacks). Every certificate here is signed;
// what is wrong is who signed it, and for what.
#include "own_keys.h"

namespace blindai::evidence {
namespace {

using chains::Algorithm;
using chains::Certificate;
using chains::Curve;
using chains::Dcap;
using chains::Key;

constexpr const char* bad_pck_chain = "BAD_CERT_CHAIN:pck_chain";
constexpr const char* bad_tcb_chain = "BAD_CERT_CHAIN:tcb_signing_chain";
constexpr const char* bad_qe_chain = "BAD_CERT_CHAIN:qe_identity_signing_chain";

// Both chains of the documents at once: one signer serves both unless a test says otherwise.
Words bad_signing_chains() { return {bad_tcb_chain, bad_qe_chain}; }

// A change to a certificate, and what it is.
struct Flaw {
  const char* what;
  std::function<void(Certificate&)> make;
};

// What no certificate of a chain may have.
std::vector<Flaw> flaws() {
  return {
      {"signed by another", [](Certificate& form) { form.signer = Key::generate(Curve::p256); }},
      {"signed with SHA-1", [](Certificate& form) { form.algorithm = Algorithm::ecdsa_sha1; }},
      {"signed with SHA-384", [](Certificate& form) { form.algorithm = Algorithm::ecdsa_sha384; }},
      {"of two algorithms", [](Certificate& form) { form.inner_algorithm = Algorithm::ecdsa_sha384; }},
      {"of version 1", [](Certificate& form) { form.version = 0; }},
      {"of version 2", [](Certificate& form) { form.version = 1; }},
      {"of version 4", [](Certificate& form) { form.version = 3; }},
      {"with an unknown critical extension",
       [](Certificate& form) { form.extensions.push_back({"1.2.3.4", true, {}}); }},
      {"with an extension twice",
       [](Certificate& form) { form.extensions.insert(form.extensions.end(), 2, {"1.2.3.4", false, {}}); }},
      {"without a use for its key", [](Certificate& form) { form.key_usage = 0; }},
      {"of the wrong issuer's name", [](Certificate& form) { form.issuer = chains::intel_name("Intel SGX Rook CA"); }},
  };
}

TEST(OwnKeysChain, UnderAnotherRootIsRefused) {  // 17
  Case made = chains::tdx().seal();
  made.roots.intel = chains::tdx().seal().roots.intel;
  EXPECT_THAT(judge(made), RejectedForAll(Words{"UNTRUSTED_ROOT:pck_chain", "UNTRUSTED_ROOT:tcb_signing_chain",
                                                "UNTRUSTED_ROOT:qe_identity_signing_chain"}));
}

TEST(OwnKeysChain, ACollateralUnderAnotherRootIsRefused) {  // 17
  const Case ours = chains::sgx().seal();
  const Case theirs = chains::sgx().seal();
  for (const auto& [chain, document] :
       {std::pair{"tcb_signing_chain", "tcb_info"}, std::pair{"qe_identity_signing_chain", "qe_identity"}}) {
    Case mixed = ours;
    mixed.collateral[chain] = theirs.collateral.at(chain);
    mixed.collateral[document] = theirs.collateral.at(document);
    EXPECT_THAT(judge(mixed), RejectedFor(std::string("UNTRUSTED_ROOT:") + chain));
  }
}

TEST(OwnKeysChain, ARootOfTheSameNameAndAnotherKeyIsRefused) {  // 17
  Dcap chain = chains::sgx();
  const Case ours = chain.seal();
  const Key false_key = Key::generate(Curve::p256);
  chain.root = chains::intel_root(false_key);
  chain.pck_ca.signer = false_key;
  chain.root_crl.signer = false_key;
  Case made = chain.seal();
  made.roots = ours.roots;
  const Verdict verdict = judge(made);
  EXPECT_FALSE(verdict.accepted);
  EXPECT_THAT(verdict.reasons, testing::Contains("UNTRUSTED_ROOT:pck_chain"));
}

TEST(OwnKeysChain, AFlawOfTheLeafIsRefused) {  // 18
  for (const Flaw& flaw : flaws()) {
    Dcap chain = chains::sgx();
    flaw.make(chain.pck);
    EXPECT_THAT(judge(chain.seal()), RejectedFor(bad_pck_chain)) << flaw.what;
  }
}

TEST(OwnKeysChain, AFlawOfTheIntermediateIsRefused) {  // 18
  for (const Flaw& flaw : flaws()) {
    Dcap chain = chains::sgx();
    flaw.make(chain.pck_ca);
    EXPECT_THAT(judge(chain.seal()), RejectedFor(bad_pck_chain)) << flaw.what;
  }
}

TEST(OwnKeysChain, AFlawOfTheRootIsRefusedThoughItsKeyIsPinned) {  // 18
  for (const Flaw& flaw : flaws()) {
    Dcap chain = chains::sgx();
    flaw.make(chain.root);
    EXPECT_THAT(judge(chain.seal()), RejectedForAll(Words{bad_pck_chain, bad_tcb_chain, bad_qe_chain})) << flaw.what;
  }
}

TEST(OwnKeysChain, AFlawOfTheSignerOfDocumentsIsRefused) {  // 18
  for (const Flaw& flaw : flaws()) {
    Dcap chain = chains::sgx();
    flaw.make(chain.tcb_signing);
    EXPECT_THAT(judge(chain.seal()), RejectedForAll(bad_signing_chains())) << flaw.what;
  }
}

TEST(OwnKeysChain, AnIntermediateThatIsNoAuthorityIsRefused) {  // 18
  const std::vector<Flaw> no_authority = {
      {"not a CA", [](Certificate& form) { form.basic_constraints->ca = false; }},
      {"of no constraints", [](Certificate& form) { form.basic_constraints.reset(); }},
      {"that may not sign certificates", [](Certificate& form) { form.key_usage = chains::crl_sign; }},
      {"that does not say what it may", [](Certificate& form) { form.key_usage.reset(); }},
      {"of another name", [](Certificate& form) { form.subject = chains::intel_name("Intel SGX PCK Platform Cb"); }},
      {"with a negative path length", [](Certificate& form) { form.basic_constraints->path_length = -1; }},
  };
  for (const Flaw& flaw : no_authority) {
    Dcap chain = chains::sgx();
    flaw.make(chain.pck_ca);
    chain.pck.issuer = chain.pck_ca.subject;
    chain.pck_crl.issuer = chain.pck_ca.subject;
    const Verdict verdict = judge(chain.seal());
    EXPECT_THAT(verdict, RejectedForAny(Words{bad_pck_chain, "BAD_CRL:pck_crl"})) << flaw.what;
    EXPECT_THAT(verdict.reasons, testing::Contains(bad_pck_chain)) << flaw.what;
  }
}

TEST(OwnKeysChain, AnIntermediateThatMayNotSignListsIsRefusedWithItsList) {
  Dcap chain = chains::sgx();
  chain.pck_ca.key_usage = chains::key_cert_sign;
  EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_CRL:pck_crl"));
  Dcap root = chains::sgx();
  root.root.key_usage = chains::key_cert_sign;
  EXPECT_THAT(judge(root.seal()), RejectedFor("BAD_CRL:root_ca_crl"));
}

TEST(OwnKeysChain, APathLongerThanTheRootAllowsIsRefused) {  // 18
  Dcap chain = chains::sgx();
  chain.root.basic_constraints->path_length = 0;  // no authority below: the documents' signer is none
  EXPECT_THAT(judge(chain.seal()), RejectedFor(bad_pck_chain));
  chain.root.basic_constraints->path_length.reset();
  EXPECT_THAT(judge(chain.seal()), Accepted());
}

TEST(OwnKeysChain, ARootThatIsNoAuthorityIsRefused) {
  for (const std::uint16_t usage : U16{chains::crl_sign, chains::digital_signature}) {
    Dcap chain = chains::sgx();
    chain.root.key_usage = usage;
    EXPECT_THAT(judge(chain.seal()), RejectedForAll(Words{bad_pck_chain, bad_tcb_chain, bad_qe_chain}));
  }
  Dcap chain = chains::sgx();
  chain.root.basic_constraints->ca = false;
  EXPECT_THAT(judge(chain.seal()), RejectedForAll(Words{bad_pck_chain, bad_tcb_chain, bad_qe_chain}));
}

TEST(OwnKeysChain, ALeafSignedByALeafIsRefused) {  // 18
  Dcap chain = chains::sgx();
  Certificate thief = chains::intel_leaf(Key::generate(Curve::p256), chain.pck, "Intel SGX PCK Certificate");
  thief.extensions.push_back(chain.pck_extension.extension());
  chain.quote.qe_signer = thief.key;
  for (const bool with_root : {true, false}) {
    Dcap hostile = chain;
    hostile.edit_pck_chain = [&](std::vector<Bytes>& list) {
      list = {thief.der(), list[0], list[1]};
      if (with_root) {
        list.push_back(hostile.root.der());
      }
    };
    EXPECT_THAT(judge(hostile.seal()), RejectedForAny(Words{bad_pck_chain, "UNTRUSTED_ROOT:pck_chain"}));
  }
  // A leaf that the root itself signed, and that calls itself the intermediate.
  Dcap direct = chain;
  direct.pck_ca.basic_constraints = chains::BasicConstraints{};
  direct.pck_ca.key_usage = chains::digital_signature;
  EXPECT_THAT(judge(direct.seal()), RejectedForAll(Words{bad_pck_chain, "BAD_CRL:pck_crl"}));
}

TEST(OwnKeysChain, ACertificateThatEndsBeforeItBeginsIsNeverValid) {
  for (Certificate Dcap::* which : {&Dcap::root, &Dcap::pck_ca, &Dcap::pck, &Dcap::tcb_signing}) {
    Dcap chain = chains::sgx();
    std::swap((chain.*which).validity.from, (chain.*which).validity.to);
    EXPECT_FALSE(judge(chain.seal()).accepted);
  }
}

TEST(OwnKeysChain, ALeafThatIsAnAuthorityIsRefused) {
  Dcap chain = chains::sgx();
  chain.pck.basic_constraints->ca = true;
  EXPECT_THAT(judge(chain.seal()), RejectedFor(bad_pck_chain));
  Dcap signer = chains::sgx();
  signer.tcb_signing.basic_constraints->ca = true;
  EXPECT_THAT(judge(signer.seal()), RejectedForAll(bad_signing_chains()));
}

TEST(OwnKeysChain, KeysOnOtherCurvesAreRefused) {  // 18
  for (const Curve curve : {Curve::p384, Curve::secp256k1}) {
    Dcap leaf = chains::sgx();
    leaf.quote.qe_signer = leaf.pck.key;
    leaf.pck.key = Key::generate(curve);
    EXPECT_THAT(judge(leaf.seal()), RejectedFor(bad_pck_chain));
    Dcap between = chains::sgx();
    between.pck_ca.key = Key::generate(curve);
    between.pck.signer = between.pck_ca.key;
    between.pck_crl.signer = between.pck_ca.key;
    EXPECT_THAT(judge(between.seal()), RejectedFor(bad_pck_chain));
    Dcap signer = chains::sgx();
    signer.tcb_signing.key = Key::generate(curve);
    EXPECT_THAT(judge(signer.seal()), RejectedForAll(bad_signing_chains()));
  }
  Dcap rsa = chains::sgx();
  rsa.quote.qe_signer = rsa.pck.key;
  rsa.pck.key = Key::rsa("stranger");
  EXPECT_THAT(judge(rsa.seal()), RejectedFor(bad_pck_chain));
}

TEST(OwnKeysChain, ARootOnAnotherCurveIsRefusedThoughItIsPinned) {
  Dcap chain = chains::sgx();
  const Key key = Key::generate(Curve::p384);
  chain.root = chains::intel_root(key);
  chain.pck_ca.signer = chain.tcb_signing.signer = chain.root_crl.signer = key;
  EXPECT_THAT(judge(chain.seal()), RejectedForAll(Words{bad_pck_chain, bad_tcb_chain, bad_qe_chain}));
}

TEST(OwnKeysChain, TheSignerOfDocumentsIsNoPck) {  // 19
  Dcap chain = chains::sgx();
  chain.edit_pck_chain = [&](std::vector<Bytes>& list) { list = {chain.tcb_signing.der(), list[2], list[2]}; };
  chain.quote.qe_signer = chain.tcb_signing.key;
  EXPECT_THAT(judge(chain.seal()), RejectedFor(bad_pck_chain));
  // The root as issuer of a leaf, with the right name and extension.
  Dcap direct = chains::sgx();
  direct.tcb_signing.extensions.push_back(direct.pck_extension.extension());
  direct.edit_pck_chain = [&](std::vector<Bytes>& list) { list = {direct.tcb_signing.der(), list[2], list[2]}; };
  direct.quote.qe_signer = direct.tcb_signing.key;
  EXPECT_THAT(judge(direct.seal()), RejectedFor(bad_pck_chain));
}

TEST(OwnKeysChain, ASignerOfDocumentsThatThePckCaIssuedIsNoPck) {  // 19
  Dcap chain = chains::sgx();
  chain.pck.subject = chains::intel_name("Intel SGX TCB Signing");
  EXPECT_THAT(judge(chain.seal()), RejectedFor(bad_pck_chain));
}

TEST(OwnKeysChain, APckSignsNoDocuments) {  // 19
  Dcap chain = chains::sgx();
  chain.tcb_info.signer = chain.qe_identity.signer = chain.pck.key;
  for (const bool whole : {true, false}) {
    chain.edit_tcb_chain = [&](std::vector<Bytes>& list) {
      list = whole ? std::vector<Bytes>{chain.pck.der(), chain.pck_ca.der(), chain.root.der()}
                   : std::vector<Bytes>{chain.pck.der(), chain.root.der()};
    };
    EXPECT_THAT(judge(chain.seal()), RejectedForAll(bad_signing_chains()));
  }
  // Under the root itself, and still by the wrong name.
  Dcap renamed = chains::sgx();
  renamed.tcb_signing.subject = chains::intel_name("Intel SGX PCK Certificate");
  EXPECT_THAT(judge(renamed.seal()), RejectedForAll(bad_signing_chains()));
}

TEST(OwnKeysChain, OtherThanLeafIntermediateAndRootIsRefused) {  // 21
  using Edit = std::function<void(std::vector<Bytes>&)>;
  const std::vector<std::pair<const char*, Edit>> edits = {
      {"two", [](auto& list) { list.pop_back(); }},
      {"one", [](auto& list) { list.resize(1); }},
      {"none", [](auto& list) { list.clear(); }},
      {"four", [](auto& list) { list.push_back(list[2]); }},
      {"the leaf twice", [](auto& list) { list.insert(list.begin(), list[0]); }},
      {"eight", [](auto& list) { list.resize(8, list[2]); }},
      {"nine", [](auto& list) { list.resize(9, list[2]); }},
      {"fifty", [](auto& list) { list.resize(50, list[2]); }},
      {"root first", [](auto& list) { std::swap(list[0], list[2]); }},
      {"root in the middle", [](auto& list) { std::swap(list[1], list[2]); }},
      {"leaf in the middle", [](auto& list) { std::swap(list[0], list[1]); }},
      {"the intermediate as root", [](auto& list) { list[2] = list[1]; }},
      {"the root as intermediate", [](auto& list) { list[1] = list[2]; }},
      {"the leaf as root", [](auto& list) { list[2] = list[0]; }},
  };
  for (const auto& [what, edit] : edits) {
    Dcap chain = chains::sgx();
    chain.edit_pck_chain = edit;
    EXPECT_THAT(judge(chain.seal()), RejectedForAny(Words{bad_pck_chain, "UNTRUSTED_ROOT:pck_chain"})) << what;
  }
}

TEST(OwnKeysChain, OtherThanSignerAndRootIsRefused) {  // 21
  using Edit = std::function<void(std::vector<Bytes>&)>;
  const std::vector<std::pair<const char*, Edit>> edits = {
      {"one", [](auto& list) { list.pop_back(); }},
      {"none", [](auto& list) { list.clear(); }},
      {"three", [](auto& list) { list.push_back(list[1]); }},
      {"root first", [](auto& list) { std::swap(list[0], list[1]); }},
      {"the signer as root", [](auto& list) { list[1] = list[0]; }},
      {"the root as signer", [](auto& list) { list[0] = list[1]; }},
  };
  for (const auto& [what, edit] : edits) {
    Dcap chain = chains::sgx();
    chain.edit_tcb_chain = edit;
    EXPECT_THAT(judge(chain.seal()),
                RejectedForAny(Words{bad_tcb_chain, bad_qe_chain, "UNTRUSTED_ROOT:tcb_signing_chain",
                                     "UNTRUSTED_ROOT:qe_identity_signing_chain"}))
        << what;
  }
}

TEST(OwnKeysChain, TextBetweenCertificatesIsRefused) {
  for (const char* between :
       {"x", "subject=CN", "-----BEGIN", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"}) {
    Case made = chains::sgx().seal();
    Bytes& text = made.collateral["tcb_signing_chain"];
    text.insert(text.begin(), between, between + std::string_view(between).size());
    EXPECT_THAT(judge(made), RejectedFor(bad_tcb_chain)) << between;
  }
}

TEST(OwnKeysChain, TheChainInTheQuoteCountsAndNotTheOneBesideTheList) {
  Case made = chains::sgx().seal();
  made.collateral["pck_crl_issuer_chain"] = chains::sgx().seal().collateral.at("pck_crl_issuer_chain");
  EXPECT_THAT(judge(made), Accepted());
  made.collateral.erase("pck_crl_issuer_chain");
  EXPECT_THAT(judge(made), Accepted());
}

TEST(OwnKeysChain, EachDocumentMayHaveASignerOfItsOwn) {
  Dcap chain = chains::sgx();
  const Certificate other = chains::intel_leaf(Key::generate(Curve::p256), chain.root, "Intel SGX TCB Signing");
  chain.qe_identity.signer = other.key;
  EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_QE_IDENTITY_SIGNATURE"));
  chain.edit_qe_chain = [&](std::vector<Bytes>& list) { list[0] = other.der(); };
  EXPECT_THAT(judge(chain.seal()), Accepted());
}

}  // namespace
}  // namespace blindai::evidence
