#include "v2/metadata.h"

#include <gtest/gtest.h>

namespace blindai::v2 {
namespace {

TEST(AServersMetadata, ListsWhatItOffers) {
  EXPECT_EQ(server_metadata("1.2"),
            R"({"extensions":["binary_tensor_data","model_configuration","model_repository","statistics"],)"
            R"("name":"blindai","version":"1.2"})");
}

TEST(AModelsConfiguration, NamesDatatypesAsTritonDoes) {
  const std::string config = model_config("m", "p", {{"x", DataType::bytes, {-1, 4}}, {"k", DataType::int64, {}}},
                                          {{"y", DataType::bf16, {-1}}, {"z", DataType::boolean, {2}}});
  for (const char* part :
       {R"({"data_type":"TYPE_STRING","dims":[-1,4],"name":"x"})", R"({"data_type":"TYPE_INT64","dims":[],"name":"k"})",
        R"({"data_type":"TYPE_BF16","dims":[-1],"name":"y"})", R"({"data_type":"TYPE_BOOL","dims":[2],"name":"z"})",
        R"("max_batch_size":0)", R"("name":"m")", R"("platform":"p")"}) {
    EXPECT_NE(config.find(part), std::string::npos) << part << " in " << config;
  }
}

}  // namespace
}  // namespace blindai::v2
