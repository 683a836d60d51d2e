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
