"""The engine as every peer has it: one ONNX Runtime session over the model of $PEER_MODEL, with $PEER_THREADS threads.

Runs inside the environments of the peers, and imports nothing else.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import onnxruntime

NUMPY_OF = {"FP32": np.float32, "INT64": np.int64}


def open_session() -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ["PEER_THREADS"])
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(os.environ["PEER_MODEL"], options, providers=["CPUExecutionProvider"])


def specs(text: str) -> list[tuple[str, str, list[int]]]:
    """ "x=FP32[1,4] y=INT64[2]" as names, datatypes and shapes."""
    found = []
    for part in text.split():
        name, _, rest = part.partition("=")
        datatype, _, shape = rest.rstrip("]").partition("[")
        found.append((name, datatype, [int(size) for size in shape.split(",") if size]))
    return found
