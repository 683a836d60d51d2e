"""Makes the small ONNX models in models/ that tests use. Run it again only to change them: the files are checked in."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = Path(__file__).parent / "models"
OPSETS = [helper.make_opsetid("", 17)]
FLOAT = TensorProto.FLOAT


def save(name, nodes, inputs, outputs, initialisers=(), external=False):
    graph = helper.make_graph(list(nodes), name, list(inputs), list(outputs), list(initialisers))
    model = helper.make_model(graph, opset_imports=OPSETS, ir_version=8, producer_name="blindai tests")
    if external:
        (FOLDER / f"{name}.onnx.data").unlink(missing_ok=True)
        onnx.save(
            model, FOLDER / f"{name}.onnx", save_as_external_data=True, location=f"{name}.onnx.data", size_threshold=0
        )
    else:
        onnx.save(model, FOLDER / f"{name}.onnx")


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def mlp(name, external=False):
    rng = np.random.default_rng(7)
    w1 = numpy_helper.from_array(rng.standard_normal((32, 32), dtype=np.float32), "w1")
    b1 = numpy_helper.from_array(rng.standard_normal(32, dtype=np.float32), "b1")
    w2 = numpy_helper.from_array(rng.standard_normal((32, 3), dtype=np.float32), "w2")
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["h"]),
        helper.make_node("Add", ["h", "b1"], ["hb"]),
        helper.make_node("Relu", ["hb"], ["r"]),
        helper.make_node("MatMul", ["r", "w2"], ["logits"]),
    ]
    save(name, nodes, [value("x", FLOAT, ["n", 32])], [value("logits", FLOAT, ["n", 3])], [w1, b1, w2], external)


def loop(name):
    """Runs for ever: a loop whose condition stays true."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["cond_in"], ["cond_out"]), helper.make_node("Add", ["v_in", "v_in"], ["v_out"])],
        "body",
        [value("i", TensorProto.INT64, []), value("cond_in", TensorProto.BOOL, []), value("v_in", FLOAT, [1])],
        [value("cond_out", TensorProto.BOOL, []), value("v_out", FLOAT, [1])],
    )
    cond = numpy_helper.from_array(np.array(True), "cond")
    node = helper.make_node("Loop", ["n", "cond", "x"], ["y"], body=body)
    save(name, [node], [value("n", TensorProto.INT64, []), value("x", FLOAT, [1])], [value("y", FLOAT, [1])], [cond])


def types(name):
    kinds = {
        "bool": TensorProto.BOOL,
        "u8": TensorProto.UINT8,
        "u16": TensorProto.UINT16,
        "u32": TensorProto.UINT32,
        "u64": TensorProto.UINT64,
        "i8": TensorProto.INT8,
        "i16": TensorProto.INT16,
        "i32": TensorProto.INT32,
        "i64": TensorProto.INT64,
        "f16": TensorProto.FLOAT16,
        "bf16": TensorProto.BFLOAT16,
        "f32": TensorProto.FLOAT,
        "f64": TensorProto.DOUBLE,
    }
    nodes = [helper.make_node("Identity", [k], [f"{k}_out"]) for k in kinds]
    save(
        name,
        nodes,
        [value(k, v, ["n"]) for k, v in kinds.items()],
        [value(f"{k}_out", v, ["n"]) for k, v in kinds.items()],
    )


def weights(rng, name, *shape):
    return numpy_helper.from_array((rng.standard_normal(shape) / 4).astype(np.float32), name)


def embed(name):
    """Rows of a table by number: a number out of range is refused by the engine, for the whole run."""
    table = numpy_helper.from_array(np.arange(12, dtype=np.float32).reshape(4, 3), "table")
    node = helper.make_node("Gather", ["table", "ids"], ["rows"])
    save(name, [node], [value("ids", TensorProto.INT64, ["n", 2])], [value("rows", FLOAT, ["n", 2, 3])], [table])


def reversed_rows(name):
    """The attack on batches: what comes out for one row went in with another."""
    numbers = {"starts": [-1], "ends": [-(2**31)], "axes": [0], "steps": [-1]}
    constants = [numpy_helper.from_array(np.array(v, np.int64), k) for k, v in numbers.items()]
    node = helper.make_node("Slice", ["x", *numbers], ["y"])
    save(name, [node], [value("x", FLOAT, ["n", 2])], [value("y", FLOAT, ["n", 2])], constants)


def summed_rows(name):
    """Every row has something of all the others."""
    axes = numpy_helper.from_array(np.array([0], np.int64), "axes")
    nodes = [
        helper.make_node("ReduceSum", ["x", "axes"], ["sum"], keepdims=1),
        helper.make_node("Add", ["x", "sum"], ["y"]),
    ]
    save(name, nodes, [value("x", FLOAT, ["n", 2])], [value("y", FLOAT, ["n", 2])], [axes])


