// The [accept.*] sections of real hardware: each key is read into its field, and refused in every other form.
#include <gtest/gtest.h>

#include "evidence/policy.h"

namespace blindai::evidence {
namespace {

const std::string hex32(64, 'b');
const std::string hex48(96, 'c');
const std::string ppid(32, 'd');

const std::string sgx = "mrenclave = [\"" + hex32 +
                        "\"]\nmrsigner = \"any\"\ntcb_status = [\"UpToDate\"]\nallowed_advisories = []\n"
                        "platform_ids = \"any\"\n";
const std::string tdx = "mr_td = [\"" + hex48 +
                        "\"]\nrtmr0 = \"any\"\nrtmr1 = \"any\"\nrtmr2 = \"any\"\nrtmr3 = \"any\"\n"
                        "tcb_status = [\"UpToDate\"]\nallowed_advisories = []\nplatform_ids = \"any\"\n";
const std::string snp = "measurement = [\"" + hex48 + "\"]\nproducts = [\"Genoa\"]\nplatform_ids = \"any\"\n";

std::expected<Policy, PolicyError> read(const std::string& kind, const std::string& section) {
  return read_policy("version = 1\nname = \"x\"\n[accept." + kind + "]\n" + section, Purpose::evidence_only);
}
std::string refusal(const std::string& kind, const std::string& section) {
  const auto policy = read(kind, section);
  return policy ? "" : policy.error().refusal.text();
}
// The section with one line replaced; `line` names its key.
std::string with(std::string section, const std::string& line) {
  const std::string key = line.substr(0, line.find(' '));
  const std::size_t at = section.find(key + " = ");
  if (at != std::string::npos) {
    section.erase(at, section.find('\n', at) + 1 - at);
  }
  return section + line + "\n";
}

TEST(TheSgxSection, FillsEveryField) {
  const auto strict = read("sgx", sgx);
  ASSERT_TRUE(strict) << strict.error().error.message.str();
  EXPECT_EQ(std::get<1>(strict->sgx->mrenclave).size(), 1U);
  EXPECT_EQ(std::get<1>(strict->sgx->mrenclave)[0][31], 0xbb);
  EXPECT_TRUE(std::holds_alternative<Any>(strict->sgx->mrsigner));
  EXPECT_EQ(strict->sgx->tcb_status, std::vector{dcap::TcbStatus::up_to_date});
  EXPECT_TRUE(std::get<1>(strict->sgx->allowed_advisories).empty());
  EXPECT_TRUE(std::holds_alternative<Any>(strict->sgx->platform_ids));
  EXPECT_FALSE(strict->sgx->allow_debug);
  EXPECT_TRUE(strict->sgx->require_crl);
  EXPECT_FALSE(strict->sgx->product_id || strict->sgx->min_isv_svn || strict->sgx->min_crl_number);

  const auto loose =
      read("sgx", "mrenclave = \"any\"\nmrsigner = [\"" + hex32 + "\"]\nproduct_id = 7\nmin_isv_svn = 3\n" +
                      "tcb_status = [\"OutOfDate\", \"TdRelaunchAdvised\"]\nallowed_advisories = \"any\"\n" +
                      "platform_ids = [\"" + ppid + "\"]\ndenied_advisories = [\"INTEL-SA-00615\"]\n" +
                      "allow_debug = true\nrequire_crl = false\nmin_crl_number = 9\n");
  ASSERT_TRUE(loose) << loose.error().error.message.str();
  EXPECT_EQ(loose->sgx->product_id, 7);
  EXPECT_EQ(loose->sgx->min_isv_svn, 3);
  EXPECT_EQ(loose->sgx->tcb_status, (std::vector{dcap::TcbStatus::out_of_date, dcap::TcbStatus::td_relaunch_advised}));
  EXPECT_TRUE(std::holds_alternative<Any>(loose->sgx->allowed_advisories));
  EXPECT_EQ(std::get<1>(loose->sgx->platform_ids), std::vector<Bytes>(1, Bytes(16, 0xdd)));
  EXPECT_EQ(loose->sgx->denied_advisories, std::vector<std::string>{"INTEL-SA-00615"});
  EXPECT_TRUE(loose->sgx->allow_debug);
  EXPECT_FALSE(loose->sgx->require_crl);
  EXPECT_EQ(loose->sgx->min_crl_number, 9);
}

TEST(TheSections, TakeMasksAndWhatIsWantedUnderThem) {
  const auto enclave = read("sgx", sgx +
                                       "xfrm = { mask = 0x7fffffffffffffff, value = 0xe7 }\n"
                                       "misc_select = { mask = 1, value = 0 }\n");
  ASSERT_TRUE(enclave) << enclave.error().error.message.str();
  EXPECT_EQ(enclave->sgx->xfrm, (MaskedBits{INT64_MAX, 0xe7}));
  EXPECT_EQ(enclave->sgx->misc_select, (MaskedBits{1, 0}));
  const auto td = read("tdx", tdx + "xfam = { mask = 0xe7, value = 0xe7 }\n");
  ASSERT_TRUE(td) << td.error().error.message.str();
  EXPECT_EQ(td->tdx->xfam, (MaskedBits{0xe7, 0xe7}));
  EXPECT_FALSE(read("sgx", sgx)->sgx->xfrm || read("sgx", sgx)->sgx->misc_select || read("tdx", tdx)->tdx->xfam);

  const std::pair<const char*, const char*> wrong[] = {
      {"1", ""},
      {"\"any\"", ""},
      {"{}", ".mask"},
      {"{ mask = 1 }", ".value"},
      {"{ value = 1 }", ".mask"},
      {"{ mask = 0, value = 0 }", ".mask"},
      {"{ mask = -1, value = 0 }", ".mask"},
      {"{ mask = 3, value = 4 }", ".value"},
      {"{ mask = 3, value = -1 }", ".value"},
      {"{ mask = 3, value = \"1\" }", ".value"},
      {"{ mask = 3, value = 1, more = 1 }", ".more"},
  };
  for (const auto& [text, where] : wrong) {
    EXPECT_EQ(refusal("sgx", sgx + "xfrm = " + text + "\n"), std::string("POLICY_INVALID:accept.sgx.xfrm") + where);
    EXPECT_EQ(refusal("tdx", tdx + "xfam = " + text + "\n"), std::string("POLICY_INVALID:accept.tdx.xfam") + where);
  }
}

TEST(TheSgxSection, RefusesWhatIsNotOfItsForm) {
  for (const std::string line : {"mrenclave = [\"00\"]",
                                 "mrenclave = \"all\"",
                                 "mrenclave = [1]",
                                 "mrenclave = 1",
                                 "product_id = -1",
                                 "product_id = 65536",
                                 "product_id = \"7\"",
                                 "min_isv_svn = 65536",
                                 "min_isv_svn = true",
                                 "tcb_status = [\"Revoked\"]",
                                 "tcb_status = [\"TcbNotSupported\"]",
                                 "tcb_status = [\"UpToDate \"]",
                                 "tcb_status = \"any\"",
                                 "allowed_advisories = [\"\"]",
                                 "allowed_advisories = [\"intel-sa-00615\"]",
                                 "allowed_advisories = [615]",
                                 "denied_advisories = \"any\"",
                                 "platform_ids = [\"00\"]",
                                 "platform_ids = [\"00000000000000000000000000000000\"]",
                                 "allow_debug = 1",
                                 "require_crl = \"no\"",
                                 "min_crl_number = -1",
                                 "min_crl_number = 1.5"}) {
    EXPECT_EQ(refusal("sgx", with(sgx, line)), "POLICY_INVALID:accept.sgx." + line.substr(0, line.find(' '))) << line;
  }
  EXPECT_EQ(refusal("sgx", sgx + "mr_td = \"any\"\n"), "POLICY_INVALID:accept.sgx.mr_td");
}

TEST(TheSgxSection, TakesNoEmptyListAndNoAbsence) {
  for (const std::string key : {"mrenclave", "mrsigner", "tcb_status", "platform_ids"}) {
    EXPECT_EQ(refusal("sgx", with(sgx, key + " = []")), "POLICY_EMPTY:accept.sgx." + key);
  }
  for (const std::string key : {"mrenclave", "mrsigner", "tcb_status", "platform_ids", "allowed_advisories"}) {
    const std::string without = with(sgx, key + " = 1");
    EXPECT_EQ(refusal("sgx", without.substr(0, without.find(key + " = 1"))), "POLICY_INVALID:accept.sgx." + key);
  }
}

TEST(TheSgxSection, NeedsAProductWhereASignerVouchesAlone) {
  const std::string signer = with(with(sgx, "mrenclave = \"any\""), "mrsigner = [\"" + hex32 + "\"]");
  EXPECT_EQ(refusal("sgx", signer), "POLICY_INVALID:accept.sgx.product_id");
  EXPECT_EQ(refusal("sgx", signer + "product_id = 0\n"), "");
  EXPECT_EQ(refusal("sgx", with(sgx, "mrsigner = [\"" + hex32 + "\"]")), "");
  EXPECT_EQ(refusal("sgx", with(sgx, "mrenclave = \"any\"")), "");
}

TEST(TheTdxSection, FillsEveryField) {
  const auto strict = read("tdx", tdx);
  ASSERT_TRUE(strict) << strict.error().error.message.str();
  EXPECT_EQ(std::get<1>(strict->tdx->mr_td)[0][47], 0xcc);
  EXPECT_FALSE(strict->tdx->min_tee_tcb_svn);
  EXPECT_FALSE(strict->tdx->allow_migratable || strict->tdx->allow_service_td);
  EXPECT_EQ(strict->tdx->required_td_attributes | strict->tdx->forbidden_td_attributes, 0U);

  const auto other = read("tdx", with(with(tdx, "rtmr0 = [\"" + hex48 + "\"]"), "rtmr3 = [\"" + hex48 + "\"]") +
                                     "min_tee_tcb_svn = \"0b010400000000000000000000000000\"\n"
                                     "allow_migratable = true\nallow_service_td = true\n"
                                     "required_td_attributes = [\"SEPT_VE_DISABLE\"]\n"
                                     "forbidden_td_attributes = [\"PERFMON\", \"LASS\"]\n");
  ASSERT_TRUE(other) << other.error().error.message.str();
  EXPECT_TRUE(std::holds_alternative<Any>(other->tdx->rtmr[1]) && std::holds_alternative<Any>(other->tdx->rtmr[2]));
  EXPECT_EQ(std::get<1>(other->tdx->rtmr[0]).size(), 1U);
  EXPECT_EQ(std::get<1>(other->tdx->rtmr[3]).size(), 1U);
  EXPECT_EQ((*other->tdx->min_tee_tcb_svn)[0], 0x0b);
  EXPECT_TRUE(other->tdx->allow_migratable && other->tdx->allow_service_td);
  EXPECT_EQ(other->tdx->required_td_attributes, 1ULL << 28U);
  EXPECT_EQ(other->tdx->forbidden_td_attributes, 1ULL << 63U | 1ULL << 27U);
}

TEST(TheTdxSection, RefusesWhatIsNotOfItsForm) {
  for (const std::string line :
       {"mr_td = [\"00\"]", "rtmr3 = []", "min_tee_tcb_svn = \"0b\"", "min_tee_tcb_svn = 1", "allow_migratable = 1",
        "required_td_attributes = [\"DEBUG\"]", "required_td_attributes = [1]", "forbidden_td_attributes = \"PKS\""}) {
    const std::string reason = line.ends_with("[]") ? "POLICY_EMPTY" : "POLICY_INVALID";
    EXPECT_EQ(refusal("tdx", with(tdx, line)), reason + ":accept.tdx." + line.substr(0, line.find(' '))) << line;
  }
}

TEST(TheSnpSection, FillsEveryField) {
  const auto strict = read("snp", snp);
  ASSERT_TRUE(strict) << strict.error().error.message.str();
  EXPECT_EQ(strict->snp->products, std::vector{Product::genoa});
  EXPECT_EQ(strict->snp->vmpl, 0);
  EXPECT_EQ(strict->snp->signing_key, (std::vector{snp::KeyKind::vcek, snp::KeyKind::vlek}));
  EXPECT_FALSE(strict->snp->allow_debug || strict->snp->allow_migration || strict->snp->allow_provisional);
  EXPECT_TRUE(strict->snp->allow_smt && strict->snp->require_crl);

  const auto other = read(
      "snp", with(with(snp, "products = [\"Milan\", \"Turin\"]"), "platform_ids = [\"0102030405060708\"]") +
                 "vmpl = 3\nsigning_key = [\"vlek\"]\nallow_debug = true\nallow_migration = true\nallow_smt = false\n"
                 "allow_provisional = true\nrequire_crl = false\nmin_crl_number = 4\nmin_guest_svn = 4294967295\n"
                 "required_mitigations = 0x21\nrequired_platform_info = [\"ALIAS_CHECK_COMPLETE\", \"SMT_EN\"]\n"
                 "min_tcb = { bootloader = 1, tee = 2, snp = 3, microcode = 255 }\nmin_launch_tcb = { fmc = 5 }\n");
  ASSERT_TRUE(other) << other.error().error.message.str();
  const SnpAcceptance& accepted = *other->snp;
  EXPECT_EQ(accepted.products, (std::vector{Product::milan, Product::turin}));
  EXPECT_EQ(std::get<1>(accepted.platform_ids)[0].size(), 8U);
  EXPECT_EQ(accepted.vmpl, 3);
  EXPECT_EQ(accepted.signing_key, std::vector{snp::KeyKind::vlek});
  EXPECT_TRUE(accepted.allow_debug && accepted.allow_migration && accepted.allow_provisional);
  EXPECT_FALSE(accepted.allow_smt || accepted.require_crl);
  EXPECT_EQ(accepted.min_crl_number, 4);
  EXPECT_EQ(accepted.min_guest_svn, 4294967295);
  EXPECT_EQ(accepted.required_mitigations, 0x21U);
  EXPECT_EQ(accepted.required_platform_info, 0x21U);
  EXPECT_EQ(accepted.min_tcb.bootloader, 1);
  EXPECT_EQ(accepted.min_tcb.tee, 2);
  EXPECT_EQ(accepted.min_tcb.snp, 3);
  EXPECT_EQ(accepted.min_tcb.microcode, 255);
  EXPECT_FALSE(accepted.min_tcb.fmc);
  EXPECT_EQ(accepted.min_launch_tcb.fmc, 5);
  EXPECT_FALSE(accepted.min_launch_tcb.tee);
}

TEST(TheSnpSection, RefusesWhatIsNotOfItsForm) {
  for (const std::string line :
       {"products = [\"Rome\"]", "platform_ids = [\"00112233445566778899aabbccddeeff\"]", "vmpl = 4", "vmpl = -1",
        "signing_key = [\"none\"]", "min_tcb = 1", "min_guest_svn = 4294967296", "required_mitigations = -1",
        "required_mitigations = [\"SMT_EN\"]", "required_platform_info = [\"BIT6\"]"}) {
    EXPECT_EQ(refusal("snp", with(snp, line)), "POLICY_INVALID:accept.snp." + line.substr(0, line.find(' '))) << line;
  }
  EXPECT_EQ(refusal("snp", with(snp, "products = []")), "POLICY_EMPTY:accept.snp.products");
  EXPECT_EQ(refusal("snp", with(snp, "signing_key = []")), "POLICY_EMPTY:accept.snp.signing_key");
  EXPECT_EQ(refusal("snp", with(snp, "min_tcb = {}")), "POLICY_EMPTY:accept.snp.min_tcb");
  EXPECT_EQ(refusal("snp", with(snp, "min_tcb = { bl = 1 }")), "POLICY_INVALID:accept.snp.min_tcb.bl");
  EXPECT_EQ(refusal("snp", with(snp, "min_tcb = { tee = 256 }")), "POLICY_INVALID:accept.snp.min_tcb.tee");
}

TEST(AnEvidencePolicy, KeepsItsMinimumsOfFreshness) {
  const auto policy = read("snp", snp + "[freshness]\nmin_tcb_evaluation_number = 17\nmax_tcb_age_days = 30\n");
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->freshness.min_tcb_evaluation_number, 17);
  EXPECT_EQ(policy->freshness.max_tcb_age_days, 30);
  EXPECT_EQ(refusal("snp", snp + "[freshness]\nmax_tcb_age_days = 0\n"), "POLICY_INVALID:freshness.max_tcb_age_days");
  EXPECT_FALSE(read("snp", snp)->freshness.max_tcb_age_days);
}

TEST(AnEvidencePolicy, SaysWhyItIsNone) {
  const auto reason = [](const std::string& text) {
    const auto policy = read_policy(text, Purpose::evidence_only);
    return policy ? "" : policy.error().refusal.text();
  };
  EXPECT_EQ(reason(""), "POLICY_EMPTY:accept");
  EXPECT_EQ(reason("version = 1\n"), "POLICY_EMPTY:accept");
  EXPECT_EQ(reason("version = 1\n[accept]\n"), "POLICY_EMPTY:accept");
  EXPECT_EQ(reason("version = 1\n[accept.sev]\n"), "POLICY_INVALID:accept.sev");
  EXPECT_EQ(reason("version = 1\n[accept.snp]\n" + snp), "");  // evidence alone needs no name
  EXPECT_EQ(reason("version = 3\n[accept.snp]\n" + snp), "POLICY_INVALID:version");
  EXPECT_EQ(reason("{"), "POLICY_INVALID:toml");
  EXPECT_EQ(reason("\"ke\\u00e9y\" = 1\nversion = 1\n[accept.snp]\n" + snp), "POLICY_INVALID:ke??y");
}

}  // namespace
}  // namespace blindai::evidence
