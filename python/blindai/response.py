"""What a prediction gives back. Arrays view the memory of the answer; nothing is copied until it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from .datatypes import NUMPY_OF, widen_bf16
from .errors import BlindAIError


class OutputTensor:
    """One output of the model."""

    def __init__(self, name: str, datatype: str, shape: tuple[int, ...], data: npt.NDArray[np.uint8]) -> None:
        self.name = name
        self.datatype = datatype
        self.shape = shape
        self._data = data

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy type of `as_numpy()`. BF16 has none of its own and becomes float32, which is exact."""
        if self.datatype == "BF16":
            return np.dtype(np.float32)
        if self.datatype == "BYTES":
            return np.dtype(object)
        return NUMPY_OF[self.datatype]

    def as_numpy(self) -> npt.NDArray[Any]:
        """The tensor as a numpy array. It is read-only: it views the answer; copy() it to change it."""
        if self.datatype == "BF16":
            return widen_bf16(self._data.view(np.uint16)).reshape(self.shape)
        if self.datatype == "BYTES":
            return self._byte_strings()
        dtype = NUMPY_OF[self.datatype]
        data = self._data
        if data.ctypes.data % dtype.itemsize:
            data = data.copy()
            data.flags.writeable = False
        return data.view(dtype).reshape(self.shape)

    def as_flat(self) -> list[Any]:
        """All elements in row-major order, as a list of Python numbers."""
        flat: list[Any] = self.as_numpy().reshape(-1).tolist()
        return flat

    def as_torch(self) -> Any:
        """The tensor as a torch tensor, with memory of its own. Needs torch."""
        try:
            import torch  # noqa: PLC0415  (only who asks for torch needs it)
        except ImportError:
            raise BlindAIError("as_torch() needs torch, which is not installed: use as_numpy()") from None
        if self.datatype == "BYTES":
            raise BlindAIError("torch has no type for BYTES: use as_numpy()")
        if self.datatype == "BF16":
            bits = self._data.view(np.int16).copy()
            return torch.from_numpy(bits).view(torch.bfloat16).reshape(self.shape)
        return torch.from_numpy(self.as_numpy().copy())

    def _byte_strings(self) -> npt.NDArray[Any]:
        raw = self._data.tobytes()
        values: list[bytes] = []
        at = 0
        while at < len(raw):
            size = int.from_bytes(raw[at : at + 4], "little")
            if at + 4 + size > len(raw):
                raise BlindAIError(f"the output {self.name!r} is cut off inside a byte string")
            values.append(raw[at + 4 : at + 4 + size])
            at += 4 + size
        out = np.empty(len(values), dtype=object)
        out[:] = values
        return out.reshape(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        array = self.as_numpy()
        if dtype is not None and array.dtype != np.dtype(dtype):
            return array.astype(dtype)
        return array.copy() if copy else array

    def __repr__(self) -> str:
        return f"<blindai.OutputTensor {self.name!r} {self.datatype} {list(self.shape)}>"


class Outputs:
    """The outputs by position or by name."""

    def __init__(self, tensors: list[OutputTensor]) -> None:
        self._tensors = tensors

    def __getitem__(self, key: int | str) -> OutputTensor:
        if isinstance(key, str):
            for tensor in self._tensors:
                if tensor.name == key:
                    return tensor
            raise KeyError(f"no output {key!r}; there are {', '.join(repr(t.name) for t in self._tensors)}")
        return self._tensors[key]

    def __len__(self) -> int:
        return len(self._tensors)

    def __iter__(self) -> Iterator[OutputTensor]:
        return iter(self._tensors)

    def __repr__(self) -> str:
        return repr(self._tensors)


class PredictResponse:
    """The answer to one request: `.output[i]` or `.output["name"]`, and the digest of the model that answered."""

    def __init__(self, model_id: str, model_digest: str, outputs: list[OutputTensor]) -> None:
        self.model_id = model_id
        self.model_digest = model_digest
        self.output = Outputs(outputs)

    def __repr__(self) -> str:
        return f"<blindai.PredictResponse {self.model_id!r} {self.output!r}>"


class UploadResponse:
    """What the service says of a model that it took: digest, inputs, outputs and admission report."""

    def __init__(self, document: dict[str, Any], digest: str) -> None:
        self.document = document
        self.digest = digest

    @property
    def model_id(self) -> str:
        return str(self.document.get("id", ""))

    @property
    def inputs(self) -> list[dict[str, Any]]:
        return list(self.document.get("inputs") or [])

    @property
    def outputs(self) -> list[dict[str, Any]]:
        return list(self.document.get("outputs") or [])

    @property
    def admission(self) -> dict[str, Any]:
        return dict(self.document.get("admission") or {})

    def __repr__(self) -> str:
        return f"<blindai.UploadResponse {self.model_id!r} {self.digest}>"
