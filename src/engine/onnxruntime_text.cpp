#include "engine/onnxruntime_text.h"

#include <cstring>

namespace blindai::engine {

std::optional<Ort::Value> text_tensor(ByteView data, const Shape& shape) {
  const auto count = element_count(shape);
  if (!count || !holds_elements(data, *count)) {
    return std::nullopt;
  }
  Ort::AllocatorWithDefaultOptions allocator;
  auto value = Ort::Value::CreateTensor(allocator, shape.data(), shape.size(), ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
  for (std::size_t index = 0; index < *count; ++index) {
    const ByteView element = *take_element(data);
    if (!element.empty()) {
      std::memcpy(value.GetResizedStringTensorElementBuffer(index, element.size()), element.data(), element.size());
    }
  }
  return value;
}

std::uint64_t text_size(const Ort::Value& value, std::uint64_t count) {
  return count == 0 ? 0 : count * length_bytes + value.GetStringTensorDataLength();
}

void copy_texts(const Ort::Value& value, std::uint64_t count, MutableBytes out) {
  for (std::size_t index = 0; index < count; ++index) {
    const auto size = static_cast<std::uint32_t>(value.GetStringTensorElementLength(index));
    std::memcpy(out.subspan(0, length_bytes).data(), &size, length_bytes);
    if (size != 0) {
      value.GetStringTensorElement(size, index, out.subspan(length_bytes, size).data());
    }
    out = out.subspan(length_bytes + size);
  }
}

}  // namespace blindai::engine
