#include "client/client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>

#include "auth/auth.h"
#include "base/json.h"
#include "client/fake_service.h"

namespace blindai::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view metadata =
    R"({"name": "m", "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}], "outputs": []})";

const Digest digest_a = crypto::sha256(as_bytes("a"));
const Digest digest_b = crypto::sha256(as_bytes("b"));

// Answers metadata, and predictions with the bytes that came.
Reply echo(const Seen& request) {
  if (request.method == "GET") {
    return json_reply(metadata);
  }
  const std::size_t json_bytes = std::stoull(request.header("Inference-Header-Content-Length"));
  const Bytes data(request.body.begin() + static_cast<std::ptrdiff_t>(json_bytes), request.body.end());
  std::string json = fmt::format(
      R"({{"model_name": "m", "outputs": [{{"name": "y", "datatype": "FP32", "shape": [{}], "parameters": {{"binary_data_size": {}}}}}]}})",
      data.size() / 4, data.size());
  Reply reply;
  reply.headers = {{"Content-Type", "application/octet-stream"},
                   {"Inference-Header-Content-Length", std::to_string(json.size())},
                   {"Blindai-Model-Digest", digest_a.text()}};
  reply.body = copy(as_bytes(json));
  append(reply.body, data);
  return reply;
}

class ClientTest : public testing::Test {
 protected:
  Options options(const FakeService& service) const {
    Options out;
    out.url = service.url();
    out.policy = service.policy();
    out.api_key = key_.text();
    out.connect_timeout = seconds(5);
    out.calls = {.timeout = seconds(5), .load = seconds(5)};
    return out;
  }
  std::unique_ptr<Client> connect(const FakeService& service) {
    auto client = Client::connect(options(service));
    EXPECT_TRUE(client) << client.error().error.message.str() << " / " << client.error().error.detail.text;
    return client ? std::move(*client) : nullptr;
  }
  Tensor input() const { return {.name = "", .datatype = DataType::fp32, .shape = {1, 2}, .data = ByteView(data_)}; }

  auth::ApiKey key_ = auth::ApiKey::generate();
  Bytes data_ = {0, 0, 128, 63, 0, 0, 0, 64};
};

TEST_F(ClientTest, SendsOneAttestRequestAndNothingElseBeforeItHasVerified) {
  FakeService service({});
  auto client = connect(service);
  ASSERT_TRUE(client);
  ASSERT_EQ(service.attests().size(), 1U);
  EXPECT_TRUE(service.seen().empty());
  const Seen attest = service.attests().front();
  EXPECT_EQ(attest.method, "POST");
  EXPECT_EQ(attest.header("Authorization"), "");
  EXPECT_EQ(attest.head.find(key_.id), std::string::npos);
  EXPECT_TRUE(client->report().accepted());
  EXPECT_TRUE(client->report().simulated);
}

TEST_F(ClientTest, ProvesItsKeyForTheConnectionAndNeverSendsIt) {
  FakeService service({});
  auto client = connect(service);
  ASSERT_TRUE(client);
  EXPECT_EQ(client->call("GET", "/blindai/v1/models", ""), "{}");
  const Seen request = service.seen().at(0);
  EXPECT_TRUE(request.header("Authorization").starts_with("BlindAI id=" + key_.id + ", proof="));
  EXPECT_EQ(request.head.find(key_.text()), std::string::npos);
}

TEST_F(ClientTest, SendsTheKeyItselfOnlyWhereProofIsNotOffered) {
  FakeService service({.auth = {"bearer"}});
  auto client = connect(service);
  ASSERT_TRUE(client);
  ASSERT_TRUE(client->call("GET", "/x", ""));
  EXPECT_EQ(service.seen().at(0).header("Authorization"), "Bearer " + key_.text());
}

TEST_F(ClientTest, WithoutAKeyNothingIsSentToAServiceThatWantsOne) {
  FakeService service({});
  auto wanted = options(service);
  wanted.api_key = "";
  auto client = Client::connect(std::move(wanted));
  ASSERT_TRUE(client);
  const auto answer = (*client)->call("GET", "/x", "");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.code, Code::unauthenticated);
  EXPECT_TRUE(service.seen().empty());
}

TEST_F(ClientTest, AKeyOfAnotherFormIsRefusedBeforeAnythingIsConnected) {
  FakeService service({});
  auto wanted = options(service);
  wanted.api_key = "bk_x";
  EXPECT_EQ(Client::connect(std::move(wanted)).error().error.code, Code::unauthenticated);
  EXPECT_EQ(service.connections(), 0);
}

