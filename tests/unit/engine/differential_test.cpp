// The reference engine against ONNX Runtime: every operator in several shapes, and every model of tests/data/models.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>

#include "engine/build.h"
#include "engine/session.h"

namespace blindai::engine {
namespace {

using build::number;
using build::numbers;
using build::real;
using build::text;

struct Operand {
  DataType datatype{};
  Shape shape;
  Bytes data;
};

// Numbers that differ, of both signs, some equal to whole ones.
Operand some(DataType datatype, const Shape& shape) {
  std::mt19937 random(static_cast<unsigned>(shape.size()) * 7 + static_cast<unsigned>(datatype));
  Operand out{datatype, shape, Bytes(byte_size(datatype, shape).value())};
  std::uniform_int_distribution<int> pick(-12, 12);
  const auto fill = [&]<typename T>(T) {
    for (std::size_t at = 0; at < out.data.size(); at += sizeof(T)) {
      T value{};
      if constexpr (std::is_floating_point_v<T>) {
        value = static_cast<T>(pick(random) / 4.0);
      } else {
        value = static_cast<T>(pick(random));
      }
      std::memcpy(out.data.data() + at, &value, sizeof(T));
    }
  };
  switch (datatype) {
    case DataType::fp32:
      fill(float{});
      break;
    case DataType::fp64:
      fill(double{});
      break;
    case DataType::int32:
      fill(std::int32_t{});
      break;
    case DataType::int64:
      fill(std::int64_t{});
      break;
    case DataType::boolean:
      for (std::uint8_t& byte : out.data) {
        byte = static_cast<std::uint8_t>(random() % 2);
      }
      break;
    default:
      fill(std::uint8_t{});
  }
  return out;
}

template <typename T>
Operand these(DataType datatype, const Shape& shape, const std::vector<T>& values) {
  return {datatype, shape, copy(view(values))};
}
// Of BYTES: as many elements as the shape has, each of its own length.
Operand texts(const Shape& shape) {
  Operand out{DataType::bytes, shape, {}};
  for (std::size_t i = 0; i < element_count(shape).value(); ++i) {
    put_element(out.data, Bytes(i, 0xff));
  }
  return out;
}
Operand row(const std::vector<std::int64_t>& values) {
  return these(DataType::int64, {static_cast<std::int64_t>(values.size())}, values);
}
// Of the same values without their signs: for roots and logarithms.
Operand positive(const Shape& shape) {
  auto values = Output{shape, DataType::fp32, some(DataType::fp32, shape).data}.as<float>();
  for (float& value : values) {
    value = std::abs(value) + 0.25F;
  }
  return these(DataType::fp32, shape, values);
}

constexpr auto f32 = DataType::fp32;
constexpr auto f64 = DataType::fp64;
constexpr auto i32 = DataType::int32;
constexpr auto i64 = DataType::int64;
constexpr auto yes_no = DataType::boolean;

struct Case {
  std::string type;
  std::vector<Operand> inputs;
  DataType output = f32;
  std::vector<Bytes> attributes{};
  std::int64_t opset = 20;
};

Bytes model_of(const Case& one) {
  std::vector<Bytes> values;
  build::Strings names;
  for (const Operand& operand : one.inputs) {
    names.push_back("x" + std::to_string(names.size()));
    values.push_back(build::value(names.back(), operand.datatype, Shape(operand.shape.size(), -1)));
  }
  const Bytes node = build::node(one.type, names, {"y"}, one.attributes);
  return build::file(build::graph({node}, values, {build::value("y", one.output, {}, false)}), one.opset);
}

std::vector<Case> unary_and_binary() {
  std::vector<Case> cases;
  for (const char* type : {"Abs", "Neg", "Relu", "Sigmoid", "Tanh", "Erf", "Exp", "Gelu", "Identity", "Reciprocal"}) {
    cases.push_back({type, {some(f32, {2, 3, 5})}});
  }
  cases.push_back({"Gelu", {some(f32, {17})}, f32, {text("approximate", "tanh")}});
  cases.push_back({"Sqrt", {positive({4, 4})}});
  cases.push_back({"Log", {positive({4, 4})}});
  cases.push_back({"Neg", {some(i64, {9})}, i64});
  cases.push_back({"Abs", {some(i32, {9})}, i32});
  for (const char* type : {"Add", "Sub", "Mul", "Div"}) {
    cases.push_back({type, {some(f32, {2, 3, 4}), positive({3, 1})}});
    cases.push_back({type, {some(f64, {1, 4}), some(f64, {5, 1})}, f64});
    cases.push_back({type, {some(i64, {4}), row({3})}, i64});
    cases.push_back({type, {some(i32, {}), these<std::int32_t>(i32, {2}, {7, -2})}, i32});
    cases.push_back({type, {some(f32, {0, 3}), positive({1})}});
  }
  const std::vector<std::int64_t> ends{INT64_MAX, INT64_MIN};
  cases.push_back({"Add", {row(ends), row(ends)}, i64});  // wraps around
  cases.push_back({"Mul", {row(ends), row({3, 3})}, i64});
  cases.push_back({"Pow", {positive({2, 3}), some(f32, {3})}});
  for (const char* type : {"Min", "Max"}) {
    cases.push_back({type, {some(f32, {2, 3}), some(f32, {3}), some(f32, {1, 1})}});
  }
  return cases;
}

std::vector<Case> logic() {
  std::vector<Case> cases;
  for (const char* type : {"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"}) {
    cases.push_back({type, {some(f32, {4, 7}), some(f32, {7})}, yes_no});
    cases.push_back({type, {some(i64, {50}), row({1})}, yes_no});
  }
  cases.push_back({"And", {some(yes_no, {4, 1}), some(yes_no, {4, 5})}, yes_no});
  cases.push_back({"Or", {some(yes_no, {4, 1}), some(yes_no, {4, 5})}, yes_no});
  cases.push_back({"Not", {some(yes_no, {9})}, yes_no});
  cases.push_back({"IsNaN", {these<float>(f32, {3}, {1, NAN, INFINITY})}, yes_no});
  cases.push_back({"Where", {some(yes_no, {4, 1}), some(f32, {5}), some(f32, {1, 1})}});
  cases.push_back(
      {"Where", {some(yes_no, {3}), some(DataType::uint8, {3}), some(DataType::uint8, {2, 3})}, DataType::uint8});
  constexpr std::pair<DataType, std::int64_t> targets[] = {{f32, 1}, {DataType::int8, 3}, {i32, 6},
                                                           {i64, 7}, {yes_no, 9},         {f64, 11}};
  for (const auto from : {f32, f64, i32, i64, yes_no, DataType::uint8}) {
    for (const auto& [to, code] : targets) {
      cases.push_back({"Cast", {some(from, {3, 4})}, to, {number("to", code)}});
    }
  }
  return cases;
}

std::vector<Case> moves() {
  std::vector<Case> cases;
  for (const auto type : {f32, i64, DataType::uint8, yes_no}) {
    cases.push_back({"Reshape", {some(type, {2, 3, 4}), row({0, -1, 2})}, type});
    cases.push_back({"Transpose", {some(type, {2, 3, 4})}, type});
    cases.push_back({"Transpose", {some(type, {2, 3, 4})}, type, {numbers("perm", {1, 0, 2})}});
    cases.push_back({"Expand", {some(type, {3, 1}), row({2, 1, 4})}, type});
    cases.push_back(
        {"Concat", {some(type, {2, 3}), some(type, {2, 1}), some(type, {2, 0})}, type, {number("axis", -1)}});
    cases.push_back({"Gather", {some(type, {3, 2}), row({2, -3, 0})}, type});
    cases.push_back(
        {"Gather", {some(type, {3, 4}), these<std::int32_t>(i32, {2, 1}, {-1, 0})}, type, {number("axis", 1)}});
  }
  cases.push_back({"Reshape", {some(f32, {0, 3}), row({3, 0})}, f32, {number("allowzero", 1)}});
  for (const std::int64_t axis : {0, 1, 2, 3, -1}) {
    cases.push_back({"Flatten", {some(f32, {2, 3, 4})}, f32, {number("axis", axis)}});
  }
  cases.push_back({"Squeeze", {some(f32, {1, 3, 1, 2})}});
  cases.push_back({"Squeeze", {some(f32, {1, 3, 1, 2}), row({-2})}});
  cases.push_back({"Unsqueeze", {some(f32, {3, 2}), row({0, -1})}});
  const auto sliced = some(f32, {4, 5});
  cases.push_back({"Slice", {sliced, row({1}), row({3})}});
  cases.push_back({"Slice", {sliced, row({-2, 0}), row({INT64_MAX, -1})}});
  cases.push_back({"Slice", {sliced, row({3}), row({INT64_MIN}), row({0}), row({-1})}});
  cases.push_back({"Slice", {sliced, row({-100}), row({100}), row({-1}), row({3})}});
  cases.push_back({"Slice", {sliced, row({100}), row({-100}), row({1}), row({-2})}});
  cases.push_back({"Slice", {sliced, row({2}), row({2}), row({1})}});
  cases.push_back({"Slice", {sliced, row({0}), row({5}), row({1}), row({INT64_MAX})}});
  cases.push_back({"Shape", {some(f32, {4, 5, 6})}, i64});
  cases.push_back({"Shape", {some(f32, {4, 5, 6})}, i64, {number("start", -2), number("end", 9)}});
  cases.push_back({"Constant", {}, i64, {numbers("value_ints", {4, 5})}});
  cases.push_back({"Constant", {}, i64, {number("value_int", -4)}});
  cases.push_back({"Constant", {}, f32, {real("value_float", 0.5F)}});
  const auto five = build::tensor("five", i64, {1}, view(std::vector<std::int64_t>{5}));
  cases.push_back({"Constant", {}, i64, {build::with_tensor("value", five)}});
  cases.push_back({"ConstantOfShape", {row({2, 3})}, i64, {build::with_tensor("value", five)}});
  cases.push_back({"ConstantOfShape", {row({2, 0})}});
  return cases;
}

std::vector<Case> sums() {
  std::vector<Case> cases;
  const auto x = some(f32, {2, 3, 4});
  cases.push_back({"ReduceMean", {x}, f32, {numbers("axes", {1}), number("keepdims", 0)}, 17});
  cases.push_back({"ReduceMean", {x}, f32, {numbers("axes", {0, -1})}, 17});
  cases.push_back({"ReduceMean", {x, row({1, 2})}, f32, {number("keepdims", 0)}});
  cases.push_back({"ReduceSum", {x}});
  cases.push_back({"ReduceSum", {x, row({})}, f32, {number("noop_with_empty_axes", 1)}});
  cases.push_back({"ReduceSum", {some(f64, {3, 4}), row({0})}, f64, {number("keepdims", 0)}});
  for (const std::int64_t axis : {-1, 0, 1}) {
    cases.push_back({"Softmax", {x}, f32, {number("axis", axis)}});
  }
  const auto infinite = these<float>(f32, {2, 2}, {-INFINITY, 0, 1, 2});
  cases.push_back({"Softmax", {infinite}});
  cases.push_back({"LayerNormalization", {x, positive({4}), some(f32, {4})}, f32, {real("epsilon", 1e-3F)}});
  cases.push_back({"LayerNormalization", {x, positive({3, 4})}, f32, {number("axis", 1)}});
  cases.push_back({"MatMul", {some(f32, {5, 7}), some(f32, {7, 3})}});
  cases.push_back({"MatMul", {some(f32, {2, 1, 5, 7}), some(f32, {3, 7, 2})}});
  cases.push_back({"MatMul", {some(f32, {7}), some(f32, {7, 3})}});
  cases.push_back({"MatMul", {some(f32, {2, 5, 7}), some(f32, {7})}});
  cases.push_back({"MatMul", {some(f64, {0, 7}), some(f64, {7, 3})}, f64});
  cases.push_back({"Gemm", {some(f32, {5, 7}), some(f32, {7, 3})}});
  cases.push_back({"Gemm",
                   {some(f32, {7, 5}), some(f32, {3, 7}), some(f32, {3})},
                   f32,
                   {number("transA", 1), number("transB", 1), real("alpha", 0.5F), real("beta", -2)}});
  cases.push_back({"Gemm", {some(f32, {2, 2}), some(f32, {2, 2}), some(f32, {2, 1})}});
  return cases;
}

// What each engine makes of a request: outputs, or an error.
Result<std::map<std::size_t, Output>> answer(const std::string& name, ByteView file,
                                             const std::vector<InputView>& inputs) {
  Session session;
  BLINDAI_TRY(session.engine, make_engine(name));
  BLINDAI_CHECK(session.load(file));
  BLINDAI_CHECK(session.run(inputs));
  return std::move(session.outputs);
}

template <typename T>
void expect_near(const Output& ours, const Output& theirs) {
  const auto a = ours.as<T>();
  const auto b = theirs.as<T>();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(b[i])) {
      EXPECT_TRUE(std::isnan(a[i])) << i;
    } else {
      EXPECT_TRUE(a[i] == b[i] || std::abs(a[i] - b[i]) <= T(2e-6) * (1 + std::abs(b[i]))) << a[i] << " and " << b[i];
    }
  }
}

