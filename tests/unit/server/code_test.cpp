#include "server/code.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "crypto/crypto.h"
#include "vault/body.h"
#include "worker/worker.h"

namespace blindai::server {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

struct TheCode : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("blindai-code-" + std::to_string(::getpid()));
  fs::path worker = folder / "blindai-worker";
  fs::path engine = folder / "libonnxruntime.so.1";
  std::vector<fs::path> files{worker};  // besides this program
  Config config;

  TheCode() {
    fs::create_directory(folder);
    fs::copy_file(BLINDAI_WORKER, worker);
    fs::copy_file(BLINDAI_ENGINE_LIBRARY, engine);
    config.worker = worker.string();
    config.engine_library = engine.string();
    if (worker::engine_has_library) {
      files.push_back(engine);
    }
  }
  ~TheCode() override { fs::remove_all(folder); }

  static Digest digest_of(const fs::path& path) { return crypto::sha256(*read_file(path.c_str(), 1U << 30U)); }

  // Whether a worker of these files loads a model and runs it once, as its warm-up does.
  static Result<void> runs(const MeasuredCode& code) {
    asio::io_context io;
    auto guard = asio::make_work_guard(io);
    std::thread thread([&] { io.run(); });
    const auto result = [&]() -> Result<void> {
      const auto bytes = *read_file(BLINDAI_SOURCE_DIR "/tests/data/models/double.onnx", 1U << 20U);
      auto receiver = *vault::BodyReceiver::start(bytes.size(), bytes.size());
      BLINDAI_CHECK(receiver.append(bytes));
      const auto body = *receiver.finish();
      auto admitted = *gate::scan(body->view(), {{"m.onnx", 0, body->size()}});
      worker::Settings settings;
      settings.executable_fd = code.at("blindai-worker").fd.get();
      settings.engine_fd = worker::engine_has_library ? code.at("libonnxruntime.so.1").fd.get() : -1;
      const auto made = worker::start(
          io, {std::make_shared<gate::Admitted>(std::move(admitted)), body->fd(), body->size()}, settings);
      auto ready = [made]() -> worker::Task<Result<void>> { co_return co_await made->ready(); };
      const auto started = asio::co_spawn(io, ready(), asio::use_future).get();
      made->stop();
      while (made->status().state != worker::State::stopped && made->status().state != worker::State::failed) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
      return started;
    }();
    guard.reset();
    thread.join();
    return result;
  }
};

TEST_F(TheCode, IsNamedByItsDigests) {
  const auto code = measure_code(config);
  ASSERT_TRUE(code) << code.error().message.str();
  const auto digests = digests_of(*code);
  EXPECT_EQ(digests.size(), 1 + files.size());
  EXPECT_EQ(digests.at("blindai-server"), digest_of("/proc/self/exe"));
  for (const fs::path& file : files) {
    EXPECT_EQ(digests.at(file.filename()), digest_of(file));
  }
}

TEST_F(TheCode, CannotBeChangedOnceItIsMeasured) {
  const auto code = measure_code(config);
  ASSERT_TRUE(code) << code.error().message.str();
  for (const fs::path& file : files) {
    const std::string name = file.filename();
    const int fd = code->at(name).fd.get();
    EXPECT_LT(::pwrite(fd, "x", 1, 0), 0) << name;
    EXPECT_NE(::ftruncate(fd, 0), 0) << name;
    EXPECT_EQ(::fcntl(fd, F_GET_SEALS), F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) << name;
  }
}

// What a host does that lets one file be measured and hopes that another one runs.
TEST_F(TheCode, RunsAsItWasMeasuredWhateverBecomesOfTheFiles) {
  const auto code = measure_code(config);
  ASSERT_TRUE(code) << code.error().message.str();
  // Written to in place: the very file that was opened.
  for (const fs::path& path : files) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file << std::string(1 << 20, 'x');
    ASSERT_TRUE(file.flush());
  }
  EXPECT_TRUE(runs(*code)) << "overwritten";
  // Another file under its name.
  for (const fs::path& path : files) {
    std::ofstream(folder / "other") << "other";
    fs::rename(folder / "other", path);
  }
  EXPECT_TRUE(runs(*code)) << "replaced";
  const auto again = measure_code(config);
  ASSERT_TRUE(again);
  EXPECT_NE(digests_of(*again), digests_of(*code));
  EXPECT_FALSE(runs(*again));
}

TEST_F(TheCode, ThatIsMissingIsNamedWithTheOptionThatSaysWhereItIs) {
  for (const fs::path& file : files) {
    fs::remove(file);
    const auto code = measure_code(config);
    ASSERT_FALSE(code);
    const std::string& text = code.error().message.str();
    EXPECT_NE(text.find(file.filename()), std::string::npos) << text;
    EXPECT_NE(text.find(file == worker ? "--worker" : "--engine-library"), std::string::npos) << text;
    fs::copy_file(file == worker ? BLINDAI_WORKER : BLINDAI_ENGINE_LIBRARY, file);
  }
}

}  // namespace
}  // namespace blindai::server
