#include "channel/attest.h"

#include <gtest/gtest.h>

#include "sample.h"

namespace blindai::channel {
namespace {

TEST(AnAttestRequest, SurvivesJson) {
  AttestRequest request;
  request.nonce.fill(7);
  request.fresh = false;
  request.have = crypto::sha256(as_bytes("collateral"));
  const auto again = AttestRequest::parse(request.to_json());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->nonce, request.nonce);
  EXPECT_FALSE(again->fresh);
  EXPECT_EQ(again->have, request.have);
}

TEST(AnAttestRequest, IsRefusedWithAnythingButARandomNonceOfThirtyTwoBytes) {
  const auto with = [](std::size_t size, std::uint8_t fill) {
    return AttestRequest::parse(R"({"nonce": ")" + to_base64(Bytes(size, fill)) + R"(", "fresh": true})").has_value();
  };
  EXPECT_TRUE(with(32, 1));
  EXPECT_FALSE(with(32, 0));
  EXPECT_FALSE(with(31, 1));
  EXPECT_FALSE(with(33, 1));
  EXPECT_FALSE(with(0, 1));
  const std::string nonce = to_base64(Bytes(32, 1));
  EXPECT_FALSE(AttestRequest::parse(R"({"nonce": ")" + nonce + R"("})"));
  EXPECT_FALSE(AttestRequest::parse(R"({"nonce": ")" + nonce + R"(", "fresh": 1})"));
  EXPECT_FALSE(AttestRequest::parse(R"({"nonce": ")" + nonce + R"(", "fresh": true, "id": 1})"));
  EXPECT_FALSE(AttestRequest::parse(R"({"nonce": ")" + nonce + R"(", "fresh": true, "have": "AA=="})"));
  EXPECT_FALSE(AttestRequest::parse("[]"));
  const std::string good = R"({"nonce": ")" + nonce + R"(", "fresh": true})";
  EXPECT_TRUE(AttestRequest::parse(good + std::string(max_attest_request_bytes - good.size(), ' ')));
  EXPECT_FALSE(AttestRequest::parse(good + std::string(max_attest_request_bytes + 1 - good.size(), ' ')));
}

TEST(AnAttestAnswer, SurvivesJson) {
  AttestAnswer answer = Sample().answer();
  answer.collateral.emplace().set("tcb_info", copy(as_bytes("{}")));
  answer.evidence[0].log = Bytes{1, 2};
  const std::string text = answer.to_json();
  const auto again = AttestAnswer::parse(text);
  ASSERT_TRUE(again) << again.error().message.str();
  EXPECT_EQ(again->to_json(), text);
}

TEST(AnAttestAnswer, IsBoundedBeforeItIsDecoded) {
  AttestAnswer answer = Sample().answer();
  answer.evidence[0].data.resize(64 * 1024);
  EXPECT_TRUE(AttestAnswer::parse(answer.to_json()));
  answer.evidence[0].data.resize(64 * 1024 + 1);
  EXPECT_FALSE(AttestAnswer::parse(answer.to_json()));
  answer = Sample().answer();
  answer.evidence[0].log.resize(256 * 1024 + 1);
  EXPECT_FALSE(AttestAnswer::parse(answer.to_json()));
  answer = Sample().answer();
  const auto with_item = [](const std::string& name, std::size_t size) {
    json::Value value = *json::parse(Sample().answer().to_json());
    json::Object object = *value.as<json::Object>();
    object["collateral"] = json::Object{{name, to_base64(Bytes(size))}};
    return AttestAnswer::parse(json::write(object)).has_value();
  };
  EXPECT_TRUE(with_item("tcb_info", 1024 * 1024));
  EXPECT_FALSE(with_item("tcb_info", 1024 * 1024 + 1));
  EXPECT_FALSE(with_item("tcb_infos", 1));
  answer = Sample().answer();
  answer.path->hashes.resize(17);
  EXPECT_FALSE(AttestAnswer::parse(answer.to_json()));
  answer = Sample().answer();
  answer.session_signature.resize(65);
  EXPECT_FALSE(AttestAnswer::parse(answer.to_json()));
  EXPECT_FALSE(AttestAnswer::parse(std::string(max_attest_answer_bytes + 1, ' ')));
}

// Where a text is over its limit it is not even decoded; that has a code of its own.
TEST(AnAttestAnswer, SaysWhichPartIsTooLarge) {
  AttestAnswer answer = Sample().answer();
  answer.evidence[0].data.resize(128 * 1024);
  EXPECT_EQ(AttestAnswer::parse(answer.to_json()).error().code, Code::too_large);
  answer = Sample().answer();
  answer.keyset.resize(64 * 1024);
  EXPECT_TRUE(AttestAnswer::parse(answer.to_json()));
  answer.keyset.resize(64 * 1024 + 3);
  EXPECT_EQ(AttestAnswer::parse(answer.to_json()).error().code, Code::too_large);
  const std::string good = Sample().answer().to_json();
  EXPECT_TRUE(AttestAnswer::parse(good + std::string(max_attest_answer_bytes - good.size(), ' ')));
  EXPECT_EQ(AttestAnswer::parse(good + std::string(max_attest_answer_bytes + 1 - good.size(), ' ')).error().code,
            Code::too_large);
}

TEST(AnAttestAnswer, HasAtMostEightItems) {
  AttestAnswer answer = Sample().answer();
  answer.evidence.resize(8, answer.evidence[0]);
  EXPECT_TRUE(AttestAnswer::parse(answer.to_json()));
  answer.evidence.resize(9, answer.evidence[0]);
  EXPECT_FALSE(AttestAnswer::parse(answer.to_json()));
}

TEST(AnAttestAnswer, HasAClosedSchemaAllTheWayDown) {
  const std::string good = Sample().answer().to_json();
  const auto changed = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    return AttestAnswer::parse(text).has_value();
  };
  EXPECT_TRUE(changed("{", "{"));
  EXPECT_FALSE(changed("{", R"({"extra":1,)"));
  EXPECT_FALSE(changed(R"("evidence":[{)", R"("evidence":[{"extra":1,)"));
  EXPECT_FALSE(changed(R"("path":{)", R"("path":{"extra":1,)"));
  EXPECT_FALSE(changed(R"("index":1)", R"("index":-1)"));
  EXPECT_FALSE(changed(R"("index":1)", R"("index":1.5)"));
  EXPECT_FALSE(changed(R"("size":3)", R"("size":-3)"));
  EXPECT_FALSE(changed(R"("type":"simulated")", R"("type":7)"));
  EXPECT_TRUE(changed(R"("type":"simulated")", "\"type\":\"" + std::string(32, 's') + "\""));
  EXPECT_FALSE(changed(R"("type":"simulated")", "\"type\":\"" + std::string(33, 's') + "\""));
}

TEST(AnAttestAnswer, CutAnywhereIsRefused) {
  const std::string text = Sample().answer().to_json();
  for (std::size_t size = 0; size < text.size(); size += 7) {
    EXPECT_FALSE(AttestAnswer::parse(std::string_view(text).substr(0, size))) << size;
  }
}

}  // namespace
}  // namespace blindai::channel
