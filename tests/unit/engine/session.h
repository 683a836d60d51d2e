// A model loaded into an engine, run on tensors of the test's own.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>

#include "engine/engines.h"

namespace blindai::engine {

inline Bytes model_file(const std::string& name) {
  const auto bytes = read_file((BLINDAI_SOURCE_DIR "/tests/data/models/" + name + ".onnx").c_str(), 1 << 20);
  EXPECT_TRUE(bytes) << name;
  return bytes.value_or(Bytes());
}

template <typename T>
ByteView view(const std::vector<T>& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(T)};  // NOLINT
}

struct Output {
  Shape shape;
  DataType datatype{};
  Bytes data;
  template <typename T>
  std::vector<T> as() const {
    std::vector<T> values(data.size() / sizeof(T));
    std::ranges::copy(data, reinterpret_cast<std::uint8_t*>(values.data()));  // NOLINT
    return values;
  }
};

struct Session {
  Session() = default;
  explicit Session(std::unique_ptr<Engine> made) : engine(std::move(made)) {}

  std::unique_ptr<Engine> engine;
  std::unique_ptr<Model> model;
  std::unique_ptr<Slot> slot;
  std::map<std::size_t, Output> outputs;

  Result<void> load(ByteView file, const std::vector<WeightView>& weights = {}) {
    BLINDAI_TRY(model, engine->load(file, weights));
    BLINDAI_TRY(slot, model->make_slot());
    return {};
  }
  Result<void> run(const std::vector<InputView>& inputs) {
    outputs.clear();
    return slot->run(inputs, [&](std::size_t index, DataType type, const Shape& shape, std::uint64_t size) {
      Output& output = outputs[index];
      output = {shape, type, Bytes(size)};
      return Result<MutableBytes>(output.data);
    });
  }
};

}  // namespace blindai::engine
