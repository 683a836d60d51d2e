// Which graphs are proved to keep rows apart, operator by operator, and why others are not.
#include <gtest/gtest.h>

#include <algorithm>
#include <variant>

#include "build.h"
#include "gate/report.h"
#include "gate/rows_rules.h"

namespace blindai::gate {
namespace {

constexpr std::uint64_t fp32 = 1;
constexpr std::uint64_t int64 = 7;
using Ints = std::vector<std::int64_t>;
using Names = std::vector<std::string>;
const std::string why_not_in_table = "not in the table";

Bytes with_free(const std::string& name, std::uint64_t type, const Ints& shape) {
  Bytes dims;
  for (const std::int64_t size : shape) {
    put_bytes(dims, 1, size < 0 ? Bytes() : number(1, static_cast<std::uint64_t>(size)));
  }
  Bytes tensor = number(1, type);
  put_bytes(tensor, 2, dims);
  return message({{1, text(name)}, {2, message({{1, tensor}})}});
}

struct Attribute {
  std::string name;
  std::variant<std::int64_t, Ints, Bytes> value;
};

Bytes attribute_of(const Attribute& one) {
  Bytes out = message({{1, text(one.name)}});
  if (const auto* single = std::get_if<std::int64_t>(&one.value)) {
    append(out, number(3, static_cast<std::uint64_t>(*single)));
    put_number(out, 20, 2);
  } else if (const auto* list = std::get_if<Ints>(&one.value)) {
    for (const std::int64_t value : *list) {
      put_number(out, 8, static_cast<std::uint64_t>(value));
    }
    put_number(out, 20, of_ints);
  } else {
    put_bytes(out, 5, std::get<Bytes>(one.value));
    put_number(out, 20, of_tensor);
  }
  return out;
}

Bytes numbers_of(const std::string& name, const Ints& values, bool scalar = false) {
  Bytes raw;
  for (const std::int64_t value : values) {
    for (unsigned shift = 0; shift < 64; shift += 8) {
      raw.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> shift));
    }
  }
  return tensor(name, int64, scalar ? std::vector<std::uint64_t>{} : std::vector<std::uint64_t>{values.size()}, raw);
}

// A model from "x" (and what else is declared) to "y".
class Sketch {
 public:
  explicit Sketch(const Ints& shape, std::uint64_t type = fp32) { input("x", shape, type); }
  Sketch& input(const std::string& name, const Ints& shape, std::uint64_t type = fp32) {
    put_bytes(graph_, 11, with_free(name, type, shape));
    return *this;
  }
  Sketch& weight(const std::string& name, const std::vector<std::uint64_t>& dims, std::uint64_t type = fp32) {
    std::size_t count = 1;
    for (const std::uint64_t size : dims) {
      count *= size;
    }
    put_bytes(graph_, 5, tensor(name, type, dims, Bytes(count * (type == int64 ? 8 : 4))));
    return *this;
  }
  Sketch& ints(const std::string& name, const Ints& values) {
    put_bytes(graph_, 5, numbers_of(name, values));
    return *this;
  }
  Sketch& scalar(const std::string& name, std::int64_t value) {
    put_bytes(graph_, 5, numbers_of(name, {value}, true));
    return *this;
  }
  Sketch& node(const std::string& type, const Names& inputs, const Names& outputs,
               const std::vector<Attribute>& attributes = {}, const std::string& domain = "") {
    Bytes out;
    for (const std::string& input : inputs) {
      put_bytes(out, 1, text(input));
    }
    for (const std::string& output : outputs) {
      put_bytes(out, 2, text(output));
    }
    put_bytes(out, 3, text("n" + std::to_string(nodes_++)));
    put_bytes(out, 4, text(type));
    for (const Attribute& one : attributes) {
      put_bytes(out, 5, attribute_of(one));
    }
    if (!domain.empty()) {
      put_bytes(out, 7, text(domain));
    }
    put_bytes(graph_, 1, out);
    return *this;
  }
  Sketch& claim(const std::string& name, const Ints& shape) {
    put_bytes(graph_, 13, with_free(name, fp32, shape));
    return *this;
  }
  Sketch& function(const Bytes& bytes) {
    put_bytes(functions_, 25, bytes);
    return *this;
  }
  Sketch& opset(std::uint64_t version) {
    opset_ = version;
    return *this;
  }
  Admitted admitted() const {
    Bytes graph = graph_;
    put_bytes(graph, 2, text("g"));
    put_bytes(graph, 12, with_free("y", fp32, {-1, -1}));
    Bytes body = number(1, 8);
    put_bytes(body, 8, gate::opset("", opset_));
    put_bytes(body, 8, gate::opset("com.microsoft", 1));
    put_bytes(body, 8, gate::opset("ai.onnx.ml", 3));
    put_bytes(body, 8, gate::opset("d", 1));
    put_bytes(body, 7, graph);
    append(body, functions_);
    auto result = scan(body, {{"m.onnx", 0, body.size()}});
    EXPECT_TRUE(result) << result.error().message.str();
    return result ? std::move(*result) : Admitted();
  }
  Rows rows() const { return admitted().rows; }

