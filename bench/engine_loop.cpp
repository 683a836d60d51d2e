#include <fcntl.h>

#include <barrier>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/fd.h"
#include "bench/histogram.h"
#include "bench/samples.h"
#include "engine/engine.h"

namespace blindai::bench {
namespace {

constexpr std::size_t max_model_bytes = std::size_t{4} << 30U;

// The engine that is installed with this program, as the wheel has it, else that of the build.
UniqueFd open_engine() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto beside = self.parent_path().parent_path() / "lib/libonnxruntime.so.1";
  UniqueFd installed(error ? -1 : ::open(beside.c_str(), O_RDONLY | O_CLOEXEC));
  return installed ? std::move(installed) : UniqueFd(::open(BLINDAI_ENGINE_LIBRARY, O_RDONLY | O_CLOEXEC));
}

// One loop of runs until `end`; counts what began after `start`.
Result<Histogram> loop(engine::Slot& slot, const std::vector<engine::InputView>& inputs, Steady::time_point start,
                       Steady::time_point end) {
  Histogram histogram;
  std::vector<Bytes> outputs;
  const engine::OutputSink sink = [&](std::size_t index, DataType, const Shape&,
                                      std::uint64_t size) -> Result<MutableBytes> {
    if (outputs.size() <= index) {
      outputs.resize(index + 1);
    }
    outputs[index].resize(size);
    return MutableBytes(outputs[index]);
  };
  for (;;) {
    const auto begin = Steady::now();
    if (begin >= end) {
      return histogram;
    }
    BLINDAI_CHECK(slot.run(inputs, sink));
    if (begin >= start) {
      histogram.record(Steady::now() - begin);
    }
  }
}

}  // namespace

Result<json::Object> engine_loop(const std::string& model_path, const std::vector<Input>& inputs, unsigned threads,
                                 unsigned runs_in_parallel, const LoadShape& shape) {
  const UniqueFd library = open_engine();
  BLINDAI_CHECK(engine::load_onnxruntime(library.get()));
  BLINDAI_TRY(const auto engine, engine::make_onnxruntime({.threads = threads}));
  BLINDAI_TRY(const Bytes graph, read_file(model_path.c_str(), max_model_bytes));
  BLINDAI_TRY(const auto model, engine->load(graph, {}));
  std::vector<engine::InputView> views;
  for (std::size_t i = 0; i < model->inputs().size(); ++i) {
    for (const auto& input : inputs) {
      if (input.spec.name == model->inputs()[i].name) {
        views.push_back({.index = i, .shape = input.spec.shape, .data = input.data});
      }
    }
  }
  const auto start =
      Steady::now() + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(shape.warmup_seconds));
  const auto end = start + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(shape.seconds));
  std::mutex mutex;
  Histogram total;
  std::optional<Error> failure;
  {
    std::vector<std::jthread> loops;
    for (unsigned i = 0; i < runs_in_parallel; ++i) {
      loops.emplace_back([&] {
        auto slot = model->make_slot();
        auto result = slot ? loop(**slot, views, start, end) : Result<Histogram>(std::unexpected(slot.error()));
        const std::scoped_lock lock(mutex);
        if (result) {
          total.add(*result);
        } else {
          failure = result.error();
        }
      });
    }
  }
  if (failure) {
    return std::unexpected(*failure);
  }
  json::Object out = total.to_json();
  out["per_second"] = static_cast<double>(total.count()) / shape.seconds;
  return out;
}

}  // namespace blindai::bench