void expect_same(ByteView file, const std::vector<InputView>& inputs) {
  const auto ours = answer("reference", file, inputs);
  const auto theirs = answer("onnxruntime", file, inputs);
  ASSERT_TRUE(ours) << ours.error().message.str();
  ASSERT_TRUE(theirs) << theirs.error().message.str();
  ASSERT_EQ(ours->size(), theirs->size());
  for (const auto& [index, output] : *ours) {
    const Output& other = theirs->at(index);
    EXPECT_EQ(output.datatype, other.datatype);
    ASSERT_EQ(output.shape, other.shape);
    if (output.datatype == f32) {
      expect_near<float>(output, other);
    } else if (output.datatype == f64) {
      expect_near<double>(output, other);
    } else {
      EXPECT_EQ(output.data, other.data);
    }
  }
}

void compare_all(const std::vector<Case>& cases) {
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].type + " in case " + std::to_string(i));
    std::vector<InputView> inputs;
    for (const Operand& operand : cases[i].inputs) {
      inputs.push_back({inputs.size(), operand.shape, operand.data});
    }
    expect_same(model_of(cases[i]), inputs);
  }
}

struct TwoEngines : testing::Test {
  void SetUp() override { BLINDAI_NEEDS_ONNXRUNTIME(); }
};

TEST_F(TwoEngines, AgreeOnArithmetic) { compare_all(unary_and_binary()); }
TEST_F(TwoEngines, AgreeOnLogicAndCasts) { compare_all(logic()); }
TEST_F(TwoEngines, AgreeOnMoves) { compare_all(moves()); }
TEST_F(TwoEngines, AgreeOnSumsAndProducts) { compare_all(sums()); }

