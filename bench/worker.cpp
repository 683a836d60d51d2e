// blindai-worker-bench: what a worker's process and its sandbox add to a run of the engine. One sample of one side, as JSON.
#include <fcntl.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "base/fd.h"
#include "bench/histogram.h"
#include "bench/samples.h"
#include "vault/body.h"
#include "worker/worker.h"

namespace blindai::bench {
namespace {

constexpr std::size_t max_model_bytes = std::size_t{1} << 30U;

struct Sides {
  std::string model;
  std::vector<Input> inputs;
  LoadShape shape;
};

worker::Task<Result<Histogram>> ask(worker::Worker& worker, const gate::Admitted& admitted, const Sides& sides) {
  BLINDAI_CO_CHECK(co_await worker.ready());
  const auto span = [](double seconds) {
    return std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(seconds));
  };
  const auto start = Steady::now() + span(sides.shape.warmup_seconds);
  const auto end = start + span(sides.shape.seconds);
  Histogram histogram;
  for (;;) {
    const auto begin = Steady::now();
    if (begin >= end) {
      co_return histogram;
    }
    {
      BLINDAI_CO_TRY(const auto lease, worker.try_lease());
      for (const Input& input : sides.inputs) {
        const auto found = std::ranges::find(admitted.inputs, input.spec.name, &TensorSpec::name);
        const auto index = static_cast<std::size_t>(found - admitted.inputs.begin());
        BLINDAI_CO_TRY(const auto place, lease->add_input(index, input.spec.shape, input.data.size()));
        std::ranges::copy(input.data, place.begin());
      }
      const auto deadline = begin + std::chrono::seconds(20);
      BLINDAI_CO_TRY(const auto outputs, co_await lease->run(deadline));
    }
    if (begin >= start) {
      histogram.record(Steady::now() - begin);
    }
  }
}

Result<json::Object> in_a_worker(const Sides& sides) {
  BLINDAI_TRY(const Bytes bytes, read_file(sides.model.c_str(), max_model_bytes));
  BLINDAI_TRY(auto receiver, vault::BodyReceiver::start(bytes.size(), max_model_bytes));
  BLINDAI_CHECK(receiver.append(bytes));
  BLINDAI_TRY(const auto body, receiver.finish());
  BLINDAI_TRY(auto admitted, gate::scan(body->view(), {{"model.onnx", 0, body->size()}}));
  const auto shared = std::make_shared<const gate::Admitted>(std::move(admitted));
  const UniqueFd executable(::open(BLINDAI_WORKER, O_RDONLY | O_CLOEXEC));
  const UniqueFd library(::open(BLINDAI_ENGINE_LIBRARY, O_RDONLY | O_CLOEXEC));
  worker::Settings settings;
  settings.executable_fd = executable.get();
  settings.engine_fd = library.get();
  settings.threads = 1;
  settings.measure_time = std::chrono::milliseconds(0);
  boost::asio::io_context io;
  const auto worker = worker::start(io, {shared, body->fd(), body->size()}, settings);
  auto asked = boost::asio::co_spawn(
      io,
      [&]() -> worker::Task<Result<Histogram>> {
        auto histogram = co_await ask(*worker, *shared, sides);
        worker->stop();
        co_return histogram;
      },
      boost::asio::use_future);
  io.run();
  BLINDAI_TRY(const Histogram histogram, asked.get());
  return histogram.to_json();
}

int run(int argc, char** argv) {
  Sides sides;
  std::string side;
  std::vector<std::string> inputs;
  CLI::App app{"One sample of the engine alone, or of a worker in its sandbox, as JSON. bench/run.py runs it."};
  app.add_option("side", side, "engine or worker")->required()->check(CLI::IsMember({"engine", "worker"}));
  app.add_option("--model", sides.model, "ONNX file")->required();
  app.add_option("--input", inputs, "NAME=DATATYPE[dim,dim]")->required();
  app.add_option("--seconds", sides.shape.seconds, "counted time")->check(CLI::Range(0.1, 300.0));
  CLI11_PARSE(app, argc, argv);
  const auto sample = [&]() -> Result<json::Object> {
    for (const std::string& text : inputs) {
      BLINDAI_TRY(Input input, parse_input(text));
      sides.inputs.push_back(std::move(input));
    }
    return side == "engine" ? engine_loop(sides.model, sides.inputs, 1, 1, sides.shape) : in_a_worker(sides);
  }();
  if (!sample) {
    fmt::print(stderr, "blindai-worker-bench: {} ({})\n", sample.error().message.str(), sample.error().detail.text);
    return 1;
  }
  fmt::print("{}\n", json::write(*sample));
  return 0;
}

}  // namespace
}  // namespace blindai::bench

int main(int argc, char** argv) {
  try {
    return blindai::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::fputs(error.what(), stderr);
    return 1;
  }
}