 private:
  Bytes graph_;
  Bytes functions_;
  std::uint64_t opset_ = 17;
  int nodes_ = 0;
};

void keeps(const Sketch& sketch) {
  const Rows rows = sketch.rows();
  EXPECT_TRUE(rows.proved) << rows.why;
}
void mixes(const Sketch& sketch, const std::string& words) {
  const Rows rows = sketch.rows();
  EXPECT_FALSE(rows.proved);
  EXPECT_NE(rows.why.find(words), std::string::npos) << rows.why;
}
Sketch one(const Ints& shape, const std::string& type, const std::vector<Attribute>& attributes = {}) {
  return Sketch(shape).node(type, {"x"}, {"y"}, attributes);
}

TEST(Rows, AreKeptByWhatWorksOnEachElement) {
  keeps(one({-1, 4}, "Relu"));
  keeps(Sketch({-1, 4}).weight("w", {4}).node("Add", {"x", "w"}, {"y"}));
  keeps(Sketch({-1, 4}).weight("w", {1, 4}).node("Max", {"w", "x", "x"}, {"y"}));
  keeps(Sketch({-1, 4}).input("z", {-1, 1}).node("Mul", {"x", "z"}, {"y"}));
}

TEST(Rows, AreMixedByAnOperandThatHasAsManyRowsByChance) {
  mixes(Sketch({-1, 4}).weight("w", {3, 4}).node("Add", {"x", "w"}, {"y"}), "another length along the batch axis");
  mixes(Sketch({-1, 4}).weight("w", {3, 4}).node("Pow", {"x", "w"}, {"y"}), "node 0 'n0' (Pow)");
  mixes(Sketch({-1, 4}).weight("w", {3, 1}).node("PRelu", {"x", "w"}, {"y"}), "PRelu");
  mixes(Sketch({-1}).input("z", {-1, 1}).node("Add", {"x", "z"}, {"y"}), "batch axes at different places");
  mixes(Sketch({-1, 4}).input("z", {-1, 1, 4}).node("Where", {"x", "z", "x"}, {"y"}), "batch axes");
}

