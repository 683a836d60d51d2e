#include <algorithm>

#include "v2/infer.h"

namespace blindai::v2 {
namespace {

Result<void> check(const InputHead& given, const TensorSpec& wanted) {
  if (given.datatype != wanted.datatype) {
    return fail(Code::invalid_argument, {"input '{}' has datatype {}, the model wants {}", Disclosed(given.name),
                                         Disclosed(name(given.datatype)), Disclosed(name(wanted.datatype))});
  }
  if (!fits(given.shape, wanted)) {
    return fail(Code::invalid_argument, {"input '{}' has shape {}, the model wants {} (-1: any)", Disclosed(given.name),
                                         Disclosed(to_text(given.shape)), Disclosed(to_text(wanted.shape))});
  }
  return {};
}

// What has no form in JSON is refused before anything runs.
Result<std::vector<ChosenOutput>> checked(std::vector<ChosenOutput> chosen, const std::vector<TensorSpec>& outputs) {
  for (const ChosenOutput& choice : chosen) {
    const TensorSpec& spec = outputs[choice.index];
    if (!choice.binary && (spec.datatype == DataType::fp16 || spec.datatype == DataType::bf16)) {
      return fail(Code::invalid_argument, {"output '{}' is {}, which can only be sent as binary data: ask for that",
                                           Disclosed(spec.name), Disclosed(name(spec.datatype))});
    }
  }
  return chosen;
}

}  // namespace

Result<std::vector<std::size_t>> match_inputs(const std::vector<InputHead>& given,
                                              const std::vector<TensorSpec>& wanted) {
  for (const InputHead& input : given) {
    if (std::ranges::find(wanted, input.name, &TensorSpec::name) == wanted.end()) {
      return fail(Code::invalid_argument, {"the model has no input '{}'; its first is '{}'", Disclosed(input.name),
                                           Disclosed(wanted.empty() ? "" : wanted.front().name)});
    }
  }
  std::vector<std::size_t> order;
  for (const TensorSpec& spec : wanted) {
    const auto found = std::ranges::find(given, spec.name, &InputHead::name);
    if (found == given.end()) {
      return fail(Code::invalid_argument, {"input '{}' is missing", Disclosed(spec.name)});
    }
    BLINDAI_CHECK(check(*found, spec));
    order.push_back(static_cast<std::size_t>(found - given.begin()));
  }
  return order;
}

Result<std::vector<ChosenOutput>> choose_outputs(const InferRequest& request, const std::vector<TensorSpec>& outputs) {
  return choose_outputs(request.outputs(), request.binary_by_default(), outputs);
}

Result<std::vector<ChosenOutput>> choose_outputs(const std::optional<std::vector<OutputRequest>>& given,
                                                 bool binary_by_default, const std::vector<TensorSpec>& outputs) {
  std::vector<ChosenOutput> chosen;
  if (!given || given->empty()) {
    for (std::size_t index = 0; index < outputs.size(); ++index) {
      chosen.push_back({index, binary_by_default});
    }
    return checked(std::move(chosen), outputs);
  }
  for (const OutputRequest& wanted : *given) {
    const auto found = std::ranges::find(outputs, wanted.name, &TensorSpec::name);
    if (found == outputs.end()) {
      return fail(Code::invalid_argument, {"the model has no output '{}'", Disclosed(wanted.name)});
    }
    const auto index = static_cast<std::size_t>(found - outputs.begin());
    if (std::ranges::find(chosen, index, &ChosenOutput::index) != chosen.end()) {
      return fail(Code::invalid_argument, {"output '{}' is asked for twice", Disclosed(wanted.name)});
    }
    chosen.push_back({index, wanted.binary});
  }
  return checked(std::move(chosen), outputs);
}

}  // namespace blindai::v2
