"""Valid models that ask the engine for more than there is, or for what cannot be.

The gate lets them pass: what they do is the engine's to refuse, and the sandbox's and the limits' to end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from .family import Fate, family

ENGINE, CONTAINED = Fate.ENGINE, Fate.CONTAINED
FLOAT, INT64, BOOL, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING
SETS = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3), helper.make_opsetid("com.microsoft", 1)]


def const(name: str, value: Any, kind: Any = np.int64) -> TensorProto:
    return numpy_helper.from_array(np.array(value, kind), name)


def value(name: str, kind: int = FLOAT, shape: Any = (4,)) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes: list[Any], weights: tuple[TensorProto, ...] = (), *, out: int = FLOAT, x: Any = None) -> bytes:
    """x -> y."""
    graph = helper.make_graph(nodes, "g", [x or value("x")], [value("y", out, None)], list(weights))
    made: ModelProto = helper.make_model(graph, opset_imports=SETS, ir_version=8)
    return made.SerializeToString()


def node(kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> Any:
    return helper.make_node(kind, inputs, outputs, **attributes)


def ml(kind: str, outputs: list[str] | None = None, **attributes: Any) -> bytes:
    """An ai.onnx.ml operator on x of one row."""
    made = helper.make_node(kind, ["x"], outputs or ["y"], domain="ai.onnx.ml", **attributes)
    return model([made], x=value("x", FLOAT, [1, 4]), out=attributes.pop("out", FLOAT))


def summed(kind: str, inputs: list[str], weights: tuple[TensorProto, ...], **attributes: Any) -> bytes:
    """y = x + the first number of what the operator gives."""
    nodes = [
        node(kind, inputs, ["big"], **attributes),
        node("ReduceMax", ["big"], ["one"], keepdims=0),
        node("Cast", ["one"], ["f"], to=FLOAT),
        node("Add", ["x", "f"], ["y"]),
    ]
    return model(nodes, weights)


@family(CONTAINED, "constants whose value is terabytes, which the engine would work out while it loads", seconds=20.0)
def constant_folding_bomb() -> list[bytes]:
    return [
        summed("ConstantOfShape", ["s"], (const("s", [1 << 40]),)),
        summed("ConstantOfShape", ["s"], (const("s", [1 << 20, 1 << 20, 1 << 20, 1 << 4]),)),
        summed("Tile", ["t", "r"], (const("t", np.ones(1000), np.float32), const("r", [1 << 40]))),
        summed("Expand", ["t", "s"], (const("t", [1.0], np.float32), const("s", [1 << 20, 1 << 20]))),
        summed("Range", ["a", "b", "c"], (const("a", 0), const("b", 1 << 50), const("c", 1))),
    ]


@family(CONTAINED, "the same, a step below what one allocation refuses", seconds=40.0)
def constant_folding_bomb_in_steps() -> bytes:
    nodes = [node("Concat", ["a0", "a0"], ["a1"], axis=0)]
    nodes += [node("Concat", [f"a{i}", f"a{i}"], [f"a{i + 1}"], axis=0) for i in range(1, 34)]
    nodes += [node("ReduceMax", ["a34"], ["m"], keepdims=0), node("Add", ["x", "m"], ["y"])]
    return model(nodes, (const("a0", np.ones(1024), np.float32),))


def loop(body_nodes: list[Any], trips: str, carried: list[Any], out: list[Any], weights: Any, **more: Any) -> bytes:
    body = helper.make_graph(
        [node("Identity", ["c"], ["cc"]), *body_nodes],
        "body",
        [value("i", INT64, []), value("c", BOOL, []), *carried],
        [value("cc", BOOL, []), *out],
    )
    return model([node("Loop", [trips, "on", "x"], ["y"], body=body)], weights, **more)


ON = const("on", True, bool)


@family(CONTAINED, "a loop that never ends", seconds=20.0)
def endless_loop() -> list[bytes]:
    add = [node("Add", ["v", "v"], ["w"])]
    carried, out = [value("v")], [value("w")]
    return [
        loop(add, "", carried, out, (ON,)),
        loop(add, "n", carried, out, (ON, const("n", 2**63 - 1))),
    ]


@family(CONTAINED, "loops in loops, of a million rounds each", seconds=20.0)
def nested_loops() -> bytes:
    inner = helper.make_graph(
        [node("Identity", ["c2"], ["cc2"]), node("Add", ["v2", "v2"], ["w2"])],
        "inner",
        [value("i2", INT64, []), value("c2", BOOL, []), value("v2")],
        [value("cc2", BOOL, []), value("w2")],
    )
    return loop(
        [node("Loop", ["n", "on", "v"], ["w"], body=inner)],
        "n",
        [value("v")],
        [value("w")],
        (ON, const("n", 1_000_000)),
    )


@family(CONTAINED, "a loop that doubles its tensor each round", seconds=20.0)
def loop_doubling() -> bytes:
    doubled = [node("Concat", ["v", "v"], ["w"], axis=0)]
    free = [value("v", FLOAT, None)], [value("w", FLOAT, None)]
    return loop(doubled, "n", *free, (ON, const("n", 60)))


@family(CONTAINED, "text that doubles each round", seconds=20.0)
def text_doubling() -> bytes:
    names = [*SETS[1:], helper.make_opsetid("", 20)]
    nodes = [node("StringConcat", [f"t{i}", f"t{i}"], [f"t{i + 1}"]) for i in range(45)]
    graph = helper.make_graph(
        [node("Identity", ["x"], ["t0"]), *nodes, node("Identity", ["t45"], ["y"])],
        "g",
        [value("x", STRING, [1])],
        [value("y", STRING, [1])],
    )
    return helper.make_model(graph, opset_imports=names, ir_version=9).SerializeToString()


@family(CONTAINED, "shapes that the model makes out of what it is sent", seconds=20.0)
def shape_bombs() -> list[bytes]:
    pads = const("p", [1 << 40, 1 << 40])
    scales = const("sc", [1e9], np.float32)
    return [
        model(
            [node("Reshape", ["x", "flat"], ["x2"]), node("Expand", ["x2", "k"], ["y"])],
            (const("flat", [4, 1]), const("k", [4, 1 << 40])),
        ),
        model([node("Pad", ["x", "p"], ["y"])], (pads,)),
        model([node("Tile", ["x", "r"], ["y"])], (const("r", [1 << 45]),)),
        model([node("Resize", ["x", "", "sc"], ["y"], mode="nearest")], (scales,)),
        model(
            [node("Cast", ["x"], ["i"], to=INT64), node("OneHot", ["i", "d", "v"], ["y"])],
            (const("d", 1 << 45), const("v", [0, 1], np.float32)),
        ),
        model(
            [node("Shape", ["x"], ["s"]), node("Mul", ["s", "big"], ["t"]), node("ConstantOfShape", ["t"], ["y"])],
            (const("big", [1 << 42]),),
        ),
    ]


@family(CONTAINED, "attributes by which an operator would divide by zero, or reach outside", seconds=60.0)
def attributes_out_of_range() -> list[bytes]:
    image = value("x", FLOAT, [1, 2, 8, 8])
    kernel = const("w", np.ones((2, 2, 3, 3)), np.float32)
    big = 2**31 - 1
    pools = [
        {"kernel_shape": [3, 3], "strides": [0, 0]},
        {"kernel_shape": [0, 0]},
        {"kernel_shape": [big, big]},
        {"kernel_shape": [-1, -1]},
        {"kernel_shape": [3, 3], "pads": [-9, -9, -9, -9]},
        {"kernel_shape": [3, 3], "pads": [big, big, big, big]},
        {"kernel_shape": [3, 3], "dilations": [0, 0]},
        {"kernel_shape": [3, 3], "dilations": [big, big]},
        {"kernel_shape": [3]},
    ]
    convs = [
        {"group": 0},
        {"group": -1},
        {"group": big},
        {"strides": [0, 0]},
        {"dilations": [0, 0]},
        {"pads": [-9, -9, -9, -9]},
        {"pads": [big, 0, 0, 0]},
        {"strides": [-1, 1]},
    ]
    out = [model([node("MaxPool", ["x"], ["y"], **one)], x=image) for one in pools]
    out += [model([node("Conv", ["x", "w"], ["y"], **one)], (kernel,), x=image) for one in convs]
    out += [model([node("ConvTranspose", ["x", "w"], ["y"], output_shape=[big, big])], (kernel,), x=image)]
    out += [model([node("SpaceToDepth", ["x"], ["y"], blocksize=size)], x=image) for size in (0, -1, 3, big)]
    out += [model([node("DepthToSpace", ["x"], ["y"], blocksize=size)], x=image) for size in (0, -2, big)]
    out += [model([node("LRN", ["x"], ["y"], size=size)], x=image) for size in (0, -3, big)]
    out += [
        model([node("Transpose", ["x"], ["y"], perm=perm)], x=image)
        for perm in ([0, 0, 0, 0], [9, 8, 7, 6], [-1, 0, 1, 2])
    ]
    out += [model([node("Softmax", ["x"], ["y"], axis=axis)], x=image) for axis in (99, -99, big)]
    out += [model([node("Concat", ["x", "x"], ["y"], axis=axis)], x=image) for axis in (99, -99)]
    out += [model([node("Split", ["x"], ["y", "z"], axis=axis)], x=image) for axis in (99, -99)]
    out += [model([node("GlobalLpPool", ["x"], ["y"], p=p)], x=image) for p in (0, -1, big)]
    out += [
        model([node("Einsum", ["x", "x"], ["y"], equation=eq)], x=image)
        for eq in ("abcd,abcd->" + "a" * 50, "...,...", "ab,cd->zz", "," * 500, "abcd,abcd->abcdefgh")
    ]
    return out


@family(CONTAINED, "recurrent layers whose size is not that of their weights", seconds=30.0)
def recurrent_sizes() -> list[bytes]:
    x = value("x", FLOAT, [2, 1, 3])
    weights = (const("w", np.ones((1, 16, 3)), np.float32), const("r", np.ones((1, 16, 4)), np.float32))
    return [
        model([node("LSTM", ["x", "w", "r"], ["y"], hidden_size=size)], weights, x=x)
        for size in (0, -1, 4, 5, 1000, 2**40)
    ]


@family(CONTAINED, "trees whose branches lead back, outside, or nowhere", seconds=30.0)
def trees_that_are_none() -> list[bytes]:
    base: dict[str, Any] = {
        "n_targets": 1,
        "nodes_treeids": [0, 0, 0],
        "nodes_nodeids": [0, 1, 2],
        "nodes_featureids": [0, 0, 0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_values": [0.0, 0.0, 0.0],
        "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0],
        "target_treeids": [0, 0],
        "target_nodeids": [1, 2],
        "target_ids": [0, 0],
        "target_weights": [1.0, 2.0],
    }
    changes: list[dict[str, Any]] = [
        {"nodes_truenodeids": [0, 0, 0]},
        {"nodes_truenodeids": [0, 0, 0], "nodes_falsenodeids": [0, 0, 0]},
        {"nodes_truenodeids": [99, 0, 0]},
        {"nodes_truenodeids": [-1, 0, 0], "nodes_falsenodeids": [2**31 - 1, 0, 0]},
        {
            "nodes_modes": ["BRANCH_LEQ", "BRANCH_LEQ", "BRANCH_LEQ"],
            "nodes_truenodeids": [1, 2, 0],
            "nodes_falsenodeids": [1, 2, 0],
        },
        {"nodes_featureids": [99, 0, 0]},
        {"nodes_featureids": [-5, 0, 0]},
        {"nodes_featureids": [2**40, 0, 0]},
        {"target_ids": [99, 0]},
        {"target_ids": [-9, 0]},
        {"n_targets": 0},
        {"n_targets": 2**40},
        {"target_weights": [1.0]},
        {"nodes_values": [0.0]},
        {"nodes_treeids": [0, 0]},
        {"nodes_modes": ["BRANCH_LEQ", "LEAF"]},
        {"nodes_modes": ["NO_MODE", "LEAF", "LEAF"]},
        {"target_nodeids": [0, 77]},
    ]
    return [ml("TreeEnsembleRegressor", **(base | one)) for one in changes]


@family(CONTAINED, "tables of ai.onnx.ml whose lists are shorter than each other", seconds=60.0)
def tables_that_do_not_fit() -> list[bytes]:
    svm: dict[str, Any] = {
        "kernel_type": "RBF",
        "kernel_params": [0.5, 0.0, 3.0],
        "n_supports": 2,
        "rho": [0.0],
        "post_transform": "NONE",
    }
    return [
        ml("Scaler", offset=[1.0], scale=[1.0, 2.0, 3.0]),
        ml("Scaler", offset=[1.0] * 9, scale=[1.0] * 9),
        ml("Normalizer", norm="NONE"),
        ml("Imputer", imputed_value_floats=[1.0, 2.0], replaced_value_float=1.0),
        ml("LinearRegressor", coefficients=[1.0], intercepts=[1.0], targets=1),
        ml("LinearRegressor", coefficients=[1.0] * 4, targets=2**40),
        ml("LinearRegressor", coefficients=[1.0] * 4, targets=-1),
        ml("LinearClassifier", ["l", "y"], coefficients=[1.0], intercepts=[1.0], classlabels_ints=[0, 1, 2]),
        ml("SVMRegressor", coefficients=[1.0], support_vectors=[1.0], **svm),
        ml("SVMRegressor", coefficients=[1.0, 2.0], support_vectors=[1.0] * 3, **(svm | {"n_supports": 2**30})),
        ml(
            "SVMClassifier",
            ["l", "y"],
            coefficients=[1.0],
            support_vectors=[1.0] * 4,
            vectors_per_class=[9, 9],
            classlabels_ints=[0, 1],
            kernel_type="RBF",
            kernel_params=[0.5, 0.0, 3.0],
            rho=[0.0],
        ),
        ml("LabelEncoder", keys_floats=[1.0, 2.0], values_floats=[1.0]),
        ml("FeatureVectorizer", inputdimensions=[2**40]),
        ml("Binarizer", threshold=float("nan")),
        ml("OneHotEncoder", cats_int64s=[1, 1, 1]),
        model(
            [
                node("Cast", ["x"], ["i"], to=INT64),
                node(
                    "TfIdfVectorizer",
                    ["i"],
                    ["y"],
                    mode="TF",
                    min_gram_length=1,
                    max_gram_length=1,
                    max_skip_count=0,
                    ngram_counts=[0, 99],
                    ngram_indexes=[2**40],
                    pool_int64s=[1],
                ),
            ]
        ),
    ]


def contrib(kind: str, inputs: list[str], weights: tuple[TensorProto, ...], x: Any, **attributes: Any) -> bytes:
    return model([helper.make_node(kind, inputs, ["y"], domain="com.microsoft", **attributes)], weights, x=x)


@family(CONTAINED, "the engine's own operators with sizes that are not those of their tensors", seconds=60.0)
def contributed_operators() -> list[bytes]:
    hidden = value("x", FLOAT, [1, 2, 8])
    qkv = (const("w", np.ones((8, 24)), np.float32), const("b", np.ones(24), np.float32))
    nbits = (const("q", np.ones((8, 1, 4)), np.uint8), const("s", np.ones(8), np.float32))
    return [
        *(contrib("Attention", ["x", "w", "b"], qkv, hidden, num_heads=heads) for heads in (0, -1, 3, 2**40)),
        *(
            contrib("MatMulNBits", ["x", "q", "s"], nbits, hidden, K=k, N=n, bits=bits, block_size=block)
            for k, n, bits, block in (
                (8, 8, 4, 0),
                (8, 2**30, 4, 16),
                (2**40, 8, 4, 16),
                (8, 8, 0, 16),
                (8, 8, 4, 2**40),
                (8, -1, 4, 16),
            )
        ),
        contrib(
            "SkipLayerNormalization",
            ["x", "k", "g"],
            (const("k", np.ones((1, 2, 7)), np.float32), const("g", np.ones(8), np.float32)),
            hidden,
        ),
        contrib("FusedConv", ["x", "w"], (const("w", np.ones((1, 2, 99)), np.float32),), hidden, activation="nothing"),
        contrib("BiasGelu", ["x", "b"], (const("b", np.ones(3), np.float32),), hidden),
        contrib(
            "CropAndResize",
            ["x", "r", "i", "c"],
            (
                const("r", [[0, 0, 9e9, 9e9]], np.float32),
                const("i", [99], np.int32),
                const("c", [2**30, 2**30], np.int32),
            ),
            value("x", FLOAT, [1, 1, 4, 4]),
        ),
    ]


@family(CONTAINED, "constants that reach outside", seconds=20.0)
def constant_indices_out_of_range() -> list[bytes]:
    data, at = const("d", [1.0, 2.0], np.float32), const("i", [2**40])
    return [
        model([node("Gather", ["d", "i"], ["g"]), node("Add", ["x", "g"], ["y"])], (data, at)),
        model([node("Reshape", ["d", "s"], ["g"]), node("Add", ["x", "g"], ["y"])], (data, const("s", [3, 5]))),
    ]


@family(ENGINE, "types that do not go together", "")
def types_that_do_not_fit() -> list[bytes]:
    return [
        model([node("Add", ["x", "i"], ["y"])], (const("i", [1, 2, 3, 4]),)),
        model([node("Reshape", ["x", "s"], ["y"])], (const("s", [4.0], np.float32),)),
        model([node("Not", ["x"], ["y"])], out=BOOL),
        model([node("Relu", [], ["y"])]),
        model([node("Relu", ["x", "x", "x"], ["y"])]),
        model([node("Relu", ["x"], ["y", "z", "w"])]),
    ]
