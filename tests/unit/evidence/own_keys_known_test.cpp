// Certificates that the root is known to have signed (Roots::signed_by_intel): their signature is believed as it stands,
// and nothing else of them is.
#include "crypto/crypto.h"
#include "evidence/x509/pem.h"
#include "own_keys.h"

namespace blindai::evidence {
namespace {

using chains::Certificate;
using chains::Dcap;
using chains::Key;

using Change = std::function<void(Dcap&)>;

// What a case has under its root, the root among them.
std::vector<Digest> under_the_root(const Case& made) {
  std::vector<Digest> digests;
  for (const char* chain : {"pck_crl_issuer_chain", "tcb_signing_chain", "qe_identity_signing_chain"}) {
    const auto list = x509::certificates_of_pem(made.collateral.at(chain), "test");
    EXPECT_TRUE(list);
    for (const Bytes& certificate : *list) {
      digests.push_back(crypto::sha256(certificate));
    }
  }
  return digests;
}

// The verdict on a case whose certificates under the root are known.
Verdict judge_knowing(Case made, const std::vector<Digest>& known) {
  made.roots.signed_by_intel = known;
  return judge(made);
}

Dcap changed(const Change& change) {
  Dcap chain = chains::tdx();
  change(chain);
  return chain;
}

TEST(OwnKeysKnown, ASignatureOfTheRootThatIsKnownIsNotCheckedAgain) {
  const Case made = chains::sgx().seal();
  const Verdict unknown = judge(made);
  const Verdict known = judge_knowing(made, under_the_root(made));
  EXPECT_THAT(unknown, Accepted());
  EXPECT_THAT(known, Accepted());
  EXPECT_EQ(unknown.report.effort.signature_checks, 11U);
  EXPECT_EQ(known.report.effort.signature_checks, 7U);
}

TEST(OwnKeysKnown, AKnownCertificateNeedsNoSignatureThatHolds) {
  for (Certificate Dcap::* which : {&Dcap::root, &Dcap::pck_ca, &Dcap::tcb_signing}) {
    const Case made =
        changed([&](Dcap& chain) { (chain.*which).edit_whole = [](Bytes& der) { der.back() ^= 1U; }; }).seal();
    EXPECT_FALSE(judge(made).accepted);
    EXPECT_THAT(judge_knowing(made, under_the_root(made)), Accepted());
  }
}

TEST(OwnKeysKnown, OneChangedByteMakesItUnknown) {
  const Case good = chains::tdx().seal();
  for (Certificate Dcap::* which : {&Dcap::root, &Dcap::pck_ca, &Dcap::tcb_signing}) {
    const Case made =
        changed([&](Dcap& chain) { (chain.*which).edit_whole = [](Bytes& der) { der.back() ^= 1U; }; }).seal();
    const Verdict verdict = judge_knowing(made, under_the_root(good));
    EXPECT_EQ(verdict.reasons, judge(made).reasons);
    EXPECT_FALSE(verdict.accepted);
  }
}

TEST(OwnKeysKnown, EverythingElseIsLookedAt) {
  const std::vector<std::pair<const char*, Change>> flaws = {
      {"the root is no authority", [](Dcap& chain) { chain.root.basic_constraints->ca = false; }},
      {"the root may sign no certificates", [](Dcap& chain) { chain.root.key_usage = chains::crl_sign; }},
      {"the root may sign no lists", [](Dcap& chain) { chain.root.key_usage = chains::key_cert_sign; }},
      {"the root allows no authority below", [](Dcap& chain) { chain.root.basic_constraints->path_length = 0; }},
      {"the root is issued by another", [](Dcap& chain) { chain.root.issuer = chains::intel_name("Rook CA"); }},
      {"the CA is issued by another", [](Dcap& chain) { chain.pck_ca.issuer = chains::intel_name("Rook CA"); }},
      {"the CA is of another name",
       [](Dcap& chain) { chain.pck_ca.subject = chain.pck.issuer = chain.pck_crl.issuer = chains::intel_name("CA"); }},
      {"the CA is none", [](Dcap& chain) { chain.pck_ca.basic_constraints->ca = false; }},
      {"the CA has ended", [](Dcap& chain) { chain.pck_ca.validity.to = noon - 1; }},
      {"the CA has not begun", [](Dcap& chain) { chain.pck_ca.validity.from = noon + 1; }},
      {"the CA is revoked", [](Dcap& chain) { chain.root_crl.revoked = {{chain.pck_ca.serial, noon - day}}; }},
      {"the signer is issued by another",
       [](Dcap& chain) { chain.tcb_signing.issuer = chains::intel_name("Rook CA"); }},
      {"the signer is of another name",
       [](Dcap& chain) { chain.tcb_signing.subject = chains::intel_name("Intel SGX PCK Certificate"); }},
      {"the signer is an authority", [](Dcap& chain) { chain.tcb_signing.basic_constraints->ca = true; }},
      {"the signer has ended", [](Dcap& chain) { chain.tcb_signing.validity.to = noon - 1; }},
      {"the signer is revoked", [](Dcap& chain) { chain.root_crl.revoked = {{chain.tcb_signing.serial, noon - day}}; }},
      {"the root has ended", [](Dcap& chain) { chain.root.validity.to = noon - 1; }},
      {"the signer did not sign", [](Dcap& chain) { chain.tcb_info.signer = Key::generate(chains::Curve::p256); }},
      {"the CA did not sign", [](Dcap& chain) { chain.pck.signer = Key::generate(chains::Curve::p256); }},
  };
  for (const auto& [what, change] : flaws) {
    const Case made = changed(change).seal();
    const Verdict verdict = judge_knowing(made, under_the_root(made));
    EXPECT_FALSE(verdict.accepted) << what;
    EXPECT_EQ(verdict.reasons, judge(made).reasons) << what;
  }
}

TEST(OwnKeysKnown, NothingIsKnownUnderAnotherKey) {
  Case made = chains::tdx().seal();
  made.roots.intel = chains::tdx().seal().roots.intel;
  EXPECT_THAT(judge_knowing(made, under_the_root(made)),
              RejectedForAll(Words{"UNTRUSTED_ROOT:pck_chain", "UNTRUSTED_ROOT:tcb_signing_chain",
                                   "UNTRUSTED_ROOT:qe_identity_signing_chain"}));
}

// What an intermediate signs is of one platform, and is never taken as known.
TEST(OwnKeysKnown, ALeafIsAlwaysChecked) {
  Dcap chain = chains::sgx();
  Bytes leaf;
  chain.pck.edit_whole = [&](Bytes& der) {
    der.back() ^= 1U;
    leaf = der;
  };
  const Case made = chain.seal();
  ASSERT_FALSE(leaf.empty());
  std::vector<Digest> known = under_the_root(made);
  known.push_back(crypto::sha256(leaf));
  EXPECT_THAT(judge_knowing(made, known), RejectedFor("BAD_CERT_CHAIN:pck_chain"));
}

}  // namespace
}  // namespace blindai::evidence