// What a caller can get wrong is refused by both, and crashes neither.
TEST_F(TwoEngines, RefuseTheSameRequests) {
  const std::vector<Case> cases{
      {"Gather", {some(f32, {3}), row({3})}},
      {"Gather", {some(f32, {3}), row({-4})}},
      {"Gather", {some(f32, {3}), row({INT64_MIN})}},
      {"Gather", {some(f32, {0, 2}), row({0})}},
      {"Reshape", {some(f32, {6}), row({4})}},
      {"Reshape", {some(f32, {6}), row({-1, -1})}},
      {"Reshape", {some(f32, {6}), row({1'000'000'000'000, 1'000'000'000'000})}},
      {"Expand", {some(f32, {3}), row({2})}},
      {"Add", {some(f32, {3}), some(f32, {2})}},
      {"MatMul", {some(f32, {2, 3}), some(f32, {2, 3})}},
      {"Concat", {some(f32, {2, 3}), some(f32, {3, 3})}, f32, {number("axis", 1)}},
      {"Slice", {some(f32, {4}), row({0}), row({4}), row({3})}},
      {"Slice", {some(f32, {4}), row({0}), row({4}), row({0}), row({0})}},
      {"Squeeze", {some(f32, {2, 1}), row({0})}},
      {"Unsqueeze", {some(f32, {2, 1}), row({0, 0})}},
      {"ConstantOfShape", {row({-1})}},
      {"ConstantOfShape", {row({1'000'000, 1'000'000, 1'000'000})}},
      {"ReduceSum", {some(f32, {2, 2}), row({5})}},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].type + " in case " + std::to_string(i));
    std::vector<InputView> inputs;
    for (const Operand& operand : cases[i].inputs) {
      inputs.push_back({inputs.size(), operand.shape, operand.data});
    }
    EXPECT_FALSE(answer("reference", model_of(cases[i]), inputs));
    EXPECT_FALSE(answer("onnxruntime", model_of(cases[i]), inputs));
  }
}