TEST(Rows, AreKeptAlongOtherAxesAlone) {
  for (const std::string type : {"Softmax", "LogSoftmax", "Hardmax", "LpNormalization"}) {
    keeps(one({-1, 4}, type, {{"axis", 1}}));
    mixes(one({-1, 4}, type, {{"axis", 0}}), "along the batch axis");
    mixes(one({-1, 4}, type, {{"axis", -2}}), "along the batch axis");
  }
  mixes(one({-1, 4}, "Softmax", {{"axis", 0}}).opset(11), "along the batch axis");
  mixes(Sketch({-1, 4})
            .node("Transpose", {"x"}, {"t"})
            .node("Softmax", {"t"}, {"u"}, {{"axis", 0}})
            .node("Transpose", {"u"}, {"y"})
            .opset(11),
        "(Softmax)");  // before opset 13 all axes from that one on
  keeps(Sketch({-1, 4})
            .node("Transpose", {"x"}, {"t"})
            .node("Softmax", {"t"}, {"u"}, {{"axis", 0}})
            .node("Transpose", {"u"}, {"y"}));
  keeps(one({-1, 4}, "ReduceMean", {{"axes", Ints{1}}}));
  mixes(one({-1, 4}, "ReduceMean", {{"axes", Ints{0}}}), "along the batch axis");
  mixes(one({-1, 4}, "ReduceMean", {{"axes", Ints{1, -2}}}), "along the batch axis");
  mixes(one({-1, 4}, "ReduceMax"), "along the batch axis");
  mixes(Sketch({-1, 4}).input("a", {-1}, int64).node("ReduceSum", {"x", "a"}, {"y"}), "(ReduceSum)");
  keeps(one({-1, 4}, "ArgMax", {{"axis", 1}}));
  mixes(one({-1, 4}, "ArgMax"), "along the batch axis");
  keeps(Sketch({-1, 4}).ints("k", {2}).node("TopK", {"x", "k"}, {"y", "i"}));
  mixes(Sketch({-1, 4}).ints("k", {2}).node("TopK", {"x", "k"}, {"y", "i"}, {{"axis", 0}}), "along the batch axis");
  keeps(Sketch({-1, 4}).scalar("a", 1).node("CumSum", {"x", "a"}, {"y"}));
  mixes(Sketch({-1, 4}).scalar("a", 0).node("CumSum", {"x", "a"}, {"y"}), "along the batch axis");
  mixes(Sketch({-1, 4}).input("a", {-1}, int64).node("CumSum", {"x", "a"}, {"y"}), "(CumSum)");
  keeps(Sketch({-1, 4}).weight("s", {4}).node("LayerNormalization", {"x", "s"}, {"y"}));
  mixes(Sketch({-1, 4}).weight("s", {4}).node("LayerNormalization", {"x", "s"}, {"y"}, {{"axis", 0}}), "along");
  mixes(Sketch({-1, 4}).weight("s", {3, 4}).node("LayerNormalization", {"x", "s"}, {"y"}), "scale or bias");
  mixes(one({-1, 4, 2, 2}, "MeanVarianceNormalization"), "along the batch axis");
  keeps(one({-1, 4, 2, 2}, "MeanVarianceNormalization", {{"axes", Ints{2, 3}}}));
  mixes(one({-1, 4}, "Trilu"), "along the batch axis");
  keeps(one({-1, 4, 4}, "Trilu"));
}

