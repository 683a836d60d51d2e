#include <gtest/gtest.h>

#include <set>

#include "chains/documents.h"
#include "evidence/dcap/documents.h"
#include "evidence/json_edit.h"

namespace blindai::evidence::dcap {
namespace {

constexpr UnixSeconds issued = 1'771'412'331;
constexpr UnixSeconds next = issued + 30 * 86'400;
constexpr UnixSeconds level_date = 1'731'456'000;

chains::TcbLevel level_of(int svn, int pce_svn, const std::string& status) {
  chains::TcbLevel level;
  level.sgx.fill(svn);
  level.pce_svn = pce_svn;
  level.tdx.fill(svn);
  level.status = status;
  level.date = level_date;
  return level;
}

// A document with all that the rules know of: three levels, each with an advisory, and for TDX two module identities.
std::string document(const std::string& id, int version = 3) {
  chains::TcbInfo info{.signer = chains::Key::generate(chains::Curve::p256)};
  info.id = id;
  info.version = version;
  info.issue_date = issued;
  info.next_update = next;
  info.fmspc = {0x90, 0xc0, 0x6f, 0, 0, 1};
  info.pce_id = {0x12, 0xab};
  info.levels = {level_of(5, 13, "UpToDate"), level_of(5, 12, "SWHardeningNeeded"), level_of(4, 13, "OutOfDate")};
  for (chains::TcbLevel& level : info.levels) {
    level.advisories = {"INTEL-SA-00837"};
  }
  if (info.tdx()) {
    info.tdx_module.emplace().attributes = {1, 2, 3, 4, 5, 6, 7, 8};
    info.tdx_module->mr_signer = Bytes(48, 0x33);
    const chains::SvnLevel level{6, "UpToDate", level_date, {"INTEL-SA-01036"}};
    info.module_identities = {{"TDX_03", {}, {level}}, {"TDX_0a", {}, {level, {4, "OutOfDate", level_date - 1, {}}}}};
  }
  return info.json();
}

std::string inner(const std::string& document) {
  Effort effort;
  return read_signed(as_bytes(document), "tcbInfo", "tcb_info", effort)->text;
}

const std::string& sgx() {
  static const std::string text = inner(document("SGX"));
  return text;
}
const std::string& tdx() {
  static const std::string text = inner(document("TDX"));
  return text;
}
const std::string& sgx_v2() {
  static const std::string text = inner(document("SGX", 2));
  return text;
}

Parsed<TcbInfo> parse(const std::string& text) { return parse_tcb_info({text, Bytes(64)}); }

void expect_refused(const std::string& text, const std::string& word = "BAD_COLLATERAL_FORMAT:tcb_info") {
  const auto info = parse(text);
  ASSERT_FALSE(info) << text;
  EXPECT_EQ(info.error().text(), word) << text;
}

Components all(std::uint8_t svn) {
  Components out;
  out.fill(svn);
  return out;
}

TEST(TcbInfo, OfSgxIsRead) {
  for (const std::string& text : {sgx(), sgx_v2()}) {
    const auto info = parse(text);
    ASSERT_TRUE(info) << text;
    EXPECT_EQ(info->tee, Tee::sgx);
    EXPECT_EQ(info->version, text == sgx() ? 3 : 2);
    EXPECT_EQ(info->issue_date, issued);
    EXPECT_EQ(info->next_update, next);
    EXPECT_EQ(to_hex(info->fmspc), "90c06f000001");
    EXPECT_EQ(to_hex(info->pce_id), "12ab");
    EXPECT_EQ(info->evaluation_number, 17);
    EXPECT_FALSE(info->tdx_module);
    EXPECT_TRUE(info->module_identities.empty());
    ASSERT_EQ(info->levels.size(), 3U);
    const TcbLevel& level = info->levels[1];
    EXPECT_EQ(level.sgx, all(5));
    EXPECT_EQ(level.pce_svn, 12);
    EXPECT_FALSE(level.tdx);
    EXPECT_EQ(level.status, TcbStatus::sw_hardening_needed);
    EXPECT_EQ(level.date, level_date);
    EXPECT_EQ(level.advisories, (std::vector<std::string>{"INTEL-SA-00837"}));
  }
}

TEST(TcbInfo, OfTdxIsRead) {
  const auto info = parse(tdx());
  ASSERT_TRUE(info);
  EXPECT_EQ(info->tee, Tee::tdx);
  ASSERT_TRUE(info->tdx_module);
  EXPECT_EQ(copy(info->tdx_module->mr_signer), Bytes(48, 0x33));
  EXPECT_EQ(info->tdx_module->attributes, 0x0807060504030201U);
  EXPECT_EQ(info->tdx_module->attributes_mask, UINT64_MAX);
  ASSERT_EQ(info->module_identities.size(), 2U);
  EXPECT_EQ(info->module_identities[0].version, 3);
  const TdxModuleIdentity& identity = info->module_identities[1];
  EXPECT_EQ(identity.version, 10);
  EXPECT_EQ(identity.module.attributes_mask, UINT64_MAX);
  ASSERT_EQ(identity.levels.size(), 2U);
  EXPECT_EQ(identity.levels[0].isv_svn, 6);
  EXPECT_EQ(identity.levels[0].advisories, (std::vector<std::string>{"INTEL-SA-01036"}));
  EXPECT_EQ(identity.levels[1].isv_svn, 4);
  EXPECT_EQ(identity.levels[1].status, TcbStatus::out_of_date);
  EXPECT_EQ(identity.levels[1].date, level_date - 1);
  EXPECT_EQ(info->levels.front().tdx, all(5));
}

TEST(TcbInfo, MayLackWhatIsNotAlwaysThere) {
  const auto info = parse(without(without(tdx(), "tdxModuleIdentities"), "advisoryIDs", 4));
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->module_identities.empty());
  EXPECT_TRUE(info->levels.back().advisories.empty());
}

TEST(TcbInfo, MayHoldMembersThatNoRuleKnows) {
  EXPECT_TRUE(parse(with(sgx(), "svn", "5,\"category\":\"BIOS\",\"type\":\"Early Microcode Update\"")));
  EXPECT_TRUE(parse(with(sgx(), "tcbType", "0,\"later\":[{}]")));
}

// Every member that a rule needs, each time that it stands in the document.
const std::set<std::string> members{"id",
                                    "version",
                                    "issueDate",
                                    "nextUpdate",
                                    "fmspc",
                                    "pceId",
                                    "tcbType",
                                    "tdxModule",
                                    "mrsigner",
                                    "tcbEvaluationDataNumber",
                                    "attributes",
                                    "tcbLevels",
                                    "tcb",
                                    "isvsvn",
                                    "attributesMask",
                                    "tcbDate",
                                    "tcbStatus",
                                    "svn",
                                    "sgxtcbcomponents",
                                    "pcesvn",
                                    "tdxtcbcomponents"};

TEST(TcbInfo, WithoutAMemberIsRefused) {
  for (const std::string& name : members) {
    const std::size_t count = count_members(tdx(), name);
    ASSERT_GT(count, 0U) << name;
    for (std::size_t i = 0; i < count; ++i) {
      expect_refused(without(tdx(), name, i));
    }
  }
}

TEST(TcbInfo, WithAMemberOfAnotherTypeIsRefused) {
  for (const std::string& name : members) {
    for (std::size_t i = 0; i < count_members(tdx(), name); ++i) {
      for (const char* wrong : {"null", "true", "-1", "1.5", "1e0", "4294967296", "18446744073709551615", "[]", "{}",
                                "[{}]", "[1]", "[[]]"}) {
        expect_refused(with(tdx(), name, wrong, i));
      }
    }
  }
  for (const char* wrong : {"null", "{}", "\"INTEL-SA-00837\"", "0"}) {
    expect_refused(with(sgx(), "advisoryIDs", wrong, 2));
    expect_refused(with(tdx(), "tdxModuleIdentities", wrong));
  }
}

TEST(TcbInfo, WithTextWhereAnotherFormBelongsIsRefused) {
  for (const std::string& name : members) {
    for (std::size_t i = 0; i < count_members(tdx(), name); ++i) {
      for (const char* wrong : {"\"\"", "\"?\"", "\"5\""}) {
        expect_refused(with(tdx(), name, wrong, i), name != "tcbStatus" ? "BAD_COLLATERAL_FORMAT:tcb_info"
                                                    : i < 3             ? "TCB_STATUS_UNKNOWN:tdx_module"
                                                                        : "TCB_STATUS_UNKNOWN:platform");
      }
    }
  }
}

TEST(TcbInfo, ThatIsNotJsonIsRefused) {
  expect_refused(tdx().substr(0, tdx().size() / 2));
  expect_refused("{}");
  expect_refused("[" + tdx() + "]");
  expect_refused(with(sgx(), "tcbType", "0,\"tcbType\":0"));
  expect_refused(with(sgx(), "svn", "5,\"svn\":5", 7));
  expect_refused(with(sgx(), "tcbType", "0,\"later\":" + std::string(40, '[') + std::string(40, ']')));
  expect_refused(with(sgx(), "tcbType", "0,\"later\":" + std::string(100'000, '[')));
}

TEST(TcbInfo, OfAnotherVersionOrIdIsRefused) {
  for (const char* version : {"0", "1", "4", "3.0", "\"3\""}) {
    expect_refused(with(sgx(), "version", version));
  }
  for (const char* id : {"\"sgx\"", "\"SGX \"", "\"QE\"", "\"\""}) {
    expect_refused(with(sgx(), "id", id));
  }
  expect_refused(with(sgx_v2(), "version", "2,\"id\":\"TDX\""));
  expect_refused(with(sgx_v2(), "version", "3"));
  expect_refused(with(with(sgx(), "version", "2"), "id", "\"SGX\""));
  expect_refused(with(sgx(), "id", "\"TDX\""));
  expect_refused(with(sgx(), "tcbType", "1"));
}

TEST(TcbInfo, ReadsNumbersToTheEndsOfTheirRanges) {
  EXPECT_EQ(parse(with(sgx(), "svn", "255"))->levels[0].sgx[0], 255);
  EXPECT_EQ(parse(with(sgx(), "svn", "0", 15))->levels[1].sgx[15], 0);
  expect_refused(with(sgx(), "svn", "256"));
  expect_refused(with(sgx(), "svn", "-1"));
  EXPECT_EQ(parse(with(sgx_v2(), "sgxtcbcomp16svn", "255"))->levels[0].sgx[15], 255);
  expect_refused(with(sgx_v2(), "sgxtcbcomp10svn", "256"));
  EXPECT_EQ(parse(with(sgx(), "pcesvn", "65535"))->levels[0].pce_svn, 65535);
  expect_refused(with(sgx(), "pcesvn", "65536"));
  EXPECT_EQ(parse(with(tdx(), "isvsvn", "65535"))->module_identities[0].levels[0].isv_svn, 65535);
  expect_refused(with(tdx(), "isvsvn", "65536"));
  EXPECT_EQ(parse(with(sgx(), "tcbEvaluationDataNumber", "4294967295"))->evaluation_number, 4294967295);
}

TEST(TcbInfo, HasSixteenComponents) {
  for (const char* name : {"sgxtcbcomponents", "tdxtcbcomponents"}) {
    const Place place = find_value(tdx(), name, 0);
    const std::string list = tdx().substr(place.from, place.bytes);
    expect_refused(with(tdx(), name, "[{\"svn\":5}," + list.substr(1)));
    expect_refused(with(tdx(), name, "[" + list.substr(list.find(',') + 1)));
  }
  for (int i = 1; i <= 16; ++i) {
    expect_refused(without(sgx_v2(), fmt::format("sgxtcbcomp{:02}svn", i)));
  }
  // In version 2 each has its own name.
  EXPECT_EQ(parse(with(sgx_v2(), "sgxtcbcomp09svn", "99"))->levels[0].sgx[8], 99);
  EXPECT_EQ(parse(with(sgx_v2(), "sgxtcbcomp10svn", "99"))->levels[0].sgx[9], 99);
}

TEST(TcbInfo, HasHexadecimalOfItsSize) {
  EXPECT_EQ(to_hex(parse(with(sgx(), "fmspc", "\"aBcDeF012345\""))->fmspc), "abcdef012345");
  for (const char* wrong : {"\"aBcDeF0123\"", "\"aBcDeF01234\"", "\"aBcDeF0123456\"", "\"aBcDeF01234567\"",
                            "\"aBcDeF01234g\"", "\"0xBcDeF01234\"", "\" BcDeF012345\""}) {
    expect_refused(with(sgx(), "fmspc", wrong));
  }
  for (const char* name : {"pceId", "mrsigner", "attributes", "attributesMask"}) {
    const Place place = find_value(tdx(), name, 0);
    const std::string value = tdx().substr(place.from, place.bytes);
    expect_refused(with(tdx(), name, "\"00" + value.substr(1)));
    expect_refused(with(tdx(), name, "\"" + value.substr(3)));
  }
}

TEST(TcbInfo, HasDatesOfTheCalendar) {
  for (const char* name : {"issueDate", "nextUpdate", "tcbDate"}) {
    expect_refused(with(sgx(), name, "\"2026-02-29T00:00:00Z\""));
    expect_refused(with(sgx(), name, "\"2026-02-18\""));
  }
}

TEST(TcbInfo, HasStatusesOfTheClosedList) {
  for (const char* word : {"UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded",
                           "OutOfDate", "OutOfDateConfigurationNeeded", "Revoked"}) {
    const auto info = parse(with(sgx(), "tcbStatus", "\"" + std::string(word) + "\""));
    ASSERT_TRUE(info) << word;
    EXPECT_EQ(dcap::word(info->levels.front().status), word);
  }
  for (const char* word : {"UpToDate ", "uptodate", "Fine", "TdRelaunchAdvised", "TcbNotSupported"}) {
    expect_refused(with(sgx(), "tcbStatus", "\"" + std::string(word) + "\""), "TCB_STATUS_UNKNOWN:platform");
    expect_refused(with(tdx(), "tcbStatus", "\"" + std::string(word) + "\""), "TCB_STATUS_UNKNOWN:tdx_module");
  }
}

TEST(TcbInfo, HasAdvisoriesOfAClosedAlphabet) {
  const auto advisories = [](const std::string& list) { return with(sgx(), "advisoryIDs", list, 1); };
  EXPECT_EQ(parse(advisories("[\"INTEL-SA-00001\",\"intel-sa-00002\"]"))->levels[1].advisories.size(), 2U);
  EXPECT_TRUE(parse(advisories("[\"" + std::string(32, 'A') + "\"]")));
  expect_refused(advisories("[\"" + std::string(33, 'A') + "\"]"));
  for (const char* wrong : {"[\"\"]", "[\"INTEL SA\"]", "[\"INTEL_SA\"]", "[\"\\u0000\"]", "[\"\\u00e4\"]",
                            "[\"a\\n\"]", "[1]", "[null]", "[[]]"}) {
    expect_refused(advisories(wrong));
  }
  std::string many = "[\"A\"";
  for (std::size_t i = 1; i < max_advisories; ++i) {
    many += ",\"A\"";
  }
  EXPECT_TRUE(parse(advisories(many + "]")));
  expect_refused(advisories(many + ",\"A\"]"));
}

TEST(TcbInfo, SortsItsLevelsWhateverTheirOrder) {
  chains::TcbInfo info{.signer = chains::Key::generate(chains::Curve::p256)};
  info.id = "TDX";
  info.tdx_module.emplace();
  info.module_identities = {{"TDX_01", {}, {{2, "OutOfDate"}, {6}, {4, "OutOfDate"}}}};
  chains::TcbLevel low = level_of(4, 13, "Revoked");
  chains::TcbLevel less_tdx = level_of(5, 13, "OutOfDate");
  less_tdx.tdx[15] = 4;
  chains::TcbLevel last_component = level_of(5, 12, "OutOfDate");
  last_component.sgx[15] = 6;
  info.levels = {low, level_of(5, 12, "ConfigurationNeeded"), less_tdx, level_of(5, 13, "UpToDate"), last_component};
  const auto parsed = parse(inner(info.json()));
  ASSERT_TRUE(parsed);
  std::vector<std::string> order;
  for (const TcbLevel& level : parsed->levels) {
    order.push_back(fmt::format("{} {} {}", level.sgx[15], level.pce_svn, level.tdx->at(15)));
  }
  EXPECT_EQ(order, (std::vector<std::string>{"6 12 5", "5 13 5", "5 13 4", "5 12 5", "4 13 4"}));
  std::vector<std::uint16_t> svns;
  for (const SvnLevel& level : parsed->module_identities.front().levels) {
    svns.push_back(level.isv_svn);
  }
  EXPECT_EQ(svns, (std::vector<std::uint16_t>{6, 4, 2}));
}

TEST(TcbInfo, WithTheSameLevelTwiceIsRefused) {
  expect_refused(with(sgx(), "pcesvn", "12"));
  expect_refused(with(tdx(), "isvsvn", "6", 2));
}

TEST(TcbInfo, HasABoundedNumberOfLevels) {
  chains::TcbInfo info{.signer = chains::Key::generate(chains::Curve::p256)};
  for (std::size_t i = 0; i < max_levels; ++i) {
    info.levels.push_back(level_of(1, static_cast<int>(i), "UpToDate"));
  }
  EXPECT_EQ(parse(inner(info.json()))->levels.size(), max_levels);
  info.levels.push_back(level_of(1, 1000, "UpToDate"));
  expect_refused(inner(info.json()));
  expect_refused(with(sgx(), "tcbLevels", "[]"));
  expect_refused(with(tdx(), "tcbLevels", "[]"));
}

TEST(TcbInfo, NamesEachTdxModuleOnceByItsVersion) {
  EXPECT_EQ(parse(with(tdx(), "id", "\"TDX_fF\"", 1))->module_identities[0].version, 255);
  for (const char* wrong : {"\"TDX_3\"", "\"TDX_003\"", "\"TDX_0g\"", "\"tdx_03\"", "\"TDX03\"", "\"TDX_\"", "\"03\"",
                            "\"TDX_0A\"", "\"TDX_0a\""}) {
    expect_refused(with(tdx(), "id", wrong, 1));
  }
}

}  // namespace
}  // namespace blindai::evidence::dcap
