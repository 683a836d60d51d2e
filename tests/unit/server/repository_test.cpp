// The documents of V2's repository, and what a body may say.
#include "server/repository.h"

#include <gtest/gtest.h>

#include "service.h"

namespace blindai::server {
namespace {

using namespace std::chrono_literals;

TEST(AnIndex, HasAReasonWhereThereIsOne) {
  const std::vector<Listed> models{{"a", "READY", ""}, {"clinic/b", "UNAVAILABLE", "unloaded"}, {"c", "LOADING", ""}};
  EXPECT_EQ(json::write(index_document(models, false)),
            R"([{"name":"a","state":"READY","version":"1"},)"
            R"({"name":"clinic/b","reason":"unloaded","state":"UNAVAILABLE","version":"1"},)"
            R"({"name":"c","state":"LOADING","version":"1"}])");
  EXPECT_EQ(json::write(index_document(models, true)), R"([{"name":"a","state":"READY","version":"1"}])");
  EXPECT_EQ(json::write(index_document({}, true)), "[]");
}

TEST(StatisticsDocuments, HaveEveryStage) {
  Statistics counters;
  counters.succeeded({.rows = 3, .total = 9us, .queue = 1us, .input = 2us, .infer = 5us, .output = 1us});
  counters.executed(3, 2us, 5us, 1us);
  counters.failed(Code::cancelled, 4us);
  const auto document = statistics_document({{"m", counters.snapshot()}});
  const json::Value& model = document.find("model_stats")->as<json::Array>()->front();
  const auto number = [&](std::initializer_list<std::string_view> path) {
    const json::Value* at = &model;
    for (const std::string_view member : path) {
      at = at->find(member);
    }
    return *at->as<std::uint64_t>();
  };
  EXPECT_EQ(*model.text("name"), "m");
  EXPECT_EQ(*model.text("version"), "1");
  EXPECT_EQ(number({"inference_count"}), 1u);
  EXPECT_EQ(number({"execution_count"}), 1u);
  EXPECT_EQ(number({"inference_stats", "success", "ns"}), 9000u);
  EXPECT_EQ(number({"inference_stats", "fail", "ns"}), 4000u);
  EXPECT_EQ(number({"inference_stats", "queue", "count"}), 1u);
  EXPECT_EQ(number({"inference_stats", "compute_input", "ns"}), 2000u);
  EXPECT_EQ(number({"inference_stats", "compute_infer", "ns"}), 5000u);
  EXPECT_EQ(number({"inference_stats", "compute_output", "ns"}), 1000u);
  const json::Value& batch = model.find("batch_stats")->as<json::Array>()->front();
  EXPECT_EQ(*batch.find("batch_size")->as<std::uint64_t>(), 3u);
  EXPECT_EQ(*batch.find("compute_infer")->find("ns")->as<std::uint64_t>(), 5000u);
}

TEST(TheBodyOfAnIndex, IsNothingOrAnObject) {
  const auto ask = [](std::string_view body) { return ready_alone(as_bytes(body)); };
  for (const char* body : {"", "{}", R"({"ready":false})", R"({"colour":"red"})", " {} "}) {
    EXPECT_EQ(ask(body), false) << body;
  }
  EXPECT_EQ(ask(R"({"ready":true})"), true);
  for (const char* body : {"[]", "1", "{", R"({"ready":1})", R"({"ready":null})", R"({"ready":"true"})", "x",
                           R"({"ready":true,"ready":false})", R"({"a":[[[[[[[[[[]]]]]]]]]]})"}) {
    EXPECT_FALSE(ask(body)) << body;
  }
}

TEST(TheBodyOfALoad, BringsNothing) {
  const auto takes_it = [](std::string_view body, std::string_view harmless = "") {
    return check_parameters(as_bytes(body), harmless).has_value();
  };
  for (const char* body : {"", "{}", R"({"parameters":{}})", R"({"other":1})"}) {
    EXPECT_TRUE(takes_it(body)) << body;
  }
  for (const char* body : {"[]", R"({"parameters":[]})", R"({"parameters":{"config":"{}"}})",
                           R"({"parameters":{"file:1/model.onnx":"AA=="}})", R"({"parameters":{"":true}})"}) {
    EXPECT_FALSE(takes_it(body)) << body;
  }
  EXPECT_TRUE(takes_it(R"({"parameters":{"unload_dependents":true}})", "unload_dependents"));
  EXPECT_FALSE(takes_it(R"({"parameters":{"unload_dependents":1}})", "unload_dependents"));
  EXPECT_FALSE(takes_it(R"({"parameters":{"unload_dependents":true,"config":"{}"}})", "unload_dependents"));
}

struct Repository : testing::Test {
  Service service{3600, [](Config& config) { config.auth = {"proof"}; }};
  Service::Caller caller{service};
  int load(const std::string& verb, const std::string& authorization) {
    return caller.ask("POST", "/v2/repository/models/m/" + verb, "", {{"Authorization", authorization}});
  }
};

TEST_F(Repository, IsForThoseWithAKey) {
  for (const char* target :
       {"/v2/repository/index", "/v2/repository/models/m/load", "/v2/repository/models/m/unload"}) {
    EXPECT_EQ(caller.ask("POST", target), 401) << target;
  }
  for (const char* target : {"/v2/models/stats", "/v2/models/m/stats", "/v2/models/m/config"}) {
    EXPECT_EQ(caller.ask("GET", target), 401) << target;
  }
}

TEST_F(Repository, IsLoadedByOwnersAlone) {
  auth::ApiKey key = auth::ApiKey::generate();
  service.registry.add({key.id, key.key.public_key(), "clinic", auth::Role::caller, service.clock.now()}).value();
  const std::string proof = caller.proof(key);
  for (const char* verb : {"load", "unload"}) {
    EXPECT_EQ(load(verb, proof), 403) << verb;
    EXPECT_EQ(load(verb, caller.proof(service.key)), 404) << verb;
  }
}

TEST_F(Repository, TakesPostsAlone) {
  for (const char* target :
       {"/v2/repository/index", "/v2/repository/models/m/load", "/v2/repository/models/m/unload"}) {
    for (const char* method : {"GET", "HEAD", "PUT", "DELETE"}) {
      EXPECT_EQ(caller.ask_with_proof(method, target), 405) << method << " " << target;
      EXPECT_EQ(*caller.answer().find("allow"), "POST");
    }
  }
  for (const char* target : {"/v2/repository/models/m/reload", "/v2/repository/models/m", "/v2/repository/x",
                             "/v2/repository/models/m/load/x", "/v2/repository/index/x"}) {
    EXPECT_EQ(caller.ask_with_proof("POST", target), 404) << target;
  }
}

TEST_F(Repository, TakesNoConfigurationAndNoFiles) {
  const std::string config = R"({"parameters":{"config":"{}"}})";
  EXPECT_EQ(caller.ask_with_proof("POST", "/v2/repository/models/m/load", config), 400);
  EXPECT_EQ(caller.ask_with_proof("POST", "/v2/repository/models/m/unload", config), 400);
}

TEST_F(Repository, IsEmptyAtFirst) {
  EXPECT_EQ(caller.ask_with_proof("POST", "/v2/repository/index"), 200);
  EXPECT_EQ(as_text(caller.answer().body), "[]");
  EXPECT_EQ(caller.ask_with_proof("POST", "/v2/repository/index", "[]"), 400);
  EXPECT_EQ(caller.ask_with_proof("POST", "/v2/repository/index", std::string(65'537, ' ')), 413);
  EXPECT_EQ(caller.ask_with_proof("GET", "/v2/models/stats"), 200);
  EXPECT_EQ(as_text(caller.answer().body), R"({"model_stats":[]})");
  EXPECT_EQ(caller.ask_with_proof("POST", "/v2/models/stats"), 405);
  EXPECT_EQ(caller.ask_with_proof("GET", "/v2/models/m/stats"), 404);
  EXPECT_EQ(caller.ask_with_proof("GET", "/v2/models/m/config"), 404);
}

}  // namespace
}  // namespace blindai::server
