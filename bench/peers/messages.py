"""The same request for every peer: as V2 with binary tensors, as V2 in JSON, as raw bytes; and what comes back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.peers.session import NUMPY_OF

Spec = tuple[str, str, list[int]]
Array = npt.NDArray[Any]


def tensors(inputs: list[Spec]) -> list[tuple[str, Array]]:
    """The numbers of `blindai-bench --input`: small, so that every model takes them."""
    out = []
    for name, datatype, shape in inputs:
        numbers = np.arange(int(np.prod(shape)), dtype=np.int64) * 37 % 101
        array = numbers.astype(NUMPY_OF[datatype])
        out.append((name, (array / np.float32(101) if datatype == "FP32" else array).reshape(shape)))
    return out


def raw(inputs: list[Spec]) -> bytes:
    return b"".join(array.tobytes() for _, array in tensors(inputs))


def v2_json(inputs: list[Spec]) -> bytes:
    listed = [
        {"name": name, "datatype": datatype, "shape": shape, "data": array.reshape(-1).tolist()}
        for (name, datatype, shape), (_, array) in zip(inputs, tensors(inputs), strict=True)
    ]
    return json.dumps({"inputs": listed}).encode()


def v2_binary(inputs: list[Spec]) -> tuple[bytes, int]:
    """The body, and the length of its JSON part."""
    listed = [
        {
            "name": name,
            "datatype": datatype,
            "shape": shape,
            "parameters": {"binary_data_size": array.nbytes},
        }
        for (name, datatype, shape), (_, array) in zip(inputs, tensors(inputs), strict=True)
    ]
    head = json.dumps({"inputs": listed, "parameters": {"binary_data_output": True}}).encode()
    return head + raw(inputs), len(head)


def numbers_of(body: bytes, json_bytes: int | None, kind: str) -> Array:
    """The outputs of an answer as one row of FP32, in the order in which they came."""
    if kind == "raw":
        return np.frombuffer(body, np.float32)
    if kind == "v2-binary":
        return np.frombuffer(body[json_bytes:], np.float32)
    outputs = json.loads(body)["outputs"]
    return np.concatenate([np.array(output["data"], np.float32).reshape(-1) for output in outputs])