TEST_F(ClientTest, AFailedCheckSendsNothingAndBringsTheReport) {
  FakeService service({.tamper = [](channel::AttestAnswer& answer) { answer.session_signature[5] ^= 1; }});
  auto client = Client::connect(options(service));
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().error.code, Code::attestation_failed);
  ASSERT_TRUE(client.error().report);
  EXPECT_EQ(client.error().report->first_failed()->name, "session_signature");
  EXPECT_TRUE(service.seen().empty());
}

TEST_F(ClientTest, AnAnswerToAttestThatIsNoneFailsByName) {
  for (const auto& reply : {json_reply("{}"), json_reply("nonsense"), json_reply("{}", 404), json_reply("[1]")}) {
    FakeService service({.instead = [reply](int) { return reply; }});
    auto client = Client::connect(options(service));
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().error.code, Code::attestation_failed);
    ASSERT_TRUE(client.error().report);
    EXPECT_TRUE(client.error().report->first_failed());
  }
}

TEST_F(ClientTest, AnOversizedAnswerToAttestIsRefused) {
  FakeService service(
      {.instead = [](int) { return json_reply(std::string(channel::max_attest_answer_bytes + 1, ' ')); }});
  auto client = Client::connect(options(service));
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().error.code, Code::attestation_failed);
  EXPECT_EQ(client.error().report->first_failed()->name, "sizes");
}

TEST_F(ClientTest, AServiceThatCannotAttestNowIsUnavailable) {
  FakeService service({.instead = [](int) { return json_reply("{}", 503); }});
  EXPECT_EQ(Client::connect(options(service)).error().error.code, Code::unavailable);
}

TEST_F(ClientTest, PredictsAndSaysWhichModelAnswered) {
  FakeService service({.answer = echo});
  auto client = connect(service);
  ASSERT_TRUE(client);
  const auto prediction = client->predict("m", {input()}, std::nullopt);
  ASSERT_TRUE(prediction) << prediction.error().error.message.str();
  ASSERT_EQ(prediction->outputs.size(), 1U);
  EXPECT_EQ(prediction->outputs[0].name, "y");
  EXPECT_EQ(copy(prediction->outputs[0].data), data_);
  EXPECT_EQ(prediction->model_digest, digest_a.text());
}

TEST_F(ClientTest, UsesOneConnectionForCallsInTurn) {
  FakeService service({.answer = echo});
  auto client = connect(service);
  ASSERT_TRUE(client);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(client->predict("m", {input()}, std::nullopt));
  }
  EXPECT_EQ(service.connections(), 1);
  EXPECT_EQ(service.attests().size(), 1U);
}

TEST_F(ClientTest, CallsAtOnceEachHaveAVerifiedConnection) {
  FakeService service({.answer = [](const Seen& request) {
    std::this_thread::sleep_for(milliseconds(20));
    return echo(request);
  }});
  auto client = connect(service);
  ASSERT_TRUE(client);
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] { good += client->predict("m", {input()}, std::nullopt).has_value() ? 1 : 0; });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(good, 6);
  EXPECT_EQ(static_cast<int>(service.attests().size()), service.connections());
}

TEST_F(ClientTest, AWrongInputIsFoundBeforeAByteOfItIsSent) {
  FakeService service({.answer = echo});
  auto client = connect(service);
  ASSERT_TRUE(client);
  auto wrong_type = input();
  wrong_type.datatype = DataType::int32;
  auto wrong_shape = input();
  wrong_shape.shape = {2, 1};
  auto wrong_name = input();
  wrong_name.name = "z";
  for (const auto& tensor : {wrong_type, wrong_shape, wrong_name}) {
    const auto answer = client->predict("m", {tensor}, std::nullopt);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().error.code, Code::invalid_argument);
  }
  EXPECT_EQ(client->predict("m", {input(), input()}, std::nullopt).error().error.code, Code::invalid_argument);
  for (const auto& request : service.seen()) {
    EXPECT_EQ(request.method, "GET");
  }
}

TEST_F(ClientTest, DataOfAnotherSizeThanItsShapeIsRefused) {
  FakeService service({.answer = echo});
  auto client = connect(service);
  ASSERT_TRUE(client);
  auto tensor = input();
  tensor.data = tensor.data.first(4);
  EXPECT_EQ(client->predict("m", {tensor}, std::nullopt).error().error.code, Code::invalid_argument);
  EXPECT_EQ(client->predict("m", {}, std::nullopt).error().error.code, Code::invalid_argument);
  EXPECT_EQ(client->predict("m", std::vector(65, input()), std::nullopt).error().error.code, Code::invalid_argument);
  EXPECT_TRUE(service.seen().empty());
}

