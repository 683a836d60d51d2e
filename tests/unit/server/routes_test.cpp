#include "server/routes.h"

#include <gtest/gtest.h>

namespace blindai::server {
namespace {

using Path = std::vector<std::string>;

TEST(ATarget, IsSplitAndDecoded) {
  const auto target = Routes::parse_target("/v2/models/clinic%2Fbert/infer?id=a%20b&save=1");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, (Path{"v2", "models", "clinic/bert", "infer"}));
  EXPECT_EQ(target->query.at("id"), "a b");
  EXPECT_EQ(target->query.at("save"), "1");
  EXPECT_EQ(Routes::parse_target("/")->path, Path{""});
  EXPECT_EQ(Routes::parse_target("/v2/")->path, (Path{"v2", ""}));
}

TEST(ATarget, IsRefusedWhereItIsMalformed) {
  for (const char* target : {"/a%", "/a%2", "/a%zz", "/a%00", "/a%0a", "/a?x=1&x=2"}) {
    EXPECT_FALSE(Routes::parse_target(target)) << target;
  }
}

}  // namespace
}  // namespace blindai::server
