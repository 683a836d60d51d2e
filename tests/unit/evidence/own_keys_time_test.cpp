// Revocation and time (37 to 41 in the list of attacks).
#include "chains/der.h"
#include "own_keys.h"

namespace blindai::evidence {
namespace {

using chains::Dcap;
using chains::Key;

TEST(OwnKeysRevocation, ListsAreNotNeededWhereThePolicySaysSo) {  // 37
  Policy policy = strict();
  policy.sgx->require_crl = false;
  Case made = chains::sgx().seal();
  made.collateral.erase("pck_crl");
  EXPECT_THAT(judge(made, policy), Accepted());
  made.collateral.erase("root_ca_crl");
  EXPECT_THAT(judge(made, policy), Accepted());
}

TEST(OwnKeysRevocation, AListThatIsGivenCountsThoughItIsNotNeeded) {
  Policy policy = strict();
  policy.sgx->require_crl = false;
  Dcap chain = chains::sgx();
  chain.pck_crl.revoked.push_back({chain.pck.serial, noon - day});
  EXPECT_THAT(judge(chain.seal(), policy), RejectedFor("REVOKED:pck"));
  Dcap bad = chains::sgx();
  bad.root_crl.signer = Key::generate(chains::Curve::p256);
  EXPECT_THAT(judge(bad.seal(), policy), RejectedFor("BAD_CRL:root_ca_crl"));
}

TEST(OwnKeysRevocation, AListOfAnotherAuthorityIsRefused) {  // 37
  Case made = chains::sgx().seal();
  std::swap(made.collateral["pck_crl"], made.collateral["root_ca_crl"]);
  EXPECT_THAT(judge(made), RejectedForAll(Words{"BAD_CRL:pck_crl", "BAD_CRL:root_ca_crl"}));
  // The sister CA of the same root, with a list that is valid for its own certificates.
  Dcap chain = chains::sgx();
  const Key sister = Key::generate(chains::Curve::p256);
  chain.pck_crl.issuer = chains::intel_name("Intel SGX PCK Processor CA");
  chain.pck_crl.signer = sister;
  EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_CRL:pck_crl"));
  // The right name and the wrong key, the right key and the wrong name.
  chain = chains::sgx();
  chain.pck_crl.signer = sister;
  EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_CRL:pck_crl"));
  chain = chains::sgx();
  chain.pck_crl.issuer = chains::intel_name("Intel SGX PCK Processor CA");
  EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_CRL:pck_crl"));
}

TEST(OwnKeysRevocation, AListThatIsNotAsItShouldBeIsRefused) {  // 37
  using Change = std::function<void(chains::Crl&)>;
  const std::vector<std::pair<const char*, Change>> changes = {
      {"of version 1", [](auto& list) { list.version.reset(); }},
      {"of version 3", [](auto& list) { list.version = 2; }},
      {"without a next update", [](auto& list) { list.next_update.reset(); }},
      {"without a number", [](auto& list) { list.number.reset(); }},
      {"with a negative number", [](auto& list) { list.number = -1; }},
      {"signed with SHA-1", [](auto& list) { list.algorithm = chains::Algorithm::ecdsa_sha1; }},
      {"of two algorithms", [](auto& list) { list.inner_algorithm = chains::Algorithm::ecdsa_sha384; }},
      {"with an unknown critical extension", [](auto& list) { list.extensions.push_back({"1.2.3.4", true, {}}); }},
      {"that is a delta", [](auto& list) { list.extensions.push_back({"2.5.29.27", true, chains::der::integer(1)}); }},
      {"that is indirect",
       [](auto& list) {
         // issuingDistributionPoint with indirectCRL
         const Bytes flag = chains::der::context_primitive(4, Bytes{0xff});
         list.extensions.push_back({"2.5.29.28", true, chains::der::sequence(flag)});
       }},
      {"with an entry of an unknown critical extension",
       [](auto& list) { list.revoked.back().extensions.push_back({"1.2.3.4", true, {}}); }},
      {"with an entry of another issuer",
       [](auto& list) { list.revoked.back().extensions.push_back({"2.5.29.29", false, {0x30, 0x00}}); }},
      {"with its number twice", [](auto& list) { list.extensions.push_back({"2.5.29.20", false, {2, 1, 1}}); }},
      {"with a trailing byte", [](auto& list) { list.edit_whole = [](Bytes& bytes) { bytes.push_back(0); }; }},
      {"cut", [](auto& list) { list.edit_whole = [](Bytes& bytes) { bytes.pop_back(); }; }},
      {"of another signed byte", [](auto& list) { list.edit_whole = [](Bytes& bytes) { bytes[40] ^= 1U; }; }},
      {"empty", [](auto& list) { list.edit_whole = [](Bytes& bytes) { bytes.clear(); }; }},
      {"deep", [](auto& list) { list.edit_whole = [](Bytes& bytes) { bytes = Bytes(4000, 0x30); }; }},
  };
  for (const auto& [what, change] : changes) {
    Dcap pck = chains::sgx();
    change(pck.pck_crl);
    EXPECT_THAT(judge(pck.seal()), RejectedFor("BAD_CRL:pck_crl")) << what;
    Dcap root = chains::sgx();
    change(root.root_crl);
    EXPECT_THAT(judge(root.seal()), RejectedFor("BAD_CRL:root_ca_crl")) << what;
  }
}

TEST(OwnKeysRevocation, AListOfNobodyIsAList) {
  Dcap chain = chains::sgx();
  chain.pck_crl.revoked.clear();
  chain.root_crl.revoked.clear();
  EXPECT_THAT(judge(chain.seal()), Accepted());
}

TEST(OwnKeysRevocation, WhoeverIsListedIsRevoked) {  // 39
  for (const bool last : {true, false}) {
    const auto list = [last](chains::Crl& crl, const Bytes& serial) {
      crl.revoked.insert(last ? crl.revoked.end() : crl.revoked.begin(), {serial, noon - day});
    };
    Dcap leaf = chains::tdx();
    list(leaf.pck_crl, leaf.pck.serial);
    EXPECT_THAT(judge(leaf.seal()), RejectedFor("REVOKED:pck"));
    Dcap authority = chains::tdx();
    list(authority.root_crl, authority.pck_ca.serial);
    EXPECT_THAT(judge(authority.seal()), RejectedFor("REVOKED:pck_ca"));
    Dcap signer = chains::tdx();
    list(signer.root_crl, signer.tcb_signing.serial);
    EXPECT_THAT(judge(signer.seal()), RejectedForAll(Words{"REVOKED:tcb_signer", "REVOKED:qe_identity_signer"}));
    Dcap one_signer = chains::tdx();
    const auto other = chains::intel_leaf(Key::generate(chains::Curve::p256), one_signer.root, "Intel SGX TCB Signing");
    one_signer.qe_identity.signer = other.key;
    one_signer.edit_qe_chain = [&](std::vector<Bytes>& chain) {
      chains::Certificate renumbered = other;
      renumbered.serial = Bytes(20, 0x33);
      chain[0] = renumbered.der();
    };
    list(one_signer.root_crl, Bytes(20, 0x33));
    EXPECT_THAT(judge(one_signer.seal()), RejectedFor("REVOKED:qe_identity_signer"));
  }
}

TEST(OwnKeysRevocation, WhatIsRevokedFromTomorrowIsRevokedToday) {
  Dcap chain = chains::sgx();
  chain.pck_crl.revoked.push_back({chain.pck.serial, noon + day});
  EXPECT_THAT(judge(chain.seal()), RejectedFor("REVOKED:pck"));
}

TEST(OwnKeysRevocation, SerialsAreComparedAsNumbersOfAnyLength) {
  for (const Bytes& serial : {Bytes{1}, Bytes{0xff}, Bytes{0x7f, 0xff}, Bytes(20, 0x80)}) {
    Dcap chain = chains::sgx();
    chain.pck.serial = serial;
    Bytes longer = serial;
    longer.push_back(0);
    chain.pck_crl.revoked = {{longer, noon - day}, {Bytes{0x7e}, noon - day, {}}};
    EXPECT_THAT(judge(chain.seal()), Accepted());
    chain.pck_crl.revoked.push_back({serial, noon - day, {}});
    EXPECT_THAT(judge(chain.seal()), RejectedFor("REVOKED:pck"));
  }
}

// A period of a case, and the name under which its end is told.
struct Period {
  const char* item;
  std::function<void(Dcap&, UnixSeconds from, UnixSeconds to)> set;
  bool to_is_inside;  // certificates include their last second, documents and lists do not
};

std::vector<Period> periods() {
  const auto certificate = [](chains::Certificate Dcap::* member) {
    return [member](Dcap& chain, UnixSeconds from, UnixSeconds to) { (chain.*member).validity = {from, to}; };
  };
  const auto list = [](chains::Crl Dcap::* member) {
    return [member](Dcap& chain, UnixSeconds from, UnixSeconds to) {
      (chain.*member).this_update = from;
      (chain.*member).next_update = to;
    };
  };
  return {
      {"pck_chain", certificate(&Dcap::pck), true},
      {"pck_chain", certificate(&Dcap::pck_ca), true},
      {"root_ca_crl", list(&Dcap::root_crl), false},
      {"pck_crl", list(&Dcap::pck_crl), false},
      {"tcb_info",
       [](Dcap& chain, UnixSeconds from, UnixSeconds to) {
         chain.tcb_info.issue_date = from;
         chain.tcb_info.next_update = to;
       },
       false},
      {"qe_identity",
       [](Dcap& chain, UnixSeconds from, UnixSeconds to) {
         chain.qe_identity.issue_date = from;
         chain.qe_identity.next_update = to;
       },
       false},
  };
}

TEST(OwnKeysTime, EveryPeriodHasItsEdges) {  // 38, 40
  for (const Period& period : periods()) {
    Dcap chain = chains::tdx();
    period.set(chain, noon - 100, noon + 100);
    const Case made = chain.seal();
    const std::string item = period.item;
    const UnixSeconds last = noon + (period.to_is_inside ? 100 : 99);
    EXPECT_THAT(judge(made, strict(), noon - 101), RejectedFor("NOT_YET_VALID:" + item));
    EXPECT_THAT(judge(made, strict(), noon - 100), Accepted()) << item;
    EXPECT_THAT(judge(made, strict(), last), Accepted()) << item;
    EXPECT_THAT(judge(made, strict(), last + 1), RejectedFor("EXPIRED:" + item));
  }
}

TEST(OwnKeysTime, TheSignersOfDocumentsHaveEdgesToo) {  // 40
  Dcap chain = chains::sgx();
  chain.tcb_signing.validity = {noon - 100, noon + 100};
  const Case made = chain.seal();
  EXPECT_THAT(judge(made, strict(), noon - 101),
              RejectedForAll(Words{"NOT_YET_VALID:tcb_signing_chain", "NOT_YET_VALID:qe_identity_signing_chain"}));
  EXPECT_THAT(judge(made, strict(), noon - 100), Accepted());
  EXPECT_THAT(judge(made, strict(), noon + 100), Accepted());
  EXPECT_THAT(judge(made, strict(), noon + 101),
              RejectedForAll(Words{"EXPIRED:tcb_signing_chain", "EXPIRED:qe_identity_signing_chain"}));
}

TEST(OwnKeysTime, TheRootHasEdgesToo) {  // 40
  Dcap chain = chains::sgx();
  chain.root.validity = {noon - 100, noon + 100};
  const Case made = chain.seal();
  EXPECT_THAT(judge(made, strict(), noon - 100), Accepted());
  EXPECT_THAT(judge(made, strict(), noon + 100), Accepted());
  EXPECT_THAT(judge(made, strict(), noon - 101),
              RejectedForAll(Words{"NOT_YET_VALID:pck_chain", "NOT_YET_VALID:tcb_signing_chain",
                                   "NOT_YET_VALID:qe_identity_signing_chain"}));
  EXPECT_THAT(judge(made, strict(), noon + 101), RejectedForAll(Words{"EXPIRED:pck_chain", "EXPIRED:tcb_signing_chain",
                                                                      "EXPIRED:qe_identity_signing_chain"}));
}

TEST(OwnKeysTime, APeriodOfOneSecondIsOne) {
  Dcap chain = chains::sgx();
  chain.pck.validity = {noon, noon};
  EXPECT_THAT(judge(chain.seal()), Accepted());
  EXPECT_FALSE(judge(chain.seal(), strict(), noon + 1).accepted);
}

TEST(OwnKeysTime, EveryItemThatHasEndedIsTold) {  // 38
  Dcap chain = chains::tdx();
  chain.pck_crl.next_update = noon - day;
  chain.qe_identity.next_update = noon - day;
  EXPECT_THAT(judge(chain.seal()), RejectedForAll(Words{"EXPIRED:pck_crl", "EXPIRED:qe_identity"}));
}

TEST(OwnKeysTime, ClocksOutOfThisWorldAreRefused) {  // 41
  const Case made = chains::tdx().seal();
  constexpr UnixSeconds end_of_2049 = 2'524'607'999;
  constexpr UnixSeconds end_of_9999 = 253'402'300'799;
  for (const UnixSeconds at :
       {UnixSeconds{0}, UnixSeconds{-1}, UnixSeconds{-62135596800}, end_of_2049, end_of_2049 + 1, end_of_9999,
        end_of_9999 + 1, std::numeric_limits<UnixSeconds>::max(), std::numeric_limits<UnixSeconds>::min()}) {
    const Verdict verdict = judge(made, strict(), at);
    EXPECT_FALSE(verdict.accepted) << at;
    EXPECT_THAT(verdict.reasons, testing::Each(testing::StartsWith(at < noon ? "NOT_YET_VALID:" : "EXPIRED:"))) << at;
  }
}

TEST(OwnKeysTime, DatesUpToTheYear9999AreRead) {  // 41
  constexpr UnixSeconds end_of_9999 = 253'402'300'799;
  Dcap chain = chains::tdx();
  for (chains::Certificate* certificate : {&chain.root, &chain.pck_ca, &chain.pck, &chain.tcb_signing}) {
    certificate->validity.to = end_of_9999;
  }
  chain.root_crl.next_update = chain.pck_crl.next_update = end_of_9999;
  chain.tcb_info.next_update = chain.qe_identity.next_update = end_of_9999;
  const Case made = chain.seal();
  EXPECT_THAT(judge(made), Accepted());
  EXPECT_THAT(judge(made, strict(), 2'524'608'000), Accepted());  // 2050
  EXPECT_THAT(judge(made, strict(), end_of_9999 - 1), Accepted());
  EXPECT_FALSE(judge(made, strict(), end_of_9999 + 1).accepted);
}

TEST(OwnKeysTime, AWarmCacheKnowsTheTime) {
  CollateralCache cache;
  const Case made = chains::sgx().seal();
  Collateral collateral;
  for (const auto& [name, bytes] : made.collateral) {
    collateral.set(name, bytes);
  }
  const Item item{made.type, made.evidence, {}};
  for (const auto& [at, good] :
       {std::pair{noon, true}, {noon + 60 * day, false}, {noon, true}, {noon - 60 * day, false}}) {
    Report report;
    EXPECT_EQ(appraise_under(made.roots, item, collateral, strict(), at, report, &cache).has_value(), good) << at;
  }
}

}  // namespace
}  // namespace blindai::evidence