TEST_F(ClientTest, APinTravelsAndAnotherModelsAnswerIsRefused) {
  FakeService service({.answer = echo});
  auto client = connect(service);
  ASSERT_TRUE(client);
  ASSERT_TRUE(client->predict("m", {input()}, digest_a));
  EXPECT_EQ(service.seen().back().header("Blindai-Model-Digest"), digest_a.text());
  const auto other = client->predict("m", {input()}, digest_b);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().error.code, Code::model_rejected);
}

TEST_F(ClientTest, AnAnswerWithoutADigestIsRefusedWhereTheModelIsPinned) {
  FakeService service({.answer = [](const Seen& request) {
    Reply reply = echo(request);
    std::erase_if(reply.headers, [](const auto& header) { return header.first == "Blindai-Model-Digest"; });
    return reply;
  }});
  auto client = connect(service);
  ASSERT_TRUE(client);
  EXPECT_TRUE(client->predict("m", {input()}, std::nullopt));
  EXPECT_EQ(client->predict("m", {input()}, digest_a).error().error.code, Code::model_rejected);
}

TEST_F(ClientTest, APolicyThatRefusesUnpinnedModelsLetsNoneThrough) {
  FakeService service({.answer = echo});
  auto wanted = options(service);
  wanted.policy = service.policy("[models]\nunpinned = \"refuse\"\n");
  auto client = Client::connect(std::move(wanted));
  ASSERT_TRUE(client);
  const auto answer = (*client)->predict("m", {input()}, std::nullopt);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.code, Code::attestation_failed);
  EXPECT_EQ(answer.error().report->first_failed()->name, "model_pin");
  EXPECT_TRUE(service.seen().empty());
  EXPECT_TRUE((*client)->predict("m", {input()}, digest_a));
}

TEST_F(ClientTest, APinOfThePolicyIsUsedAndNotOverruled) {
  FakeService service({.answer = echo});
  auto wanted = options(service);
  wanted.policy = service.policy("[models]\nm = \"" + digest_a.text() + "\"\n");
  auto client = Client::connect(std::move(wanted));
  ASSERT_TRUE(client);
  EXPECT_TRUE((*client)->predict("m", {input()}, std::nullopt));
  EXPECT_EQ(service.seen().back().header("Blindai-Model-Digest"), digest_a.text());
  EXPECT_EQ((*client)->predict("m", {input()}, digest_b).error().error.code, Code::attestation_failed);
}

TEST_F(ClientTest, AnAnswerThatLiesAboutItsPartsIsRefused) {
  const std::vector<std::pair<std::string, std::string>> lies = {
      {"Inference-Header-Content-Length", "99999999"}, {"Inference-Header-Content-Length", "18446744073709551615"},
      {"Inference-Header-Content-Length", "-1"},       {"Inference-Header-Content-Length", "3"},
      {"Inference-Header-Content-Length", ""},         {"Blindai-Model-Digest", "sha256:00"},
  };
  for (const auto& [name, value] : lies) {
    FakeService service({.answer = [&](const Seen& request) {
      Reply reply = echo(request);
      for (auto& header : reply.headers) {
        header.second = header.first == name && request.method == "POST" ? value : header.second;
      }
      return reply;
    }});
    auto client = connect(service);
    ASSERT_TRUE(client);
    const auto answer = client->predict("m", {input()}, std::nullopt);
    ASSERT_FALSE(answer) << name << ": " << value;
    EXPECT_EQ(answer.error().error.code, Code::unavailable) << name << ": " << value;
  }
}

TEST_F(ClientTest, ErrorsOfTheServiceHaveTheirCodesAndItsSentence) {
  const std::vector<std::pair<int, Code>> table = {
      {400, Code::invalid_argument}, {401, Code::unauthenticated},    {403, Code::permission_denied},
      {404, Code::not_found},        {409, Code::already_exists},     {413, Code::too_large},
      {422, Code::model_rejected},   {429, Code::resource_exhausted}, {503, Code::unavailable}};
  for (const auto& [status, code] : table) {
    FakeService service({.answer = [code_sent = status](const Seen&) {
      return json_reply("{\"error\": \"say\\u0007 what\"}", code_sent);
    }});
    auto client = connect(service);
    ASSERT_TRUE(client);
    const auto answer = client->call("GET", "/x", "");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().error.code, code);
    EXPECT_EQ(answer.error().answer, "say  what");
  }
}