TEST(Rows, AreNotPicked) {
  mixes(Sketch({-1, 4}).ints("i", {0}).node("Gather", {"x", "i"}, {"y"}), "picks rows");
  keeps(Sketch({-1, 4}).ints("i", {3, 0}).node("Gather", {"x", "i"}, {"y"}, {{"axis", 1}}));
  keeps(Sketch({-1, 4}, int64).weight("w", {9, 3}).node("Gather", {"w", "x"}, {"y"}));
  mixes(Sketch({-1, 4}).input("i", {-1}, int64).node("Gather", {"x", "i"}, {"y"}, {{"axis", 1}}), "(Gather)");
  mixes(Sketch({-1, 4}).input("i", {-1, 2}, int64).node("GatherND", {"x", "i"}, {"y"}), "may pick other rows");
  mixes(Sketch({-1, 4}).input("i", {-1, 2}, int64).node("GatherElements", {"x", "i"}, {"y"}), "other rows");
  keeps(Sketch({-1, 4}).input("i", {-1, 2}, int64).node("GatherElements", {"x", "i"}, {"y"}, {{"axis", 1}}));
  mixes(Sketch({-1, 4}).ints("b", {1}).ints("e", {9}).ints("a", {0}).node("Slice", {"x", "b", "e", "a"}, {"y"}),
        "some of the rows");
  mixes(Sketch({-1, 4}).ints("b", {0}).ints("e", {-1}).ints("a", {0}).node("Slice", {"x", "b", "e", "a"}, {"y"}),
        "some of the rows");
  mixes(Sketch({-1, 4})
            .ints("b", {-1})
            .ints("e", {INT64_MIN})
            .ints("a", {0})
            .ints("s", {-1})
            .node("Slice", {"x", "b", "e", "a", "s"}, {"y"}),
        "some of the rows");
  mixes(Sketch({-1, 4})
            .ints("b", {0})
            .ints("e", {INT64_MAX})
            .ints("a", {0})
            .ints("s", {2})
            .node("Slice", {"x", "b", "e", "a", "s"}, {"y"}),
        "some of the rows");
  keeps(
      Sketch({-1, 4}).ints("b", {0}).ints("e", {INT64_MAX}).ints("a", {0}).node("Slice", {"x", "b", "e", "a"}, {"y"}));
  keeps(Sketch({-1, 4}).ints("b", {1}).ints("e", {3}).ints("a", {-1}).node("Slice", {"x", "b", "e", "a"}, {"y"}));
  mixes(Sketch({-1, 4}).ints("e", {3}).input("b", {-1}, int64).node("Slice", {"x", "b", "e"}, {"y"}), "(Slice)");
  mixes(Sketch({-1, 4}).node("Concat", {"x", "x"}, {"y"}, {{"axis", 0}}), "along the batch axis");
  keeps(Sketch({-1, 4}).node("Concat", {"x", "x"}, {"y"}, {{"axis", 1}}));
  mixes(Sketch({-1, 4}).weight("w", {2, 4}).node("Concat", {"x", "w"}, {"y"}, {{"axis", 1}}), "different places");
  mixes(Sketch({-1, 4}).node("Split", {"x"}, {"y", "z"}), "along the batch axis");
  keeps(Sketch({-1, 4}).node("Split", {"x"}, {"y", "z"}, {{"axis", 1}}));
  mixes(Sketch({-1, 4}).ints("p", {1, 0, 0, 0}).node("Pad", {"x", "p"}, {"y"}), "along the batch axis");
  keeps(Sketch({-1, 4}).ints("p", {0, 1, 0, 0}).node("Pad", {"x", "p"}, {"y"}));
  mixes(Sketch({-1, 4}).ints("r", {2, 1}).node("Tile", {"x", "r"}, {"y"}), "repeats rows");
  keeps(Sketch({-1, 4}).ints("r", {1, 2}).node("Tile", {"x", "r"}, {"y"}));
}

TEST(Rows, StayWholeInAnotherShape) {
  keeps(Sketch({-1, 4}).ints("s", {0, 2, 2}).node("Reshape", {"x", "s"}, {"y"}));
  keeps(Sketch({-1, 4}).ints("s", {-1, 4}).node("Reshape", {"x", "s"}, {"y"}));
  keeps(Sketch({-1, 4})
            .ints("s", {-1, 2})
            .ints("t", {-1, 4})
            .node("Reshape", {"x", "s"}, {"z"})
            .node("Reshape", {"z", "t"}, {"y"}));  // two parts of each row, and whole again
  mixes(Sketch({-1, 4}).ints("s", {-1, 2}).node("Reshape", {"x", "s"}, {"y"}), "one row for each");
  mixes(Sketch({-1, 4}).ints("s", {-1, 8}).node("Reshape", {"x", "s"}, {"y"}), "does not keep the rows apart");
  mixes(Sketch({-1, 4}).ints("s", {4, -1}).node("Reshape", {"x", "s"}, {"y"}), "does not keep the rows apart");
  mixes(Sketch({-1, 4}).ints("s", {2, -1, 4}).node("Reshape", {"x", "s"}, {"y"}), "does not keep the rows apart");
  mixes(Sketch({-1, 4}).ints("s", {-1, 4}).node("Transpose", {"x"}, {"t"}).node("Reshape", {"t", "s"}, {"y"}),
        "does not keep the rows apart");
  mixes(Sketch({-1, 4}).input("s", {-1}, int64).node("Reshape", {"x", "s"}, {"y"}), "(Reshape)");
  mixes(Sketch({-1, -1}).ints("s", {-1, 4}).node("Reshape", {"x", "s"}, {"y"}), "does not keep the rows apart");
  keeps(one({-1, 4, 2}, "Flatten"));
  mixes(one({-1, 4, 2}, "Flatten", {{"axis", 0}}), "first dimension of output");
  mixes(one({-1, 4, 2}, "Flatten", {{"axis", 2}}), "one row for each");
  keeps(Sketch({-1, 4}).ints("a", {1}).node("Unsqueeze", {"x", "a"}, {"z"}).node("Squeeze", {"z", "a"}, {"y"}));
  mixes(Sketch({-1, 4}).node("Squeeze", {"x"}, {"y"}), "batch axis of one row may be among them");
  mixes(Sketch({-1, 4}).ints("a", {0}).node("Squeeze", {"x", "a"}, {"y"}), "removes the batch axis");
  mixes(Sketch({-1, 4}).ints("a", {0}).node("Unsqueeze", {"x", "a"}, {"y"}), "first dimension of output");
  mixes(one({-1, 4}, "Transpose"), "first dimension of output");
  mixes(Sketch({-1, 4}).ints("s", {3, 4}).node("Expand", {"x", "s"}, {"y"}), "another length along the batch axis");
  keeps(Sketch({-1, 1}).ints("s", {1, 4}).node("Expand", {"x", "s"}, {"y"}));
}

