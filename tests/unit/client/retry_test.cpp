// What is repeated and what is not, counted at a service that looks at what arrived.
#include "client/retry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>

#include "client/client.h"
#include "client/fake_service.h"

namespace blindai::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view metadata =
    R"({"name": "m", "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}], "outputs": []})";

Reply good() { return json_reply(R"({"model_name": "m", "outputs": []})"); }

Reply later(int status, std::string_view after) {
  Reply reply = json_reply(R"({"error": "later"})", status);
  reply.headers.emplace_back("Retry-After", after);
  return reply;
}

// Metadata to who asks for it; to the n-th request of another method, from 1, what `answer` says.
std::function<Reply(const Seen&)> service_of(std::function<Reply(int)> answer) {
  return [answer = std::move(answer), count = std::make_shared<std::atomic<int>>()](const Seen& request) {
    return request.method == "GET" ? json_reply(metadata) : answer(++*count);
  };
}

class RetryTest : public testing::Test {
 protected:
  std::unique_ptr<Client> connect(const FakeService& service, unsigned retries = 2) {
    Options options;
    options.url = service.url();
    options.policy = service.policy();
    options.api_key = auth::ApiKey::generate().text();
    options.calls = {.timeout = seconds(10), .load = seconds(10), .retries = retries};
    auto client = Client::connect(std::move(options));
    EXPECT_TRUE(client);
    return client ? std::move(*client) : nullptr;
  }
  Outcome<Prediction> predict(Client& client, const CallOptions* own = nullptr) {
    return client.predict("m", {{.name = "", .datatype = DataType::fp32, .shape = {1, 2}, .data = ByteView(data_)}},
                          std::nullopt, own);
  }
  static long arrived(const FakeService& service, std::string_view method = "POST") {
    return std::ranges::count_if(service.seen(), [&](const Seen& seen) { return seen.method == method; });
  }

  Bytes data_ = {0, 0, 128, 63, 0, 0, 0, 64};
};

TEST_F(RetryTest, AnInferenceWhoseConnectionEndedBeforeAnAnswerIsRepeatedOnANewOne) {
  FakeService service({.answer = service_of([](int n) { return n == 1 ? Reply{.vanish = true} : good(); })});
  auto client = connect(service);
  ASSERT_TRUE(client);
  const auto answer = predict(*client);
  EXPECT_TRUE(answer) << answer.error().error.message.str();
  EXPECT_EQ(arrived(service), 2);
  EXPECT_EQ(service.attests().size(), 2U) << "the new connection proved itself";
}

TEST_F(RetryTest, NothingIsRepeatedOnceAByteOfAnAnswerWasRead) {
  for (const std::size_t cut : {1U, 20U, 90U}) {
    FakeService service({.answer = service_of([cut](int) {
                           Reply reply = good();
                           reply.cut = cut;
                           return reply;
                         })});
    auto client = connect(service);
    ASSERT_TRUE(client);
    EXPECT_FALSE(predict(*client));
    EXPECT_EQ(arrived(service), 1) << cut;
  }
}

TEST_F(RetryTest, ARepetitionIsCountedAndTheLastFailureIsTheAnswer) {
  for (const unsigned retries : {0U, 1U, 3U}) {
    FakeService service({.answer = service_of([](int) { return Reply{.vanish = true}; })});
    auto client = connect(service, retries);
    ASSERT_TRUE(client);
    EXPECT_EQ(predict(*client).error().error.code, Code::unavailable);
    EXPECT_EQ(arrived(service), 1 + static_cast<long>(retries));
  }
}

TEST_F(RetryTest, ARefusalThatSaysWhenToComeBackIsRepeatedThen) {
  for (const int status : {429, 503}) {
    FakeService service({.answer = service_of([status](int n) { return n == 1 ? later(status, "1") : good(); })});
    auto client = connect(service);
    ASSERT_TRUE(client);
    const auto begin = Steady::now();
    EXPECT_TRUE(predict(*client));
    EXPECT_GE(Steady::now() - begin, seconds(1));
    EXPECT_EQ(arrived(service), 2);
    EXPECT_EQ(service.connections(), 1) << "the connection was good";
  }
}

// So a worker that died of the request does not die again.
TEST_F(RetryTest, ARefusalThatDoesNotSaySoIsNotRepeated) {
  for (const int status : {429, 503, 500, 504}) {
    FakeService service({.answer = service_of([status](int) { return json_reply("{}", status); })});
    auto client = connect(service);
    ASSERT_TRUE(client);
    const auto answer = predict(*client);
    EXPECT_FALSE(answer);
    EXPECT_EQ(answer.error().retry_after, std::nullopt);
    EXPECT_EQ(arrived(service), 1) << status;
  }
}

TEST_F(RetryTest, NoOtherStatusIsRepeatedWhateverItsHeadersSay) {
  for (const int status : {400, 401, 404, 409, 413, 500, 502, 504}) {
    FakeService service({.answer = service_of([status](int) { return later(status, "0"); })});
    auto client = connect(service);
    ASSERT_TRUE(client);
    EXPECT_EQ(predict(*client).error().retry_after, std::nullopt);
    EXPECT_EQ(arrived(service), 1) << status;
  }
}