TEST_F(ClientTest, AServiceThatVanishesIsUnavailableAndTheRequestIsNotSentAgain) {
  FakeService service({.answer = [](const Seen& request) {
    return request.method == "GET" ? json_reply(metadata) : Reply{.vanish = true};
  }});
  auto client = connect(service);
  ASSERT_TRUE(client);
  const auto answer = client->predict("m", {input()}, std::nullopt);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.code, Code::unavailable);
  EXPECT_EQ(std::ranges::count_if(service.seen(), [](const Seen& seen) { return seen.method == "POST"; }), 1);
}

TEST_F(ClientTest, AConnectionThatDiedWhileIdleIsReplacedByAVerifiedOne) {
  FakeService service({.answer = echo});
  auto client = connect(service);
  ASSERT_TRUE(client);
  ASSERT_TRUE(client->predict("m", {input()}, std::nullopt));
  service.drop_connections();
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_TRUE(client->predict("m", {input()}, std::nullopt));
  EXPECT_EQ(service.connections(), 2);
  EXPECT_EQ(service.attests().size(), 2U);
}

TEST_F(ClientTest, AServiceThatIsSilentRunsIntoTheDeadline) {
  FakeService service({.answer = [](const Seen&) { return Reply{.silent = true}; }});
  auto wanted = options(service);
  wanted.calls.timeout = milliseconds(300);
  auto client = Client::connect(std::move(wanted));
  ASSERT_TRUE(client);
  const auto begin = Steady::now();
  EXPECT_EQ((*client)->call("GET", "/x", "").error().error.code, Code::deadline_exceeded);
  EXPECT_LT(Steady::now() - begin, seconds(3));
}

TEST_F(ClientTest, ACallEndsSoonAfterItIsInterrupted) {
  FakeService service({.answer = [](const Seen&) { return Reply{.silent = true}; }});
  std::atomic<bool> stop = false;
  auto wanted = options(service);
  wanted.calls.timeout = seconds(30);
  wanted.calls.interrupted = [&] { return stop.load(); };
  auto client = Client::connect(std::move(wanted));
  ASSERT_TRUE(client);
  std::thread later([&] {
    std::this_thread::sleep_for(milliseconds(200));
    stop = true;
  });
  const auto begin = Steady::now();
  const auto answer = (*client)->call("GET", "/x", "");
  later.join();
  EXPECT_EQ(answer.error().error.code, Code::cancelled);
  EXPECT_LT(Steady::now() - begin, seconds(2));
}

TEST_F(ClientTest, AttestsAgainBeforeTheAppraisalEnds) {
  FakeService service({.answer = echo});
  auto wanted = options(service);
  wanted.policy = service.policy("[models]\nunpinned = \"allow\"\n", "recheck_seconds = 1\n");
  auto client = Client::connect(std::move(wanted));
  ASSERT_TRUE(client);
  std::this_thread::sleep_for(milliseconds(1200));
  ASSERT_TRUE((*client)->call("GET", "/x", ""));
  EXPECT_EQ(service.attests().size(), 2U);
  EXPECT_EQ(service.connections(), 1);
}

TEST_F(ClientTest, WhatFailsTheSecondAttestGetsNothing) {
  int made = 0;
  FakeService service({.answer = echo, .tamper = [&](channel::AttestAnswer& answer) {
                         if (++made > 1) {
                           answer.session_signature[0] ^= 1;
                         }
                       }});
  auto wanted = options(service);
  wanted.policy = service.policy("[models]\nunpinned = \"allow\"\n", "recheck_seconds = 1\n");
  auto client = Client::connect(std::move(wanted));
  ASSERT_TRUE(client);
  std::this_thread::sleep_for(milliseconds(1200));
  EXPECT_EQ((*client)->call("GET", "/x", "").error().error.code, Code::attestation_failed);
  EXPECT_TRUE(service.seen().empty());
}

TEST_F(ClientTest, AClosedClientSendsNothing) {
  FakeService service({});
  auto client = connect(service);
  ASSERT_TRUE(client);
  client->close();
  EXPECT_EQ(client->call("GET", "/x", "").error().error.code, Code::cancelled);
  EXPECT_TRUE(service.seen().empty());
}

