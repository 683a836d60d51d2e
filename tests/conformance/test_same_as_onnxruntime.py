"""What the service answers is what ONNX Runtime answers for the same file, bit for bit: rewriting the graph, weights by
reference and the ring change nothing."""

from __future__ import annotations

import blindai
import numpy as np
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
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    expected = session.run(["y"], {"x": x.numpy()})[0]
    with blindai.connect() as client:
        client.upload_model(path, f"exact-{name}")
        got = client.predict(f"exact-{name}", {"x": x}).output[0].as_numpy()
        client.delete_model(f"exact-{name}")
    assert np.array_equal(got, expected)
