#include "evidence/report.h"

#include <gtest/gtest.h>

namespace blindai::evidence {
namespace {

TEST(AReport, IsAcceptedOnlyIfSomethingPassedAndNothingElseHappened) {
  Report report;
  EXPECT_FALSE(report.accepted());
  report.not_applicable("tcb", "simulated");
  EXPECT_FALSE(report.accepted());
  report.pass("sizes", "", "", "");
  EXPECT_TRUE(report.accepted());
  report.checks.push_back({"crl", Outcome::skipped, "", "", "", ""});
  EXPECT_FALSE(report.accepted());
  EXPECT_EQ(report.first_failed(), nullptr);
}

TEST(AReport, NamesTheFirstFailedCheck) {
  Report report;
  report.pass("a", "", "", "");
  EXPECT_FALSE(report.check(false, "b", "1", "2", "TLS"));
  report.fail("c", "", "", "");
  ASSERT_NE(report.first_failed(), nullptr);
  EXPECT_EQ(report.first_failed()->name, "b");
  EXPECT_FALSE(report.accepted());
}

TEST(AReport, GivesEachReasonOnceInOrder) {
  Report report;
  report.check(true, "a", {Reason::revoked, "pck"}, "", "", "");
  report.check(false, "b", {Reason::expired, "pck_crl"}, "", "", "");
  report.fail("c", {Reason::bad_crl, "root_ca_crl"}, "", "");
  report.check(false, "d", {Reason::expired, "pck_crl"}, "", "", "");
  report.fail("e", "", "", "");
  EXPECT_EQ(report.reasons(), (std::vector<std::string>{"EXPIRED:pck_crl", "BAD_CRL:root_ca_crl"}));
  EXPECT_EQ(report.to_json().find("reasons")->as<json::Array>()->size(), 2U);
}

TEST(AReport, IsJson) {
  Report report;
  report.policy_name = "lab";
  report.check(false, "b", "1", "2", "TLS");
  const auto value = report.to_json();
  EXPECT_EQ(value.find("accepted")->as<bool>() != nullptr && *value.find("accepted")->as<bool>(), false);
  EXPECT_EQ(*value.find("policy")->text("name"), "lab");
  EXPECT_EQ(*(*value.find("checks")->as<json::Array>())[0].text("outcome"), "failed");
}

}  // namespace
}  // namespace blindai::evidence