TEST(Rows, AreCountedForShapesAndForNothingElse) {
  const auto sized = [] { return Sketch({-1, 4}).scalar("zero", 0).ints("axis", {0}).node("Shape", {"x"}, {"s"}); };
  keeps(sized().weight("w", {1, 4}).node("Expand", {"w", "s"}, {"e"}).node("Add", {"e", "x"}, {"y"}));
  keeps(sized().node("ConstantOfShape", {"s"}, {"e"}).node("Add", {"e", "x"}, {"y"}));
  keeps(sized()
            .ints("rest", {-1, 2})
            .node("Gather", {"s", "zero"}, {"b"})
            .node("Unsqueeze", {"b", "axis"}, {"u"})
            .node("Concat", {"u", "rest"}, {"t"}, {{"axis", 0}})
            .node("Reshape", {"x", "t"}, {"y"}));
  mixes(sized()
            .node("Cast", {"s"}, {"f"}, {{"to", 1}})
            .node("Gather", {"f", "zero"}, {"b"})
            .node("Mul", {"x", "b"}, {"y"}),
        "the number of rows in the batch is used as data");
  mixes(sized().node("Gather", {"s", "zero"}, {"b"}).scalar("one", 1).node("Range", {"one", "b", "one"}, {"y"}),
        "the number of rows in the batch is used as data");
  mixes(sized().weight("w", {9, 4}).node("Gather", {"w", "s"}, {"y"}),
        "the number of rows in the batch is used as data");
  mixes(sized().ints("two", {2}).node("Div", {"s", "two"}, {"h"}).node("Reshape", {"x", "h"}, {"y"}),
        "is not understood");
  mixes(sized().weight("w", {4}).node("Reshape", {"w", "s"}, {"y"}), "dealt out to rows");
  // x to [4, B], and its axes exchanged.
  mixes(sized()
            .ints("four", {4})
            .node("Gather", {"s", "zero"}, {"b"})
            .node("Unsqueeze", {"b", "axis"}, {"u"})
            .node("Concat", {"four", "u"}, {"t"}, {{"axis", 0}})
            .node("Reshape", {"x", "t"}, {"z"})
            .node("Transpose", {"z"}, {"y"}),
        "does not keep the rows apart");
  mixes(Sketch({-1, 4}).node("Size", {"x"}, {"s"}).node("Mul", {"x", "s"}, {"y"}), "used as data");
  // By an operator whose rule looks at shapes alone.
  mixes(sized().node("Gather", {"s", "zero"}, {"b"}).node("Sqrt", {"b"}, {"r"}).node("Mul", {"x", "r"}, {"y"}),
        "(Sqrt): the number of rows in the batch is used as data");
}

