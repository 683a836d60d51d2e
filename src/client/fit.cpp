#include "client/fit.h"

#include <algorithm>

#include "v2/infer.h"

namespace blindai::client {
namespace {

// Names given by position are filled in. Errors: invalid_argument.
Result<std::vector<Tensor>> named(std::vector<Tensor> inputs, const std::vector<TensorSpec>& specs) {
  const bool by_position = std::ranges::all_of(inputs, [](const Tensor& tensor) { return tensor.name.empty(); });
  if (!by_position) {
    return inputs;
  }
  if (inputs.size() != specs.size()) {
    std::string names;
    for (const auto& spec : specs) {
      names += (names.empty() ? "" : ", ") + spec.name;
    }
    return fail(Code::invalid_argument,
                {"the model takes {} inputs ({}) and {} were given: give a dict by input name, or as many tensors",
                 specs.size(), Disclosed(names), inputs.size()});
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    inputs[i].name = specs[i].name;
  }
  return inputs;
}

Result<void> check_inputs(const std::vector<Tensor>& inputs, const std::vector<TensorSpec>& specs) {
  std::vector<v2::InputHead> heads;
  heads.reserve(inputs.size());
  for (const auto& tensor : inputs) {
    heads.push_back({.name = tensor.name,
                     .datatype = tensor.datatype,
                     .shape = tensor.shape,
                     .byte_size = tensor.data.size(),
                     .binary = true});
  }
  BLINDAI_TRY([[maybe_unused]] const auto order, v2::match_inputs(heads, specs));
  return {};
}

}  // namespace

Result<void> check_sizes(const std::vector<Tensor>& inputs) {
  if (inputs.empty() || inputs.size() > max_inputs) {
    return fail(Code::invalid_argument, {"a request has 1 to {} inputs", max_inputs});
  }
  for (const auto& tensor : inputs) {
    const bool whole =
        tensor.datatype != DataType::bytes || holds_elements(tensor.data, element_count(tensor.shape).value_or(0));
    if (!size_fits(tensor.datatype, tensor.shape, tensor.data.size()) || !whole) {
      return fail(Code::invalid_argument, {"the data of the input {} does not have the size of its shape and datatype",
                                           Disclosed(tensor.name)});
    }
  }
  return {};
}

Result<std::vector<Tensor>> fit(std::vector<Tensor> inputs, const std::vector<TensorSpec>& specs) {
  BLINDAI_TRY(std::vector<Tensor> fitted, named(std::move(inputs), specs));
  BLINDAI_CHECK(check_inputs(fitted, specs));
  return fitted;
}

}  // namespace blindai::client
