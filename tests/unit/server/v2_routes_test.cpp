// What V2 answers where no model has to run.
#include <gtest/gtest.h>

#include "service.h"

namespace blindai::server {
namespace {

constexpr UnixSeconds life = 3600;

struct V2Routes : testing::Test {
  Service service{life, [](Config& config) { config.auth = {"open"}; }};
  Service::Caller caller{service};

  std::string error() const {
    const auto document = json::parse(as_text(caller.answer().body));
    const std::string* text = document ? document->text("error") : nullptr;
    return text == nullptr ? "" : *text;
  }
};

TEST_F(V2Routes, TellOfTheServer) {
  EXPECT_EQ(caller.ask("GET", "/v2"), 200);
  const auto document = json::parse(as_text(caller.answer().body));
  ASSERT_TRUE(document);
  EXPECT_EQ(*document->text("name"), "blindai");
  for (const char* health : {"/v2/health/live", "/v2/health/ready"}) {
    EXPECT_EQ(caller.ask("GET", health), 200);
    EXPECT_TRUE(caller.answer().body.empty());
  }
}

TEST_F(V2Routes, IgnoreQueries) {
  EXPECT_EQ(caller.ask("GET", "/v2?x=1&x=2"), 200);
  EXPECT_EQ(caller.ask("GET", "/v2/health/live?x=%zz&list=a&list=b"), 200);
}

TEST_F(V2Routes, TakeTheirMethodAlone) {
  const std::vector<std::pair<const char*, const char*>> cases = {{"/v2", "GET, HEAD"},
                                                                  {"/v2/health/live", "GET, HEAD"},
                                                                  {"/v2/models/m", "GET, HEAD"},
                                                                  {"/v2/models/m/infer", "POST"},
                                                                  {"/v2/models/m/config", "GET, HEAD"},
                                                                  {"/v2/models/m/stats", "GET, HEAD"},
                                                                  {"/v2/models/stats", "GET, HEAD"},
                                                                  {"/v2/models/m/ready", "GET, HEAD"}};
  for (const auto& [target, methods] : cases) {
    for (const char* method : {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"}) {
      const bool taken = ("," + std::string(methods) + ",").contains(method);
      const int status = caller.ask(method, target);
      EXPECT_EQ(status == 405, !taken) << method << " " << target << " " << status;
      if (!taken) {
        ASSERT_NE(caller.answer().find("allow"), nullptr);
        EXPECT_EQ(*caller.answer().find("allow"), methods);
        EXPECT_EQ(error().empty(), std::string_view(method) == "HEAD");
      }
    }
  }
}

TEST_F(V2Routes, NameTheModelThatIsNotThere) {
  for (const char* target : {"/v2/models/no_such", "/v2/models/no_such/ready", "/v2/models/no_such/versions/1"}) {
    EXPECT_EQ(caller.ask("GET", target), 404) << target;
    EXPECT_TRUE(error().contains("'no_such'")) << error();
  }
  EXPECT_EQ(caller.ask("GET", "/v2/models/%3Cb%3E%C3%A9%22"), 404);
  EXPECT_TRUE(error().contains("'<b>??\"'")) << error();
}

TEST_F(V2Routes, EndWhereTheyEnd) {
  for (const char* target :
       {"/", "/v1", "/V2", "/v2/health", "/v2/health/well", "/v2/health/live/x", "/v2/models", "/v2/models/m/versions",
        "/v2/models/m/versions/", "/v2/models/m/versions/2", "/v2/models/m/versions/01", "/v2/models/m/versions/one",
        "/v2/models/m/versions/99999999999999999999", "/v2/models/m/generate", "/v2/models/m/ready/x",
        "/v2/models/../../etc/passwd", "/v2/models/%2e%2e%2fetc%2fpasswd", "/v2/repository"}) {
    EXPECT_EQ(caller.ask("GET", target), 404) << target;
    EXPECT_NE(error(), "") << target;
  }
}

TEST_F(V2Routes, SayWhichExtensionsAreNotOffered) {
  for (const char* target :
       {"/v2/logging", "/v2/trace/setting", "/v2/models/m/trace/setting", "/v2/systemsharedmemory/status",
        "/v2/systemsharedmemory/region/r/register", "/v2/cudasharedmemory/status", "/v2/models/m/logging"}) {
    EXPECT_EQ(caller.ask("GET", target), 501) << target;
    EXPECT_EQ(caller.ask("POST", target, "{}"), 501) << target;
  }
}

}  // namespace
}  // namespace blindai::server