TEST(Rows, MayBeLookedUpAtTheirOwnPlace) {
  const auto places = [](std::int64_t length, std::int64_t to) {
    return Sketch({-1, 4})
        .scalar("zero", 0)
        .scalar("one", 1)
        .scalar("length", length)
        .scalar("to", to)
        .ints("last", {1})
        .ints("flat", {-1})
        .node("Shape", {"x"}, {"s"})
        .node("Gather", {"s", "zero"}, {"b"})
        .node("Range", {"zero", "b", "one"}, {"r"})
        .node("Range", {"zero", "to", "one"}, {"q"})
        .node("Unsqueeze", {"r", "last"}, {"r1"})
        .node("Mul", {"r1", "length"}, {"m"})
        .node("Add", {"m", "q"}, {"i"});
  };
  keeps(places(4, 4).node("Reshape", {"x", "flat"}, {"f"}).node("Gather", {"f", "i"}, {"y"}));
  mixes(places(3, 4).node("Reshape", {"x", "flat"}, {"f"}).node("Gather", {"f", "i"}, {"y"}), "than its own row");
  mixes(places(4, 5).node("Reshape", {"x", "flat"}, {"f"}).node("Gather", {"f", "i"}, {"y"}), "than its own row");
  mixes(places(4, 4).node("Gather", {"x", "i"}, {"y"}), "than its own row");
  mixes(places(4, 4).node("Gather", {"x", "r"}, {"z"}).node("Mul", {"x", "r1"}, {"y"}), "is used as data");
  mixes(places(4, 4).node("Sqrt", {"r1"}, {"t"}).node("Mul", {"x", "t"}, {"y"}), "(Sqrt): the place of a row");
  mixes(places(4, 4).weight("w", {99, 2}).node("Gather", {"w", "r"}, {"y"}), "than its own row");
  keeps(places(4, 4).node("Gather", {"x", "r"}, {"y"}));
  // GatherND, by pairs of the row's place and something that the row says.
  const auto pairs = [&] { return places(4, 4).input("j", {-1, 1}, int64); };
  keeps(pairs()
            .node("Concat", {"r1", "j"}, {"p"}, {{"axis", 1}})
            .node("GatherND", {"x", "p"}, {"z"})
            .node("Unsqueeze", {"z", "last"}, {"y"}));
  mixes(pairs().node("Concat", {"j", "r1"}, {"p"}, {{"axis", 1}}).node("GatherND", {"x", "p"}, {"y"}), "");
  mixes(pairs().node("Concat", {"m", "j"}, {"p"}, {{"axis", 1}}).node("GatherND", {"x", "p"}, {"y"}), "other rows");
}

TEST(Rows, DoNotMeetInProducts) {
  keeps(Sketch({-1, 4}).weight("w", {4, 3}).node("MatMul", {"x", "w"}, {"y"}));
  keeps(Sketch({-1, 4, 3}).input("z", {-1, 3, 2}).node("MatMul", {"x", "z"}, {"y"}));
  mixes(Sketch({-1, 4}).input("z", {-1, 4}).node("Transpose", {"z"}, {"t"}).node("MatMul", {"x", "t"}, {"y"}),
        "rows of both operands meet");
  mixes(Sketch({-1, 4}).node("Transpose", {"x"}, {"t"}).node("MatMul", {"t", "x"}, {"y"}), "sums over the batch axis");
  mixes(Sketch({-1, 4}).weight("w", {2, 4, 3}).node("MatMul", {"x", "w"}, {"y"}), "first dimension of output");
  mixes(Sketch({-1, 5, 4}).weight("w", {2, 4, 3}).node("MatMul", {"x", "w"}, {"y"}), "another length along");
  keeps(Sketch({-1, 4}).weight("w", {4, 3}).weight("b", {3}).node("Gemm", {"x", "w", "b"}, {"y"}));
  keeps(Sketch({-1, 4}).weight("w", {3, 4}).node("Gemm", {"x", "w"}, {"y"}, {{"transB", 1}}));
  mixes(Sketch({-1, 4}).weight("w", {9, 3}).node("Gemm", {"x", "w"}, {"y"}, {{"transA", 1}}),
        "sums over the batch axis");
  mixes(Sketch({-1, 4}).weight("w", {4, 3}).weight("b", {2, 3}).node("Gemm", {"x", "w", "b"}, {"y"}), "what it adds");
  mixes(Sketch({-1, 4}).weight("w", {5, 4}).node("Gemm", {"w", "x"}, {"y"}, {{"transB", 1}}), "(Gemm)");
}

