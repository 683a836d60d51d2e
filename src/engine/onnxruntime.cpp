// ONNX Runtime behind the seam. Its exceptions end in fence().
#include <dlfcn.h>
#include <fmt/format.h>
#include <locale.h>
#include <onnxruntime_session_options_config_keys.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>

#include "engine/onnxruntime_shapes.h"
#include "engine/onnxruntime_text.h"
#include "engine/onnxruntime_weights.h"
#include "engine/refusal.h"
#include "engine/wiping_allocator.h"

namespace blindai::engine {
namespace {

const OrtApiBase* library_base = nullptr;  // set by load_onnxruntime(), before there is an engine

// Runs a body that may throw; `refusal` makes an error of what was thrown.
template <typename T, typename Body, typename Refusal>
Result<T> fence(const Body& body, const Refusal& refusal) {
  try {
    return body();
  } catch (const std::exception& error) {  // Ort::Exception, std::bad_alloc
    return std::unexpected(refusal(error.what()));
  }
}

Result<TensorSpec> spec_of(std::string name, const Ort::TypeInfo& type) {
  if (type.GetONNXType() != ONNX_TYPE_TENSOR) {
    return fail(Code::model_rejected,
                {"'{}' is not a tensor; sequences, maps and optionals are not served", Disclosed(name)});
  }
  const auto info = type.GetTensorTypeAndShapeInfo();
  const auto datatype = datatype_of(info.GetElementType());
  if (!datatype) {
    return fail(Code::model_rejected, {"'{}' has an element type that is not served", Disclosed(name)});
  }
  TensorSpec spec{std::move(name), *datatype, info.GetShape()};
  std::ranges::replace_if(spec.shape, [](std::int64_t dimension) { return dimension < 0; }, -1);
  return spec;
}

struct Interface {
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
  std::vector<DimensionNames> input_names;
  std::vector<DimensionNames> output_names;
};

class OrtSlot final : public Slot {
 public:
  OrtSlot(Ort::Session& session, const Interface& interface)
      : session_(session), interface_(interface), inputs_(interface.inputs), outputs_(interface.outputs) {}

  Result<void> run(const std::vector<InputView>& inputs, const OutputSink& sink) override {
    return fence<void>([&] { return run_unfenced(inputs, sink); }, run_refusal);
  }
  void interrupt() override { options_.SetTerminate(); }

 private:
  Result<void> run_unfenced(const std::vector<InputView>& inputs, const OutputSink& sink) {
    options_.UnsetTerminate();
    std::vector<const char*> input_names;
    std::vector<Ort::Value> values;
    for (const InputView& input : inputs) {
      if (input.index >= inputs_.size()) {
        return fail(Code::internal, {"a run was given an input that the model lacks"});
      }
      const TensorSpec& spec = inputs_[input.index];
      input_names.push_back(spec.name.c_str());
      BLINDAI_TRY(auto value, value_of(input, spec.datatype));
      values.push_back(std::move(value));
    }
    std::vector<const char*> output_names;
    std::vector<Ort::Value> results;
    std::vector<bool> placed;
    for (std::size_t index = 0; index < outputs_.size(); ++index) {
      output_names.push_back(outputs_[index].name.c_str());
      BLINDAI_TRY(auto value, place(index, inputs, sink));
      placed.push_back(static_cast<bool>(value));
      results.push_back(std::move(value));
    }
    try {
      session_.Run(options_, input_names.data(), values.data(), values.size(), output_names.data(), results.data(),
                   results.size());
    } catch (const Ort::Exception& error) {
      if (!trust_names_ || !told_wrong(error.what())) {
        throw;
      }
      trust_names_ = false;
      return run_unfenced(inputs, sink);
    }
    for (std::size_t index = 0; index < results.size(); ++index) {
      if (!placed[index]) {
        BLINDAI_CHECK(hand_over(index, results[index], sink));
      }
    }
    return {};
  }

  static Result<Ort::Value> value_of(const InputView& input, DataType datatype) {
    const auto wrong = [] {
      return fail(Code::internal, {"a run was given an input whose size is not that of its shape"});
    };
    if (datatype == DataType::bytes) {
      auto text = text_tensor(input.data, input.shape);
      return text ? Result<Ort::Value>(*std::move(text)) : wrong();
    }
    if (byte_size(datatype, input.shape) != input.data.size()) {
      return wrong();
    }
    return tensor_over(input.data, datatype, input.shape);
  }