def counted_rows(name):
    """One number for all rows together: an output without the batch axis."""
    axes = numpy_helper.from_array(np.array([0, 1], np.int64), "axes")
    node = helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0)
    save(name, [node], [value("x", FLOAT, ["n", 2])], [value("y", FLOAT, [])], [axes])


def conv_bn(name):
    rng = np.random.default_rng(11)
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c", "scale", "shift", "mean", "var"], ["n"]),
        helper.make_node("Relu", ["n"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["y"]),
    ]
    initialisers = [weights(rng, "w", 8, 3, 3, 3), *(weights(rng, k, 8) for k in ("b", "scale", "shift", "mean"))]
    initialisers.append(numpy_helper.from_array(np.full(8, 1.5, np.float32), "var"))
    save(name, nodes, [value("x", FLOAT, ["n", 3, 8, 8])], [value("y", FLOAT, ["n", 8])], initialisers)


def lstm(name):
    """Batch first, as frameworks export it: transposed before and after."""
    rng = np.random.default_rng(12)
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        helper.make_node("LSTM", ["t", "w", "r", "b"], ["h", "", ""], hidden_size=4),
        helper.make_node("Squeeze", ["h", "one"], ["s"]),
        helper.make_node("Transpose", ["s"], ["y"], perm=[1, 0, 2]),
    ]
    initialisers = [weights(rng, "w", 1, 16, 3), weights(rng, "r", 1, 16, 4), weights(rng, "b", 1, 32)]
    initialisers.append(numpy_helper.from_array(np.array([1], np.int64), "one"))
    save(name, nodes, [value("x", FLOAT, ["n", "time", 3])], [value("y", FLOAT, ["n", "time", 4])], initialisers)


def attention(name):
    """A layer of a transformer on token numbers, with a mask."""
    rng = np.random.default_rng(13)
    width = 16
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["e"]),
        *(helper.make_node("MatMul", ["e", k], [f"x{k}"]) for k in ("q", "k", "v")),
        helper.make_node("Transpose", ["xk"], ["kt"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["xq", "kt"], ["scores"]),
        helper.make_node("Cast", ["mask"], ["m"], to=FLOAT),
        helper.make_node("Unsqueeze", ["m", "one"], ["mu"]),
        helper.make_node("Mul", ["scores", "mu"], ["masked"]),
        helper.make_node("Softmax", ["masked"], ["p"], axis=-1),
        helper.make_node("MatMul", ["p", "xv"], ["a"]),
        helper.make_node("Add", ["a", "e"], ["sum"]),
        helper.make_node("LayerNormalization", ["sum", "scale", "shift"], ["y"]),
    ]
    initialisers = [weights(rng, "table", 8, width), *(weights(rng, k, width, width) for k in ("q", "k", "v"))]
    initialisers += [weights(rng, "scale", width), weights(rng, "shift", width)]
    initialisers.append(numpy_helper.from_array(np.array([1], np.int64), "one"))
    inputs = [value("ids", TensorProto.INT64, ["n", "time"]), value("mask", TensorProto.INT64, ["n", "time"])]
    save(name, nodes, inputs, [value("y", FLOAT, ["n", "time", width])], initialisers)


def main():
    FOLDER.mkdir(exist_ok=True)
    save(
        "identity",
        [helper.make_node("Identity", ["x"], ["y"])],
        [value("x", FLOAT, ["n", "m"])],
        [value("y", FLOAT, ["n", "m"])],
    )
    save(
        "double", [helper.make_node("Add", ["x", "x"], ["y"])], [value("x", FLOAT, [2, 3])], [value("y", FLOAT, [2, 3])]
    )
    gather = helper.make_node("Gather", ["x", "at"], ["y"])
    save(
        "gather",
        [gather],
        [value("x", FLOAT, ["n"]), value("at", TensorProto.INT64, ["k"])],
        [value("y", FLOAT, ["k"])],
    )
    mlp("mlp")
    mlp("mlp_external", external=True)
    loop("loop")
    embed("embed")
    reversed_rows("reversed_rows")
    summed_rows("summed_rows")
    counted_rows("counted_rows")
    conv_bn("conv_bn")
    lstm("lstm")
    attention("attention")
    types("types")
    unknown = helper.make_node("Frobnicate", ["x"], ["y"])
    save("unknown_operator", [unknown], [value("x", FLOAT, [1])], [value("y", FLOAT, [1])])
    lacking = helper.make_node("Det", ["x"], ["y"])  # which the engines know, not of doubles
    save(
        "unsupported_operator",
        [lacking],
        [value("x", TensorProto.DOUBLE, [2, 2])],
        [value("y", TensorProto.DOUBLE, [])],
    )
    strings = [value("x", TensorProto.STRING, ["n"])], [value("y", TensorProto.STRING, ["n"])]
    save("strings", [helper.make_node("Identity", ["x"], ["y"])], *strings)


if __name__ == "__main__":
    main()
