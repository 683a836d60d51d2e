// Documents and certificates that are malformed and signed all the same (9, 10 in the list of attacks).
#include "chains/der.h"
#include "own_keys.h"

namespace blindai::evidence {
namespace {

using chains::Dcap;
using chains::EditText;
using chains::replace;
namespace der = chains::der;

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

TEST(OwnKeysDocuments, AVersionOfTheOtherSchemaIsRefused) {
  Dcap three_as_two = chains::sgx();
  three_as_two.tcb_info.edit_signed = replace("\"version\":3", "\"version\":2");
  EXPECT_THAT(judge(three_as_two.seal()), RejectedFor("BAD_COLLATERAL_FORMAT:tcb_info"));
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

// 10: certificates.

std::string refusal_of_pck(const std::function<void(Dcap&)>& change) {
  Dcap chain = chains::sgx();
  change(chain);
  const Verdict verdict = judge(chain.seal());
  return verdict.accepted ? "accepted" : testing::PrintToString(verdict.reasons);
}

TEST(OwnKeysDocuments, ACertificateThatIsNotDerIsRefused) {  // 10
  const std::string refused = R"({ "BAD_CERT_CHAIN:pck_chain" })";
  const auto whole = [](const chains::Edit& edit) {
    return refusal_of_pck([&](Dcap& chain) { chain.pck.edit_whole = edit; });
  };
  const auto inner = [](const chains::Edit& edit) {
    return refusal_of_pck([&](Dcap& chain) { chain.pck.edit_signed = edit; });
  };
  EXPECT_EQ(whole([](Bytes& bytes) { bytes.push_back(0); }), refused) << "trailing byte";
  EXPECT_EQ(whole([](Bytes& bytes) { bytes.pop_back(); }), refused) << "cut";
  EXPECT_EQ(whole([](Bytes& bytes) { bytes.clear(); }), refused) << "empty";
  EXPECT_EQ(whole([](Bytes& bytes) { bytes = Bytes(5000, 0x30); }), refused) << "deep nesting";
  EXPECT_EQ(whole([](Bytes& bytes) {
              bytes[1] = 0x80;  // indefinite length, closed as BER closes it
              bytes.erase(bytes.begin() + 2, bytes.begin() + 4);
              bytes.insert(bytes.end(), {0, 0});
            }),
            refused);
  EXPECT_EQ(whole([](Bytes& bytes) { bytes[1] = 0x88; }), refused) << "length of eight bytes";
  EXPECT_EQ(whole([](Bytes& bytes) {
              bytes[1] = 0x83;
              bytes.insert(bytes.begin() + 2, 0);
            }),
            refused)
      << "length with a leading zero";
  EXPECT_EQ(inner([](Bytes& bytes) { bytes[1] = 0x84; }), refused) << "length beyond the end";
  EXPECT_EQ(inner([](Bytes& bytes) { bytes.push_back(0x05); }), refused) << "something between the parts";
}

TEST(OwnKeysDocuments, AnExtensionOfSgxThatIsNotAsIntelDefinesItIsRefused) {  // 10
  const std::string refused = R"({ "BAD_CERTIFICATE:pck" })";
  const auto entries = [](const std::function<void(std::vector<Bytes>&)>& edit) {
    return refusal_of_pck([&](Dcap& chain) { chain.pck_extension.edit_entries = edit; });
  };
  const auto tcb = [](const std::function<void(std::vector<Bytes>&)>& edit) {
    return refusal_of_pck([&](Dcap& chain) { chain.pck_extension.edit_tcb_entries = edit; });
  };
  for (std::size_t i = 0; i < 5; ++i) {  // .6 and .7 may be absent
    EXPECT_EQ(entries([i](std::vector<Bytes>& list) { list.erase(list.begin() + static_cast<std::ptrdiff_t>(i)); }),
              refused)
        << "without ." << i + 1;
  }
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(entries([i](std::vector<Bytes>& list) { list.push_back(list[i]); }), refused) << "twice ." << i + 1;
  }
  for (std::size_t i = 0; i < 18; ++i) {
    EXPECT_EQ(tcb([i](std::vector<Bytes>& list) { list.erase(list.begin() + static_cast<std::ptrdiff_t>(i)); }),
              refused)
        << "without .2." << i + 1;
    EXPECT_EQ(tcb([i](std::vector<Bytes>& list) { list.push_back(list[i]); }), refused) << "twice .2." << i + 1;
  }
  EXPECT_EQ(entries([](std::vector<Bytes>& list) { list.clear(); }), refused);
  EXPECT_EQ(entries([](std::vector<Bytes>& list) { list.push_back({0x05, 0x00}); }), refused);
  const auto changed = [](const std::function<void(chains::PckExtension&)>& change) {
    return refusal_of_pck([&](Dcap& chain) { change(chain.pck_extension); });
  };
  EXPECT_EQ(changed([](auto& form) { form.components[3] = 256; }), refused);
  EXPECT_EQ(changed([](auto& form) { form.components[3] = -1; }), refused);
  EXPECT_EQ(changed([](auto& form) { form.pce_svn = 65536; }), refused);
  EXPECT_EQ(changed([](auto& form) { form.pce_svn = -1; }), refused);
  EXPECT_EQ(changed([](auto& form) { form.ppid.pop_back(); }), refused);
  EXPECT_EQ(changed([](auto& form) { form.fmspc.push_back(0); }), refused);
  EXPECT_EQ(changed([](auto& form) { form.pce_id.push_back(0); }), refused);
  EXPECT_EQ(changed([](auto& form) { form.cpu_svn = Bytes(15, 5); }), refused);
  EXPECT_EQ(changed([](auto& form) { form.sgx_type = 3; }), refused);
  EXPECT_EQ(changed([](auto& form) { form.platform_instance = Bytes(15); }), refused);
  EXPECT_EQ(changed([](auto& form) { form.components[3] = 200; }), "accepted");
  EXPECT_EQ(changed([](auto& form) { form.pce_svn = 65535; }), "accepted");
}

TEST(OwnKeysDocuments, TheExtensionOfSgxStandsThereOnce) {  // 10
  EXPECT_NE(refusal_of_pck([](Dcap& chain) { chain.pck.extensions.push_back(chain.pck_extension.extension()); }),
            "accepted");
  Dcap without = chains::sgx();
  without.pck_extension.edit_entries = {};
  without.pck.edit_signed = [](Bytes& bytes) {
    // Another OID in its place: the last byte of 1.2.840.113741.1.13.1.
    const Bytes oid = der::oid(chains::sgx_extension_oid);
    const auto at = std::search(bytes.begin(), bytes.end(), oid.begin(), oid.end());
    ASSERT_NE(at, bytes.end());
    *(at + static_cast<std::ptrdiff_t>(oid.size()) - 1) = 9;
  };
  EXPECT_THAT(judge(without.seal()), RejectedFor("BAD_CERTIFICATE:pck"));
}

TEST(OwnKeysDocuments, WhatProcessorCertificatesLackIsNotAskedFor) {
  Dcap chain = chains::sgx();
  chain.pck_ca.subject = chains::intel_name("Intel SGX PCK Processor CA");
  chain.pck.issuer = chain.pck_ca.subject;
  chain.pck_crl.issuer = chain.pck_ca.subject;
  chain.pck_extension.platform_instance.reset();
  chain.pck_extension.configuration.reset();
  EXPECT_THAT(judge(chain.seal()), Accepted());
}

}  // namespace
}  // namespace blindai::evidence
