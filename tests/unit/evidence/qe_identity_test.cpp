#include <gtest/gtest.h>

#include "chains/documents.h"
#include "evidence/dcap/documents.h"
#include "evidence/json_edit.h"

namespace blindai::evidence::dcap {
namespace {

constexpr UnixSeconds issued = 1'771'412'331;

const std::string& text() {
  static const std::string inner = [] {
    chains::QeIdentity identity{.signer = chains::Key::generate(chains::Curve::p256)};
    identity.issue_date = issued;
    identity.next_update = issued + 86'400;
    identity.misc_select = {1, 2, 3, 4};
    identity.misc_select_mask = {0xff, 0xfe, 0xfd, 0xfc};
    identity.attributes = Bytes(16, 0x11);
    identity.attributes_mask = Bytes(16, 0xfb);
    identity.mr_signer = Bytes(32, 0x8c);
    identity.isv_prod_id = 2;
    identity.levels = {{4, "OutOfDate", issued - 9, {"INTEL-SA-00477"}}, {8, "UpToDate", issued - 1, {}}};
    Effort effort;
    return read_signed(as_bytes(identity.json()), "enclaveIdentity", "qe_identity", effort)->text;
  }();
  return inner;
}

Parsed<QeIdentity> parse(const std::string& changed) { return parse_qe_identity({changed, Bytes(64)}); }

void expect_refused(const std::string& changed, const std::string& word = "BAD_COLLATERAL_FORMAT:qe_identity") {
  const auto identity = parse(changed);
  ASSERT_FALSE(identity) << changed;
  EXPECT_EQ(identity.error().text(), word) << changed;
}

TEST(QeIdentity, IsRead) {
  const auto identity = parse(text());
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->id, EnclaveId::qe);
  EXPECT_EQ(identity->issue_date, issued);
  EXPECT_EQ(identity->next_update, issued + 86'400);
  EXPECT_EQ(identity->evaluation_number, 17);
  EXPECT_EQ(identity->misc_select, 0x04030201U);
  EXPECT_EQ(identity->misc_select_mask, 0xfcfdfeffU);
  EXPECT_EQ(copy(identity->attributes), Bytes(16, 0x11));
  EXPECT_EQ(copy(identity->attributes_mask), Bytes(16, 0xfb));
  EXPECT_EQ(copy(identity->mr_signer), Bytes(32, 0x8c));
  EXPECT_EQ(identity->isv_prod_id, 2);
  ASSERT_EQ(identity->levels.size(), 2U);
  EXPECT_EQ(identity->levels[0].isv_svn, 8);
  EXPECT_EQ(identity->levels[0].status, TcbStatus::up_to_date);
  EXPECT_EQ(identity->levels[0].date, issued - 1);
  EXPECT_EQ(identity->levels[1].isv_svn, 4);
  EXPECT_EQ(identity->levels[1].advisories, (std::vector<std::string>{"INTEL-SA-00477"}));
}

TEST(QeIdentity, SaysOfWhichEnclaveItIs) {
  EXPECT_EQ(parse(with(text(), "id", "\"TD_QE\""))->id, EnclaveId::td_qe);
  EXPECT_EQ(parse(with(text(), "id", "\"QVE\""))->id, EnclaveId::qve);
  for (const char* wrong : {"\"\"", "\"qe\"", "\"QE \"", "\"TDX\"", "\"QAE\""}) {
    expect_refused(with(text(), "id", wrong));
  }
}

TEST(QeIdentity, OfAnotherVersionIsRefused) {
  for (const char* wrong : {"0", "1", "3", "\"2\""}) {
    expect_refused(with(text(), "version", wrong));
  }
}

constexpr std::array members{"id",
                             "version",
                             "issueDate",
                             "nextUpdate",
                             "tcbEvaluationDataNumber",
                             "miscselect",
                             "mrsigner",
                             "miscselectMask",
                             "attributes",
                             "attributesMask",
                             "isvprodid",
                             "tcbLevels",
                             "tcb",
                             "isvsvn",
                             "tcbDate",
                             "tcbStatus"};

TEST(QeIdentity, WithoutAMemberIsRefused) {
  for (const char* name : members) {
    ASSERT_GT(count_members(text(), name), 0U) << name;
    for (std::size_t i = 0; i < count_members(text(), name); ++i) {
      expect_refused(without(text(), name, i));
    }
  }
}

TEST(QeIdentity, WithAMemberOfAnotherTypeIsRefused) {
  for (const char* name : members) {
    for (std::size_t i = 0; i < count_members(text(), name); ++i) {
      for (const char* wrong : {"null", "true", "-1", "1.5", "4294967296", "[]", "{}", "[{}]", "[1]"}) {
        expect_refused(with(text(), name, wrong, i));
      }
      for (const char* wrong : {"\"\"", "\"?\""}) {
        expect_refused(with(text(), name, wrong, i), std::string_view(name) == "tcbStatus"
                                                         ? "TCB_STATUS_UNKNOWN:qe"
                                                         : "BAD_COLLATERAL_FORMAT:qe_identity");
      }
    }
  }
  expect_refused(with(text(), "isvprodid", "65536"));
  expect_refused(with(text(), "isvsvn", "65536"));
}

TEST(QeIdentity, HasHexadecimalOfItsSize) {
  for (const char* name : {"miscselect", "miscselectMask", "attributes", "attributesMask", "mrsigner"}) {
    const Place place = find_value(text(), name, 0);
    const std::string value = text().substr(place.from, place.bytes);
    expect_refused(with(text(), name, "\"00" + value.substr(1)));
    expect_refused(with(text(), name, "\"" + value.substr(3)));
  }
}

TEST(QeIdentity, ThatIsNotJsonIsRefused) {
  expect_refused(text().substr(0, text().size() / 2));
  expect_refused("{}");
  expect_refused(with(text(), "isvprodid", "2,\"isvprodid\":2"));
  expect_refused(with(text(), "isvprodid", "2,\"later\":" + std::string(100'000, '[')));
}

TEST(QeIdentity, WithTheSameLevelTwiceIsRefused) { expect_refused(with(text(), "isvsvn", "8")); }

}  // namespace
}  // namespace blindai::evidence::dcap
