// Documents that are malformed and signed all the same (9, 25 in the list of attacks).
#include "own_keys.h"

namespace blindai::evidence {
namespace {

using chains::Dcap;
using chains::EditText;
using chains::replace;

struct Malformed {
  std::string what;
  EditText edit;
};

// Removes the first member of that name with its value, which holds no comma, and the comma after it.
EditText without(const std::string& member) {
  return [member](std::string& text) {
    const std::size_t at = text.find("\"" + member + "\":");
    ASSERT_NE(at, std::string::npos) << member;
    text.erase(at, text.find(',', at) + 1 - at);
  };
}
// Writes the first value of that member, which holds no comma or brace, anew.
EditText with(const std::string& member, const std::string& value) {
  return [member, value](std::string& text) {
    const std::size_t at = text.find("\"" + member + "\":");
    ASSERT_NE(at, std::string::npos) << member;
    const std::size_t begin = at + member.size() + 3;
    text.replace(begin, text.find_first_of(",}]", begin) - begin, value);
  };
}
EditText append_member(const std::string& member) {
  return [member](std::string& text) { text.insert(text.size() - 1, "," + member); };
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::vector<Malformed> malformed_anywhere() {
  return {
      {"half", [](std::string& text) { text.resize(text.size() / 2); }},
      {"empty object", [](std::string& text) { text = "{}"; }},
      {"array", [](std::string& text) { text = "[" + text + "]"; }},
      {"null", [](std::string& text) { text = "null"; }},
      {"nothing", [](std::string& text) { text.clear(); }},
      {"deep", append_member("\"more\":" + nested(100))},
      {"very deep", append_member("\"more\":" + nested(20000))},
      {"unclosed", append_member("\"more\":" + std::string(20000, '['))},
      {"a member twice", append_member("\"version\":3")},
      {"a member twice, once escaped", append_member("\"versio\\u006e\":3")},
      {"a member of no use twice", append_member("\"more\":1,\"more\":1")},
      {"levels twice", append_member("\"tcbLevels\":[]")},
      {"not UTF-8", append_member("\"more\":\"\xff\"")},
      {"a raw control character", append_member("\"more\":\"\n\"")},
      {"no version", without("version")},
      {"version as text", with("version", "\"3\"")},
      {"version 0", with("version", "0")},
      {"version 4", with("version", "4")},
      {"version beyond 64 bits", with("version", "18446744073709551619")},
      {"no issue date", without("issueDate")},
      {"no next update", without("nextUpdate")},
      {"a date of no calendar", with("issueDate", "\"2026-13-01T00:00:00Z\"")},
      {"30 February", with("issueDate", "\"2026-02-30T00:00:00Z\"")},
      {"a date without its zone", with("issueDate", "\"2026-01-01T00:00:00\"")},
      {"a date of another zone", with("issueDate", "\"2026-01-01T00:00:00+01:00\"")},
      {"a date as a number", with("issueDate", "1800000000")},
      {"a date with an hour of 24", with("issueDate", "\"2026-01-01T24:00:00Z\"")},
      {"a date with a second of 60", with("issueDate", "\"2026-01-01T00:00:60Z\"")},
      {"a date with a minute of 60", with("issueDate", "\"2026-01-01T00:60:00Z\"")},
      {"no evaluation number", without("tcbEvaluationDataNumber")},
      {"a negative evaluation number", with("tcbEvaluationDataNumber", "-1")},
      {"an evaluation number with a fraction", with("tcbEvaluationDataNumber", "17.5")},
      {"an evaluation number as text", with("tcbEvaluationDataNumber", "\"17\"")},
      {"levels that are no array", replace("\"tcbLevels\":[", "\"tcbLevels\":{},\"more\":[")},
      {"no levels", [](std::string& text) { text.replace(text.find("\"tcbLevels\""), 11, "\"tcbLevelz\""); }},
      {"a level that is no object", replace("\"tcbLevels\":[", "\"tcbLevels\":[7,")},
      {"a level without a date", without("tcbDate")},
      {"a level with another date", with("tcbDate", "\"yesterday\"")},
      {"a status that is no text", with("tcbStatus", "1")},
      {"advisories that are no array", replace("\"advisoryIDs\":[", "\"advisoryIDs\":1,\"more\":[")},
      {"an advisory that is no text", replace("\"advisoryIDs\":[", "\"advisoryIDs\":[1,")},
      {"an advisory of no letter", replace("\"advisoryIDs\":[", "\"advisoryIDs\":[\"\",")},
      {"an advisory of 33 letters", replace("\"advisoryIDs\":[", "\"advisoryIDs\":[\"" + std::string(33, 'A') + "\",")},
      {"an advisory with a space", replace("\"advisoryIDs\":[\"INTEL", "\"advisoryIDs\":[\"IN TEL")},
      {"an advisory with a quote", replace("\"advisoryIDs\":[\"INTEL", "\"advisoryIDs\":[\"IN\\\"TEL")},
  };
}

TEST(OwnKeysDocuments, AMalformedTcbInfoIsRefused) {  // 9
  std::vector<Malformed> cases = malformed_anywhere();
  for (Malformed more : std::initializer_list<Malformed>{
           {"no FMSPC", without("fmspc")},
           {"a short FMSPC", with("fmspc", "\"B0C06F0000\"")},
           {"a long FMSPC", with("fmspc", "\"B0C06F00000000\"")},
           {"an FMSPC of no hexadecimal", with("fmspc", "\"B0C06F00000G\"")},
           {"no PCE id", without("pceId")},
           {"a short PCE id", with("pceId", "\"00\"")},
           {"no TCB type", without("tcbType")},
           {"TCB type 1", with("tcbType", "1")},
           {"15 components", replace(R"("sgxtcbcomponents":[{"svn":5},)", R"("sgxtcbcomponents":[)")},
           {"17 components", replace(R"("sgxtcbcomponents":[)", R"("sgxtcbcomponents":[{"svn":0},)")},
           {"a component over 255", replace(R"({"svn":5})", R"({"svn":256})")},
           {"a negative component", replace(R"({"svn":0})", R"({"svn":-1})")},
           {"a component as text", replace(R"({"svn":5})", R"({"svn":"5"})")},
           {"a component that is a fraction", replace(R"({"svn":5})", R"({"svn":5.0})")},
           {"a component without its number", replace(R"({"svn":5})", "{}")},
           {"a component that is a number", replace(R"({"svn":5})", "5")},
           {"no components", replace(R"("sgxtcbcomponents":)", R"("sgxtcbcomponentz":)")},
           {"no PCESVN", replace(R"("pcesvn":)", R"("pcesvm":)")},
           {"a PCESVN over 65535", with("pcesvn", "65536")},
           {"a negative PCESVN", with("pcesvn", "-1")},
           {"no id", without("id")},
           {"another id", with("id", "\"TDY\"")},
           {"no TDX components",
            [](std::string& text) {
              for (std::size_t at = 0; (at = text.find("tdxtcbcomponents")) != std::string::npos;) {
                text.replace(at, 3, "tdy");
              }
            }},
           {"15 TDX components", replace(R"("tdxtcbcomponents":[{"svn":5},)", R"("tdxtcbcomponents":[)")},
           {"no TDX module", replace("\"tdxModule\":", "\"tdxModula\":")},
           {"a short module signer", with("mrsigner", "\"00\"")},
           {"short module attributes", with("attributes", "\"00\"")},
           {"a module without its mask", replace("\"attributesMask\"", "\"attributesMasc\"")},
           {"a module identity of no number", replace("\"TDX_03\"", "\"TDX_0G\"")},
           {"a module identity of another name", replace("\"TDX_03\"", "\"TDY_03\"")},
           {"a module identity of one digit", replace("\"TDX_03\"", "\"TDX_3\"")},
           {"a module identity twice", replace("\"TDX_03\"", "\"TDX_01\"")},
           {"a module level over 65535", with("isvsvn", "65536")},
           {"a negative module level", with("isvsvn", "-1")},
           {"a module level without its SVN", replace(R"("tcb":{"isvsvn":3})", R"("tcb":{})")}}) {
    cases.push_back(std::move(more));
  }
  for (const Malformed& malformed : cases) {
    Dcap chain = chains::tdx();
    chain.tcb_info.edit_signed = malformed.edit;
    EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_COLLATERAL_FORMAT:tcb_info")) << malformed.what;
  }
}

TEST(OwnKeysDocuments, AMalformedQeIdentityIsRefused) {  // 9
  std::vector<Malformed> cases = malformed_anywhere();
  for (Malformed more : std::initializer_list<Malformed>{{"no id", without("id")},
                                                         {"another id", with("id", "\"QF\"")},
                                                         {"no MRSIGNER", without("mrsigner")},
                                                         {"a short MRSIGNER", with("mrsigner", "\"8C\"")},
                                                         {"no product id", without("isvprodid")},
                                                         {"a product id over 65535", with("isvprodid", "65536")},
                                                         {"no attributes", without("attributes")},
                                                         {"short attributes", with("attributes", "\"11\"")},
                                                         {"no mask", without("attributesMask")},
                                                         {"no miscselect", without("miscselect")},
                                                         {"no miscselect mask", without("miscselectMask")},
                                                         {"long miscselect", with("miscselect", "\"0000000000\"")},
                                                         {"a level over 65535", with("isvsvn", "65536")},
                                                         {"a negative level", with("isvsvn", "-1")},
                                                         {"a level as text", with("isvsvn", "\"8\"")}}) {
    cases.push_back(std::move(more));
  }
  for (const Malformed& malformed : cases) {
    Dcap chain = chains::sgx();
    chain.qe_identity.edit_signed = malformed.edit;
    EXPECT_THAT(judge(chain.seal()), RejectedFor("BAD_COLLATERAL_FORMAT:qe_identity")) << malformed.what;
  }
}

TEST(OwnKeysDocuments, ADocumentThatIsNotAsSignedIsRefused) {  // 9
  const auto outer = [](const EditText& edit) {
    Dcap info = chains::sgx();
    info.tcb_info.edit_whole = edit;
    EXPECT_FALSE(judge(info.seal()).accepted);
    Dcap identity = chains::sgx();
    identity.qe_identity.edit_whole = edit;
    EXPECT_FALSE(judge(identity.seal()).accepted);
  };
  outer([](std::string& text) { text.clear(); });
  outer([](std::string& text) { text.resize(text.size() / 2); });
  outer([](std::string& text) { text += text; });
  outer(replace("\"signature\":\"", "\"signature\":\"00"));
  outer(replace("\"signature\":", "\"Signature\":"));
  outer(replace(",\"signature\":", ",\"signature\":\"\",\"signature\":"));
  outer([](std::string& text) { text.replace(text.size() - 130, 128, std::string(128, '0')); });
  // White space that the signature does not cover is a change of what was signed.
  outer(replace(",\"issueDate\"", ", \"issueDate\""));
}

TEST(OwnKeysDocuments, ASignatureOfAnotherLengthOrAlphabetIsRefused) {  // 9
  for (const EditText& edit : {replace("\"signature\":\"", "\"signature\":\"00"),
                               EditText([](std::string& text) { text.erase(text.size() - 4, 2); }),
                               EditText([](std::string& text) { text[text.size() - 4] = 'g'; }),
                               EditText([](std::string& text) { text.replace(text.size() - 130, 128, ""); })}) {
    Dcap info = chains::sgx();
    info.tcb_info.edit_whole = edit;
    EXPECT_THAT(judge(info.seal()), RejectedFor("BAD_COLLATERAL_FORMAT:tcb_info"));
    Dcap identity = chains::sgx();
    identity.qe_identity.edit_whole = edit;
    EXPECT_THAT(judge(identity.seal()), RejectedFor("BAD_COLLATERAL_FORMAT:qe_identity"));
  }
}

// Another document beside the signed one: whichever a reader takes, it must not be a choice.
TEST(OwnKeysDocuments, ADocumentBesideTheSignedOneIsRefused) {
  Dcap chain = chains::sgx();
  chain.tcb_info.levels[0].status = "Revoked";
  const Case made = chain.seal();
  ASSERT_FALSE(judge(made).accepted);
  const std::string whole(as_text(made.collateral.at("tcb_info")));
  const std::string signed_part = whole.substr(11, whole.find(",\"signature\"") - 11);
  std::string hostile = signed_part;
  replace("Revoked", "UpToDate")(hostile);
  const std::string signature = whole.substr(whole.find(",\"signature\""));  // with its comma, and the last brace
  for (const std::string& text : {
           "{\"tcbInfo\":" + hostile + ",\"tcbInfo\":" + signed_part + signature,
           "{\"tcbInfo\":" + signed_part + ",\"tcbInfo\":" + hostile + signature,
           "{\"tcbInf\\u006f\":" + hostile + ",\"tcbInfo\":" + signed_part + signature,
           "{\"tcbInfo\":" + signed_part + ",\"tcbInf\\u006f\":" + hostile + signature,
           "{\"more\":" + signed_part + ",\"tcbInfo\":" + hostile + signature,
           "{\"tcbInfo\":" + hostile + ",\"more\":" + signed_part + signature,
           "{\"tcbInfo\":{\"tcbInfo\":" + signed_part + ",\"more\":" + hostile + "}" + signature,
           "{\"tcbInfo\":" + hostile + signature,
           "{\"tcbInf\\u006f\":" + signed_part + signature,
           "[{\"tcbInfo\":" + signed_part + signature + ",{\"tcbInfo\":" + hostile + signature + "]",
       }) {
    Case mixed = made;
    mixed.collateral["tcb_info"] = copy(as_bytes(text));
    EXPECT_FALSE(judge(mixed).accepted) << text.substr(0, 40);
  }
}

TEST(OwnKeysDocuments, LettersOfHexadecimalMayBeOfEitherCase) {
  Dcap chain = chains::tdx();
  chain.tcb_info.edit_signed = [](std::string& text) {
    replace("B0C06F", "b0c06F")(text);
    replace("\"TDX_03\"", "\"TDX_0a\"")(text);
  };
  chain.tcb_info.edit_whole = [](std::string& text) {
    for (std::size_t at = text.size() - 130; at < text.size() - 2; ++at) {
      text[at] = text[at] >= 'a' && text[at] <= 'f' ? static_cast<char>(text[at] - 'a' + 'A') : text[at];
    }
  };
  EXPECT_THAT(judge(chain.seal()), Accepted());
}

TEST(OwnKeysDocuments, MembersThatTheRulesDoNotKnowAreLetBe) {
  Dcap chain = chains::tdx();
  chain.tcb_info.edit_signed =
      replace(R"({"svn":5})", R"({"svn":5,"category":"BIOS","type":"Early Microcode Update"})");
  chain.qe_identity.edit_signed = append_member(R"("more":{"a":[1,2,{"b":null}]})");
  EXPECT_THAT(judge(chain.seal()), Accepted());
}

TEST(OwnKeysDocuments, VersionTwoOfTcbInfoServesSgxAlone) {  // 25
  Dcap enclave = chains::sgx();
  enclave.tcb_info.version = 2;
  EXPECT_THAT(judge(enclave.seal()), Accepted());
  Dcap td = chains::tdx();
  td.tcb_info.version = 2;
  EXPECT_THAT(judge(td.seal()), RejectedForAny(Words{"TEE_MISMATCH", "BAD_COLLATERAL_FORMAT:tcb_info"}));
}

TEST(OwnKeysDocuments, ALevelThatStandsTwiceIsRefused) {
  // Whichever status such a level has, the order of the document would decide.
  Dcap platform = chains::sgx();
  platform.tcb_info.levels.push_back(platform.tcb_info.levels[0]);
  platform.tcb_info.levels.back().status = "Revoked";
  EXPECT_THAT(judge(platform.seal()), RejectedFor("BAD_COLLATERAL_FORMAT:tcb_info"));
  Dcap module = chains::tdx();
  module.tcb_info.module_identities[1].levels.push_back(module.tcb_info.module_identities[1].levels[0]);
  EXPECT_THAT(judge(module.seal()), RejectedFor("BAD_COLLATERAL_FORMAT:tcb_info"));
  Dcap qe = chains::sgx();
  qe.qe_identity.levels.push_back(qe.qe_identity.levels[0]);
  EXPECT_THAT(judge(qe.seal()), RejectedFor("BAD_COLLATERAL_FORMAT:qe_identity"));
}

TEST(OwnKeysDocuments, NoLevelAtAllIsRefused) {
  Dcap platform = chains::sgx();
  platform.tcb_info.levels.clear();
  EXPECT_THAT(judge(platform.seal()), RejectedFor("BAD_COLLATERAL_FORMAT:tcb_info"));
  Dcap module = chains::tdx();
  module.tcb_info.module_identities[0].levels.clear();
  EXPECT_THAT(judge(module.seal()), RejectedFor("BAD_COLLATERAL_FORMAT:tcb_info"));
  Dcap qe = chains::sgx();
  qe.qe_identity.levels.clear();
  EXPECT_THAT(judge(qe.seal()), RejectedFor("BAD_COLLATERAL_FORMAT:qe_identity"));
}

TEST(OwnKeysDocuments, AVersionOfTheOtherSchemaIsRefused) {
  Dcap three_as_two = chains::sgx();
  three_as_two.tcb_info.edit_signed = replace("\"version\":3", "\"version\":2");
  EXPECT_THAT(judge(three_as_two.seal()), RejectedFor("BAD_COLLATERAL_FORMAT:tcb_info"));
  Dcap two_with_id = chains::sgx();
  two_with_id.tcb_info.version = 2;
  two_with_id.tcb_info.edit_signed = replace("{\"version\":2", "{\"id\":\"SGX\",\"version\":2");
  EXPECT_THAT(judge(two_with_id.seal()), RejectedFor("BAD_COLLATERAL_FORMAT:tcb_info"));
  Dcap two_as_three = chains::sgx();
  two_as_three.tcb_info.version = 2;
  two_as_three.tcb_info.edit_signed = replace("{\"version\":2", "{\"id\":\"SGX\",\"version\":3");
  EXPECT_THAT(judge(two_as_three.seal()), RejectedFor("BAD_COLLATERAL_FORMAT:tcb_info"));
}

TEST(OwnKeysDocuments, DocumentsOfEveryAllowedSizeAreReadAndLargerOnesRefused) {
  Dcap many = chains::sgx();
  for (int i = 0; i < 254; ++i) {  // no two alike
    many.tcb_info.levels.push_back(many.tcb_info.levels[1]);
    many.tcb_info.levels.back().sgx[15] = i + 1;
  }
  EXPECT_THAT(judge(many.seal()), Accepted());
  many.tcb_info.levels.push_back(many.tcb_info.levels[1]);
  many.tcb_info.levels.back().pce_svn = 1;
  EXPECT_THAT(judge(many.seal()), RejectedFor("BAD_COLLATERAL_FORMAT:tcb_info"));
  Dcap advised = chains::sgx();
  advised.tcb_info.levels.back().advisories.assign(128, "INTEL-SA-00001");
  EXPECT_THAT(judge(advised.seal()), Accepted());
  advised.tcb_info.levels.back().advisories.emplace_back("INTEL-SA-00002");
  EXPECT_THAT(judge(advised.seal()), RejectedFor("BAD_COLLATERAL_FORMAT:tcb_info"));
  Dcap large = chains::sgx();
  large.qe_identity.edit_signed = append_member("\"more\":\"" + std::string(256 * 1024, 'x') + "\"");
  EXPECT_THAT(judge(large.seal()), RejectedFor("BAD_COLLATERAL_FORMAT:qe_identity"));
}

}  // namespace
}  // namespace blindai::evidence
