#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "crypto/crypto.h"
#include "tee/platform.h"

namespace blindai::tee {
namespace {

struct SimulatedRoot : testing::Test {
  std::filesystem::path folder;
  std::string file;
  Digest measurement = crypto::sha256(as_bytes("code"));

  void SetUp() override {
    std::string name = testing::TempDir() + "blindai-tee-XXXXXX";
    folder = ::mkdtemp(name.data());
    file = folder / "root.key";
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
};

TEST_F(SimulatedRoot, IsMadeOnceWithModeSixHundredAndUsedAgain) {
  const auto first = open_simulated(file, measurement);
  ASSERT_TRUE(first) << first.error().message.str();
  struct stat status{};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(status.st_size, 32);
  const auto second = open_simulated(file, measurement);
  ASSERT_TRUE(second);
  EXPECT_EQ(first->root, second->root);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
}

TEST_F(SimulatedRoot, IsRefusedWhenOthersMayReadIt) {
  ASSERT_TRUE(open_simulated(file, measurement));
  ::chmod(file.c_str(), 0640);
  const auto platform = open_simulated(file, measurement);
  ASSERT_FALSE(platform);
  EXPECT_EQ(platform.error().code, Code::permission_denied);
}

TEST_F(SimulatedRoot, OfAnotherSizeIsRefused) {
  for (const std::size_t size : {0U, 31U, 33U}) {
    std::ofstream(file, std::ios::trunc) << std::string(size, 'x');
    ::chmod(file.c_str(), 0600);
    EXPECT_FALSE(open_simulated(file, measurement)) << size;
  }
}

TEST_F(SimulatedRoot, ThatIsALinkIsRefused) {
  ASSERT_TRUE(open_simulated(file, measurement));
  std::filesystem::create_symlink(file, folder / "link");
  EXPECT_FALSE(open_simulated(folder / "link", measurement));
}

TEST_F(SimulatedRoot, VouchesForReportData) {
  const auto simulated = open_simulated(file, measurement);
  ASSERT_TRUE(simulated);
  const auto data = crypto::sha512(as_bytes("data"));
  const auto item = simulated->platform->quote(data);
  ASSERT_TRUE(item);
  evidence::Policy policy;
  policy.simulated = evidence::SimulatedAcceptance{simulated->root, evidence::Any{}};
  evidence::Report report;
  const auto verified = evidence::appraise(*item, {}, policy, 0, report);
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->claims().report_data(), data);
}

}  // namespace
}  // namespace blindai::tee
