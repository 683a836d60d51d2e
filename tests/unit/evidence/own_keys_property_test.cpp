// What holds of every input: a change of a signed byte never leads to acceptance, hostile input costs bounded work, and the
// answer depends on nothing but the question.
//
// The fast suite tries a selection of offsets; with BLINDAI_EVERY_BYTE=1 in the environment, as the slow suite sets it, all.
#include <cstdlib>
#include <thread>

#include "chains/der.h"
#include "evidence/x509/pem.h"
#include "own_keys.h"

namespace blindai::evidence {
namespace {

using chains::Dcap;
using chains::QuoteLayout;
using chains::Snp;
using chains::snp;
using chains::SnpKey;

bool every_byte() {
  const char* wanted = std::getenv("BLINDAI_EVERY_BYTE");  // NOLINT(concurrency-mt-unsafe)
  return wanted != nullptr && std::string_view(wanted) == "1";
}

// How far apart the offsets of an item are: about `tries` of them, and never the same bit of a word each time.
std::size_t stride(std::size_t size, std::size_t tries) {
  return every_byte() ? 1 : std::max<std::size_t>(1, size / tries) | 1U;
}

// The certificates of PEM text, whatever its white space; the text itself where it has none.
Bytes content_of_pem(ByteView text) {
  const auto list = x509::certificates_of_pem(text, "test");
  if (!list) {
    return copy(text);
  }
  Bytes all;
  for (const Bytes& certificate : *list) {
    append(all, certificate);
  }
  return all;
}

// What signatures vouch for in an item: a change of anything else may be accepted.
Bytes signed_content(std::string_view name, ByteView bytes) {
  if (name.ends_with("_chain") || name == "ask" || name == "asvk" || name == "ark") {
    return content_of_pem(bytes);
  }
  if (name == "tcb_info" || name == "qe_identity") {  // the signature may be written in either case
    Bytes text = copy(bytes);
    for (std::size_t at = text.size() - std::min<std::size_t>(text.size(), 130); at < text.size(); ++at) {
      const bool upper = text[at] >= 'A' && text[at] <= 'F';
      text[at] = static_cast<std::uint8_t>(text[at] | (upper ? 0x20U : 0U));
    }
    return text;
  }
  return copy(bytes);
}

Bytes signed_content_of_evidence(const Case& made, const QuoteLayout* layout) {
  const ByteView bytes = made.evidence;
  if (layout == nullptr) {
    return copy(bytes.first(chains::snp_signed_bytes + chains::snp_signature_bytes));
  }
  Bytes all = copy(bytes.first(layout->pck_chain));
  append(all, content_of_pem(bytes.subspan(layout->pck_chain, layout->end - layout->pck_chain)));
  return all;
}

// Changes bytes of every item of a case, one at a time. With `good`, a changed signed byte must end in refusal; without,
// the case is refused as it is, and so it must stay.
void change_bytes(const Case& made, const QuoteLayout* layout, const Policy& policy, bool good, std::size_t tries) {
  ASSERT_EQ(accepts(made, policy), good);
  Case hostile = made;
  const auto flip = [&](Bytes& bytes, std::string_view name, const auto& content) {
    const Bytes before = content();
    const std::size_t step = stride(bytes.size(), tries);
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      const auto mask = static_cast<std::uint8_t>(1U << at / step % 8);
      bytes[at] ^= mask;
      if (accepts(hostile, policy)) {
        EXPECT_TRUE(good && content() == before) << name << " at " << at;
      }
      bytes[at] ^= mask;
    }
  };
  flip(hostile.evidence, "evidence", [&] { return signed_content_of_evidence(hostile, layout); });
  for (auto& [name, bytes] : hostile.collateral) {
    if (name != "pck_crl_issuer_chain") {  // the quote carries the same certificates, and those are looked at
      flip(bytes, name, [&] { return signed_content(name, bytes); });
    }
  }
}

TEST(OwnKeysProperty, AnAcceptedQuoteIsAcceptedWithNoOtherSignedByte) {
  for (const Dcap& chain : {chains::sgx(3), chains::sgx(5), chains::tdx(4), chains::tdx(5, 4)}) {
    QuoteLayout layout;
    const Case made = chain.seal(&layout);
    change_bytes(made, &layout, strict(), true, 40);
  }
}

TEST(OwnKeysProperty, AnAcceptedReportIsAcceptedWithNoOtherSignedByte) {
  for (const Product product : {Product::milan, Product::genoa, Product::turin}) {
    for (const SnpKey kind : {SnpKey::vcek, SnpKey::vlek}) {
      change_bytes(snp(product, kind, 5).seal(), nullptr, strict(), true, 40);
    }
  }
}

TEST(OwnKeysProperty, ARefusedQuoteIsRefusedWithAnyByteChanged) {
  std::vector<Dcap> refused(6, chains::tdx());
  refused[0].quote.td.td_attributes |= 1U;  // debug
  refused[1].tcb_info.levels[0].status = "OutOfDate";
  refused[2].tcb_info.fmspc[0] ^= 1U;
  refused[3].pck_crl.revoked = {{refused[3].pck.serial, noon - day}};
  refused[4].qe_identity.mr_signer[0] ^= 1U;
  refused[5].tcb_info.next_update = noon - 1;
  for (const Dcap& chain : refused) {
    QuoteLayout layout;
    const Case made = chain.seal(&layout);
    change_bytes(made, &layout, strict(), false, 40);
  }
}

TEST(OwnKeysProperty, ARefusedReportIsRefusedWithAnyByteChanged) {
  std::vector<Snp> refused(4, snp(Product::genoa));
  refused[0].report.policy |= 1ULL << 19U;  // debug
  refused[1].report.vmpl = 1;
  refused[2].report.chip_id[0] ^= 1U;
  refused[3].ark_crl.revoked = {{refused[3].intermediate.serial, noon - day}};
  for (const Snp& chain : refused) {
    change_bytes(chain.seal(), nullptr, strict(), false, 40);
  }
}

TEST(OwnKeysProperty, ItemsCutAnywhereAreRefused) {
  for (const Case& made : {chains::tdx().seal(), snp(Product::turin).seal()}) {
    const Policy policy = strict();
    for (const auto& [name, bytes] : made.collateral) {
      if (name == "pck_crl_issuer_chain") {
        continue;
      }
      for (std::size_t size = 0; size < bytes.size(); size += stride(bytes.size(), 60)) {
        Case cut = made;
        Bytes& item = cut.collateral[name];
        item.resize(size);
        if (accepts(cut, policy)) {
          EXPECT_EQ(signed_content(name, item), signed_content(name, bytes)) << name << " of " << size;
        }
      }
    }
  }
}

TEST(OwnKeysProperty, AnItemUnderTheNameOfAnotherIsRefused) {
  for (const Case& made : {chains::sgx().seal(), snp(Product::milan, SnpKey::vlek).seal()}) {
    for (const auto& [name, bytes] : made.collateral) {
      for (const auto& [other, wrong] : made.collateral) {
        const bool same = name == other || wrong == bytes || name == "pck_crl_issuer_chain";
        if (!same) {
          Case hostile = made;
          hostile.collateral[name] = wrong;
          EXPECT_FALSE(judge(hostile).accepted) << other << " as " << name;
        }
      }
    }
  }
}

// Bytes that no one signed, of many kinds.
std::vector<Bytes> rubbish(std::size_t size) {
  Bytes noise(size);
  std::uint32_t state = 12345;
  for (std::uint8_t& byte : noise) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<std::uint8_t>(state >> 24U);
  }
  std::string blocks;
  const std::string block = chains::pem(ByteView(Bytes(16, 0x30)));
  while (blocks.size() + block.size() <= size) {
    blocks += block;
  }
  return {Bytes(size),
          Bytes(size, 0xff),
          Bytes(size, 0x30),
          Bytes(size, '['),
          Bytes(size, '{'),
          Bytes(size, '"'),
          Bytes(size, '\n'),
          noise,
          copy(as_bytes(blocks)),
          chains::der::octet_string(Bytes(size - 8)),
          chains::der::element(0x30, chains::der::element(0x30, Bytes(size - 16, 0x05)))};
}

