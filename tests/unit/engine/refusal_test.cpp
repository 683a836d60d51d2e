#include "engine/refusal.h"

#include <gtest/gtest.h>

namespace blindai::engine {
namespace {

TEST(ARefusal, SaysTheInnermostReason) {
  const Error error = run_refusal(
      "Non-zero status code returned while running If node. Name:'If_0' Status Message: Non-zero status code returned "
      "while running Pad node. Name:'If_0_else/pad' Status Message: Pad reflect requires axis length >= 2");
  EXPECT_EQ(error.code, Code::invalid_argument);
  EXPECT_EQ(error.message.str(), "the model could not run on these inputs: Pad reflect requires axis length >= 2");
}

TEST(ARefusal, KeepsWhatHasNoReasonInside) {
  EXPECT_EQ(run_refusal("Got invalid dimensions").message.str(),
            "the model could not run on these inputs: Got invalid dimensions");
  EXPECT_EQ(run_refusal("If node. Status Message: ").message.str(),
            "the model could not run on these inputs: If node. Status Message: ");
}

}  // namespace
}  // namespace blindai::engine