TEST(Rows, AreKeptByLayersWhoseBatchAxisIsTheFirst) {
  keeps(Sketch({-1, 3, 8, 8}).weight("w", {4, 3, 3, 3}).node("Conv", {"x", "w"}, {"y"}));
  mixes(Sketch({-1, 3, 8, 8})
            .weight("w", {4, 3, 3, 3})
            .node("Transpose", {"x"}, {"t"}, {{"perm", Ints{1, 0, 2, 3}}})
            .node("Conv", {"t", "w"}, {"y"}),
        "not the first");
  mixes(Sketch({-1, 3, 8, 8}).input("w", {-1, 3, 3, 3}).node("Conv", {"x", "w"}, {"y"}), "weights depend on rows");
  keeps(one({-1, 3, 8, 8}, "MaxPool", {{"kernel_shape", Ints{2, 2}}}));
  mixes(Sketch({-1, 3, 8, 8}).node("MaxPool", {"x"}, {"z", "y"}, {{"kernel_shape", Ints{2, 2}}}),
        "count through all rows");
  keeps(one({-1, 3, 8, 8}, "GlobalAveragePool"));
  const auto normal = [] {
    return Sketch({-1, 3, 8, 8}).weight("a", {3}).weight("b", {3}).weight("c", {3}).weight("d", {3});
  };
  keeps(normal().node("BatchNormalization", {"x", "a", "b", "c", "d"}, {"y"}));
  mixes(normal().node("BatchNormalization", {"x", "a", "b", "c", "d"}, {"y", "m", "v"}, {{"training_mode", 1}}),
        "training");
  mixes(normal().node("BatchNormalization", {"x", "a", "b", "c", "d"}, {"y"}, {{"training_mode", 1}}), "training");
  const auto steps = [](const Ints& perm) {
    return Sketch({-1, 5, 3})
        .weight("w", {1, 8, 3})
        .weight("r", {1, 8, 2})
        .ints("d", {1})
        .node("Transpose", {"x"}, {"t"}, {{"perm", perm}});
  };
  keeps(steps({1, 0, 2})
            .node("LSTM", {"t", "w", "r"}, {"o"}, {{"hidden_size", 2}})
            .node("Squeeze", {"o", "d"}, {"q"})
            .node("Transpose", {"q"}, {"y"}, {{"perm", Ints{1, 0, 2}}}));
  mixes(steps({0, 1, 2}).node("LSTM", {"t", "w", "r"}, {"o"}, {{"hidden_size", 2}}).node("Squeeze", {"o", "d"}, {"y"}),
        "not the second one");
  mixes(steps({0, 1, 2}).node("LSTM", {"t", "w", "r"}, {"y"}, {{"hidden_size", 2}, {"layout", 1}}), "batch first");
  mixes(steps({1, 0, 2})
            .weight("h", {1, 2, 2})
            .node("LSTM", {"t", "w", "r", "", "", "h"}, {"o"}, {{"hidden_size", 2}})
            .node("Squeeze", {"o", "d"}, {"q"})
            .node("Transpose", {"q"}, {"y"}, {{"perm", Ints{1, 0, 2}}}),
        "first state");
}

TEST(Rows, ShareNoScale) {
  mixes(Sketch({-1, 4}).node("DynamicQuantizeLinear", {"x"}, {"y", "s", "z"}), "(DynamicQuantizeLinear)");
  keeps(Sketch({-1, 4}).weight("s", {}).node("QuantizeLinear", {"x", "s"}, {"y"}));
  keeps(Sketch({-1, 4}).weight("s", {4}).node("QuantizeLinear", {"x", "s"}, {"y"}));
  mixes(Sketch({-1, 4}).weight("s", {3}).node("QuantizeLinear", {"x", "s"}, {"y"}, {{"axis", 0}}), "row to row");
}

