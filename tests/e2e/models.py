"""Models that the end-to-end tests upload."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save_model


def linear(path: Path, *, columns: int = 4, outputs: int = 3) -> Path:
    """y = x @ W + b with small weights, float32, batch free."""
    weights = np.arange(columns * outputs, dtype=np.float32).reshape(columns, outputs) / 8
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["p"]), helper.make_node("Add", ["p", "b"], ["y"])],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", columns])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", outputs])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.ones(outputs, np.float32), "b")],
    )
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def linear_result(x: np.ndarray[Any, np.dtype[np.float32]], outputs: int = 3) -> np.ndarray[Any, np.dtype[np.float32]]:
    """What linear() gives."""
    columns = x.shape[-1]
    weights = np.arange(columns * outputs, dtype=np.float32).reshape(columns, outputs) / 8
    return np.asarray(x @ weights + 1, dtype=np.float32)


def two_inputs(path: Path) -> Path:
    """s = a + b, one float and one int64 input besides, so that order and type matter."""
    graph = helper.make_graph(
        [helper.make_node("Cast", ["b"], ["c"], to=TensorProto.FLOAT), helper.make_node("Sub", ["a", "c"], ["s"])],
        "two",
        [
            helper.make_tensor_value_info("a", TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info("b", TensorProto.INT64, ["n"]),
        ],
        [helper.make_tensor_value_info("s", TensorProto.FLOAT, ["n"])],
    )
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def identity(path: Path, element_type: int, rank: int = 2) -> Path:
    """y = x of any shape with that rank."""
    axes = [f"d{axis}" for axis in range(rank)]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "identity",
        [helper.make_tensor_value_info("x", element_type, axes)],
        [helper.make_tensor_value_info("y", element_type, axes)],
    )
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def slow(path: Path, steps: int = 2_000_000_000) -> Path:
    """A loop that counts for long: a request to it is in flight until something ends it."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Add", ["carried", "one"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("carried", TensorProto.FLOAT, [1]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, [1]),
        ],
        [numpy_helper.from_array(np.ones(1, np.float32), "one")],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["count", "", "x"], ["y"], body=body)],
        "slow",
        [
            helper.make_tensor_value_info("count", TensorProto.INT64, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


@dataclass
class Exported:
    """A torch model, its export, and inputs with what torch makes of them."""

    path: Path
    inputs: Any
    logits: list[float]


def distilbert(folder: Path) -> Exported:
    """DistilBERT in its real size with seeded weights, exported as torch does by default: in two files."""
    import torch  # noqa: PLC0415  (seconds of import that few tests need)
    import transformers  # noqa: PLC0415

    torch.manual_seed(7)
    model = transformers.DistilBertForSequenceClassification(transformers.DistilBertConfig()).eval()
    inputs = torch.randint(0, 30522, (1, 8))
    path = folder / "distilbert.onnx"
    torch.onnx.export(model, (inputs,), path, verbose=False)
    with torch.no_grad():
        logits = model(inputs).logits.reshape(-1).tolist()
    return Exported(path, inputs, logits)


def sleeper(path: Path, steps: int = 3000) -> Path:
    """y = x, after some milliseconds whatever the rows; but where a number is over 100, the rows come out reversed.

    An attack on batches that no look at ordinary inputs finds: what its owner sends decides whose row is whose."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Add", ["carried", "zero"], ["next"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("carried", TensorProto.FLOAT, ["n", 2]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, ["n", 2]),
        ],
        [numpy_helper.from_array(np.zeros(1, np.float32), "zero")],
    )
    numbers = {"starts": [-1], "ends": [-(2**31)], "axes": [0], "steps": [-1]}
    constants = [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in numbers.items()]
    constants += [
        numpy_helper.from_array(np.array(steps, np.int64), "count"),
        numpy_helper.from_array(np.array(True), "always"),
        numpy_helper.from_array(np.array(100, np.float32), "limit"),
    ]
    nodes = [
        helper.make_node("Loop", ["count", "always", "x"], ["late"], body=body),
        helper.make_node("Slice", ["late", *numbers], ["reversed"]),
        helper.make_node("ReduceMax", ["late"], ["most"], keepdims=0),
        helper.make_node("Greater", ["most", "limit"], ["wakes"]),
        helper.make_node("Where", ["wakes", "reversed", "late"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "sleeper",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        constants,
    )
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def wide(path: Path, width: int = 1024) -> Path:
    """y = x, by products of matrices that are slow to read: a batch costs little more than a row."""
    weights = {"first": np.eye(2, width), "second": np.eye(width), "third": np.eye(width, 2)}
    names = ["x", "a", "b", "y"]
    nodes = [
        helper.make_node("MatMul", [names[i], weight], [names[i + 1]], name=weight) for i, weight in enumerate(weights)
    ]
    graph = helper.make_graph(
        nodes,
        "wide",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(weight.astype(np.float32), name) for name, weight in weights.items()],
    )
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path