TEST(OwnKeysProperty, RubbishAsEvidenceIsRefused) {
  for (const char* type : {"sgx-quote", "tdx-quote", "snp-report", "simulated", "", "tpm-quote"}) {
    for (const std::size_t size : {0U, 1U, 48U, 1184U, 65536U, 65537U, 16U << 20U}) {
      const bool zeros_alone = size < 32 || size > 1U << 20U;
      for (Bytes& bytes : zeros_alone ? std::vector<Bytes>{Bytes(size)} : rubbish(size)) {
        Case made = chains::sgx().seal();
        made.type = type;
        made.evidence = std::move(bytes);
        if (size == 65536) {  // and with the beginnings of the real thing
          const Bytes real = chains::sgx().seal().evidence;
          std::copy_n(real.begin(), 600, made.evidence.begin());
        }
        EXPECT_FALSE(size > 65536 ? accepts(made, strict()) : judge(made).accepted) << type << " " << size;
      }
    }
  }
}

TEST(OwnKeysProperty, RubbishAsCollateralIsRefused) {
  constexpr std::size_t most = max_collateral_item_bytes;
  const Policy policy = strict();
  for (const Case& made : {chains::tdx().seal(), snp(Product::genoa).seal()}) {
    for (const auto& [name, bytes] : made.collateral) {
      for (const Bytes& wrong : rubbish(most)) {
        if (name != "pck_crl_issuer_chain" && wrong.size() <= most) {
          Case hostile = made;
          hostile.collateral[name] = wrong;
          const auto begun = std::chrono::steady_clock::now();
          EXPECT_FALSE(accepts(hostile, policy)) << name;
          EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5)) << name;
        }
      }
    }
  }
}