  // An output whose shape the model tells is written where it belongs; an empty value stands for "wherever you like".
  // ONNX Runtime says the same of a scalar and of a shape that it does not know, so neither is told.
  Result<Ort::Value> place(std::size_t index, const std::vector<InputView>& inputs, const OutputSink& sink) const {
    const TensorSpec& spec = outputs_[index];
    const auto shape = trust_names_
                           ? told_shape(spec.shape, interface_.output_names[index], inputs, interface_.input_names)
                           : std::optional(spec.shape);
    const auto size = shape && spec.datatype != DataType::bytes ? byte_size(spec.datatype, *shape) : std::nullopt;
    if (!size || *size == 0 || shape->empty()) {
      return Ort::Value(nullptr);
    }
    const auto memory = sink(index, spec.datatype, *shape, *size);
    if (!memory && *shape != spec.shape) {
      return Ort::Value(nullptr);  // a shape that is true may have room
    }
    if (!memory) {
      return std::unexpected(memory.error());
    }
    return tensor_over(*memory, spec.datatype, *shape);
  }

  Result<void> hand_over(std::size_t index, const Ort::Value& value, const OutputSink& sink) const {
    if (!value.IsTensor()) {
      return fail(Code::invalid_argument, {"the model gave something other than a tensor"});
    }
    const auto info = value.GetTensorTypeAndShapeInfo();
    const auto datatype = datatype_of(info.GetElementType());
    const Shape shape = info.GetShape();
    if (datatype != outputs_[index].datatype) {
      return fail(Code::invalid_argument, {"the model gave an output of another datatype than it declares"});
    }
    if (datatype == DataType::bytes) {
      const std::uint64_t count = info.GetElementCount();
      const std::uint64_t size = text_size(value, count);
      BLINDAI_TRY(const MutableBytes memory, sink(index, *datatype, shape, size));
      copy_texts(value, count, memory);
      return {};
    }
    const auto size = byte_size(*datatype, shape);
    if (!size) {
      return fail(Code::invalid_argument, {"the model gave an output of a shape that cannot be"});
    }
    BLINDAI_TRY(const MutableBytes memory, sink(index, *datatype, shape, *size));
    if (*size != 0) {
      std::memcpy(memory.data(), value.GetTensorRawData(), *size);
    }
    return {};
  }

  Ort::Session& session_;
  const Interface& interface_;
  const std::vector<TensorSpec>& inputs_;
  const std::vector<TensorSpec>& outputs_;
  Ort::RunOptions options_;
  bool trust_names_ = true;  // until an output had another shape than they told
};

class OrtModel final : public Model {
 public:
  explicit OrtModel(Ort::Session session) : session_(std::move(session)) {}

  Result<void> read_specs(const std::vector<WeightView>& weights) {
    Ort::AllocatorWithDefaultOptions allocator;
    for (std::size_t i = 0; i < session_.GetInputCount(); ++i) {
      std::string name = session_.GetInputNameAllocated(i, allocator).get();
      if (std::ranges::find(weights, name, &WeightView::name) == weights.end()) {
        const auto type = session_.GetInputTypeInfo(i);
        BLINDAI_TRY(auto spec, spec_of(std::move(name), type));
        interface_.inputs.push_back(std::move(spec));
        interface_.input_names.push_back(names_of(type));
      }
    }
    for (std::size_t i = 0; i < session_.GetOutputCount(); ++i) {
      const auto type = session_.GetOutputTypeInfo(i);
      BLINDAI_TRY(auto spec, spec_of(session_.GetOutputNameAllocated(i, allocator).get(), type));
      interface_.outputs.push_back(std::move(spec));
      interface_.output_names.push_back(names_of(type));
    }
    return {};
  }

  const std::vector<TensorSpec>& inputs() const override { return interface_.inputs; }
  const std::vector<TensorSpec>& outputs() const override { return interface_.outputs; }
  Result<std::unique_ptr<Slot>> make_slot() override {
    return fence<std::unique_ptr<Slot>>([&] { return std::make_unique<OrtSlot>(session_, interface_); }, load_refusal);
  }

 private:
  Ort::Session session_;
  Interface interface_;
};

// What the engine would log goes nowhere: it may quote a request.
void drop_log(void*, OrtLoggingLevel, const char*, const char*, const char*, const char*) {}

class OrtEngine final : public Engine {
 public:
  explicit OrtEngine(const Options& options) : env_(make_env(options)), allocator_(registered(env_, options)) {
    for (const Threading threading : {Threading::caller, Threading::pool}) {
      for (const Weights weights : {Weights::packed, Weights::in_place}) {
        prepare(session_options({threading, weights}), {threading, weights});
      }
    }
  }

