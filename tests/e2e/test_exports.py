"""Models as exporters write them: several inputs and outputs, free dimensions, 8-bit weights, texts, ZipMap.

Where an exporter is not installed (skl2onnx, tf2onnx), what its files are like is written by hand, and the exporter
itself is asked where it is there.
"""

from __future__ import annotations

from pathlib import Path

import blindai
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save_model

pytestmark = pytest.mark.filterwarnings("ignore::blindai.SimulationModeWarning", "ignore::DeprecationWarning")

CLASSES = ["setosa", "versicolor", "virginica"]


def outputs_of(path, inputs):
    """Uploads a model, asks it once, and takes it away: its outputs by name, and what the service said of it."""
    with blindai.connect(timeout=120) as client:
        said = client.upload_model(path, "export").document
        response = client.predict("export", inputs)
        client.delete_model("export")
    return {tensor.name: tensor.as_numpy() for tensor in response.output}, said


def softmax(scores):
    exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def classifier(path, weights, bias):
    """A logistic regression as skl2onnx writes it by default: its probabilities in maps, a set imported twice."""
    nodes = [
        helper.make_node(
            "LinearClassifier",
            ["X"],
            ["label", "probability_tensor"],
            domain="ai.onnx.ml",
            classlabels_strings=CLASSES,
            coefficients=weights.T.reshape(-1).tolist(),
            intercepts=bias.tolist(),
            multi_class=1,
            post_transform="SOFTMAX",
        ),
        helper.make_node("Identity", ["label"], ["output_label"]),
        helper.make_node(
            "ZipMap",
            ["probability_tensor"],
            ["output_probability"],
            name="ZipMap",
            domain="ai.onnx.ml",
            classlabels_strings=CLASSES,
        ),
    ]
    maps = helper.make_sequence_type_proto(
        helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    )
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, len(weights)])],
        [
            helper.make_tensor_value_info("output_label", TensorProto.STRING, [None]),
            helper.make_value_info("output_probability", maps),
        ],
    )
    sets = [helper.make_opsetid(*pair) for pair in (("ai.onnx.ml", 1), ("", 17), ("", 17))]
    save_model(helper.make_model(graph, opset_imports=sets, ir_version=8), str(path))
    return path


def test_a_classifier_with_zipmap_gives_labels_and_columns(service, tmp_path):
    draw = np.random.default_rng(3)
    weights, bias = draw.normal(size=(4, 3)).astype(np.float32), draw.normal(size=3).astype(np.float32)
    x = draw.normal(size=(5, 4)).astype(np.float32)
    outputs, said = outputs_of(classifier(tmp_path / "iris.onnx", weights, bias), x)
    want = softmax(x @ weights + bias)
    assert outputs["output_label"].tolist() == [CLASSES[row].encode() for row in want.argmax(axis=1)]
    np.testing.assert_allclose(outputs["output_probability"], want, rtol=1e-5)
    assert said["admission"]["classes"] == [{"output": "output_probability", "labels": CLASSES}]
    assert said["outputs"][1] == {"name": "output_probability", "datatype": "FP32", "shape": [-1, len(CLASSES)]}


def test_texts_go_in_and_come_out(service, tmp_path):
    """Lower case in every alphabet, whatever locales the machine has."""
    graph = helper.make_graph(
        [
            helper.make_node("StringNormalizer", ["x"], ["y"], case_change_action="LOWER", stopwords=["the"]),
            helper.make_node("LabelEncoder", ["y"], ["n"], domain="ai.onnx.ml", keys_strings=["äb"], values_int64s=[7]),
        ],
        "texts",
        [helper.make_tensor_value_info("x", TensorProto.STRING, ["n"])],
        [
            helper.make_tensor_value_info("y", TensorProto.STRING, ["m"]),
            helper.make_tensor_value_info("n", TensorProto.INT64, ["m"]),
        ],
    )
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 2)]
    path = tmp_path / "texts.onnx"
    save_model(helper.make_model(graph, opset_imports=sets, ir_version=8), str(path))
    outputs, _ = outputs_of(path, np.array(["The", "ÄB", "ΣΟΦΙΑ", "x"], dtype=object))
    assert [text.decode() for text in outputs["y"]] == ["äb", "σοφια", "x"]
    assert outputs["n"].tolist() == [7, -1, -1]