TEST(OwnKeysProperty, TheLargestListThatIsSignedIsReadAndCostsLittle) {
  Dcap chain = chains::sgx();
  chain.pck_crl.revoked.clear();
  for (std::uint32_t i = 0; i < 17'000; ++i) {
    const Bytes serial{0x55,
                       static_cast<std::uint8_t>(i >> 16U),
                       static_cast<std::uint8_t>(i >> 8U),
                       static_cast<std::uint8_t>(i),
                       1,
                       2,
                       3,
                       4,
                       5,
                       6,
                       7,
                       8,
                       9,
                       10,
                       11,
                       12,
                       13,
                       14,
                       15,
                       16};
    chain.pck_crl.revoked.push_back({serial, noon - day});
  }
  const Case made = chain.seal();
  ASSERT_GT(made.collateral.at("pck_crl").size(), 900'000U);
  ASSERT_LE(made.collateral.at("pck_crl").size(), max_collateral_item_bytes);
  EXPECT_THAT(judge(made), Accepted());
  chain.pck_crl.revoked.push_back({chain.pck.serial, noon - day});
  EXPECT_THAT(judge(chain.seal()), RejectedFor("REVOKED:pck"));
}

TEST(OwnKeysProperty, AWarmCacheCostsThreeSignatureChecksForAQuoteAndOneForAReport) {
  for (const auto& [made, most] : {std::pair{chains::tdx().seal(), 3U}, {snp(Product::milan).seal(), 1U}}) {
    Collateral collateral;
    for (const auto& [name, bytes] : made.collateral) {
      collateral.set(name, bytes);
    }
    CollateralCache cache;
    Report cold;
    Report warm;
    const Item item{made.type, made.evidence, {}};
    EXPECT_TRUE(appraise_under(made.roots, item, collateral, strict(), noon, cold, &cache));
    EXPECT_TRUE(appraise_under(made.roots, item, collateral, strict(), noon, warm, &cache));
    EXPECT_GT(cold.effort.signature_checks, most);
    EXPECT_EQ(warm.effort.signature_checks, most);
  }
}

TEST(OwnKeysProperty, ACacheServesNoOtherCollateralRootOrNeed) {
  CollateralCache cache;
  const auto ask = [&](const Case& made, const Policy& policy) {
    Collateral collateral;
    for (const auto& [name, bytes] : made.collateral) {
      collateral.set(name, bytes);
    }
    Report report;
    return appraise_under(made.roots, {made.type, made.evidence, {}}, collateral, policy, noon, report, &cache)
        .has_value();
  };
  for (const Case& made : {chains::sgx().seal(), snp(Product::genoa).seal()}) {
    ASSERT_TRUE(ask(made, strict()));
    Case other_root = made;
    other_root.roots = {};
    EXPECT_FALSE(ask(other_root, strict()));
    for (const auto& [name, bytes] : made.collateral) {
      if (name != "pck_crl_issuer_chain") {
        Case changed = made;
        changed.collateral[name][bytes.size() / 2] ^= 1U;
        EXPECT_FALSE(ask(changed, strict())) << name;
        Case without = made;
        without.collateral.erase(name);
        EXPECT_FALSE(ask(without, strict())) << name;
      }
    }
    Policy no_lists = strict();
    no_lists.sgx->require_crl = no_lists.snp->require_crl = false;
    Case bare = made;
    for (const char* name : {"pck_crl", "root_ca_crl", "ark_crl"}) {
      bare.collateral.erase(name);
    }
    EXPECT_TRUE(ask(bare, no_lists));
    EXPECT_FALSE(ask(bare, strict()));
    EXPECT_TRUE(ask(made, strict()));
  }
}

// Two platforms under one CA and one collateral, in whose list the second is.
TEST(OwnKeysProperty, ACacheThatOnePlatformWarmedServesNoRevokedOne) {
  Dcap first = chains::sgx();
  Dcap second = first;
  second.pck.key = chains::Key::generate(chains::Curve::p256);
  second.pck.serial = Bytes(20, 0x44);
  first.pck_crl.revoked.push_back({second.pck.serial, noon - day});
  const Case good = first.seal();
  const auto authorities = x509::certificates_of_pem(good.collateral.at("pck_crl_issuer_chain"), "test");
  ASSERT_TRUE(authorities);
  second.edit_pck_chain = [&](std::vector<Bytes>& list) { list = {list[0], (*authorities)[0], (*authorities)[1]}; };
  Case revoked = second.seal();
  revoked.collateral = good.collateral;
  EXPECT_THAT(judge(good), Accepted());
  EXPECT_THAT(judge(revoked), RejectedFor("REVOKED:pck"));
  Collateral collateral;
  for (const auto& [name, bytes] : good.collateral) {
    collateral.set(name, bytes);
  }
  CollateralCache cache;
  for (const auto& [made, wanted] : {std::pair{&good, true}, {&revoked, false}, {&good, true}}) {
    Report report;
    const Item item{made->type, made->evidence, {}};
    EXPECT_EQ(appraise_under(made->roots, item, collateral, strict(), noon, report, &cache).has_value(), wanted);
  }
}

TEST(OwnKeysProperty, ManyThreadsAskOneCache) {
  const std::vector<Case> cases{chains::sgx().seal(), chains::tdx().seal(), snp(Product::genoa).seal()};
  CollateralCache cache(2);
  std::atomic<int> accepted = 0;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (std::size_t turn = 0; turn < 30; ++turn) {
        const Case& made = cases[(i + turn) % cases.size()];
        Collateral collateral;
        for (const auto& [name, bytes] : made.collateral) {
          collateral.set(name, bytes);
        }
        Report report;
        accepted +=
            appraise_under(made.roots, {made.type, made.evidence, {}}, collateral, strict(), noon, report, &cache) ? 1
                                                                                                                   : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(accepted, 4 * 30);
}

}  // namespace
}  // namespace blindai::evidence
