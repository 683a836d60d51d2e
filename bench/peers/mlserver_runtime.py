"""ONNX Runtime as a runtime of MLServer's own kind. MLServer takes tensors as JSON alone."""

from __future__ import annotations

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

from bench.peers.session import open_session


class OnnxRuntime(MLModel):
    """One session in each of MLServer's worker processes."""

    async def load(self) -> bool:
        self.session = open_session()
        self.names = [output.name for output in self.session.get_outputs()]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        feeds = {tensor.name: NumpyCodec.decode_input(tensor) for tensor in payload.inputs}
        arrays = self.session.run(None, feeds)
        outputs = [NumpyCodec.encode_output(name, array) for name, array in zip(self.names, arrays, strict=True)]
        return InferenceResponse(model_name=self.name, outputs=outputs)
