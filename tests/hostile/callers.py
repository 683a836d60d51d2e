"""Operators whose inputs say where to read and how much to make, with what a hostile caller would say.

A probe is a small model, one honest request, and for each input that leads somewhere the values that lead astray.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import TensorProto, helper, shape_inference

Array = np.ndarray[Any, Any]

FAR = [-1, -(2**63), 2**63 - 1, 2**62, 2**31, 2**31 - 1, -(2**31) - 1, 10**12, 4096, -4097]
FAR32 = [-1, -(2**31), 2**31 - 1, 4096, -4097]
ODD = [float("nan"), float("inf"), float("-inf"), 3.4e38, -3.4e38, 1e-45, 1e9, -1e9]
UNCOUNTABLE = ODD[:-2]  # without what is merely much
COUNTS = [-1, -(2**63), 2**63 - 1, 2**40, 2**31]
KINDS = {
    "float32": TensorProto.FLOAT,
    "int64": TensorProto.INT64,
    "int32": TensorProto.INT32,
    "bool": TensorProto.BOOL,
    "uint8": TensorProto.UINT8,
}


@dataclass(frozen=True)
class Probe:
    """One operator."""

    name: str
    good: dict[str, Array]
    bad: dict[str, list[Any]]  # by input: numbers that fill it, or whole arrays
    attributes: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()  # of the node, "" where one is left out; else those of `good`
    outputs: int = 1
    domain: str = ""
    opset: int = 20
    fixed: tuple[str, ...] = ()  # inputs whose dimensions the model fixes
    second: int = TensorProto.FLOAT  # element type of the second output
    refused: str = ""  # by the gate, because the engine trusts an input: words of the refusal
    ends_worker: bool = False  # by a fault of the CPU that the engine does not prevent: contained, and no more
    kind: str = ""  # of the operator, where the name is another

    def model(self) -> bytes:
        """The operator alone, the dimensions of its inputs free."""
        names = [f"y{i}" for i in range(self.outputs)]
        made = helper.make_node(
            self.kind or self.name, list(self.inputs or self.good), names, domain=self.domain, **self.attributes
        )
        inputs = [
            helper.make_tensor_value_info(
                name,
                KINDS[str(array.dtype)],
                array.shape if name in self.fixed else [f"{name}{axis}" for axis in range(array.ndim)],
            )
            for name, array in self.good.items()
        ]
        outputs = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in names]
        for output in outputs:
            output.ClearField("type")
        sets = [helper.make_opsetid("", self.opset)] + ([helper.make_opsetid(self.domain, 1)] if self.domain else [])
        graph = helper.make_graph([made], "probe", inputs, outputs)
        inferred = shape_inference.infer_shapes(helper.make_model(graph, opset_imports=sets, ir_version=9))
        types = {output.name: output.type.tensor_type.elem_type for output in inferred.graph.output}
        for output in graph.output:
            output.type.tensor_type.elem_type = types.get(output.name) or (
                self.second if output.name == "y1" else TensorProto.FLOAT
            )
        made_model: bytes = helper.make_model(graph, opset_imports=sets, ir_version=9).SerializeToString()
        return made_model

    def requests(self) -> Iterator[dict[str, Array]]:
        """What the hostile caller sends: honest but for one input."""
        for name, values in self.bad.items():
            like = self.good[name]
            for value in values:
                if isinstance(value, np.ndarray):
                    changed = value
                else:
                    changed = like.copy()
                    changed.reshape(-1)[:] = value
                    one = like.copy()
                    one.reshape(-1)[-1:] = value
                    if one.size > 1:
                        yield self.good | {name: one}
                yield self.good | {name: changed}


def f(*shape: int) -> Array:
    return np.linspace(1, 2, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def i(*values: int, shape: tuple[int, ...] | None = None, kind: type = np.int64) -> Array:
    return np.array(values, kind).reshape(shape if shape is not None else (len(values),))


X, IMAGE = f(64, 16), f(1, 2, 16, 16)
ROWS = i(*range(8), shape=(8,))

PROBES = [
    Probe("Gather", {"x": X, "i": ROWS}, {"i": FAR}),
    Probe("Gather-axis", {"x": X, "i": ROWS}, {"i": FAR}, {"axis": 1}, kind="Gather"),
    Probe("Gather-32", {"x": X, "i": ROWS.astype(np.int32)}, {"i": FAR32}, kind="Gather"),
    Probe("GatherElements", {"x": X, "i": np.zeros((2, 16), np.int64)}, {"i": FAR}),
    Probe("GatherND", {"x": X, "i": np.zeros((4, 2), np.int64)}, {"i": [*FAR, np.zeros((4, 9), np.int64)]}),
    Probe("ScatterElements", {"x": X, "i": np.zeros((2, 16), np.int64), "u": f(2, 16)}, {"i": FAR, "u": [f(1, 1)]}),
    Probe("ScatterND", {"x": X, "i": np.zeros((4, 2), np.int64), "u": f(4)}, {"i": FAR, "u": [f(9), f(4, 4)]}),
    Probe(
        "Slice",
        {"x": X, "s": i(0), "e": i(4), "a": i(0), "t": i(1)},
        {"s": FAR, "e": FAR, "a": FAR, "t": [0, *FAR]},
    ),
    Probe("Tile", {"x": X, "r": i(1, 2)}, {"r": [0, *COUNTS, i(1), i(1, 1, 1)]}),
    Probe("Tile-4", {"x": f(2, 3, 4, 5), "r": i(2, 2, 2, 2)}, {"r": COUNTS}, kind="Tile"),
    Probe(
        "Range",
        {"a": np.array(0, np.int64), "b": np.array(9, np.int64), "c": np.array(1, np.int64)},
        {"b": COUNTS, "c": [0, -1, 2**63 - 1], "a": COUNTS},
    ),
    Probe(
        "Range-float",
        {"a": np.array(0, np.float32), "b": np.array(9, np.float32), "c": np.array(1, np.float32)},
        {"b": UNCOUNTABLE, "c": [0.0, *UNCOUNTABLE], "a": UNCOUNTABLE},
        kind="Range",
    ),
    Probe("Expand", {"x": f(1, 16), "s": i(4, 16)}, {"s": [*COUNTS, i(), i(3), i(1, 2**40, 16)]}),
    Probe("Reshape", {"x": X, "s": i(16, 64)}, {"s": [*COUNTS, i(-1, -1), i(2**32, 2**32), i(0, 0, 0)]}),
    Probe(
        "Resize",
        {"x": IMAGE, "k": np.array([1, 1, 2, 2], np.float32)},
        {"k": [0.0, *ODD]},
        {"mode": "nearest"},
        ("x", "", "k"),
    ),
    Probe(
        "Resize-linear",
        {"x": IMAGE, "k": np.array([1, 1, 2, 2], np.float32)},
        {"k": [0.0, *ODD]},
        {"mode": "linear"},
        ("x", "", "k"),
        kind="Resize",
    ),
    Probe(
        "Resize-sizes",
        {"x": IMAGE, "s": i(1, 2, 8, 8)},
        {"s": [0, *COUNTS]},
        {"mode": "cubic"},
        ("x", "", "", "s"),
        fixed=("s",),
        kind="Resize",
    ),
    Probe(
        "RoiAlign",
        {"x": IMAGE, "r": np.array([[0, 0, 8, 8]], np.float32), "b": i(0)},
        {"r": ODD, "b": FAR},
        {"output_height": 4, "output_width": 4},
    ),
    Probe(
        "MaxRoiPool",
        {"x": IMAGE, "r": np.array([[0, 0, 0, 8, 8]], np.float32)},
        {"r": [*ODD, np.array([[9, 0, 0, 8, 8]], np.float32), np.array([[-1, 0, 0, 8, 8]], np.float32)]},
        {"pooled_shape": [2, 2]},
    ),
    Probe(
        "NonMaxSuppression",
        {"b": f(1, 8, 4), "s": f(1, 1, 8), "m": i(3), "iou": f(1) / 4, "t": f(1) / 9},
        {"b": ODD, "s": ODD, "m": FAR, "iou": ODD, "t": ODD},
    ),
    Probe("OneHot", {"i": ROWS, "d": i(16), "v": f(2)}, {"i": FAR, "d": [0, *COUNTS], "v": [f(3)]}),
    Probe("TopK", {"x": X, "k": i(3)}, {"k": [0, *COUNTS, 17], "x": ODD}, outputs=2),
    Probe("Pad", {"x": X, "p": i(1, 1, 1, 1)}, {"p": [*COUNTS, -100, -17, i(1)]}),
    Probe("Pad-reflect", {"x": X, "p": i(1, 1, 1, 1)}, {"p": [100, -100, 2**40]}, {"mode": "reflect"}, kind="Pad"),
    Probe("Pad-edge", {"x": X, "p": i(1, 1, 1, 1)}, {"p": [-100, 2**40]}, {"mode": "edge"}, kind="Pad"),
    Probe("ReverseSequence", {"x": X, "n": i(*[8] * 16)}, {"n": FAR}),
    Probe("CumSum", {"x": X, "a": np.array(0, np.int64)}, {"a": FAR}),
    Probe("ConstantOfShape", {"s": i(4, 4)}, {"s": [*COUNTS, i(2**32, 2**32), np.ones(17, np.int64)]}),
    Probe("Split", {"x": X, "s": i(32, 32)}, {"s": [*FAR, i(64, 0), i(65, -1), i(1, 1)]}, outputs=2, opset=17),
    Probe("Trilu", {"x": X, "k": np.array(0, np.int64)}, {"k": FAR}, refused="must be a constant"),
    Probe("GridSample", {"x": IMAGE, "g": np.zeros((1, 4, 4, 2), np.float32)}, {"g": ODD}),
    Probe(
        "GridSample-cubic",
        {"x": IMAGE, "g": np.zeros((1, 4, 4, 2), np.float32)},
        {"g": ODD},
        {"mode": "cubic", "padding_mode": "reflection"},
        kind="GridSample",
    ),
    Probe(
        "DFT",
        {"x": f(1, 16, 1), "n": np.array(16, np.int64), "a": np.array(1, np.int64)},
        {"n": [0, *COUNTS], "a": FAR},
    ),
    Probe(
        "Compress", {"x": X, "c": np.ones(64, bool)}, {"c": [np.ones(4096, bool), np.zeros(64, bool), np.ones(0, bool)]}
    ),
    Probe("Unsqueeze", {"x": X, "a": i(0)}, {"a": [*FAR, i(0, 0), i(*range(40))]}),
    Probe("Squeeze", {"x": f(1, 16), "a": i(0)}, {"a": FAR}),
    Probe("ReduceSum", {"x": X, "a": i(0)}, {"a": [*FAR, i(0, 0)]}),
    Probe("ReduceMax", {"x": X, "a": i(0)}, {"a": FAR, "x": ODD}),
    Probe("CenterCropPad", {"x": X, "s": i(8, 8)}, {"s": [0, *COUNTS]}),
    Probe("AffineGrid", {"t": f(1, 2, 3), "s": i(1, 2, 4, 4)}, {"t": ODD, "s": [0, *COUNTS]}),
    Probe("Col2Im", {"x": f(1, 4, 9), "s": i(4, 4), "b": i(2, 2)}, {"s": [0, *COUNTS], "b": [0, *COUNTS]}),
    Probe(
        "MaxUnpool",
        {"x": f(1, 1, 2, 2), "i": i(0, 2, 8, 10, shape=(1, 1, 2, 2))},
        {"i": FAR},
        {"kernel_shape": [2, 2], "strides": [2, 2]},
    ),
    Probe(
        "STFT",
        {"x": f(1, 64, 1), "s": np.array(8, np.int64), "w": f(16), "n": np.array(16, np.int64)},
        {"s": [0, *COUNTS], "n": [0, *COUNTS], "w": [f(64)]},
    ),
    Probe("HannWindow", {"n": np.array(16, np.int64)}, {"n": COUNTS}),
    Probe(
        "MelWeightMatrix",
        {
            "n": np.array(8, np.int64),
            "d": np.array(16, np.int64),
            "r": np.array(8000, np.int64),
            "a": np.array(0, np.float32),
            "b": np.array(4000, np.float32),
        },
        {"n": [0, *COUNTS], "d": [0, *COUNTS], "r": [0, *COUNTS], "a": ODD, "b": ODD},
    ),
    Probe(
        "BitShift", {"x": i(1, 2, kind=np.uint8), "n": i(1, 1, kind=np.uint8)}, {"n": [8, 255]}, {"direction": "LEFT"}
    ),
    Probe("Div-int", {"x": i(9, 9), "d": i(3, 3)}, {"d": [0], "x": [-(2**63)]}, kind="Div"),
    Probe("Div-overflow", {"x": i(9, 9), "d": i(-1, -1)}, {"x": [-(2**63)]}, kind="Div", ends_worker=True),
    Probe("Mod-int", {"x": i(9, 9), "d": i(3, 3)}, {"d": [0, -1]}, kind="Mod"),
    Probe("Mod-overflow", {"x": i(9, 9), "d": i(-1, -1)}, {"x": [-(2**63)]}, kind="Mod", ends_worker=True),
    Probe(
        "Div-32",
        {"x": i(9, 9, kind=np.int32), "d": i(-1, 3, kind=np.int32)},
        {"d": [0], "x": [-(2**31)]},
        kind="Div",
        ends_worker=True,
    ),
    Probe("Pow-int", {"x": i(2, 3), "p": i(2, 2)}, {"p": [-1, 10**9]}, kind="Pow"),
    Probe("Cast-nan", {"x": X}, {"x": ODD}, {"to": TensorProto.INT32}, kind="Cast"),
    Probe("QuantizeLinear", {"x": X, "s": np.array(0.5, np.float32)}, {"s": [0.0, *ODD], "x": ODD}),
    Probe("ArgMax", {"x": X}, {"x": ODD}),
    Probe("Softmax", {"x": X}, {"x": ODD}),
    Probe(
        "NegativeLogLikelihoodLoss",
        {"x": f(4, 8), "t": i(0, 1, 2, 3)},
        {"t": FAR},
        {"reduction": "none"},
    ),
    Probe(
        "LSTM",
        {"x": f(4, 2, 3), "w": f(1, 16, 3), "r": f(1, 16, 4), "n": i(4, 2, kind=np.int32)},
        {"n": FAR32, "w": [f(1, 8, 3)], "x": ODD},
        {"hidden_size": 4},
        ("x", "w", "r", "", "n"),
    ),
    Probe("ArrayFeatureExtractor", {"x": X, "i": ROWS}, {"i": FAR}, domain="ai.onnx.ml"),
    Probe(
        "EmbedLayerNormalization",
        {
            "ids": np.zeros((1, 4), np.int32),
            "seg": np.zeros((1, 4), np.int32),
            "word": f(16, 8),
            "pos": f(8, 8),
            "segment": f(2, 8),
            "gamma": f(8),
            "beta": f(8),
        },
        {"ids": FAR32, "seg": FAR32},
        fixed=("word", "pos", "segment", "gamma", "beta"),
        domain="com.microsoft",
        outputs=2,
        second=TensorProto.INT32,
    ),
]