TEST(Rows, AreNotProvedByWhatIsNotInTheTable) {
  mixes(one({-1, 4}, "RandomNormalLike"), why_not_in_table);
  mixes(one({-1, 4}, "Bernoulli"), why_not_in_table);
  mixes(Sketch({-1, 4}).node("FusedMatMul", {"x", "x"}, {"y"}, {{"transB", 1}}, "com.microsoft"), why_not_in_table);
  mixes(one({-1, 4}, "NonZero"), "may mix rows");
  mixes(Sketch({-1, 4}).ints("i", {0}).node("ScatterElements", {"x", "i", "x"}, {"y"}), "may mix rows");
  mixes(one({-1, 4}, "Relu", {{"axis", 0}}), "an attribute that the table does not know");
  mixes(one({-1, 4}, "Relu").opset(6), "in this opset");
}

TEST(Rows, AreNotProvedThroughFunctions) {
  mixes(Sketch({-1, 4}).node("f", {"x"}, {"y"}, {}, "d").function(function("f", {node("Relu", "a", "b")})),
        why_not_in_table);
}

TEST(Rows, NeedAFreeFirstAxisEverywhere) {
  mixes(one({4, 4}, "Relu"), "is fixed");
  mixes(Sketch({-1, 4}).weight("w", {4}).node("Identity", {"w"}, {"y"}), "first dimension of output");
}

TEST(Rows, AreProvedOverWhatNodesComputeAndNotOverWhatTheFileClaims) {
  const Sketch sketch = one({-1, 4}, "Relu").claim("y2", {3, 9}).node("Identity", {"y"}, {"y2"});
  ASSERT_TRUE(sketch.rows().proved);
  const Bytes graph = sketch.admitted().graph;
  const Bytes claim = with_free("y2", fp32, {3, 9});
  EXPECT_EQ(std::ranges::search(graph, claim).begin(), graph.end()) << "the engine would believe it";
  const Bytes mixed = one({-1, 4}, "ReduceMax").claim("y2", {3, 9}).node("Identity", {"y"}, {"y2"}).admitted().graph;
  EXPECT_NE(std::ranges::search(mixed, claim).begin(), mixed.end());
}

TEST(Rows, TheTableIsSortedAndSaysWhy) {
  const auto table = rows::table();
  const auto key = [](const rows::Entry& entry) { return std::pair(entry.domain, entry.type); };
  for (const rows::Entry& entry : table) {
    EXPECT_EQ(rows::find_entry(entry.domain, entry.type), &entry) << entry.type;
    EXPECT_FALSE(entry.why.empty()) << entry.type;
  }
  EXPECT_TRUE(std::ranges::is_sorted(table, {}, key));
}

TEST(Sizes, MultiplyAndDivideWhereThatIsExact) {
  using namespace rows;
  const Size s = symbol(1);
  const Size t = symbol(2);
  EXPECT_EQ(product(t, product(s, known(3))), product(known(3), product(s, t)));
  EXPECT_EQ(quotient(product(s, product(t, known(6))), product(t, known(2))), product(s, known(3)));
  EXPECT_EQ(quotient(s, t), std::nullopt);
  EXPECT_EQ(quotient(known(7), known(2)), std::nullopt);
  EXPECT_EQ(quotient(known(7), known(0)), std::nullopt);
  EXPECT_EQ(quotient(s, batch_size), std::nullopt);
  EXPECT_EQ(product(batch_size, batch_size), std::nullopt);
  EXPECT_EQ(product(known(-1), s), std::nullopt);
  EXPECT_EQ(product(known(INT64_MAX), known(2)), std::nullopt);
  EXPECT_EQ(product(known(0), s), known(0));
}

}  // namespace
}  // namespace blindai::gate
