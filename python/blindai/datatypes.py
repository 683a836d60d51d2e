"""Datatypes of the Open Inference Protocol and what they are called in numpy. Memory is little-endian, row-major."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

# BF16 and BYTES have no numpy type of their own and are treated where they occur.
NUMPY_OF: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype("?"),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}

_NAME_OF: dict[tuple[str, int], str] = {(dtype.kind, dtype.itemsize): name for name, dtype in NUMPY_OF.items()}


def name_of(dtype: np.dtype[Any]) -> str | None:
    """Protocol name of a numpy type in either byte order, or None where there is none."""
    if dtype.name == "bfloat16":  # of ml_dtypes
        return "BF16"
    return _NAME_OF.get((dtype.kind, dtype.itemsize))


def widen_bf16(bits: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """Float32 of bfloat16 bits: exact, every bfloat16 is a float32."""
    wide = bits.astype(np.uint32)
    wide <<= 16
    return wide.view(np.float32)