// Inputs of the declared types, a free dimension as 3.
TEST_F(TwoEngines, AgreeOnTheModelsOfTheTests) {
  std::size_t compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(BLINDAI_SOURCE_DIR "/tests/data/models")) {
    if (entry.path().extension() != ".onnx") {
      continue;
    }
    const std::string name = entry.path().stem().string();
    SCOPED_TRACE(name);
    const Bytes file = model_file(name);
    Session ours(*make_engine("reference"));
    Session theirs(*make_engine("onnxruntime"));
    const bool loaded = ours.load(file).has_value();
    const bool lacks_operators = name == "conv_bn" || name == "lstm";  // the reference engine
    ASSERT_EQ(loaded, theirs.load(file).has_value() && !lacks_operators);
    if (!loaded) {
      continue;
    }
    ASSERT_EQ(ours.model->inputs(), theirs.model->inputs());
    ASSERT_EQ(ours.model->outputs(), theirs.model->outputs());
    std::vector<Operand> operands;
    for (TensorSpec spec : ours.model->inputs()) {
      std::ranges::replace(spec.shape, -1, 3);
      if (spec.datatype == DataType::bytes) {
        operands.push_back(texts(spec.shape));
        continue;
      }
      operands.push_back(name == "gather" && spec.name == "at" ? row({2, 0, 1}) : some(spec.datatype, spec.shape));
      if (spec.name == "ids" || spec.name == "mask") {
        operands.back() =
            these<std::int64_t>(i64, spec.shape, std::vector<std::int64_t>(*element_count(spec.shape), 1));
      }
      if (name == "loop" && spec.name == "n") {
        operands.back() = these<std::int64_t>(i64, {}, {4});
      }
    }
    std::vector<InputView> inputs;
    for (const Operand& operand : operands) {
      inputs.push_back({inputs.size(), operand.shape, operand.data});
    }
    expect_same(file, inputs);
    ++compared;
  }
  EXPECT_GE(compared, 6u);
}

}  // namespace
}  // namespace blindai::engine