class UploadTest : public ClientTest {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "upload_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    content_.resize(3'000'000);
    for (std::size_t i = 0; i < content_.size(); ++i) {
      content_[i] = static_cast<std::uint8_t>(i * 31 % 251);
    }
    std::ofstream(folder_ + "/m.onnx", std::ios::binary)
        .write(reinterpret_cast<const char*>(content_.data()),  // NOLINT
               static_cast<std::streamsize>(content_.size()));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::vector<ModelFile> files() const { return {{"m.onnx", folder_ + "/m.onnx"}}; }
  static Reply created(const Seen& request) {
    return json_reply(R"({"id": "m", "digest": ")" + crypto::sha256(request.body).text() + "\"}", 201);
  }
  std::string folder_;
  Bytes content_;
};

TEST_F(UploadTest, SendsTheFileAndReportsProgress) {
  FakeService service({.answer = created});
  auto client = connect(service);
  ASSERT_TRUE(client);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> steps;
  const auto answer = client->upload(files(), "my model", true,
                                     [&](std::uint64_t sent, std::uint64_t total) { steps.emplace_back(sent, total); });
  ASSERT_TRUE(answer) << answer.error().error.message.str();
  const Seen request = service.seen().at(0);
  EXPECT_EQ(request.target, "/blindai/v1/models?id=my%20model&save=1");
  EXPECT_EQ(request.header("Content-Type"), "application/octet-stream");
  EXPECT_EQ(request.body, content_);
  ASSERT_GE(steps.size(), 2U);
  EXPECT_TRUE(std::ranges::is_sorted(steps));
  EXPECT_EQ(steps.back(), std::pair(std::uint64_t{content_.size()}, std::uint64_t{content_.size()}));
}

TEST_F(UploadTest, SaysThatAllIsSentBeforeTheServiceAnswers) {
  std::promise<void> all_sent;
  FakeService service({.answer = [told = all_sent.get_future().share()](const Seen& request) {
    return told.wait_for(std::chrono::seconds(10)) == std::future_status::ready ? created(request)
                                                                                : json_reply("{}", 500);
  }});
  auto client = connect(service);
  ASSERT_TRUE(client);
  const auto answer = client->upload(files(), "m", false, [&](std::uint64_t sent, std::uint64_t total) {
    if (sent == total) {
      all_sent.set_value();
    }
  });
  EXPECT_TRUE(answer) << "the service waited for it in vain";
}

TEST_F(UploadTest, SendsABundleWhereThereAreSeveralFiles) {
  FakeService service({.answer = [](const Seen& request) {
    const std::size_t size = request.body[2] * 256U + request.body[3];
    return json_reply(R"({"digest": ")" + crypto::sha256(ByteView(request.body).subspan(4, size)).text() + "\"}", 201);
  }});
  auto client = connect(service);
  ASSERT_TRUE(client);
  std::ofstream(folder_ + "/m.onnx.data") << "weights";
  auto both = files();
  both.push_back({"m.onnx.data", folder_ + "/m.onnx.data"});
  ASSERT_TRUE(client->upload(both, "m", false, {}));
  const Seen request = service.seen().at(0);
  EXPECT_EQ(request.header("Content-Type"), "application/vnd.blindai.bundle");
  EXPECT_EQ(as_text(ByteView(request.body).last(7)), "weights");
}

TEST_F(UploadTest, StopsSoonAfterItIsInterruptedHoweverFastThePeer) {
  FakeService service({.answer = created});
  std::atomic<bool> stop = false;
  auto wanted = options(service);
  wanted.calls.interrupted = [&] { return stop.load(); };
  auto client = Client::connect(std::move(wanted));
  ASSERT_TRUE(client);
  const auto answer =
      (*client)->upload(files(), "m", false, [&](std::uint64_t sent, std::uint64_t) { stop = sent > 0; });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.code, Code::cancelled);
  EXPECT_TRUE(service.seen().empty());
}

TEST_F(UploadTest, AServiceThatHoldsAnotherModelIsNotBelieved) {
  FakeService service(
      {.answer = [](const Seen&) { return json_reply(R"({"digest": ")" + digest_b.text() + "\"}", 201); }});
  auto client = connect(service);
  ASSERT_TRUE(client);
  const auto answer = client->upload(files(), "m", false, {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.code, Code::model_rejected);
}

TEST_F(UploadTest, AMissingFileIsFoundBeforeAnythingIsSent) {
  FakeService service({.answer = created});
  auto client = connect(service);
  ASSERT_TRUE(client);
  EXPECT_EQ(client->upload({{"m.onnx", folder_ + "/none"}}, "m", false, {}).error().error.code, Code::not_found);
  EXPECT_TRUE(service.seen().empty());
}

}  // namespace
}  // namespace blindai::client
