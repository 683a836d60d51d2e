#include "engine/reference/tensor.h"

namespace blindai::engine::reference {

Result<Draft> Run::make(DataType datatype, Shape shape) {
  const auto size = byte_size(datatype, shape);
  if (!size) {
    return fail(Code::invalid_argument, {"a tensor would have a shape that cannot be"});
  }
  if (*size > left_) {
    return fail(Code::resource_exhausted, {"this request needs more memory than the model may have"});
  }
  left_ -= *size;
  const auto give_back = [this, bytes = *size](const Bytes* gone) {
    left_ += bytes;
    delete gone;  // NOLINT(cppcoreguidelines-owning-memory): the deleter of a shared_ptr
  };
  return Draft(datatype, std::move(shape), std::shared_ptr<Bytes>(new Bytes(*size), give_back));
}

Result<void> Run::keep_going() const {
  if (ended_.load(std::memory_order_relaxed)) {
    return fail(Code::cancelled, {"the run was asked to end"});
  }
  return {};
}

}  // namespace blindai::engine::reference
