// A request without a JSON part: all of its bytes are one tensor, whose datatype and shape the model tells.
#include <algorithm>
#include <limits>

#include "base/checked.h"
#include "v2/infer.h"

namespace blindai::v2 {
namespace {

std::unexpected<Error> misfit(const TensorSpec& spec, std::uint64_t bytes) {
  return fail(Code::invalid_argument,
              {"a body of {} bytes cannot be input '{}', which has shape {} and datatype {}", bytes,
               Disclosed(spec.name), Disclosed(to_text(spec.shape)), Disclosed(name(spec.datatype))});
}

}  // namespace

Result<InputHead> raw_input(const std::vector<TensorSpec>& inputs, std::uint64_t bytes) {
  if (inputs.size() != 1) {
    return fail(Code::invalid_argument,
                {"a request without a JSON part is for a model with one input, and this one has {}", inputs.size()});
  }
  const TensorSpec& spec = inputs.front();
  if (std::ranges::count(spec.shape, -1) > 1) {
    return fail(Code::invalid_argument,
                {"a request without a JSON part cannot tell the shape of input '{}', which has several free dimensions",
                 Disclosed(spec.name)});
  }
  InputHead input{
      .name = spec.name, .datatype = spec.datatype, .shape = spec.shape, .byte_size = bytes, .binary = true};
  const auto free = std::ranges::find(input.shape, -1);
  if (free != input.shape.end()) {
    *free = 1;
  }
  if (spec.datatype == DataType::bytes) {
    const auto size = checked_add(bytes, std::uint64_t{length_bytes});
    if (element_count(input.shape) != 1 || !size || bytes > std::numeric_limits<std::uint32_t>::max()) {
      return misfit(spec, bytes);
    }
    input.byte_size = *size;
    return input;
  }
  const auto one = byte_size(spec.datatype, input.shape);
  if (free != input.shape.end() && one && *one != 0 && bytes % *one == 0) {
    *free = static_cast<std::int64_t>(bytes / *one);
  }
  if (byte_size(spec.datatype, input.shape) != bytes) {
    return misfit(spec, bytes);
  }
  return input;
}

}  // namespace blindai::v2
