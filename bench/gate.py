"""The gate over a graph of many nodes, in times of the CPU.

An element is a node, a tensor, or a name that a node reads, gives or bears. `blindai check-model` is timed whole: files
mapped, hashed, walked, and the report made.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from blindai import _core
from onnx import TensorProto, helper, numpy_helper

from bench.rows import Row

NODES = 150_000
ELEMENTS = NODES * 6  # the node, two names read, one given, its own and its operator's
WANTED = 2e6


def chain() -> bytes:
    """A model that adds one weight over and over."""
    nodes = [
        helper.make_node("Add", ["x" if i == 0 else f"sum_{i - 1}", "w"], [f"sum_{i}"], name=f"/layer/{i}/Add")
        for i in range(NODES)
    ]
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])],
        [helper.make_tensor_value_info(f"sum_{NODES - 1}", TensorProto.FLOAT, [4])],
        [numpy_helper.from_array(np.ones(4, np.float32), "w")],
    )
    made: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()
    return made


def per_second(work: Callable[[], object]) -> float:
    """Elements in a second of CPU time."""
    begin = time.process_time()
    work()
    return ELEMENTS / (time.process_time() - begin)


def rows(in_turn: Callable[[Row, Callable[[], float], Callable[[], float]], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chain.onnx"
        data = chain()
        path.write_bytes(data)

        def gate() -> None:
            assert json.loads(_core.check_model([("chain.onnx", str(path))]))["accepted"]

        row = Row("gate, elements of a graph", "1/s", baseline="2 million", bound=">= 1", limit=1.0)
        in_turn(row, lambda: per_second(gate), lambda: WANTED)
        row = Row("gate, elements of a graph", "1/s", baseline="onnx.checker", bound=">= 0.3", limit=0.3)
        in_turn(row, lambda: per_second(gate), lambda: per_second(lambda: onnx.checker.check_model(data)))
