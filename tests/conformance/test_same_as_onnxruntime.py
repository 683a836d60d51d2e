"""What the service answers is what ONNX Runtime answers for the same file, bit for bit: rewriting the graph, weights by
reference and the ring change nothing."""

from __future__ import annotations

import os

import blindai
import numpy as np
import onnx
import onnxruntime
import pytest
import torch

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


class Convolutions(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers = [torch.nn.Conv2d(3, 64, 5), torch.nn.BatchNorm2d(64), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
        self.layers = torch.nn.Sequential(*layers, torch.nn.Conv2d(64, 64, 3), torch.nn.ReLU(), torch.nn.Flatten())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


class Recurrent(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.LSTM(16, 64, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)[0]


def transformer() -> torch.nn.Module:
    layer = torch.nn.TransformerEncoderLayer(64, 4, 256, batch_first=True, dropout=0.0)
    return torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


MODELS = {
    "convolutions": (Convolutions, (1, 3, 32, 32)),
    "recurrent": (Recurrent, (1, 10, 16)),
    "transformer": (transformer, (1, 12, 64)),
}


@pytest.mark.parametrize("legacy", [False, True], ids=["two files", "one file"])
@pytest.mark.parametrize("name", MODELS)
def test_an_exported_model_answers_bit_for_bit(service, tmp_path, name, legacy):
    torch.manual_seed(3)
    make, shape = MODELS[name]
    model = make().eval()
    x = torch.randn(shape)
    path = tmp_path / f"{name}.onnx"
    torch.onnx.export(model, (x,), path, input_names=["x"], output_names=["y"], dynamo=not legacy, verbose=False)
    compare(path, x.numpy())


def compare(path, x):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = max(
        1, os.cpu_count() // 2
    )  # as the server; not every model has the same bits with any
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    expected = session.run(["y"], {"x": x})[0]
    with blindai.connect() as client:
        client.upload_model(path, "exact")
        got = client.predict("exact", {"x": x}).output[0].as_numpy()
        client.delete_model("exact")
    assert np.array_equal(got, expected)


def weights_among_inputs(model):
    """As exporters of old did; from IR version 4 on it makes default values of the weights, which no caller can set."""
    for tensor in model.graph.initializer:
        model.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))


@pytest.mark.parametrize("ir_version", [3, 4, 8])
@pytest.mark.parametrize("name", MODELS)
def test_weights_among_the_inputs_change_no_bit(service, tmp_path, name, ir_version):
    torch.manual_seed(4)
    make, shape = MODELS[name]
    x = torch.randn(shape)
    path = tmp_path / f"{name}.onnx"
    torch.onnx.export(make().eval(), (x,), path, input_names=["x"], output_names=["y"], dynamo=False)
    model = onnx.load(path)
    model.ir_version = ir_version
    weights_among_inputs(model)
    onnx.save(model, path)
    compare(path, x.numpy())


def test_weights_that_a_subgraph_uses_change_no_bit(service, tmp_path):
    rng = np.random.default_rng(5)
    weights = {name: rng.standard_normal((64, 64), np.float32) for name in ("outside", "inside", "both")}
    branches = {}
    for branch, used in (("then_branch", "inside"), ("else_branch", "both")):
        node = onnx.helper.make_node("MatMul", ["h", used], [f"{branch}_y"])
        out = onnx.helper.make_tensor_value_info(f"{branch}_y", onnx.TensorProto.FLOAT, None)
        branches[branch] = onnx.helper.make_graph([node], branch, [], [out])
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "outside"], ["g"]),
        onnx.helper.make_node("MatMul", ["g", "both"], ["h"]),
        onnx.helper.make_node("ReduceSum", ["h"], ["sum"], keepdims=0),
        onnx.helper.make_node("Greater", ["sum", "zero"], ["positive"]),
        onnx.helper.make_node("If", ["positive"], ["y"], **branches),
    ]
    initializers = [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()]
    initializers.append(onnx.numpy_helper.from_array(np.array(0, np.float32), "zero"))
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 64]) for name in ("x", "y")]
    graph = onnx.helper.make_graph(nodes, "branches", ends[:1], ends[1:], initializers)
    path = tmp_path / "branches.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
    x = rng.standard_normal((3, 64), np.float32)
    for sign in (1, -1):
        compare(path, sign * x)
