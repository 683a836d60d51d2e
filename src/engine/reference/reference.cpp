#include "engine/reference/reference.h"

#include <algorithm>
#include <new>

#include "engine/reference/operators.h"

namespace blindai::engine {
namespace {

using reference::ModelFile;
using reference::Scope;
using reference::Tensor;

class ReferenceSlot final : public Slot {
 public:
  ReferenceSlot(const ModelFile& model, std::uint64_t run_bytes) : model_(model), run_bytes_(run_bytes) {}

  Result<void> run(const std::vector<InputView>& inputs, const OutputSink& sink) override {
    ended_ = false;
    try {
      return run_unfenced(inputs, sink);
    } catch (const std::bad_alloc&) {
      return fail(Code::resource_exhausted, {"this request needs more memory than the model may have"});
    }
  }
  void interrupt() override { ended_ = true; }

 private:
  Result<void> run_unfenced(const std::vector<InputView>& inputs, const OutputSink& sink) {
    reference::Run run(run_bytes_, ended_);  // outlives the tensors in `scope`
    Scope scope;
    for (const InputView& input : inputs) {
      BLINDAI_CHECK(take(input, scope));
    }
    if (scope.values.size() != model_.graph.inputs.size()) {
      return fail(Code::internal, {"a run was not given every input of the model"});
    }
    BLINDAI_CHECK(run_nodes(model_.graph, scope, model_.opset, run));
    for (std::size_t index = 0; index < model_.graph.outputs.size(); ++index) {
      BLINDAI_CHECK(hand_over(index, scope, sink));
    }
    return {};
  }

  Result<void> take(const InputView& input, Scope& scope) const {
    if (input.index >= model_.graph.inputs.size()) {
      return fail(Code::internal, {"a run was given an input that the model lacks"});
    }
    const TensorSpec& spec = model_.graph.inputs[input.index];
    if (!size_fits(spec.datatype, input.shape, input.data.size()) ||
        (spec.datatype == DataType::bytes && !holds_elements(input.data, *element_count(input.shape)))) {
      return fail(Code::internal, {"a run was given an input whose size is not that of its shape"});
    }
    if (!fits(input.shape, spec)) {
      return fail(Code::invalid_argument,
                  {"input '{}' has a shape that the model does not take", Disclosed(spec.name)});
    }
    scope.values.insert_or_assign(spec.name, Tensor{spec.datatype, input.shape, input.data, nullptr});
    return {};
  }

  Result<void> hand_over(std::size_t index, const Scope& scope, const OutputSink& sink) const {
    const TensorSpec& spec = model_.graph.outputs[index];
    const Tensor& tensor = *scope.find(spec.name);
    if (tensor.datatype != spec.datatype) {
      return fail(Code::invalid_argument, {"the model gave an output of another datatype than it declares"});
    }
    BLINDAI_TRY(const MutableBytes memory, sink(index, tensor.datatype, tensor.shape, tensor.data.size()));
    std::ranges::copy(tensor.data, memory.begin());
    return {};
  }

  const ModelFile& model_;
  const std::uint64_t run_bytes_;
  std::atomic<bool> ended_ = false;
};

class ReferenceModel final : public Model {
 public:
  ReferenceModel(ModelFile file, std::uint64_t run_bytes) : file_(std::move(file)), run_bytes_(run_bytes) {}
  const std::vector<TensorSpec>& inputs() const override { return file_.graph.inputs; }
  const std::vector<TensorSpec>& outputs() const override { return file_.graph.outputs; }
  Result<std::unique_ptr<Slot>> make_slot() override { return std::make_unique<ReferenceSlot>(file_, run_bytes_); }

 private:
  const ModelFile file_;
  const std::uint64_t run_bytes_;
};

class ReferenceEngine final : public Engine {
 public:
  explicit ReferenceEngine(std::uint64_t run_bytes) : run_bytes_(run_bytes) {}
  std::string_view name() const override { return reference_name; }
  std::string version() const override { return "1"; }
  using Engine::load;
  Result<std::unique_ptr<Model>> load(ByteView graph, const std::vector<WeightView>& weights, const Loading&) override {
    try {
      BLINDAI_TRY(auto file, reference::read_model(graph, weights));
      return std::make_unique<ReferenceModel>(std::move(file), run_bytes_);
    } catch (const std::bad_alloc&) {
      return fail(Code::resource_exhausted, {"the model needs more memory than it may have"});
    }
  }

 private:
  const std::uint64_t run_bytes_;
};

}  // namespace

std::unique_ptr<Engine> make_reference(std::uint64_t run_bytes) { return std::make_unique<ReferenceEngine>(run_bytes); }

}  // namespace blindai::engine
