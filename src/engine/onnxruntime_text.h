// Private to this folder: BYTES as text tensors of ONNX Runtime, which hold any bytes. Throws what ONNX Runtime throws.
#pragma once

#include <onnxruntime_cxx_api.h>

#include "base/tensor.h"

namespace blindai::engine {

// `data`: elements as holds_elements() has them. Nothing where it is anything else.
std::optional<Ort::Value> text_tensor(ByteView data, const Shape& shape);
// What the elements of a text tensor take, and the elements themselves; `out` is as large as that.
std::uint64_t text_size(const Ort::Value& value, std::uint64_t count);
void copy_texts(const Ort::Value& value, std::uint64_t count, MutableBytes out);

}  // namespace blindai::engine