def test_names_as_tensorflow_has_them_survive(service, tmp_path):
    """tf2onnx: names with colons and slashes, channels last with a Transpose before and after, free dimensions."""
    names = {"serving_default_input:0": "unk__1", "StatefulPartitionedCall/model/out:0": "unk__2"}
    weights = np.arange(2 * 3, dtype=np.float32).reshape(2, 3, 1, 1)
    nodes = [
        helper.make_node("Transpose", [next(iter(names))], ["a__4:0"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["a__4:0", "const_fold_opt__9"], ["b__5:0"]),
        helper.make_node("Transpose", ["b__5:0"], [list(names)[1]], perm=[0, 2, 3, 1]),
    ]
    (first, free), (last, free_too) = names.items()
    graph = helper.make_graph(
        nodes,
        "tf2onnx",
        [helper.make_tensor_value_info(first, TensorProto.FLOAT, [free, 4, 4, 3])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, [free_too, 4, 4, 2])],
        [numpy_helper.from_array(weights, "const_fold_opt__9")],
    )
    sets = [helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 2)]
    path = tmp_path / "tf.onnx"
    save_model(helper.make_model(graph, opset_imports=sets, ir_version=8, producer_name="tf2onnx"), str(path))
    x = np.random.default_rng(1).normal(size=(2, 4, 4, 3)).astype(np.float32)
    outputs, _ = outputs_of(path, {first: x})
    np.testing.assert_allclose(outputs[last], x @ weights[:, :, 0, 0].T, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("labels", ["numbers", "texts"])
@pytest.mark.parametrize("name", ["LogisticRegression", "RandomForestClassifier", "KNeighborsClassifier", "SVC"])
def test_skl2onnx_with_its_defaults(service, tmp_path, name, labels):
    to_onnx = pytest.importorskip("skl2onnx").to_onnx
    from sklearn import datasets, ensemble, linear_model, neighbors, svm  # noqa: PLC0415

    made = {
        "LogisticRegression": lambda: linear_model.LogisticRegression(max_iter=1000),
        "RandomForestClassifier": lambda: ensemble.RandomForestClassifier(10, random_state=0),
        "KNeighborsClassifier": lambda: neighbors.KNeighborsClassifier(3),
        "SVC": svm.SVC,
    }[name]()
    x, y = datasets.load_iris(return_X_y=True)
    x = x.astype(np.float32)
    y = y if labels == "numbers" else np.array(CLASSES)[y]
    fitted = made.fit(x, y)
    path = tmp_path / "sklearn.onnx"
    path.write_bytes(to_onnx(fitted, x[:1]).SerializeToString())
    outputs, _ = outputs_of(path, x)
    label, scores = outputs.values()
    found = label if labels == "numbers" else np.array([text.decode() for text in label])
    assert np.mean(found == fitted.predict(x)) > 0.98  # a tie may fall either way in 32 bits
    if hasattr(fitted, "predict_proba"):
        np.testing.assert_allclose(scores, fitted.predict_proba(x), atol=1e-4)


@pytest.mark.slow
def test_tf2onnx_with_its_defaults(service, tmp_path):
    tensorflow = pytest.importorskip("tensorflow")
    convert = pytest.importorskip("tf2onnx").convert
    layers = tensorflow.keras.layers
    image, meta = layers.Input((16, 16, 3), name="image"), layers.Input((4,), name="meta")
    hidden = layers.BatchNormalization()(layers.Conv2D(8, 3, activation="relu")(image))
    joined = layers.Concatenate()([layers.GlobalAveragePooling2D()(hidden), meta])
    made = [layers.Dense(3, activation="softmax", name="probs")(joined), layers.Dense(1, name="score")(joined)]
    model = tensorflow.keras.Model([image, meta], made)
    path = tmp_path / "keras.onnx"
    convert.from_keras(model, output_path=str(path))
    draw = np.random.default_rng(2)
    x, y = draw.random((2, 16, 16, 3), np.float32), draw.random((2, 4), np.float32)
    outputs, _ = outputs_of(path, {"image": x, "meta": y})
    for have, want in zip(outputs.values(), model([x, y]), strict=True):
        np.testing.assert_allclose(have, want.numpy(), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("dynamo", [True, False], ids=["dynamo", "legacy"])
def test_torch_with_several_inputs_and_outputs(service, tmp_path, dynamo):
    import torch  # noqa: PLC0415

    class Two(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Embedding(50, 16)
            self.inner = torch.nn.GRU(16, 8, batch_first=True)

        def forward(self, ids: torch.Tensor, scale: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            states, last = self.inner(self.table(ids) * scale.unsqueeze(-1))
            return states, last.squeeze(0)

    torch.manual_seed(5)
    model = Two().eval()
    path = tmp_path / "two.onnx"
    example = (torch.randint(0, 50, (2, 6)), torch.rand(2, 6))
    shapes = {"dynamic_axes": {"ids": {0: "n", 1: "t"}, "scale": {0: "n", 1: "t"}}}
    if dynamo:
        free = {0: torch.export.Dim("n", min=1, max=64), 1: torch.export.Dim("t", min=2, max=64)}
        shapes = {"dynamic_shapes": {"ids": free, "scale": free}}
    torch.onnx.export(
        model, example, path, dynamo=dynamo, input_names=["ids", "scale"], output_names=["states", "last"], **shapes
    )
    ids, scale = torch.randint(0, 50, (3, 9)), torch.rand(3, 9)
    outputs, _ = outputs_of(path, {"ids": ids, "scale": scale})
    with torch.no_grad():
        states, last = model(ids, scale)
    np.testing.assert_allclose(outputs["states"], states.numpy(), atol=1e-5)
    np.testing.assert_allclose(outputs["last"], last.numpy(), atol=1e-5)


@pytest.mark.slow
def test_int8_qdq_answers_as_the_engine_does(service, tmp_path):
    import onnxruntime  # noqa: PLC0415
    from onnxruntime import quantization  # noqa: PLC0415

    draw = np.random.default_rng(8)
    shapes = {"a": (16, 32), "b": (32, 4)}
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "a"], ["h"]),
            helper.make_node("Relu", ["h"], ["r"]),
            helper.make_node("MatMul", ["r", "b"], ["y"]),
        ],
        "floats",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(draw.normal(size=shape).astype(np.float32), name) for name, shape in shapes.items()],
    )
    floats, bytes_ = tmp_path / "floats.onnx", tmp_path / "bytes.onnx"
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(floats))
    rows = [{"x": draw.normal(size=(8, 16)).astype(np.float32)} for _ in range(4)]

    class Rows(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(rows)

        def get_next(self):
            return next(self.left, None)

    quantization.quantize_static(floats, bytes_, Rows(), quant_format=quantization.QuantFormat.QDQ)
    (want,) = onnxruntime.InferenceSession(str(bytes_), providers=["CPUExecutionProvider"]).run(None, rows[0])
    outputs, said = outputs_of(bytes_, rows[0])
    np.testing.assert_allclose(outputs["y"], want, atol=1e-5)
    flags = Path("/proc/cpuinfo").read_text()
    vnni = "avx512_vnni" in flags or "avx_vnni" in flags
    codes = {warning["code"] for warning in said["admission"]["warnings"]}
    assert ("int8-saturates" in codes) is not vnni
