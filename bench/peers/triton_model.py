"""ONNX Runtime in Triton's Python backend: the only backend that the wheel has. Copied into a model repository."""

from __future__ import annotations

import os
import sys

# The interpreter of the backend looks at no PYTHONPATH.
sys.path[:0] = os.environ["PEER_PATH"].split(":")

import triton_python_backend_utils as pb_utils  # noqa: E402

from bench.peers.session import open_session  # noqa: E402


class TritonPythonModel:
    """One session in each process of the instance group."""

    def initialize(self, args):
        self.session = open_session()
        self.inputs = [tensor.name for tensor in self.session.get_inputs()]
        self.outputs = [tensor.name for tensor in self.session.get_outputs()]

    def execute(self, requests):
        responses = []
        for request in requests:
            feeds = {name: pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in self.inputs}
            arrays = self.session.run(self.outputs, feeds)
            tensors = [pb_utils.Tensor(name, array) for name, array in zip(self.outputs, arrays, strict=True)]
            responses.append(pb_utils.InferenceResponse(output_tensors=tensors))
        return responses