  std::string_view name() const override { return "onnxruntime"; }
  std::string version() const override { return library_base->GetVersionString(); }

  using Engine::load;
  Result<std::unique_ptr<Model>> load(ByteView graph, const std::vector<WeightView>& weights,
                                      const Loading& loading) override {
    const Ort::SessionOptions& options = session_options(loading);
    return fence<std::unique_ptr<Model>>(
        [&]() -> Result<std::unique_ptr<Model>> {
          BLINDAI_TRY(auto session, session_over(*library_base, env_, options, graph, weights));
          auto model = std::make_unique<OrtModel>(std::move(session));
          BLINDAI_CHECK(model->read_specs(weights));
          return model;
        },
        load_refusal);
  }

 private:
  Ort::SessionOptions& session_options(const Loading& loading) {
    return options_.at(2 * static_cast<std::size_t>(loading.threading) + static_cast<std::size_t>(loading.weights));
  }

  static void prepare(Ort::SessionOptions& session, const Loading& loading) {
    if (loading.threading == Threading::pool) {
      session.DisablePerSessionThreads();
    } else {
      session.SetIntraOpNumThreads(1);  // a session's own pool of one is no thread at all
      session.SetInterOpNumThreads(1);
    }
    session.SetExecutionMode(ORT_SEQUENTIAL);
    session.DisableCpuMemArena();
    session.AddConfigEntry(kOrtSessionOptionsConfigUseEnvAllocators, "1");
    session.SetLogSeverityLevel(ORT_LOGGING_LEVEL_FATAL);
    session.AddConfigEntry(kOrtSessionOptionsConfigDisablePrepacking, loading.weights == Weights::in_place ? "1" : "0");
  }

  static Ort::Env make_env(const Options& options) {
    Ort::ThreadingOptions threading;
    const unsigned threads = options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
    threading.SetGlobalIntraOpNumThreads(static_cast<int>(threads));
    threading.SetGlobalInterOpNumThreads(1);
    threading.SetGlobalSpinControl(0);  // the CPUs are shared: with other models, and with the server
    Ort::Env env(threading, drop_log, nullptr, ORT_LOGGING_LEVEL_FATAL, "blindai");
    env.DisableTelemetryEvents();
    return env;
  }

  // ONNX Runtime has one environment for the process, whoever asks, and refuses to register an allocator twice.
  static std::shared_ptr<Registration> registered(OrtEnv* env, const Options& options) {
    static std::weak_ptr<Registration> current;
    auto registration = current.lock();
    if (!registration) {
      registration = std::make_shared<Registration>(env, options.fill);
      current = registration;
    }
    return registration;
  }

  Ort::Env env_;
  std::shared_ptr<Registration> allocator_;  // with the engines that live at the same time, in tests
  std::array<Ort::SessionOptions, 4> options_;
};

// A model with a StringNormalizer asks for this locale, when no file can be opened any more; the C library keeps what was
// loaded. Where the system lacks it, such a model is refused.
void load_locale() { [[maybe_unused]] static const ::locale_t kept = ::newlocale(LC_ALL_MASK, "C.UTF-8", nullptr); }

}  // namespace

Result<void> load_onnxruntime(int library) {
  const auto broken = [](const char* what) {
    return fail(Code::internal, {"the engine's library cannot be loaded"}, {what == nullptr ? "" : what});
  };
  // By descriptor. The library asks for none but the C and C++ run time, which this process has already.
  void* const handle =
      ::dlopen(fmt::format("/proc/self/fd/{}", library).c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    return broken(::dlerror());
  }
  const auto get_base = reinterpret_cast<decltype(&OrtGetApiBase)>(::dlsym(handle, "OrtGetApiBase"));  // NOLINT
  const OrtApiBase* const base = get_base == nullptr ? nullptr : get_base();
  const OrtApi* const api = base == nullptr ? nullptr : base->GetApi(ORT_API_VERSION);
  if (api == nullptr || !can_edit_models(*base)) {
    return broken("it does not have the interface that this program was built for");
  }
  load_locale();
  Ort::InitApi(api);
  library_base = base;
  return {};
}

Result<std::unique_ptr<Engine>> make_onnxruntime(const Options& options) {
  if (library_base == nullptr) {
    return fail(Code::internal, {"the engine's library has not been loaded"});
  }
  return fence<std::unique_ptr<Engine>>([&] { return std::make_unique<OrtEngine>(options); },
                                        [](std::string_view message) {
                                          return Error{
                                              Code::internal, {"the engine cannot be made"}, {std::string(message)}};
                                        });
}

}  // namespace blindai::engine
