// Private to this folder: whether the inputs of a call are what the model takes, found out before a byte of them is sent.
#pragma once

#include "client/client.h"

namespace blindai::client {

inline constexpr std::size_t max_inputs = 64;

// Counts and sizes alone: 1 to max_inputs, each with the data of its shape and datatype. Errors: invalid_argument.
Result<void> check_sizes(const std::vector<Tensor>& inputs);

// The inputs with their names, where they were given by position. Errors: invalid_argument, where name, type or shape is
// none that the model takes.
Result<std::vector<Tensor>> fit(std::vector<Tensor> inputs, const std::vector<TensorSpec>& specs);

}  // namespace blindai::client