TEST_F(RetryTest, APauseThatWouldOutlastTheCallIsNotBegun) {
  FakeService service({.answer = service_of([](int) { return later(503, "60"); })});
  auto client = connect(service);
  ASSERT_TRUE(client);
  const auto begin = Steady::now();
  const auto answer = predict(*client);
  ASSERT_FALSE(answer);
  EXPECT_LT(Steady::now() - begin, seconds(5));
  EXPECT_EQ(answer.error().error.code, Code::unavailable);
  EXPECT_EQ(answer.error().retry_after, seconds(60));
  EXPECT_EQ(arrived(service), 1);
}

TEST_F(RetryTest, AnOddRetryAfterIsNone) {
  for (const auto* odd : {"", "-1", "1.5", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "99999999999999999999"}) {
    FakeService service({.answer = service_of([odd](int) { return later(503, odd); })});
    auto client = connect(service);
    ASSERT_TRUE(client);
    EXPECT_EQ(predict(*client).error().retry_after, std::nullopt) << odd;
    EXPECT_EQ(arrived(service), 1) << odd;
  }
}

TEST_F(RetryTest, WhatChangesTheServiceIsNotRepeatedOnceItWasBegun) {
  for (const auto* method : {"DELETE", "POST", "PUT"}) {
    for (const bool vanish : {true, false}) {
      FakeService service(
          {.answer = [vanish](const Seen&) { return vanish ? Reply{.vanish = true} : later(503, "0"); }});
      auto client = connect(service);
      ASSERT_TRUE(client);
      EXPECT_EQ(client->call(method, "/x", "").error().error.code, Code::unavailable);
      EXPECT_EQ(arrived(service, method), 1) << method;
    }
  }
  FakeService service({.answer = [](const Seen&) { return Reply{.vanish = true}; }});
  auto client = connect(service);
  ASSERT_TRUE(client);
  EXPECT_FALSE(client->call("GET", "/x", ""));
  EXPECT_EQ(arrived(service, "GET"), 3);
}

TEST_F(RetryTest, AnUploadIsRepeatedOnlyWhereNothingOfItWasSent) {
  std::string folder = (std::filesystem::temp_directory_path() / "retry_XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::vector<ModelFile> files = {{.name = "m.onnx", .path = folder + "/m.onnx"}};
  std::ofstream(files[0].path) << "model";
  FakeService service({.answer = [](const Seen&) { return Reply{.vanish = true}; },
                       .instead = [](int n) { return n == 2 ? std::optional(later(503, "0")) : std::nullopt; }});
  auto client = connect(service);
  ASSERT_TRUE(client);
  service.drop_connections();
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(client->upload(files, "m", false, {}).error().error.code, Code::unavailable);
  EXPECT_EQ(service.attests().size(), 3U) << "the connection that was refused was tried again";
  EXPECT_EQ(arrived(service), 1) << "the upload that was begun was not";
  std::filesystem::remove_all(folder);
}

TEST_F(RetryTest, AServiceThatDoesNotProveItselfIsNotAskedAgain) {
  int made = 0;
  FakeService service(
      {.answer = service_of([](int) { return Reply{.vanish = true}; }), .tamper = [&](channel::AttestAnswer& answer) {
         if (++made > 1) {
           answer.session_signature[0] ^= 1;
         }
       }});
  auto client = connect(service);
  ASSERT_TRUE(client);
  EXPECT_EQ(predict(*client).error().error.code, Code::attestation_failed);
  EXPECT_EQ(service.attests().size(), 2U);
  EXPECT_EQ(arrived(service), 1);
}

TEST_F(RetryTest, ACallMayHaveOptionsOfItsOwn) {
  FakeService service({.answer = service_of([](int) { return Reply{.vanish = true}; })});
  auto client = connect(service, 2);
  ASSERT_TRUE(client);
  const CallOptions once{.timeout = seconds(5)};
  EXPECT_FALSE(predict(*client, &once));
  EXPECT_EQ(arrived(service), 1);
}

TEST_F(RetryTest, APauseEndsSoonAfterItIsInterrupted) {
  FakeService service({.answer = service_of([](int) { return later(503, "5"); })});
  auto client = connect(service);
  ASSERT_TRUE(client);
  std::atomic<bool> stop = false;
  const CallOptions own{.timeout = seconds(30), .retries = 2, .interrupted = [&] { return stop.load(); }};
  const std::jthread soon([&] {
    std::this_thread::sleep_for(milliseconds(300));
    stop = true;
  });
  const auto begin = Steady::now();
  EXPECT_EQ(predict(*client, &own).error().error.code, Code::cancelled);
  EXPECT_LT(Steady::now() - begin, seconds(3));
  EXPECT_EQ(arrived(service), 1);
}

TEST_F(RetryTest, ASecondConnectionTakesNoLongerThanItsCallHas) {
  FakeService service({.answer = service_of([](int) { return good(); }),
                       .instead = [](int n) { return n == 1 ? std::nullopt : std::optional(Reply{.silent = true}); }});
  auto client = connect(service);
  ASSERT_TRUE(client);
  service.drop_connections();
  std::this_thread::sleep_for(milliseconds(50));
  const CallOptions own{.timeout = milliseconds(300)};
  const auto begin = Steady::now();
  EXPECT_EQ(predict(*client, &own).error().error.code, Code::deadline_exceeded);
  EXPECT_LT(Steady::now() - begin, seconds(3));
}

}  // namespace
}  // namespace blindai::client
