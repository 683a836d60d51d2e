"""Models of more than 2 GiB: in two files as torch exports them, and in one, which few programs can write."""

from __future__ import annotations

import struct
import time

import blindai
import numpy as np
import pytest
from onnx import TensorProto, helper, save_model

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::blindai.SimulationModeWarning")]

WIDTH = 8192
LAYERS = 12  # of 256 MiB each: 3 GiB
LAYER_BYTES = WIDTH * WIDTH * 4
X = np.arange(WIDTH, dtype=np.float32).reshape(1, WIDTH)


def put_weights(file, layer, start):
    """All zeros, in a file with holes, but that each layer moves each number by its own distance, and the first also
    doubles it."""
    file.seek(start + LAYER_BYTES - 1)
    file.write(b"\0")
    value = struct.pack("<f", 2.0 if layer == 0 else 1.0)
    for row in range(WIDTH):
        file.seek(start + (row * WIDTH + (row + layer * 17) % WIDTH) * 4)
        file.write(value)


def expected():
    return 2 * np.roll(X, sum(layer * 17 for layer in range(LAYERS)), axis=1)


def graph_of(initialisers):
    names = ["x", *(f"h{layer}" for layer in range(1, LAYERS)), "y"]
    nodes = [helper.make_node("MatMul", [names[i], f"w{i}"], [names[i + 1]]) for i in range(LAYERS)]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", WIDTH]) for name in ("x", "y")]
    return helper.make_graph(nodes, "large", values[:1], values[1:], initialisers)


def model_of(graph):
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def bundle(folder):
    """m.onnx and m.onnx.data."""
    with (folder / "m.onnx.data").open("wb") as file:
        for layer in range(LAYERS):
            put_weights(file, layer, layer * LAYER_BYTES)
    tensors = []
    for layer in range(LAYERS):
        tensor = TensorProto(name=f"w{layer}", data_type=TensorProto.FLOAT, dims=[WIDTH, WIDTH])
        tensor.data_location = TensorProto.EXTERNAL
        places = {"location": "m.onnx.data", "offset": layer * LAYER_BYTES, "length": LAYER_BYTES}
        for key, value in places.items():
            tensor.external_data.add(key=key, value=str(value))
        tensors.append(tensor)
    save_model(model_of(graph_of(tensors)), str(folder / "m.onnx"))
    return folder / "m.onnx"


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def single(folder):
    """One file: the graph is a message of 3 GiB."""
    small = graph_of([]).SerializeToString()
    heads = []
    for layer in range(LAYERS):
        tensor = TensorProto(name=f"w{layer}", data_type=TensorProto.FLOAT, dims=[WIDTH, WIDTH]).SerializeToString()
        tensor += varint(9 << 3 | 2) + varint(LAYER_BYTES)  # raw_data
        heads.append(varint(5 << 3 | 2) + varint(len(tensor) + LAYER_BYTES) + tensor)
    size = len(small) + sum(len(head) + LAYER_BYTES for head in heads)
    model = helper.make_model(helper.make_graph([], "none", [], []), opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    model.ClearField("graph")
    with (folder / "single.onnx").open("wb") as file:
        file.write(model.SerializeToString() + varint(7 << 3 | 2) + varint(size) + small)
        for layer, head in enumerate(heads):
            file.write(head)
            start = file.tell()
            put_weights(file, layer, start)
            file.seek(start + LAYER_BYTES)
    return folder / "single.onnx"


@pytest.mark.parametrize("make", [bundle, single])
def test_a_model_of_three_gigabytes_loads_and_answers(own_service, tmp_path, make):
    path = make(tmp_path)
    files = sum(file.stat().st_size for file in tmp_path.glob("*.onnx*"))
    assert files > 3 << 30
    with blindai.connect(timeout=300) as client:
        begun = time.monotonic()
        client.upload_model(path, "large")
        print(f"{make.__name__}: {time.monotonic() - begun:.1f} s to READY")
        assert client.predict("large", X).output[0].as_numpy().tolist() == expected().tolist()
        assert client.model("large")["bytes"] >= files
        assert client.model("large")["admission"]["parameters"] == LAYERS * WIDTH * WIDTH
        client.delete_model("large")
        end = time.monotonic() + 20
        while own_service.model_memory() or own_service.worker_pids():
            assert time.monotonic() < end, "its memory is still held"
            time.sleep(0.1)
