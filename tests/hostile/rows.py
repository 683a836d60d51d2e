"""Small models, what the gate proves of their rows, and what rows do in ONNX Runtime."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
from blindai import _core
from onnx import TensorProto, helper, numpy_helper

from tests.hostile.models.family import write

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def model_of(nodes, inputs, outputs, constants=(), opset=17):
    """A model of these nodes; an input is a name, a type and a shape."""
    graph = helper.make_graph(
        nodes,
        "rows",
        [helper.make_tensor_value_info(name, kind, list(shape)) for name, kind, shape in inputs],
        [helper.make_tensor_value_info(name, kind, shape and list(shape)) for name, kind, shape in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def judged(body, folder):
    verdict = json.loads(_core.check_model(write({"model.onnx": body}, folder)))
    assert verdict["accepted"], verdict["refusal"]
    return verdict["admission"]["batchable"]


def session_of(body, *, plain=False):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if plain:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(body, options, providers=["CPUExecutionProvider"])


KINDS = {
    "tensor(float)": lambda rng, shape: rng.standard_normal(shape).astype(np.float32),
    "tensor(int64)": lambda rng, shape: rng.integers(0, 3, shape),
    "tensor(int32)": lambda rng, shape: rng.integers(0, 3, shape).astype(np.int32),
    "tensor(bool)": lambda rng, shape: rng.integers(0, 2, shape).astype(bool),
}


def rows_influence_each_other(session, seed, rows=4, free=3):
    """Whether an output row changes when another input row does, or with its place or the number of rows.

    Rows are compared by their bits where as many ran; among another number within what kernels may round differently.
    """
    rng = np.random.default_rng(seed)
    feeds = {}
    for spec in session.get_inputs():
        shape = [rows, *(size if isinstance(size, int) else free for size in spec.shape[1:])]
        feeds[spec.name] = KINDS[spec.type](rng, shape)
    changed = int(rng.integers(rows))
    others = [row for row in range(rows) if row != changed]
    second = {name: value.copy() for name, value in feeds.items()}
    for spec in session.get_inputs():
        second[spec.name][changed] = KINDS[spec.type](rng, second[spec.name][changed].shape)
    order = rng.permutation(rows)
    for before, after, moved, fewer in zip(
        session.run(None, feeds),
        session.run(None, second),
        session.run(None, {name: value[order] for name, value in feeds.items()}),
        session.run(None, {name: value[others] for name, value in feeds.items()}),
        strict=True,
    ):
        if before.shape[:1] != (rows,) or fewer.shape != (rows - 1, *before.shape[1:]):
            return True
        if before[others].tobytes() != after[others].tobytes():
            return True
        for found, wanted in ((moved, before[order]), (fewer, before[others])):
            if found.dtype.kind == "f" and not np.allclose(found, wanted, rtol=1e-4, atol=1e-5, equal_nan=True):
                return True
            if found.dtype.kind != "f" and found.tobytes() != wanted.tobytes():
                return True
    return False
