#include "engine/onnxruntime_shapes.h"

namespace blindai::engine {
namespace {

// The length of the dimension of that name; nothing where there is none, or more than one length.
std::optional<std::int64_t> length_of(const std::string& name, const std::vector<InputView>& inputs,
                                      const std::vector<DimensionNames>& input_names) {
  std::optional<std::int64_t> length;
  for (const InputView& input : inputs) {
    const DimensionNames& names = input_names[input.index];
    for (std::size_t axis = 0; axis < std::min(names.size(), input.shape.size()); ++axis) {
      if (names[axis] != name) {
        continue;
      }
      if (length && *length != input.shape[axis]) {
        return std::nullopt;
      }
      length = input.shape[axis];
    }
  }
  return length;
}

}  // namespace

DimensionNames names_of(const Ort::TypeInfo& type) {
  const auto info = type.GetTensorTypeAndShapeInfo();
  std::vector<const char*> symbols(info.GetDimensionsCount(), nullptr);
  info.GetSymbolicDimensions(symbols.data(), symbols.size());
  DimensionNames names;
  for (const char* symbol : symbols) {
    names.emplace_back(symbol == nullptr ? "" : symbol);
  }
  return names;
}

std::optional<Shape> told_shape(const Shape& output, const DimensionNames& names, const std::vector<InputView>& inputs,
                                const std::vector<DimensionNames>& input_names) {
  Shape shape = output;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] >= 0) {
      continue;
    }
    const auto length =
        axis < names.size() && !names[axis].empty() ? length_of(names[axis], inputs, input_names) : std::nullopt;
    if (!length) {
      return std::nullopt;
    }
    shape[axis] = *length;
  }
  return shape;
}

bool told_wrong(std::string_view message) { return message.contains("the computed output shape for this run is"); }

}  // namespace blindai::engine
